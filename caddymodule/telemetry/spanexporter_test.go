package telemetry

import (
	"net/url"
	"strings"
	"testing"
)

func TestACollectorsURLSaysHowToReachIt(t *testing.T) {
	for in, want := range map[string]collector{
		"http://localhost:4318":                 {url: "http://localhost:4318/v1/traces"},
		"http://localhost:4318/":                {url: "http://localhost:4318/v1/traces"},
		"https://otlp.example/otlp":             {url: "https://otlp.example/otlp/v1/traces"},
		"https://otlp.example/otlp/v1/traces":   {url: "https://otlp.example/otlp/v1/traces"},
		"https://otlp.example/otlp/v1/traces//": {url: "https://otlp.example/otlp/v1/traces"},
		"HTTP://[::1]:4318":                     {url: "http://[::1]:4318/v1/traces"},
		"grpc://localhost:4317":                 {grpc: true, url: "http://localhost:4317"},
		"grpcs://otlp.example:443":              {grpc: true, url: "https://otlp.example:443"},
	} {
		got, err := parseCollector(in)
		if err != nil || got.grpc != want.grpc || got.url != want.url || got.headers != nil {
			t.Errorf("parseCollector(%q): got %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestACollectorsURLThatCannotBeUsedIsAnErrorWithoutTheURL(t *testing.T) {
	for _, in := range []string{
		"", "localhost", "localhost:4318", "hunter2://localhost", "http://", "http://h/?hunter2", "http://h/#hunter2",
		"grpc://h/hunter2", "unix:///hunter2.sock", "http://user:hunter2@h:port",
	} {
		_, err := parseCollector(in)
		if err == nil {
			t.Errorf("parseCollector(%q): got no error", in)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("parseCollector(%q): the error repeats what may be a secret: %v", in, err)
		}
	}
}

func TestAGRPCCollectorIsNotConnectedToBeforeThereAreSpans(t *testing.T) {
	bareEnvironment(t, nil)
	exporter, err := newSpanExporter(t.Context(), "grpc://user:pw@127.0.0.1:1")
	if err != nil {
		t.Fatalf("newSpanExporter: %v", err)
	}
	if err := exporter.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func FuzzParseCollector(f *testing.F) {
	for _, seed := range []string{"http://a:b@c:1/d", "grpcs://x", "https://h/v1/traces/v1/traces", "http://%41/%2F", "http://[::1%25en0]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c, err := parseCollector(in)
		if err != nil {
			return
		}
		u, err := url.Parse(c.url)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("parseCollector(%q): got %q, %v", in, c.url, err)
		} else if u.Scheme != "http" && u.Scheme != "https" {
			t.Errorf("parseCollector(%q): got the scheme %q", in, u.Scheme)
		} else if !c.grpc && !strings.HasSuffix(u.Path, tracesPath) {
			t.Errorf("parseCollector(%q): got the path %q", in, u.Path)
		}
	})
}
