package policy

import (
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/dialguard"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/secret"
	"github.com/signpost-gateway/signpost/policy/stale"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// Options are what a Gateway needs of the program around it. The zero value
// works: state of its own, net/http's transport behind the dial guard, no
// spans, nobody told.
type Options struct {
	// State holds limits, breakers and stale answers. Gateways that share one
	// go on counting where the other stopped. Default: a new one.
	State *State

	// Transport makes the base transport of a policy. Requests come to it with
	// a context that holds none of the caller's values. Whatever it returns
	// must dial through the guard, follow no proxy of the environment, and
	// neither ask for nor undo compression by itself. Default: NewTransport.
	Transport func(spec PolicySpec, guard *dialguard.Guard) (http.RoundTripper, error)

	// Secrets is where references to secrets are looked up. Default: in what the
	// Spec names.
	Secrets *secret.Store

	// Tenants are the tenants that are known. Default: the tenants file of the
	// Spec, which is then read once, and again when it changes.
	Tenants *tenant.File

	// Backoff draws how long to wait before a further attempt, from
	// nothing to the bound, which is over 0. Default: at random (full jitter).
	Backoff func(bound time.Duration) time.Duration

	// Observe is told of every call when it is over, on the goroutine that
	// closes the answer's body; it must be quick, and must not keep the record.
	// Default: nobody is told.
	Observe func(*Record)

	// Drifted is told when an answer differs from the structure of its
	// operation's answers in a way that nobody was told of yet, on the goroutine
	// of the call; it must be quick. Default: nobody is told.
	Drifted func(Drift)

	// Storage keeps the structures of answers over restarts. Default: they are
	// kept by State alone.
	Storage Storage

	// Tracing makes the spans. Default: none, though each call has a trace id.
	Tracing Tracing

	// Log is told of what concerns the operator outside of calls, such as a
	// broken tenants file. Default: slog.Default().
	Log *slog.Logger
}

// Tracing says where spans come from.
type Tracing struct {
	// Provider makes the spans. A recording span in a call's context, such as
	// that of Caddy's `tracing`, takes precedence: its provider is joined.
	// Default: no spans, but each call has a trace id all the same.
	Provider trace.TracerProvider

	// Kept makes the spans, when they are already over, of calls that
	// sampling left out and that KeepFailed or KeepSlow wants. It must take
	// the ids from KeptIDs. Default: none.
	Kept trace.TracerProvider

	// KeepFailed wants every failed call, KeepSlow every call that took at
	// least as long (0: none).
	KeepFailed bool
	KeepSlow   time.Duration
}

// State is what outlives a configuration: the counters of limits, the cells of
// breakers, the stale answers, the call logs and what was read of secrets. It is
// safe for concurrent use, and several Gateways may share it.
type State struct {
	limits     *limit.Table
	breakers   *breaker.Registry
	stale      *stale.Store
	scrubbers  *secret.Scrubbers
	logs       *calllog.Logs
	structures *structures
	sharings   sharings
}

// NewState makes an empty state: at most a million tenants and 64 MiB of stale
// answers. observe is told of breakers that open and close, outside of any
// lock; it may be nil.
func NewState(observe func(breaker.Transition)) *State {
	return &State{
		limits:     limit.NewTable(limit.DefaultMaxTenants),
		breakers:   breaker.NewRegistry(observe),
		stale:      stale.NewStore(stale.DefaultMaxBytes, stale.DefaultMaxEntry),
		scrubbers:  secret.NewScrubbers(),
		logs:       calllog.NewLogs(),
		structures: &structures{known: make(map[string]*observed)},
		sharings:   sharings{of: make(map[string]*sharedState)},
	}
}

// Tenants is how many tenants the state knows at the moment.
func (s *State) Tenants() int { return s.limits.Len() }
