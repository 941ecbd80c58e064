package policy

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Call says on whose behalf a request leaves and where it goes, for what the
// request itself does not tell. It travels in the request's context.
type Call struct {
	// Policy is the name of the policy. Empty: the policy with the longest
	// base URL that the request's absolute URL begins with.
	Policy string

	// Path is the escaped path below the policy's base URL, empty or beginning
	// with a slash. It counts only where Policy is set.
	Path string

	// Operation makes a named call of the operation of that name: the request's
	// body or query holds variables, and the operation says what goes out.
	// Path does not count then.
	Operation string

	// Host is the host that the bot addressed the third party by, where it did.
	// It must be the tenant's own where the base URL's host is each tenant's.
	Host string

	// Tenant is on whose behalf the call leaves. Empty: none was named.
	Tenant string

	// TenantHeader is the header that named the tenant. It does not go out.
	TenantHeader string

	// Consumed names further headers that were for the caller of the engine
	// alone, such as the credentials of a site. They do not go out.
	Consumed []string

	// Refusal ends the call before it began. Default: none.
	Refusal *Refusal

	// Suppose decides the call as though it had come to this outcome, once it is
	// known whose it is and what it says. It must be one without an answer; any other
	// is internal. Nothing is sent, and nothing is counted. It is for those who want
	// to see what a policy would do. Default: the call is made.
	Suppose Outcome

	// Took is told of each branch of the policy that the call took, before the bot
	// has its answer. Default: nobody.
	Took func(Branch)

	// Header is where Signpost's own headers are written, beside what stands
	// there already. Default: the header of the answer.
	Header http.Header

	// Kept is told of the call's entry in the call log when the call is over, also
	// where the policy's log keeps none, on the goroutine that closes the answer's
	// body. Default: nobody.
	Kept func(*calllog.Entry)

	// KeptBodies is how much of each body the entry holds that Kept is told of, in
	// bytes, where that is more than the policy's log keeps. The log's own entry is
	// none the larger. Default: as much as the log keeps.
	KeptBodies int

	// OneReader tells that one goroutine alone reads and closes the answer's
	// body, and does not touch it afterwards, so that the call's memory can be
	// used again at once. Default: the garbage collector sees to it.
	OneReader bool

	verdict Verdict
	redacts bool
}

// Redacts tells, once there is an answer, whether closing it looks for what `redact`
// says. That can take milliseconds, for which nobody should wait who has read all.
func (c *Call) Redacts() bool { return c.redacts }

// Refusal is a decision that the caller of the engine took: which outcome the
// call has and why.
type Refusal struct {
	Outcome Outcome
	Reason  string
}

// Verdict is the decision on the call, once RoundTrip has returned.
func (c *Call) Verdict() Verdict { return c.verdict }

// callKey is where a Call is kept in a context.
type callKey struct{}

// WithCall puts the call into a context for RoundTrip to find. It is for one
// request: RoundTrip notes its verdict in the call.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// WithTenant says on whose behalf requests with this context leave. It is for
// programs that use the engine in an http.Client.
// Requests may share the context.
func WithTenant(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, tenantKey{}, name)
}

// tenantKey is where the name of a tenant is kept in a context.
type tenantKey struct{}

// callOf gives the Call of a context, else one for the tenant in it.
func callOf(ctx context.Context) *Call {
	if info, ok := ctx.Value(callKey{}).(*Call); ok {
		return info
	}
	name, _ := ctx.Value(tenantKey{}).(string)
	return &Call{Tenant: name}
}

// RoundTrip sends the request through the policy with the longest base URL that
// the request's URL begins with, and returns an answer in every case: the error
// is always nil. The answer's body must be closed. In an http.Client, set
// CheckRedirect to give http.ErrUseLastResponse: a redirect is an answer, and
// whoever follows it sends another call.
func (g *Gateway) RoundTrip(req *http.Request) (*http.Response, error) {
	return g.Answer(req, callOf(req.Context())), nil
}

// Answer is RoundTrip for a caller that has the Call at hand, which it does not
// look for in the request's context.
func (g *Gateway) Answer(req *http.Request, info *Call) *http.Response {
	c := newCall(g, req, info)
	c.address()
	return c.run()
}

// RoundTrip sends the request through this policy: path and query of its URL
// are added to the base URL. It returns an answer in every case: the error is
// always nil. The answer's body must be closed. See Gateway.RoundTrip about
// redirects.
func (p *Policy) RoundTrip(req *http.Request) (*http.Response, error) {
	info := callOf(req.Context())
	named := *info
	named.Policy, named.Path = p.name, req.URL.EscapedPath()
	resp := p.gateway.Answer(req, &named)
	info.verdict = named.verdict
	return resp, nil
}

// address finds the policy and the path below it.
func (c *call) address() {
	switch {
	case c.info.Policy != "":
		c.policy, c.path, c.host = c.gateway.policies[c.info.Policy], c.info.Path, c.info.Host
	case c.info.Refusal == nil && c.req.URL.IsAbs():
		c.policy, c.path = c.gateway.byURL(c.req.URL)
		c.host = c.req.URL.Host
	}
	if c.policy == nil {
		return
	}
	c.rec.Policy = c.policy.name
	c.op = c.policy.own
	if c.info.Operation != "" {
		c.named = true
		if op := c.policy.operation(c.info.Operation); op != nil {
			c.op, c.rec.Operation = op, op.name
			c.asked.method = op.method
		}
		return
	}
	id, captured, found := c.policy.router.Match(c.req.Method, cmp.Or(c.path, "/"), c.captured[:0])
	if found {
		c.op, c.captured = c.policy.operations[id], captured
		c.rec.Operation = c.op.name
	}
	c.rec.Path = c.path
	c.asked = asked{
		method: c.req.Method, path: c.path,
		query: c.req.URL.RawQuery, forceQuery: c.req.URL.ForceQuery, header: c.req.Header,
	}
}

// operation gives the operation of that name, nil where there is none.
func (p *Policy) operation(name string) *operation {
	for _, op := range p.operations {
		if op.name == name {
			return op
		}
	}
	return nil
}

// byURL gives the policy with the longest base URL that u begins with, and the
// path below it. The scheme does not count: what a bot sends as http leaves as
// the policy says.
func (g *Gateway) byURL(u *url.URL) (*Policy, string) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, ""
	}
	path, host := u.EscapedPath(), strings.ToLower(u.Hostname())
	var found *Policy
	var below string
	for _, p := range g.bases[host] {
		if rest, is := p.below(u, path); is {
			found, below = p, rest
			break
		}
	}
	for _, p := range g.tenantBases {
		if found != nil && len(found.basePath) >= len(p.basePath) {
			break // As long, and more exact.
		}
		if rest, is := p.below(u, path); is && p.hosts.matches(host) {
			return p, rest
		}
	}
	return found, below
}

// below gives what of a path is below the base URL, if port and path begin so.
func (p *Policy) below(u *url.URL, path string) (rest string, below bool) {
	if !samePort(u, p.base) {
		return "", false
	}
	rest, below = strings.CutPrefix(path, p.basePath)
	return rest, below && (rest == "" || rest[0] == '/')
}

// defaultPorts are those that a scheme stands for.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// samePort tells whether the bot means the third party's port: the same one,
// or the default of its own scheme where the policy has the default of its.
func samePort(u, base *url.URL) bool {
	if u.Port() == base.Port() {
		return true
	}
	isDefault := func(v *url.URL) bool { return v.Port() == "" || v.Port() == defaultPorts[v.Scheme] }
	return isDefault(u) && isDefault(base)
}

// SplitPath splits the path of a base-URL call, /<policy>/<rest>, into the
// policy's name and the escaped path below it.
func SplitPath(escapedPath string) (policy, rest string) {
	name, rest, found := strings.Cut(strings.TrimPrefix(escapedPath, "/"), "/")
	if found {
		rest = "/" + rest
	}
	return name, rest
}

// SplitCall splits the path of a named call, /call/<policy>/<operation>. named
// tells whether it is one; the names are empty where it is not whole.
func SplitCall(escapedPath string) (policy, operation string, named bool) {
	names, named := strings.CutPrefix(escapedPath, "/call/")
	if !named {
		return "", "", escapedPath == "/call"
	}
	policy, operation, _ = strings.Cut(names, "/")
	if policy == "" || operation == "" || strings.Contains(operation, "/") {
		return "", "", true
	}
	return policy, operation, true
}

// Locate gives the policy with the longest base URL that an absolute URL begins
// with, and the escaped path below it. The name is empty where there is none.
func (g *Gateway) Locate(u *url.URL) (policy, rest string) {
	p, rest := g.byURL(u)
	if p == nil {
		return "", ""
	}
	return p.name, rest
}

// LeadsTo tells whether an http URL with this authority, host:port, can mean the
// policy of that name, or any where the name is empty: whether it makes sense to
// open a tunnel there. The port must be said (RFC 9110, section 9.3.6), and not be
// the one that stands for TLS where the policy speaks that.
func (g *Gateway) LeadsTo(authority, policy string) bool {
	u := &url.URL{Scheme: "http", Host: authority}
	host, port, err := net.SplitHostPort(strings.ToLower(authority))
	if err != nil || port == "" || port != u.Port() {
		return false
	}
	leads := func(p *Policy) bool {
		return (policy == "" || p.name == policy) && samePort(u, p.base) &&
			(p.base.Scheme != "https" || port != defaultPorts["https"])
	}
	return slices.ContainsFunc(g.bases[host], leads) ||
		slices.ContainsFunc(g.tenantBases, func(p *Policy) bool { return leads(p) && p.hosts.matches(host) })
}
