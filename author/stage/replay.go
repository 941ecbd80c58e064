package stage

import (
	"log/slog"
	"net/http"
	"testing/synctest"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// Cast is what a gateway is made of whose third party is played by its caller.
type Cast struct {
	// Party plays the third party of all policies, but for their token endpoints. It
	// must not be nil.
	Party http.RoundTripper

	// State is shared by gateways that play calls beside each other: each plays one
	// at a time, and all count together. Default: a new one.
	State *policy.State

	// Tenants are those of the tenants file. Default: the file that the Spec names
	// is read.
	Tenants *tenant.File
}

// Open compiles a configuration for whoever plays many recorded calls, which may
// overlap: secrets and token endpoints are played as on a Stage, the third party is
// the caller's. The Spec is not changed. The error is of type policy.Mistakes where
// the Spec is at fault.
func Open(spec *policy.Spec, c Cast) (*policy.Gateway, error) {
	tokens := new(Stage) // Counts them.
	return policy.New(alone(spec), policy.Options{
		State:   c.State,
		Secrets: standIns(spec),
		Tenants: c.Tenants,
		Backoff: longest,
		Log:     slog.New(slog.DiscardHandler),
		Transport: func(p policy.PolicySpec, _ *dialguard.Guard) (http.RoundTripper, error) {
			at := endpointOf(p.Inject)
			if at.path == "" {
				return c.Party, nil
			}
			return &tokenParty{tokens: third{stage: tokens, tokens: at}, party: c.Party}, nil
		},
	})
}

// tokenParty answers at the token endpoint, and leaves all else to the third party.
type tokenParty struct {
	tokens third
	party  http.RoundTripper
}

// RoundTrip gives a token, or asks the third party.
func (t *tokenParty) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.tokens.tokens.asked(req) {
		return t.tokens.giveToken(req)
	}
	return t.party.RoundTrip(req)
}

// Settle waits until all that runs in the bubble waits for time, or for somebody
// who does. It is for use inside of Run.
func Settle() { synctest.Wait() }
