package policy

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/dialguard"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/secret"
	"github.com/signpost-gateway/signpost/policy/template"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// Gateway is a compiled Spec: all policies, with the plans and secrets they
// share. It is an http.RoundTripper that always returns an answer and never an
// error, and is safe for concurrent use.
type Gateway struct {
	tenantRequired   bool
	knownTenantsOnly bool
	ceiling          time.Duration
	plans            map[string]*plan
	onPlan           map[string]*plan // tenants that plans name
	defaultRates     bool             // no plan default was written
	tenantsFile      string
	tenants          *tenant.Watcher // nil without a tenants file
	secrets          *secret.Store
	policies         map[string]*Policy
	bases            map[string][]*Policy // by host, longest base URL first
	tenantBases      []*Policy            // those with a host for each tenant, the longest path first
	storage          Storage              // nil: structures are not stored
	drifted          func(Drift)
	backoff          func(time.Duration) time.Duration
	archive          atomic.Pointer[archive] // nil before Start, and without storage
	unaddressed      recording               // of calls that no policy answers
	state            *State
	sharing          *StateSpec                  // what was said of shared, nil where nothing was
	shared           atomic.Pointer[sharedState] // nil: this process counts for itself
	started          chan struct{}               // closed by Start where there is shared
	released         sync.Once                   // of shared
	observe          func(*Record)
	tracing          Tracing
	tracer           trace.Tracer // of tracing.Provider, nil without one
	log              *slog.Logger
	stop             context.CancelFunc // nil before Start
	inFlight         atomic.Int64       // calls that have not finished
	stopped          atomic.Bool
}

// plan is the compiled limits of its tenants over all policies together.
type plan struct {
	name    string
	limits  *limit.Set
	timeout time.Duration
}

// Policy is everything said about one third-party API, compiled. It is an
// http.RoundTripper: of a request's URL it takes path and query, which it adds
// to its base URL. It is safe for concurrent use.
type Policy struct {
	gateway        *Gateway
	name           string
	spec           *PolicySpec
	base           *url.URL
	basePath       string // escaped, without a slash at its end
	host           string // host:port of the third party
	methods        []string
	operationsOnly bool
	recording      recording
	inject         []injection
	injectsSecret  bool // one of them is a credential
	propagate      bool
	limits         *limit.Set // the policy's own; operations add theirs
	hosts          tenantHost
	needsVars      bool              // a host needs the tenant's variables
	tokenTransport http.RoundTripper // to a token endpoint elsewhere, or nil
	guard          *dialguard.Guard
	transport      http.RoundTripper
	own            *operation // for calls that no operation recognises
	operations     []*operation
	router         *template.Router
}

// New compiles a Spec. The error is of type Mistakes where the Spec is at
// fault. The tenants file is read once; Start keeps reading it.
func New(spec Spec, o Options) (*Gateway, error) {
	state := o.State
	if state == nil {
		state = NewState(nil)
	}
	g, mistakes := compile(&spec, state)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	g.observe, g.tracing, g.log = o.Observe, o.Tracing, o.Log
	g.storage, g.drifted = o.Storage, o.Drifted
	if g.backoff = o.Backoff; g.backoff == nil {
		g.backoff = rand.N[time.Duration]
	}
	if g.drifted == nil {
		g.drifted = func(Drift) {}
	}
	if o.Tracing.Provider != nil {
		g.tracer = o.Tracing.Provider.Tracer(tracerName)
	}
	if g.observe == nil {
		g.observe = func(*Record) {}
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	if o.Secrets != nil {
		g.secrets = o.Secrets
	}
	g.secrets.OnFault(g.reportSecrets)
	if spec.State != nil {
		shared, err := g.newSharedState(spec.State)
		if err != nil {
			return nil, err
		}
		g.shared.Store(shared)
		g.started = make(chan struct{})
	}
	if err := g.makeTransports(o.Transport); err != nil {
		return nil, err
	}
	switch {
	case o.Tenants != nil:
		g.tenants = tenant.Fixed(o.Tenants)
	case g.tenantsFile != "":
		watcher, err := tenant.NewWatcher(g.tenantsFile, g.knowsPlan, g.reportTenants)
		if err != nil {
			return nil, Mistakes{{Place: spec.Places["tenants_file"], Name: "tenants_file", Text: err.Error()}}
		}
		g.tenants = watcher
	}
	return g, nil
}

// makeTransports gives each policy its way to the third party, and to its token
// endpoints. Nil is NewTransport.
func (g *Gateway) makeTransports(transport func(PolicySpec, *dialguard.Guard) (http.RoundTripper, error)) error {
	if transport == nil {
		transport = NewTransport
	}
	for _, p := range g.policies {
		base, err := transport(*p.spec, p.guard)
		if err != nil {
			return fmt.Errorf("policy %s: making the transport: %w", p.name, err)
		}
		p.transport = base
		for i := range p.inject {
			if g := p.inject[i].oauth2; g != nil {
				if err := g.connect(p, transport); err != nil {
					return fmt.Errorf("policy %s: %w", p.name, err)
				}
			}
		}
	}
	return nil
}

// knowsPlan tells whether a tenants file may name the plan.
func (g *Gateway) knowsPlan(name string) bool { return g.plans[name] != nil }

// reportTenants logs what became of a tenants file that changed.
func (g *Gateway) reportTenants(err error, f *tenant.File) {
	if err != nil {
		g.log.Error("reading the tenants file: keeping the last good one", "file", g.tenantsFile, "error", err)
		return
	}
	g.log.Info("read the tenants file", "file", g.tenantsFile, "tenants", f.Len())
}

// reportSecrets logs what became of secrets that were read again.
func (g *Gateway) reportSecrets(place string, err error) {
	if err != nil {
		g.log.Error("reading secrets failed: what was read of them before, if anything, stays in use", "place", place, "error", err)
		return
	}
	g.log.Info("read the secrets again", "place", place)
}

// Start begins what runs beside calls: the tenants file is watched and idle
// tenants are forgotten, until Stop. It fails where a secret that a policy
// needs is nowhere, for no tenant. Call it once.
func (g *Gateway) Start() error {
	if missing := g.MissingSecrets(); missing != nil {
		return missing
	}
	if g.defaultRates {
		g.log.Warn("no plan default is written: tenants on no plan have " + DefaultRate)
	}
	for _, p := range g.policies {
		p.recording.log.Configure(p.recording.settings)
	}
	g.watchStructures()
	if fresh := g.shared.Load(); fresh != nil {
		held := g.state.sharings.hold(g, fresh)
		held.await()
		g.shared.Store(held)
		close(g.started)
	}
	g.joinPeers()
	ctx, cancel := context.WithCancel(context.Background())
	g.stop = cancel
	if g.tenants != nil {
		g.tenants.Start(ctx)
	}
	go g.tidy(ctx)
	return nil
}

// How often idle tenants are forgotten, and entries of the call log are made of
// the calls that wait for it.
const (
	sweepEvery  = time.Minute
	settleEvery = 250 * time.Millisecond
)

// tidy keeps the table of tenants small and the call log in order until ctx is
// done.
func (g *Gateway) tidy(ctx context.Context) {
	sweep, settle := time.NewTicker(sweepEvery), time.NewTicker(settleEvery)
	defer sweep.Stop()
	defer settle.Stop()
	for {
		select {
		case <-ctx.Done():
			g.state.logs.Settle()
			return
		case now := <-sweep.C:
			g.state.limits.Sweep(now)
		case <-settle.C:
			g.state.logs.Settle()
		}
	}
}

// Stop ends what Start began, and closes idle connections once no call is in
// flight; calls are not touched, and State stays as it is. It may be called
// without Start, and twice.
func (g *Gateway) Stop() {
	if g.stop != nil {
		g.stop()
	}
	if a := g.archive.Swap(nil); a != nil {
		a.stop()
	}
	if g.tenants != nil {
		g.tenants.Stop()
	}
	g.stopped.Store(true)
	if g.inFlight.Load() == 0 {
		g.closeIdle()
		g.letGo()
	}
}

// letGo gives the shared state back, once no call is in flight.
func (g *Gateway) letGo() {
	s := g.shared.Load()
	if s == nil || g.stop == nil {
		return
	}
	g.released.Do(func() {
		if g.state.sharings.release(s) {
			s.end()
		}
	})
}

// joinPeers makes breakers tell other sidecars of what befalls them, and hear it
// from them, or not.
func (g *Gateway) joinPeers() {
	var peers *breaker.Peers
	if s := g.shared.Load(); s != nil {
		peers = s.peers
	}
	g.state.breakers.Join(peers)
}

// leave counts a call out. The last one after Stop takes the connections along.
func (g *Gateway) leave() {
	if g.inFlight.Add(-1) == 0 && g.stopped.Load() {
		g.closeIdle()
		go g.letGo() // Not on the time of the call.
	}
}

// closeIdle closes the connections of transports. It waits until no call is in
// flight, since net/http counts a connection as idle a moment before it hands
// over the answer that came on it: closed then, the answer would be lost.
func (g *Gateway) closeIdle() {
	for _, p := range g.policies {
		for _, transport := range []http.RoundTripper{p.transport, p.tokenTransport} {
			if idle, ok := transport.(interface{ CloseIdleConnections() }); ok {
				idle.CloseIdleConnections()
			}
		}
	}
}

// Adopt tells the state that this gateway is the one in charge: what only
// policies of earlier configurations needed is dropped.
func (g *Gateway) Adopt() {
	g.joinPeers()
	g.state.breakers.Prune(g.allBreakers()...)
	logs := map[string]bool{logName: true}
	for name, p := range g.policies {
		logs[name] = true
		p.recording.log.Configure(p.recording.settings) // Another one may have been in charge and was rejected.
	}
	g.state.logs.Keep(logs)
	used := make(map[*observed]bool)
	for _, o := range g.allObserved() {
		used[o] = true
	}
	g.state.structures.keep(used)
}

func (g *Gateway) allBreakers() []*breaker.Breaker {
	var all []*breaker.Breaker
	for _, p := range g.policies {
		all = append(all, p.own.breaker)
		for _, op := range p.operations {
			if op.breaker != p.own.breaker {
				all = append(all, op.breaker)
			}
		}
	}
	return all
}

// names gives the policies' names in order.
func (g *Gateway) names() []string {
	names := make([]string, 0, len(g.policies))
	for name := range g.policies {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Policy gives the policy of that name, nil where there is none.
func (g *Gateway) Policy(name string) *Policy { return g.policies[name] }

// indexBases enters the policies under their hosts, the longest base URL first,
// so that the first that matches an absolute URL is the most specific. Of two
// with the same base URL, the one that was written first answers.
func (g *Gateway) indexBases(specs []PolicySpec) {
	g.bases = make(map[string][]*Policy, len(specs))
	for i := range specs {
		p := g.policies[specs[i].Name]
		if p.hosts.vars != nil {
			g.tenantBases = append(g.tenantBases, p)
			continue
		}
		host := strings.ToLower(p.base.Hostname())
		g.bases[host] = append(g.bases[host], p)
	}
	slices.SortStableFunc(g.tenantBases, func(a, b *Policy) int { return len(b.basePath) - len(a.basePath) })
	for _, sharing := range g.bases {
		slices.SortStableFunc(sharing, func(a, b *Policy) int { return len(b.basePath) - len(a.basePath) })
	}
}
