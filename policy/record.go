package policy

import (
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signpost-gateway/signpost/policy/drift"
	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/hint"
	"github.com/signpost-gateway/signpost/policy/limit"
)

// Record is all that is known of one call when it is over. Spans, metrics and
// the log line are renderings of it. It is handed to Options.Observe once, and
// must not be kept or changed there: its memory is used again.
type Record struct {
	// Policy and Operation name what was called; Policy is empty where there
	// is none of that name, Operation where none recognised the call.
	Policy, Operation string

	// Method and Path are the bot's; Path is escaped, and below the policy, or
	// that of a named call.
	Method, Path string

	// Tenant is on whose behalf the call left, and Plan the limits it is on.
	Tenant, Plan string

	// Verdict is the decision that all renderings share.
	Verdict

	// Attempts are the requests that were sent, in order: at most 7,
	// the first, five retries and one with a new token.
	Attempts []Attempt

	// Hints are the conditions that were asked, in order.
	Hints []HintResult

	// Faults are the conditions other than hints that could not be evaluated,
	// and so did not hold.
	Faults []ConditionFault

	// Vars are the variables read from the answer, defaults included.
	Vars []Var

	// Start is when the call arrived, Duration how long it took until its
	// last byte, and Upstream how much of that was spent on attempts.
	Start    time.Time
	Duration time.Duration
	Upstream time.Duration

	// BreakerState is "closed", "open" or "half-open" as the call met it, and
	// empty where the policy has no breaker or the call did not come so far.
	BreakerState string

	// LimitHit names the limit that refused the call, or is empty.
	LimitHit string

	// Limits are the tenant's windows as they stood when the answer was made.
	Limits []limit.State

	// Decided is who decided on the call's limits where sidecars share them:
	// "redis", "local" where Redis was away and this sidecar went on by itself, or
	// "refused" where it was away and nobody may. It is empty without shared state,
	// and where the call had nothing to ask.
	Decided string

	// SharedWait is how long the call waited for Redis in all.
	SharedWait time.Duration

	// FallbackAge is how old a stale answer was.
	FallbackAge time.Duration

	// Drift is in what the answer's structure differs from the one that the
	// operation's answers are compared with.
	Drift []drift.Change

	// Trace is the call's place in its trace. It is valid on every call.
	Trace trace.SpanContext

	// Broken says what cut the answer off after its headers had left.
	Broken string
}

// Attempt is one request sent to the third party.
type Attempt struct {
	// Start and Duration are until the answer's headers and as much of its
	// body as mapping needs, or until the failure.
	Start    time.Time
	Duration time.Duration

	// Status is the answer's, 0 where there was none.
	Status int

	// Outcome is what the attempt came to.
	Outcome Outcome

	// ProxyError is the RFC 9209 error where there was no usable answer.
	ProxyError string

	// Host is the third party's host and port.
	Host string

	// Renewed tells that its token was refused, so that the next attempt had a new
	// one.
	Renewed bool

	span trace.Span
	peer *atomic.Value // string; a transport may set it late
}

// Peer is the address of the attempt's connection, or empty. It is known only
// where the call is traced, or may be kept after all.
func (a *Attempt) Peer() string {
	if a.peer == nil {
		return ""
	}
	address, _ := a.peer.Load().(string)
	return address
}

// HintResult is one condition that was asked.
type HintResult struct {
	// Route and Condition are the hint's.
	Route, Condition string

	// Holds is its result, and Err why it could not be evaluated.
	Holds bool
	Err   error

	// Readings are the values that it read, computed where a span records.
	Readings []hint.Reading
}

// ConditionFault is a condition that could not be evaluated.
type ConditionFault struct {
	// Where is the word that the condition belongs to: "success", "fallback"
	// or "retry".
	Where string

	// Condition is its text, and Err what was wrong.
	Condition string
	Err       error
}

// Var is one variable with its value.
type Var struct {
	// Name is [a-z][a-z0-9_]*.
	Name string

	// Value is as it stood in the answer, or the default.
	Value extract.Value

	// Omitted tells that it was too large for a header.
	Omitted bool
}

// Label is how a call names what it called: "store" or "store.order_status".
func (r *Record) Label() string {
	if r.Operation == "" {
		return r.Policy
	}
	return r.Policy + "." + r.Operation
}
