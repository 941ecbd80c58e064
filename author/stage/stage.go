package stage

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/dialguard"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// Options say which calls a stage is for. The zero value is for all of them.
type Options struct {
	// Policy is what calls name; the rest of the configuration is not compiled.
	// Default: everything.
	Policy string

	// Operations are those that calls name, or that recognise them: the others of
	// the policy are not compiled. Default, where it is nil: all of them.
	Operations []string

	// Callers are the tenants on whose behalf calls are made; others are not looked
	// for on plans. Default: all.
	Callers []string

	// Tenants are those of the tenants file. Default: the file that the Spec names
	// is read.
	Tenants *tenant.File
}

// Stage is a gateway with limits, breakers and stale answers of its own, of which
// everything around it is played. It runs nothing beside its calls and needs no
// closing. It plays one call at a time, and is not safe for concurrent use.
type Stage struct {
	gateway *policy.Gateway
	tokens  atomic.Int64 // how many token endpoints have given
	playing *playing     // the call that is under way
}

// New compiles a configuration for a stage. The Spec is not changed, and stages
// may share it. The error is of type policy.Mistakes where the Spec is at fault.
func New(spec *policy.Spec, o Options) (*Stage, error) {
	part := spec
	if o.Policy != "" {
		if part = prune(spec, o); part == nil {
			return nil, fmt.Errorf("finding the policy %s: the configuration has none of that name", o.Policy)
		}
	}
	s, err := open(part, o.Tenants)
	if err != nil && o.Operations != nil {
		// What the policy says for all of its operations may read what only another
		// one extracts.
		o.Operations = nil
		return New(spec, o)
	}
	return s, err
}

// open compiles what has been pruned.
func open(spec *policy.Spec, tenants *tenant.File) (*Stage, error) {
	s := new(Stage)
	gateway, err := policy.New(alone(spec), policy.Options{
		Secrets: standIns(spec),
		Tenants: tenants,
		Backoff: longest,
		Observe: s.observe,
		Log:     slog.New(slog.DiscardHandler), // What matters of it is in the reason of a call.
		Transport: func(p policy.PolicySpec, _ *dialguard.Guard) (http.RoundTripper, error) {
			return &third{stage: s, tokens: endpointOf(p.Inject), disguise: newDisguise(p.Inject)}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	s.gateway = gateway
	return s, nil
}

// alone is a configuration as for a sidecar that shares its state with nobody.
func alone(spec *policy.Spec) policy.Spec {
	one := *spec
	one.State = nil
	return one
}

// longest is the back-off of a further attempt at its bound, so that a test comes to
// the same whenever it runs: what fits then always fits.
func longest(bound time.Duration) time.Duration { return bound }

// Gateway is what calls are played through, for whoever wants to know what is
// configured and how breakers stand.
func (s *Stage) Gateway() *policy.Gateway { return s.gateway }

// observe notes the variables of the call that ends, as they are: its entry in the
// call log has them as an operator may see them.
func (s *Stage) observe(r *policy.Record) {
	vars := make([]calllog.Var, len(r.Vars))
	for i, v := range r.Vars {
		vars[i] = calllog.Var{Name: v.Name, JSON: v.Value.AppendJSON(nil)}
	}
	s.playing.vars = vars
}
