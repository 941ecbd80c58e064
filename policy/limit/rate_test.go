package limit

import (
	"strings"
	"testing"
	"time"
)

func TestRatesAreReadAndWrittenInTheirLargestUnit(t *testing.T) {
	for text, want := range map[string]struct {
		rate Rate
		text string
	}{
		"10/m":          {Rate{10, time.Minute}, "10/m"},
		"10/1m":         {Rate{10, time.Minute}, "10/m"},
		"10/60s":        {Rate{10, time.Minute}, "10/m"},
		"10/30s":        {Rate{10, 30 * time.Second}, "10/30s"},
		"10/1m30s":      {Rate{10, 90 * time.Second}, "10/90s"},
		"3/2s":          {Rate{3, 2 * time.Second}, "3/2s"},
		"1/s":           {Rate{1, time.Second}, "1/s"},
		"600/h":         {Rate{600, time.Hour}, "600/h"},
		"20000/d":       {Rate{20000, day}, "20000/d"},
		"20000/24h":     {Rate{20000, day}, "20000/d"},
		"5/2d":          {Rate{5, 2 * day}, "5/2d"},
		"5/36h":         {Rate{5, 36 * time.Hour}, "5/36h"},
		"1000000000/d":  {Rate{MaxCalls, day}, "1000000000/d"},
		"7/1.5s":        {Rate{7, 1500 * time.Millisecond}, "7/1500ms"},
		"7/1ms":         {Rate{7, time.Millisecond}, "7/1ms"},
		"7/1.000001ms":  {Rate{7, time.Millisecond + 1}, "7/1000001ns"},
		"1/31d":         {Rate{1, MaxWindow}, "1/31d"},
		"1/744h":        {Rate{1, MaxWindow}, "1/31d"},
		"0010/m":        {Rate{10, time.Minute}, "10/m"},
		"1/11m":         {Rate{1, 11 * time.Minute}, "1/11m"},
		"1/1h0m0s":      {Rate{1, time.Hour}, "1/h"},
		"1/100000000us": {Rate{1, 100 * time.Second}, "1/100s"},
	} {
		got, err := ParseRate(text)
		if err != nil {
			t.Errorf("ParseRate(%q): %v", text, err)
			continue
		}
		if got != want.rate {
			t.Errorf("ParseRate(%q) = %+v, want %+v", text, got, want.rate)
		}
		if got.String() != want.text {
			t.Errorf("ParseRate(%q).String() = %q, want %q", text, got.String(), want.text)
		}
	}
}

func TestWhatIsNoRateIsRefusedWithWhatWasExpected(t *testing.T) {
	const (
		form   = "want <calls>/<window>"
		calls  = "want a whole number of calls from 1 to 1000000000"
		bound  = "want from 1 to 1000000000 calls"
		window = "want a window of s, m, h, d or a duration"
		length = "want a window from 1ms to 31d"
	)
	for text, want := range map[string]string{
		"":                         form,
		"10":                       form,
		"10 per minute":            form,
		"/m":                       calls,
		"ten/m":                    calls,
		"-1/m":                     calls,
		"+1/m":                     calls,
		"1.5/m":                    calls,
		"1e3/m":                    calls,
		" 1/m":                     calls,
		"1000000001/m":             calls,
		"99999999999999999999/m":   calls,
		"0/m":                      bound,
		"10/":                      window,
		"10/M":                     window,
		"10/minute":                window,
		"10/30":                    window,
		"10/ m":                    window,
		"10/m/s":                   window,
		"10/ms":                    window,
		"10/1.5d":                  window,
		"10/65536d":                window,
		"10/9999999999999999999h":  window,
		"10/0s":                    length,
		"10/0d":                    length,
		"10/-1m":                   length,
		"10/999us":                 length,
		"10/32d":                   length,
		"10/744h0m0.000000001s":    length,
		"10/2562047h47m16.854775s": length,
	} {
		rate, err := ParseRate(text)
		if err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", text, rate)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "reading rate ") {
			t.Errorf("ParseRate(%q): got %q, want it to say %q", text, err, want)
		}
		if rate != (Rate{}) {
			t.Errorf("ParseRate(%q) = %+v beside an error, want zero", text, rate)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"10/m", "10/30s", "20000/d", "5/2d", "7/1.5s", "1/1h2m3s", "0/m", "/", "1/31d", "1/-1s", "9/1us"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			return
		}
		if err := r.Validate(); err != nil {
			t.Errorf("ParseRate(%q) = %+v, which is not valid: %v", s, r, err)
		}
		again, err := ParseRate(r.String())
		if err != nil || again != r {
			t.Errorf("ParseRate(%q) = %+v, but its text %q reads as %+v, %v", s, r, r.String(), again, err)
		}
	})
}
