package policy

import "testing"

func TestGzipIsAcceptedByAWeightAboveZero(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip": true, "GZIP": true, "gzip;q=0": false, "gzip; q=0.0": false,
		"gzip;Q=0": false, "gzip; q=0.5, br": true, "gzip;q=1": true, "gzip;q=x": false, "identity": false, "x-gzip-like": false,
	} {
		if got := acceptsGzip([]string{line}); got != want {
			t.Errorf("Accept-Encoding %q: got %t, want %t", line, got, want)
		}
	}
}
