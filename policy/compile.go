package policy

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/dialguard"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/secret"
	"github.com/signpost-gateway/signpost/policy/template"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// Defaults and ceilings of the contract.
const (
	// DefaultTimeout is the deadline where neither policy nor plan has one:
	// bots give up at five seconds.
	DefaultTimeout = 4 * time.Second
	// MaxTimeout is the bound of every deadline.
	MaxTimeout = 60 * time.Second
	// DefaultPeek and MaxPeek bound how much of an answer is read for mapping.
	DefaultPeek Size = 1 << 20
	MaxPeek     Size = 16 << 20
	// MaxRetries bounds the further attempts of one call.
	MaxRetries = 5
	// DefaultRate is the limit of tenants where no plan default is written.
	DefaultRate = "10/m"
)

var (
	policyName   = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	variableName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	routeName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$`)
	methodName   = regexp.MustCompile(`^[A-Z][A-Z0-9-]{0,31}$`)
	reserved     = []string{"call", "health"}
)

// Check finds all that is wrong with a configuration, in the order of its
// lines. It touches no file, no network and no state.
func Check(spec *Spec) Mistakes {
	_, mistakes := compile(spec, NewState(nil))
	return mistakes
}

// compiler turns a Spec into a Gateway and collects what is wrong with it.
type compiler struct {
	state    *State
	gateway  *Gateway
	mistakes Mistakes
}

// wrong notes a mistake.
func (c *compiler) wrong(at Place, name, format string, args ...any) {
	c.mistakes = append(c.mistakes, Mistake{Place: at, Name: name, Text: fmt.Sprintf(format, args...)})
}

// wrongAll notes each of the errors that are joined in one.
func (c *compiler) wrongAll(at Place, name string, err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		c.wrong(at, name, "%v", err)
		return
	}
	for _, one := range joined.Unwrap() {
		c.wrongAll(at, name, one)
	}
}

// compile builds the gateway without its transports and files.
func compile(spec *Spec, state *State) (*Gateway, Mistakes) {
	c := &compiler{state: state, gateway: &Gateway{
		tenantRequired:   spec.TenantRequired,
		knownTenantsOnly: spec.KnownTenantsOnly,
		tenantsFile:      spec.TenantsFile,
		ceiling:          MaxTimeout,
		state:            state,
		sharing:          spec.State,
		policies:         make(map[string]*Policy, len(spec.Policies)),
		plans:            make(map[string]*plan, len(spec.Plans)+1),
		onPlan:           make(map[string]*plan),
	}}
	c.gateway.unaddressed = recording{log: state.logs.Of(logName, defaultRecording), settings: defaultRecording}
	c.ceiling(spec)
	c.plans(spec)
	c.secrets(spec)
	c.sharing(spec.State)
	first := make(map[string]Place, len(spec.Policies))
	for i := range spec.Policies {
		p := &spec.Policies[i]
		name, at := "policy "+p.Name, p.Places["policy"]
		c.checkName(at, name, p.Name, first)
		if slices.Contains(reserved, p.Name) {
			c.wrong(at, name, "the name %q is reserved", p.Name)
		}
		c.gateway.policies[p.Name] = c.policy(p)
	}
	c.gateway.indexBases(spec.Policies)
	c.mistakes.Sort()
	return c.gateway, c.mistakes
}

// checkName tests the form of a name and that it is new.
func (c *compiler) checkName(at Place, name, short string, first map[string]Place) {
	if !policyName.MatchString(short) {
		c.wrong(at, name, "%q is not a name: expected [a-z][a-z0-9_-]*", short)
	}
	if before, twice := first[short]; twice {
		where := ""
		if before.File != "" {
			where = ", first at " + before.String()
		}
		c.wrong(at, name, "the name %q is used twice%s", short, where)
		return
	}
	first[short] = at
}

func (c *compiler) ceiling(spec *Spec) {
	if spec.MaxTimeout == 0 {
		return
	}
	if spec.MaxTimeout.Std() > MaxTimeout {
		c.wrong(spec.Places["max_timeout"], "max_timeout", "%s is over the ceiling of %s", spec.MaxTimeout, MaxTimeout)
		return
	}
	c.gateway.ceiling = spec.MaxTimeout.Std()
}

// checkTimeout tests a deadline against the ceiling.
func (c *compiler) checkTimeout(d Duration, at Place, name string) {
	if d.Std() > c.gateway.ceiling {
		c.wrong(at, name+": timeout", "%s is over the ceiling of %s", d, c.gateway.ceiling)
	}
}

func (c *compiler) plans(spec *Spec) {
	g := c.gateway
	first := make(map[string]Place, len(spec.Plans))
	for i := range spec.Plans {
		p := &spec.Plans[i]
		name := "plan " + p.Name
		c.checkName(p.Places["plan"], name, p.Name, first)
		if p.RateLimitOff && len(p.RateLimits) > 0 {
			c.wrong(p.Places["plan"], name, "rate_limit off stands beside a rate_limit: expected one or the other")
		}
		for _, l := range p.RateLimits {
			if l.Shared {
				c.wrong(l.Place, name+": rate_limit", "a plan's limits are each tenant's own: expected no \"shared\"")
			}
		}
		for _, k := range p.Concurrency {
			if k.Shared {
				c.wrong(k.Place, name+": concurrency", "a plan's limits are each tenant's own: expected no \"shared\"")
			}
		}
		// Scope is the same for all plans, so that a tenant that moves to
		// another plan does not start afresh.
		set := c.limits(p.RateLimits, p.Concurrency, "plan", p.Name, name)
		c.checkTimeout(p.Timeout, p.Places["timeout"], name)
		compiled := &plan{name: p.Name, limits: set, timeout: p.Timeout.Std()}
		g.plans[p.Name] = compiled
		c.members(p, compiled, name)
	}
	if g.plans["default"] == nil {
		g.defaultRates = true
		rate, _ := limit.ParseRate(DefaultRate)
		g.plans["default"] = &plan{name: "default", limits: c.state.limits.Compile(
			[]limit.Limit{{Scope: "plan", Name: "default:" + rate.String(), Rate: rate}}, nil)}
	}
}

// members puts the tenants that a plan names on it.
func (c *compiler) members(p *Plan, compiled *plan, name string) {
	for _, t := range p.Tenants {
		if err := tenant.Check(t); err != nil {
			c.wrong(p.Places["tenants"], name+": tenants", "%v", err)
		}
		if other := c.gateway.onPlan[t]; other != nil {
			c.wrong(p.Places["tenants"], name+": tenants", "tenant %q is on plan %s already", t, other.name)
			continue
		}
		c.gateway.onPlan[t] = compiled
	}
}

// limits compiles rate and concurrency limits. scope is what their state is
// kept under, label what they are called in headers and metrics.
func (c *compiler) limits(rates []RateLimit, conc []Concurrency, scope, label, name string) *limit.Set {
	limits := make([]limit.Limit, 0, len(rates))
	seen := make(map[string]bool, len(rates))
	for _, r := range rates {
		rate, err := limit.ParseRate(r.Rate)
		if err != nil {
			c.wrong(r.Place, name+": rate_limit", "%v", err)
			continue
		}
		key := fmt.Sprint(rate.Window, r.Shared)
		if seen[key] {
			c.wrong(r.Place, name+": rate_limit", "two limits over the same window of %s: expected one", rate.Window)
			continue
		}
		seen[key] = true
		limitName := label + ":" + rate.String()
		if r.Shared {
			limitName += " shared"
		}
		limits = append(limits, limit.Limit{Scope: scope, Name: limitName, Rate: rate, Shared: r.Shared})
	}
	slots := make([]limit.Concurrency, 0, len(conc))
	for _, k := range conc {
		slot := limit.Concurrency{Scope: scope, Name: label + ":concurrency", N: k.Calls, Shared: k.Shared}
		if err := slot.Validate(); err != nil {
			c.wrong(k.Place, name+": concurrency", "%v", err)
			continue
		}
		slots = append(slots, slot)
	}
	return c.state.limits.Compile(limits, slots)
}

func (c *compiler) secrets(spec *Spec) {
	for _, s := range spec.Secrets {
		switch {
		case s.From != "env" && s.From != "dir" && s.From != "age":
			c.wrong(s.Place, "secrets", "%q is not a place of secrets: expected env, dir or age", s.From)
		case s.From == "age" && (s.Where == "" || s.Identity == ""):
			c.wrong(s.Place, "secrets age", "expected the encrypted file and the identity file that decrypts it")
		case s.From != "age" && s.Identity != "":
			c.wrong(s.Place, "secrets "+s.From, "an identity file stands beside it: only age has one")
		}
	}
	c.gateway.secrets = spec.SecretStore()
}

// SecretStore gives the secrets of the configuration, as policies read them. It
// reads nothing before it is asked.
func (s *Spec) SecretStore() *secret.Store {
	providers := make([]secret.Provider, 0, len(s.Secrets))
	for _, source := range s.Secrets {
		switch source.From {
		case "env":
			providers = append(providers, secret.Env(source.Where))
		case "dir":
			providers = append(providers, secret.Dir(source.Where))
		case "age":
			providers = append(providers, secret.Age(source.Where, source.Identity))
		}
	}
	return secret.NewStore(providers...)
}

// policy compiles one third-party API.
func (c *compiler) policy(spec *PolicySpec) *Policy {
	name := "policy " + spec.Name
	p := &Policy{
		gateway:        c.gateway,
		name:           spec.Name,
		spec:           spec,
		router:         template.NewRouter(),
		operationsOnly: spec.OperationsOnly,
		propagate:      spec.PropagateTrace,
	}
	c.base(p, spec, name)
	c.methods(p, spec.Methods, spec.Places["methods"], name)
	c.injections(p, spec, name)
	p.needsVars = p.hosts.vars != nil || slices.ContainsFunc(p.inject, func(in injection) bool { return in.oauth2 != nil && in.oauth2.hosts.vars != nil })
	c.noSecrets(spec.Places["title"], name+": title", spec.Title)
	p.recording = c.recording(spec)
	scope := c.policyScope(spec)
	p.own = c.operation(p, nil, scope, scope)
	first := make(map[string]Place, len(spec.Operations))
	for i := range spec.Operations {
		o := &spec.Operations[i]
		opName := name + ": operation " + o.Name
		c.noSecrets(o.Places["title"], opName+": title", o.Title)
		c.checkName(o.Places["operation"], opName, o.Name, first)
		op := c.operation(p, o, scope, c.operationScope(spec, o))
		p.operations = append(p.operations, op)
	}
	// Those that say more of their request than method and path are meant to be
	// called by name, and give way: several may have the same of both.
	for _, more := range []bool{false, true} {
		for i, op := range p.operations {
			if op.sends.saysMore() == more {
				c.recognise(p, i, more, name+": operation "+op.name)
			}
		}
	}
	return p
}

// base reads the third party's address.
func (c *compiler) base(p *Policy, spec *PolicySpec, name string) {
	at := spec.Places["policy"]
	c.noSecrets(at, name, spec.BaseURL)
	source, hosts := c.tenantHost(spec.BaseURL, at, name)
	u, err := url.Parse(source)
	p.base = &url.URL{Scheme: "https", Host: "invalid"}
	switch {
	case err != nil:
		c.wrong(at, name, "%q is not a base URL: %v", spec.BaseURL, err)
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Opaque != "", !isPort(u.Port()):
		c.wrong(at, name, "%q is not a base URL: expected https://host/path", spec.BaseURL)
	case u.User != nil:
		c.wrong(at, name, "a base URL holds no user or password: expected `inject basic`")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		c.wrong(at, name, "%q is not a base URL: expected no query and no fragment", spec.BaseURL)
	case template.CheckEscapedPath(u.EscapedPath()) != nil:
		c.wrong(at, name, "%q is not a base URL: %v", spec.BaseURL, template.CheckEscapedPath(u.EscapedPath()))
	case !hosts.within(u.Host):
		c.wrong(at, name, "%q is not a base URL: {tenant.NAME} stands in the host alone", spec.BaseURL)
	default:
		p.base, p.hosts = u, hosts
	}
	p.basePath = strings.TrimRight(p.base.EscapedPath(), "/")
	p.host = hostPort(p.base)
	p.guard = &dialguard.Guard{AllowPrivate: spec.AllowPrivate}
	p.guard.Named, _ = dialguard.Literal(p.base.Hostname())
}

// isPort tells whether a URL may have the port; none is the scheme's own.
func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return s == "" || err == nil && n > 0 && n < 1<<16
}

// noSecrets tests that a text that bots may see refers to no secret.
func (c *compiler) noSecrets(at Place, name, text string) {
	if mentionsSecret(text) {
		c.wrong(at, name, "a secret may stand only in inject and, shared, in state, alerts and trace")
	}
}

// mentionsSecret tells whether a text refers to a secret.
func mentionsSecret(text string) bool {
	return strings.Contains(text, "{secret.") || strings.Contains(text, "{tenant_secret.")
}

// hostPort gives host and port, the scheme's own port spelled out.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultPorts[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func (c *compiler) methods(p *Policy, methods []string, at Place, name string) {
	for _, m := range methods {
		switch {
		case !methodName.MatchString(m) || m == http.MethodConnect:
			c.wrong(at, name+": methods", "%q is not a method: expected such as GET or POST", m)
		case slices.Contains(p.methods, m):
			c.wrong(at, name+": methods", "%s is named twice", m)
		default:
			p.methods = append(p.methods, m)
		}
	}
}

// recognise enters an operation's template into the policy's router. One that
// gives way has its base-URL calls recognised as those of another.
func (c *compiler) recognise(p *Policy, i int, givesWay bool, name string) {
	op, spec := p.operations[i], &p.spec.Operations[i]
	at := spec.Places["operation"]
	if !methodName.MatchString(spec.Method) || spec.Method == http.MethodConnect {
		c.wrong(at, name, "%q is not a method: expected such as GET or POST", spec.Method)
		return
	}
	if p.methods != nil && !slices.Contains(p.methods, spec.Method) {
		c.wrong(at, name, "the policy's methods do not allow %s", spec.Method)
	}
	if op.path == nil {
		return
	}
	if givesWay && p.router.Has(spec.Method, op.path) {
		return
	}
	if err := p.router.Add(spec.Method, op.path, i); err != nil {
		c.wrong(at, name, "%v", err)
	}
}

// breakerConfig compiles the words of a breaker.
func (c *compiler) breakerConfig(spec *BreakerSpec, name string) breaker.Config {
	config := breaker.Default()
	if spec == nil {
		return config
	}
	if spec.Trip != "" {
		parsed, err := breaker.Parse(strings.Fields(spec.Trip))
		if err != nil {
			c.wrongAll(spec.Places["breaker"], name+": breaker", err)
			return config
		}
		config = parsed
	}
	if spec.Open > 0 {
		config.Open = spec.Open.Std()
	}
	if spec.Probes > 0 {
		config.Probes = spec.Probes
	}
	config.Slow = spec.Slow.Std()
	if err := config.Validate(); err != nil {
		c.wrongAll(spec.Places["breaker"], name+": breaker", err)
	}
	return config
}
