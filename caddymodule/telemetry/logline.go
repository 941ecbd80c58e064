package telemetry

import (
	"sync"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signpost-gateway/signpost/policy"
)

const (
	// maxFailureLines is how many failed calls are logged at WARN in any one
	// second, over all configurations of the process. The next such line says
	// how many were left out.
	maxFailureLines = 10

	// maxLogValue is the length in bytes at which a text in the log is cut.
	maxLogValue = 256
)

// failureLines bounds the lines of failed calls in this process.
var failureLines lineBudget

// LogCall writes one line about a call that is over: failures at WARN, at most
// ten a second in this process, all else at DEBUG. It keeps nothing of r, and is
// safe for concurrent use.
func LogCall(log *zap.Logger, r *policy.Record) { logCall(log, &failureLines, r) }

// logCall writes one line about a call that is over: failures at WARN within
// the budget, all else, and failures beyond it, at DEBUG. With DEBUG off, a
// call that did not fail costs one comparison. It keeps nothing of r. The line
// holds no query, body, header or variable.
func logCall(log *zap.Logger, budget *lineBudget, r *policy.Record) {
	level, leftOut := zapcore.DebugLevel, 0
	if r.Failed() && log.Core().Enabled(zapcore.WarnLevel) {
		if n, ok := budget.take(time.Now()); ok {
			level, leftOut = zapcore.WarnLevel, n
		}
	}
	if line := log.Check(level, "call"); line != nil {
		line.Write(callFields(r, leftOut)...)
	}
}

// callFields are the fields of a line, without those that say nothing.
func callFields(r *policy.Record, leftOut int) []zap.Field {
	fields := []zap.Field{
		zap.String("policy", clipped(r.Policy)),
		optional("operation", r.Operation),
		optional("tenant", r.Tenant),
		optional("plan", r.Plan),
		zap.String("method", clipped(r.Method)),
		zap.String("path", clipped(r.Path)),
		zap.Int("status", r.Status),
		number("upstream_status", r.UpstreamStatus),
		zap.String("outcome", string(r.Outcome)),
		optional("reason", r.Reason),
		zap.String("route", clipped(r.Route)),
		zap.String("next", r.Next),
		optional("fallback", r.Fallback),
		zap.Int("attempts", len(r.Attempts)),
		milliseconds("duration_ms", r.Duration),
		milliseconds("upstream_ms", r.Upstream),
		optional("breaker", r.BreakerState),
		optional("state", r.Decided),
		waited("state_wait_ms", r.SharedWait),
		optional("broken", r.Broken),
		number("left_out", leftOut),
	}
	if r.Trace.IsValid() {
		fields = append(fields, zap.String("trace_id", r.Trace.TraceID().String()))
	}
	return fields
}

// optional is a text that is left out when there is none.
func optional(key, value string) zap.Field {
	if value == "" {
		return zap.Skip()
	}
	return zap.String(key, clipped(value))
}

// number is a count that is left out at zero.
func number(key string, n int) zap.Field {
	if n == 0 {
		return zap.Skip()
	}
	return zap.Int(key, n)
}

// waited is a duration that is left out where it is none.
func waited(key string, d time.Duration) zap.Field {
	if d == 0 {
		return zap.Skip()
	}
	return milliseconds(key, d)
}

// milliseconds is a duration with its microseconds as decimals.
func milliseconds(key string, d time.Duration) zap.Field {
	return zap.Float64(key, float64(d.Microseconds())/1000)
}

// clipped cuts a text to maxLogValue bytes, between two characters.
func clipped(s string) string {
	if len(s) <= maxLogValue {
		return s
	}
	end := maxLogValue
	for end > maxLogValue-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// lineBudget allows maxFailureLines in any span of a second. The zero value is
// ready, and it is safe for concurrent use.
type lineBudget struct {
	mu      sync.Mutex
	written [maxFailureLines]time.Time // the last lines; next is the oldest
	next    int
	leftOut int
}

// take tells whether a line may be written now and, if so, how many were
// refused since the last.
func (b *lineBudget) take(now time.Time) (leftOut int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if oldest := b.written[b.next]; !oldest.IsZero() && now.Sub(oldest) < time.Second {
		b.leftOut++
		return 0, false
	}
	b.written[b.next] = now
	b.next = (b.next + 1) % len(b.written)
	leftOut, b.leftOut = b.leftOut, 0
	return leftOut, true
}
