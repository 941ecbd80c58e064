package telemetry

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signpost-gateway/signpost/policy"
)

func startTelemetry(t *testing.T, block *Trace) *Export {
	t.Helper()
	tel, err := New(t.Context(), block, zap.NewNop(), "1.2.3")
	if err != nil {
		t.Fatalf("New(%+v): %v", block, err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	return tel
}

func endSpans(p trace.TracerProvider, n int) {
	tracer := p.Tracer("test")
	for i := range n {
		_, span := tracer.Start(context.Background(), fmt.Sprintf("span %d", i))
		span.End()
	}
}

func percent(p float64) *float64 { return &p }

func TestNothingIsExportedUnlessSomethingAsksForIt(t *testing.T) {
	for _, tc := range []struct {
		name  string
		env   map[string]string
		block *Trace
		want  bool
	}{
		{name: "nothing said"},
		{name: "a block", block: &Trace{}, want: true},
		{name: "an endpoint in the environment", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, want: true},
		{name: "an endpoint for traces", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, want: true},
		{name: "an endpoint for metrics", env: map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"}},
		{name: "an exporter", env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, want: true},
		{name: "the exporter none", env: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}},
		{name: "the exporter none and a block", env: map[string]string{"OTEL_TRACES_EXPORTER": "none"}, block: &Trace{Endpoint: "http://127.0.0.1:1"}},
		{name: "disabled and a block", env: map[string]string{"OTEL_SDK_DISABLED": "TRUE"}, block: &Trace{KeepFailed: true}},
		{name: "not disabled", env: map[string]string{"OTEL_SDK_DISABLED": "false"}, block: &Trace{}, want: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bareEnvironment(t, tc.env)
			tel := startTelemetry(t, tc.block)
			if got := tel.Tracing().Provider != nil; got != tc.want {
				t.Errorf("exporting with %v and %+v: got %v, want %v", tc.env, tc.block, got, tc.want)
			}
			if !tc.want && tel.Tracing() != (policy.Tracing{}) {
				t.Errorf("off, but got %+v", tel.Tracing())
			}
		})
	}
}

func TestSpansReachTheCollectorUnderTheServicesName(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		env        map[string]string
		want       map[string]string
	}{
		{name: "defaults", want: map[string]string{"service.name": "signpost", "service.version": "1.2.3"}},
		{
			name: "environment",
			path: "/otlp",
			env:  map[string]string{"OTEL_SERVICE_NAME": "bot-egress", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=ignored"},
			want: map[string]string{"service.name": "bot-egress", "service.version": "1.2.3", "deployment.environment.name": "test"},
		},
		{
			name: "a broken pair costs that pair",
			env:  map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "good=1,broken"},
			want: map[string]string{"service.name": "signpost", "good": "1"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bareEnvironment(t, tc.env)
			c := startCollector(t)
			tel := startTelemetry(t, &Trace{Endpoint: c.URL + tc.path})
			endSpans(tel.Tracing().Provider, 3)
			if err := tel.Shutdown(t.Context()); err != nil {
				t.Fatalf("Shutdown: %v", err)
			}
			if len(c.spans) != 3 || c.paths[0] != tc.path+"/v1/traces" {
				t.Errorf("got %d spans at %v, want 3 at %s/v1/traces", len(c.spans), c.paths, tc.path)
			}
			for key, want := range tc.want {
				if c.resource[key] != want {
					t.Errorf("resource %s: got %q, want %q", key, c.resource[key], want)
				}
			}
		})
	}
}

func TestTheEnvironmentAloneSetsUpTheExport(t *testing.T) {
	c := startCollector(t)
	bareEnvironment(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20t"})
	tel := startTelemetry(t, nil)
	endSpans(tel.Tracing().Provider, 1)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
	if len(c.spans) != 1 || c.auth != "Bearer t" {
		t.Errorf("got %d spans with Authorization %q, want 1 with %q", len(c.spans), c.auth, "Bearer t")
	}
}

func TestAnUnknownExporterIsAnError(t *testing.T) {
	bareEnvironment(t, map[string]string{"OTEL_TRACES_EXPORTER": "carrier-pigeon"})
	if _, err := New(t.Context(), nil, zap.NewNop(), ""); err == nil {
		t.Error("New with the exporter carrier-pigeon: got no error")
	}
}

func TestSamplingKeepsTheShareItSays(t *testing.T) {
	const traces = 4000
	for _, tc := range []struct {
		sample   *float64
		env      map[string]string
		min, max int
	}{
		{sample: percent(0)},
		{sample: percent(100), min: traces, max: traces},
		{sample: percent(25), min: traces * 20 / 100, max: traces * 30 / 100}, // 7 standard deviations
		{min: traces, max: traces},
		{env: map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}},
		{sample: percent(100), env: map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}, min: traces, max: traces},
	} {
		bareEnvironment(t, tc.env)
		tel := startTelemetry(t, &Trace{Endpoint: "http://127.0.0.1:1", Sample: tc.sample})
		tracer := tel.Tracing().Provider.Tracer("test")
		got := 0
		for range traces {
			if _, span := tracer.Start(t.Context(), "call"); span.SpanContext().IsSampled() {
				got++
			}
		}
		if got < tc.min || got > tc.max {
			t.Errorf("sample %v, %v: got %d of %d, want %d to %d", tc.sample, tc.env, got, traces, tc.min, tc.max)
		}
		if err := os.Unsetenv("OTEL_TRACES_SAMPLER"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheBotsTraceparentDecidesBeforeTheShare(t *testing.T) {
	bareEnvironment(t, nil)
	for _, sampled := range []bool{true, false} {
		// Against the bot's decision each time.
		share := percent(100)
		if sampled {
			share = percent(0)
		}
		tel := startTelemetry(t, &Trace{Endpoint: "http://127.0.0.1:1", Sample: share})
		parent := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.TraceFlags(0).WithSampled(sampled), Remote: true,
		})
		_, span := tel.Tracing().Provider.Tracer("test").Start(trace.ContextWithRemoteSpanContext(t.Context(), parent), "call")
		if got := span.SpanContext().IsSampled(); got != sampled {
			t.Errorf("bot says %v, sample %v%%: got %v", sampled, *share, got)
		}
	}
}

func TestASampleOutOfRangeIsAnError(t *testing.T) {
	bareEnvironment(t, nil)
	for _, p := range []float64{-1, 100.5} {
		if _, err := New(t.Context(), &Trace{Sample: &p}, zap.NewNop(), ""); err == nil {
			t.Errorf("sample %v%%: got no error", p)
		}
	}
}

func TestKeptCallsAreExportedWhateverTheSampling(t *testing.T) {
	bareEnvironment(t, map[string]string{"OTEL_TRACES_SAMPLER": "always_off"})
	c := startCollector(t)
	tel := startTelemetry(t, &Trace{Endpoint: c.URL, Sample: percent(0), KeepSlow: policy.Duration(2 * time.Second)})
	tracing := tel.Tracing()
	if tracing.KeepFailed || tracing.KeepSlow != 2*time.Second || tracing.Kept == nil {
		t.Fatalf("got %+v, want a provider that keeps calls of 2s", tracing)
	}
	endSpans(tracing.Provider, 5)
	endSpans(tracing.Kept, 2)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
	if len(c.spans) != 2 {
		t.Errorf("got %d spans, want the 2 kept ones", len(c.spans))
	}
}

func TestNothingIsKeptUnlessAsked(t *testing.T) {
	bareEnvironment(t, nil)
	if tel := startTelemetry(t, &Trace{Endpoint: "http://127.0.0.1:1"}); tel.Tracing().Kept != nil {
		t.Error("without `keep`: got a provider for kept calls")
	}
}

func TestLongAttributesAreCut(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want int
	}{
		{want: maxSpanValue},
		{env: map[string]string{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "10"}, want: 10},
	} {
		bareEnvironment(t, tc.env)
		c := startCollector(t)
		tel := startTelemetry(t, &Trace{Endpoint: c.URL})
		_, span := tel.Tracing().Provider.Tracer("test").Start(t.Context(), "call")
		span.SetAttributes(attribute.String("signpost.var.big", strings.Repeat("x", 1<<20)))
		span.End()
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Fatalf("Shutdown: %v", err)
		}
		if got := len(c.spans[0].Attributes[0].Value.GetStringValue()); got != tc.want {
			t.Errorf("%v: got %d bytes, want %d", tc.env, got, tc.want)
		}
	}
}

func TestACollectorThatIsDownCostsSpansAndOneLine(t *testing.T) {
	bareEnvironment(t, nil)
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	core, lines := observer.New(zap.DebugLevel)
	tel, err := New(t.Context(), &Trace{Endpoint: down.URL}, zap.New(core), "")
	if err != nil {
		t.Fatal(err)
	}
	before := testutil.ToFloat64(Process().spansDropped.WithLabelValues(droppedExport))
	endSpans(tel.Tracing().Provider, 600) // more than one batch
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if got := testutil.ToFloat64(Process().spansDropped.WithLabelValues(droppedExport)) - before; got != 600 {
		t.Errorf("got %v spans counted as dropped, want 600", got)
	}
	if lines.Len() != 1 || lines.All()[0].Level != zap.WarnLevel {
		t.Errorf("got the lines %v, want one at WARN", lines.All())
	}
}

func TestShutdownDoesNotWaitForACollectorThatHangs(t *testing.T) {
	bareEnvironment(t, nil)
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that we leave
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(release) })
	tel := startTelemetry(t, &Trace{Endpoint: hanging.URL})
	endSpans(tel.Tracing().Provider, 600)

	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tel.Shutdown(ctx); err == nil {
		t.Error("Shutdown: got no error, want one that says that spans were left")
	}
	if took := time.Since(start); took > shutdownPatience {
		t.Errorf("Shutdown took %v", took)
	}
}

func TestShutdownWithoutSpansAsksNobody(t *testing.T) {
	bareEnvironment(t, nil)
	c := startCollector(t)
	tel := startTelemetry(t, &Trace{Endpoint: c.URL, KeepFailed: true})
	for range 2 {
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
	if len(c.paths) != 0 {
		t.Errorf("got the requests %v, want none", c.paths)
	}
	var off *Export
	if err := off.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown of nothing: %v", err)
	}
}

func TestCredentialsInTheEndpointAreSentAndNotShown(t *testing.T) {
	bareEnvironment(t, nil)
	var auth string
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Get("Authorization")
		http.Error(w, strings.Repeat("no ", 1000), http.StatusForbidden)
	}))
	t.Cleanup(refusing.Close)
	core, lines := observer.New(zap.DebugLevel)
	endpoint := strings.Replace(refusing.URL, "http://", "http://user:hunter2@", 1)
	tel, err := New(t.Context(), &Trace{Endpoint: endpoint}, zap.New(core), "")
	if err != nil {
		t.Fatal(err)
	}
	endSpans(tel.Tracing().Provider, 1)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:hunter2")); auth != want {
		t.Errorf("Authorization: got %q, want %q", auth, want)
	}
	for _, line := range lines.All() {
		text := fmt.Sprint(line.ContextMap())
		if strings.Contains(text, "hunter2") || len(text) > 2*maxLogValue {
			t.Errorf("the line shows the password or the collector's page: %s", text)
		}
	}
}
