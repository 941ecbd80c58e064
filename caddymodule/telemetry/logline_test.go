package telemetry

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signpost-gateway/signpost/policy"
)

// failedCall has something in every field that the log shows.
func failedCall() *policy.Record {
	r := shippedCall()
	r.Verdict = policy.Verdict{
		Outcome: policy.Timeout, Status: 504, UpstreamStatus: 503, Route: "error", Next: "stop",
		Reason: "no answer within 4s", Fallback: "static",
	}
	r.BreakerState, r.Broken = "half-open", "reset"
	r.Decided, r.SharedWait = "local", 30*time.Millisecond
	r.Trace = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab}, SpanID: trace.SpanID{1}})
	return r
}

func TestALineTellsAllOfACall(t *testing.T) {
	core, lines := observer.New(zap.DebugLevel)
	logCall(zap.New(core), new(lineBudget), failedCall())
	if lines.Len() != 1 || lines.All()[0].Level != zap.WarnLevel || lines.All()[0].Message != "call" {
		t.Fatalf("got %v, want one line \"call\" at WARN", lines.All())
	}
	want := map[string]any{
		"policy": "store", "operation": "order_status", "tenant": "acme-tenant", "plan": "gold",
		"method": "GET", "path": "/orders/1", "status": int64(504), "upstream_status": int64(503),
		"outcome": "timeout", "reason": "no answer within 4s", "route": "error", "next": "stop",
		"fallback": "static", "attempts": int64(1), "duration_ms": 43.12, "upstream_ms": 43.0,
		"breaker": "half-open", "state": "local", "state_wait_ms": 30.0, "broken": "reset", "trace_id": "ab000000000000000000000000000000",
	}
	if got := lines.All()[0].ContextMap(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestOnlyFailuresAreWarnings(t *testing.T) {
	for _, o := range policy.Outcomes() {
		core, lines := observer.New(zap.DebugLevel)
		r := &policy.Record{Verdict: policy.Verdict{Outcome: o}}
		want := zap.DebugLevel
		if r.Failed() {
			want = zap.WarnLevel
		}
		logCall(zap.New(core), new(lineBudget), r)
		if lines.Len() != 1 || lines.All()[0].Level != want {
			t.Errorf("%s: got %v, want one line at %v", o, lines.All(), want)
		}
	}
}

func TestFailuresAreAtMostTenLinesInAnySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, lines := observer.New(zap.InfoLevel)
		log, budget := zap.New(core), new(lineBudget)
		const calls = 600
		for range calls { // 50 a second, off the second's edge
			time.Sleep(20 * time.Millisecond)
			logCall(log, budget, failedCall())
		}
		all := lines.All()
		for i := maxFailureLines; i < len(all); i++ {
			if span := all[i].Time.Sub(all[i-maxFailureLines].Time); span < time.Second {
				t.Errorf("lines %d to %d: %d lines in %v", i-maxFailureLines, i, maxFailureLines+1, span)
			}
		}
		if want := calls / 50 * maxFailureLines; len(all) != want {
			t.Errorf("got %d lines of %d calls in %v, want %d", len(all), calls, calls*20*time.Millisecond, want)
		}

		time.Sleep(time.Second)
		logCall(log, budget, failedCall())
		told := int64(0)
		for _, line := range lines.All() {
			if n, ok := line.ContextMap()["left_out"].(int64); ok {
				told += n
			}
		}
		if got := int64(lines.Len()) + told; got != calls+1 {
			t.Errorf("got %d lines and %d left out, want %d in all", lines.Len(), told, calls+1)
		}
	})
}

func TestWithDebugOnNoFailureIsMissing(t *testing.T) {
	core, lines := observer.New(zap.DebugLevel)
	budget := new(lineBudget)
	for range 3 * maxFailureLines {
		logCall(zap.New(core), budget, failedCall())
	}
	if got := lines.FilterLevelExact(zapcore.WarnLevel).Len(); got != maxFailureLines {
		t.Errorf("got %d lines at WARN, want %d", got, maxFailureLines)
	}
	if got := lines.Len(); got != 3*maxFailureLines {
		t.Errorf("got %d lines in all, want %d", got, 3*maxFailureLines)
	}
}

func TestALoggerWithoutWarningsSpendsNoBudget(t *testing.T) {
	core, _ := observer.New(zap.ErrorLevel)
	budget := new(lineBudget)
	for range 2 * maxFailureLines {
		logCall(zap.New(core), budget, failedCall())
	}
	if n, ok := budget.take(time.Now()); !ok || n != 0 {
		t.Errorf("got %v with %d left out, want a whole budget", ok, n)
	}
}

func TestTheBudgetHoldsForConcurrentCalls(t *testing.T) {
	core, lines := observer.New(zap.WarnLevel)
	log, budget := zap.New(core), new(lineBudget)
	synctest.Test(t, func(*testing.T) { // all in one moment
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					logCall(log, budget, failedCall())
				}
			})
		}
		wg.Wait()
	})
	if got := lines.Len(); got != maxFailureLines {
		t.Errorf("got %d lines, want %d", got, maxFailureLines)
	}
}

func TestNothingInALineIsUnbounded(t *testing.T) {
	r := failedCall()
	huge := strings.Repeat("é", 1<<20)
	r.Policy, r.Operation, r.Tenant, r.Plan, r.Method, r.Path = huge, huge, huge, huge, huge, huge
	r.Reason, r.Route, r.BreakerState, r.Broken, r.Fallback = huge, huge, huge, huge, huge
	r.Decided = huge
	for _, f := range callFields(r, 0) {
		if len(f.String) > maxLogValue || !utf8.ValidString(f.String) {
			t.Errorf("%s: got %d bytes, valid %v", f.Key, len(f.String), utf8.ValidString(f.String))
		}
	}
}

func TestACallThatIsNotLoggedAllocatesNothing(t *testing.T) {
	core, _ := observer.New(zap.InfoLevel)
	log, call, budget := zap.New(core), shippedCall(), new(lineBudget)
	if got := testing.AllocsPerRun(100, func() { logCall(log, budget, call) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func FuzzClipped(f *testing.F) {
	f.Add(strings.Repeat("a", maxLogValue-1) + "é")
	f.Add(strings.Repeat("\x80", 2*maxLogValue))
	f.Add(strings.Repeat("😀", maxLogValue))
	f.Fuzz(func(t *testing.T, s string) {
		got := clipped(s)
		if len(got) > maxLogValue || !strings.HasPrefix(s, got) {
			t.Errorf("clipped(%q): got %q", s, got)
		}
		if len(s) <= maxLogValue && got != s || len(s) > maxLogValue && len(got) < maxLogValue-utf8.UTFMax {
			t.Errorf("clipped(%d bytes): cut to %d", len(s), len(got))
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("clipped(%q): cut a character: %q", s, got)
		}
	})
}

func BenchmarkLogCall(b *testing.B) {
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, level := range []zapcore.Level{zap.InfoLevel, zap.DebugLevel} {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(discard{}), level))
			call, budget := shippedCall(), new(lineBudget)
			b.ReportAllocs()
			for b.Loop() {
				logCall(log, budget, call)
			}
		})
	}
}

// discard is a log file that nobody reads.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
