package telemetry

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// scriptedExporter does with each batch what export says.
type scriptedExporter struct {
	export func(context.Context) error
	sent   atomic.Int64
}

func (e *scriptedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.export(ctx); err != nil {
		return err
	}
	e.sent.Add(int64(len(spans)))
	return nil
}

func (*scriptedExporter) Shutdown(context.Context) error { return nil }

// hang is a collector that takes the connection and never answers.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func newTestProcessor(exporter sdktrace.SpanExporter, log *zap.Logger) (*boundedProcessor, *Metrics, trace.TracerProvider) {
	m := newMetrics()
	p := newBoundedProcessor(exporter, log, m.spansDropped)
	return p, m, sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p))
}

func TestEndingASpanNeverWaitsAndEveryLossIsCounted(t *testing.T) {
	bareEnvironment(t, nil)
	synctest.Test(t, func(t *testing.T) {
		exporter := &scriptedExporter{export: hang}
		p, m, provider := newTestProcessor(exporter, zap.NewNop())
		start := time.Now()
		const spans = 10_000
		for range spans / 100 {
			endSpans(provider, 100)
			synctest.Wait() // the exporter takes its batch and hangs
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("ending %d spans waited for %v", spans, took)
		}
		got := testutil.ToFloat64(m.spansDropped.WithLabelValues(droppedQueueFull))
		if want := float64(spans - sdktrace.DefaultMaxQueueSize); got != want {
			t.Errorf("got %v spans dropped, want %v", got, want)
		}

		start = time.Now()
		tel := &Export{processor: p}
		if err := tel.Shutdown(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: got %v, want %v", err, context.DeadlineExceeded)
		}
		if took := time.Since(start); took != shutdownPatience {
			t.Errorf("Shutdown took %v, want %v", took, shutdownPatience)
		}
		// The goroutine leaves at once, with all that waited counted; if it
		// stayed, the bubble would not end.
		synctest.Wait()
		if got := testutil.ToFloat64(m.spansDropped.WithLabelValues(droppedShutdown)); got != sdktrace.DefaultMaxQueueSize {
			t.Errorf("got %v spans dropped by Shutdown, want %v", got, sdktrace.DefaultMaxQueueSize)
		}
		if waiting := p.exporter.waiting.Load(); waiting != 0 {
			t.Errorf("got %d spans waiting, want 0", waiting)
		}
	})
}

func TestShutdownSendsWhatWaits(t *testing.T) {
	bareEnvironment(t, nil)
	synctest.Test(t, func(t *testing.T) {
		exporter := &scriptedExporter{export: func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }}
		p, m, provider := newTestProcessor(exporter, zap.NewNop())
		endSpans(provider, 2000)
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if got := exporter.sent.Load(); got != 2000 {
			t.Errorf("got %d spans sent, want 2000", got)
		}
		endSpans(provider, 7) // calls that end after the reload
		if got := testutil.ToFloat64(m.spansDropped.WithLabelValues(droppedShutdown)); got != 7 {
			t.Errorf("got %v spans counted after Shutdown, want 7", got)
		}
	})
}

func TestASlowCollectorLosesNothingThatTheQueueHolds(t *testing.T) {
	bareEnvironment(t, nil)
	synctest.Test(t, func(t *testing.T) {
		exporter := &scriptedExporter{export: func(context.Context) error { time.Sleep(time.Second); return nil }}
		p, m, provider := newTestProcessor(exporter, zap.NewNop())
		for range 100 { // 400 a second, and the collector takes 512
			endSpans(provider, 40)
			time.Sleep(100 * time.Millisecond)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if got := exporter.sent.Load(); got != 4000 {
			t.Errorf("got %d spans sent, want 4000", got)
		}
		if got := testutil.CollectAndCount(m.spansDropped); got != 0 {
			t.Errorf("got %d series of dropped spans, want none", got)
		}
	})
}

func TestAFailingExportIsLoggedOnceAMinuteAndTakesPartInNothing(t *testing.T) {
	bareEnvironment(t, nil)
	synctest.Test(t, func(t *testing.T) {
		core, lines := observer.New(zap.DebugLevel)
		page := strings.Repeat("<p>", 1000)
		exporter := &scriptedExporter{export: func(context.Context) error { return errors.New(page) }}
		p, m, provider := newTestProcessor(exporter, zap.New(core))
		for range 300 { // five minutes
			endSpans(provider, 2)
			time.Sleep(time.Second)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if got := testutil.ToFloat64(m.spansDropped.WithLabelValues(droppedExport)); got != 600 {
			t.Errorf("got %v spans dropped, want 600", got)
		}
		if got := lines.Len(); got != 5 {
			t.Errorf("got %d lines in five minutes, want 5", got)
		}
		var told int64
		for _, line := range lines.All() {
			fields := line.ContextMap()
			told += fields["spans_dropped"].(int64)
			if text := fields["error"].(string); len(text) > maxLogValue {
				t.Errorf("got an error of %d bytes, want at most %d", len(text), maxLogValue)
			}
		}
		if told < 400 || told > 600 { // those since the last line are not told yet
			t.Errorf("the lines tell of %d dropped spans, want nearly 600", told)
		}
	})
}

func TestTheQueuesSizeStaysInBounds(t *testing.T) {
	for env, want := range map[string]int64{
		"": 2048, "100": 100, "0": 2048, "-5": 2048, "1000000000": maxSpanQueue, "many": 2048,
	} {
		bareEnvironment(t, map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "-3"})
		p, _, _ := newTestProcessor(&scriptedExporter{export: hang}, zap.NewNop())
		if p.limit != want {
			t.Errorf("OTEL_BSP_MAX_QUEUE_SIZE=%q: got %d, want %d", env, p.limit, want)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
}

func TestKeptSpansHaveTheIDsTheyAreKnownBy(t *testing.T) {
	known := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	var current *trace.SpanContext
	ids := keptIDs{known: func(context.Context) (trace.SpanContext, bool) {
		if current == nil {
			return trace.SpanContext{}, false
		}
		return *current, true
	}}
	tracer := sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(ids), sdktrace.WithSampler(sdktrace.AlwaysSample())).Tracer("test")

	current = &known
	root, span := tracer.Start(t.Context(), "call")
	if got := span.SpanContext(); got.TraceID() != known.TraceID() || got.SpanID() != known.SpanID() || !got.IsSampled() {
		t.Errorf("root: got %v, want the ids of %v, sampled", got, known)
	}
	attempt := known.WithSpanID(trace.SpanID{3})
	current = &attempt
	if _, span = tracer.Start(root, "attempt"); span.SpanContext().SpanID() != attempt.SpanID() {
		t.Errorf("child: got %v, want %v", span.SpanContext().SpanID(), attempt.SpanID())
	}
	// Nothing known, ids of another trace, ids that are none: random ones.
	foreign := attempt.WithTraceID(trace.TraceID{9})
	for name, sc := range map[string]*trace.SpanContext{"nothing": nil, "foreign": &foreign, "invalid": {}} {
		current = sc
		if _, span = tracer.Start(root, name); !span.SpanContext().IsValid() || span.SpanContext().SpanID() == attempt.SpanID() {
			t.Errorf("%s: got %v, want an id of its own", name, span.SpanContext().SpanID())
		}
	}
	current = nil
	if _, span = tracer.Start(t.Context(), "root"); !span.SpanContext().IsValid() {
		t.Errorf("root without known ids: got %v, want valid ids", span.SpanContext())
	}
}

func BenchmarkEndSpan(b *testing.B) {
	for _, name := range []string{"room", "full"} {
		b.Run(name, func(b *testing.B) {
			exporter := &scriptedExporter{export: func(context.Context) error { return nil }}
			if name == "full" {
				exporter.export = hang
			}
			p, _, provider := newTestProcessor(exporter, zap.NewNop())
			ctx, cancel := context.WithCancel(b.Context())
			cancel()
			defer p.Shutdown(ctx)
			tracer := provider.Tracer("test")
			b.ReportAllocs()
			for b.Loop() {
				_, span := tracer.Start(b.Context(), "call")
				span.End()
			}
		})
	}
}
