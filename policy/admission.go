package policy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/secret"
	"github.com/signpost-gateway/signpost/policy/template"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// Anonymous is the tenant of calls that name none.
const Anonymous = "anonymous"

// ReasonNoPolicy is why a call that no policy answers to is not_found.
const ReasonNoPolicy = "No policy answers to this address."

// The reasons that the contract spells.
const (
	reasonRateLimited = "Rate Limit Exceeded"
	reasonAway        = "The state that sidecars share is away, and limits cannot be asked."
	reasonDrift       = "JSON Structure Change Detected"
	reasonNotJSON     = "Response Mapping Not Done, Only JSON can be mapped as Response"
)

// admit decides whether the call may go out, in the order in which reasons
// count: policy, method, tenant, the request itself, secrets, limits. A nil
// answer means yes.
func (c *call) admit() *ending {
	c.envelope = c.envelopeBound()
	if name := c.info.Tenant; name != "" && tenant.Check(name) == nil {
		c.rec.Tenant = name // Whatever refuses the call, whose it was is told.
	}
	if r := c.info.Refusal; r != nil {
		return &ending{outcome: r.Outcome, reason: r.Reason}
	}
	if c.policy == nil {
		return &ending{outcome: NotFound, reason: ReasonNoPolicy}
	}
	if c.named && c.op == c.policy.own {
		return &ending{outcome: NotFound, reason: fmt.Sprintf("The policy %s has no operation of that name.", c.policy.name)}
	}
	for _, check := range []func(*call) *ending{
		(*call).admitMethod, (*call).admitTenant, (*call).admitRequest, (*call).admitInputs, (*call).admitSecrets, (*call).supposed, (*call).admitLimits,
	} {
		if refused := check(c); refused != nil {
			return refused
		}
	}
	return nil
}

// callMethods are the methods of named calls, whatever the operation's own.
var callMethods = []string{http.MethodGet, http.MethodPost}

func (c *call) admitMethod() *ending {
	allowed := c.policy.methods
	if c.named {
		allowed = callMethods
	}
	if allowed == nil || slices.Contains(allowed, c.req.Method) {
		return nil
	}
	what := "The policy " + c.policy.name
	if c.named {
		what = "A named call"
	}
	return &ending{
		outcome: Denied, status: http.StatusMethodNotAllowed, allow: allowed,
		reason: fmt.Sprintf("%s does not allow %s.", what, shortMethod(c.req.Method)),
	}
}

// shortMethod names a method for people. One that is not of the short list is the
// bot's own word, and not repeated.
func shortMethod(method string) string {
	if label := methodLabel(method); label != otherMethod {
		return label
	}
	return "this method"
}

// admitTenant finds the tenant and its plan. Calls that name none are the tenant
// anonymous's, as are those of whoever calls itself so.
func (c *call) admitTenant() *ending {
	g, name := c.gateway, c.info.Tenant
	switch {
	case name == "" && g.tenantRequired:
		return &ending{outcome: Denied, status: http.StatusUnauthorized, reason: "The call names no tenant."}
	case name == "":
		name = Anonymous
	case tenant.Check(name) != nil:
		return &ending{outcome: Denied, reason: "The tenant's name is not allowed."}
	}
	c.tenant, c.plan = name, g.onPlan[name]
	c.known = c.plan != nil
	if !c.known {
		c.plan, c.known = g.planInFile(name)
	}
	if !c.known && g.knownTenantsOnly {
		return &ending{outcome: Denied, reason: "The tenant is not known."}
	}
	c.rec.Tenant, c.rec.Plan = c.tenant, c.plan.name
	return c.admitHost()
}

// namedTenant is the tenant, or empty for anonymous: nobody in particular has no
// secrets, no breaker cell and no stale answers of its own.
func (c *call) namedTenant() string {
	if c.tenant == Anonymous {
		return ""
	}
	return c.tenant
}

// planInFile is the plan of a tenant by the tenants file, else the default one.
func (g *Gateway) planInFile(name string) (*plan, bool) {
	if g.tenants == nil {
		return g.plans["default"], false
	}
	entry, known := g.tenants.File().Lookup(name)
	if p := g.plans[entry.Plan]; p != nil {
		return p, known
	}
	return g.plans["default"], known
}

// admitRequest tests the request itself, and finds its deadline.
func (c *call) admitRequest() *ending {
	if err := template.CheckEscapedPath(c.path); err != nil && !c.named {
		return &ending{outcome: BadRequest, reason: fmt.Sprintf("The path is not allowed: %v.", err)}
	}
	if !isPrintable(c.req.Header.Get("Upgrade")) {
		return &ending{outcome: BadRequest, reason: "The header Upgrade names no protocol."}
	}
	if _, known := askedReply(c.req.Header); !known {
		return &ending{outcome: BadRequest, reason: headerReply + " is not known: expected headers or envelope."}
	}
	if refused := c.findDeadline(); refused != nil {
		return refused
	}
	if c.policy.operationsOnly && c.op == c.policy.own {
		return &ending{outcome: Denied, reason: "No operation of the policy allows this call."}
	}
	if c.policy.operationsOnly && !c.named && c.op.sends.saysMore() {
		return &ending{outcome: Denied, reason: "The operation " + c.op.name + " is called by name: /call/" + c.policy.name + "/" + c.op.name + "."}
	}
	return nil
}

// findDeadline takes the least of the policy's timeout, the plan's, the
// request's own and the ceiling.
func (c *call) findDeadline() *ending {
	c.deadline = c.op.timeout
	if c.deadline == 0 && c.plan.timeout == 0 {
		c.deadline = DefaultTimeout
	}
	c.deadline = leastOf(leastOf(c.deadline, c.plan.timeout), c.gateway.ceiling)
	for _, text := range c.req.Header[headerTimeout] {
		asked, err := time.ParseDuration(text)
		if err != nil || asked <= 0 {
			return &ending{outcome: BadRequest, reason: headerTimeout + " is not a duration: expected such as 3s."}
		}
		c.deadline = leastOf(c.deadline, asked)
	}
	c.shortened = c.deadline < c.op.ownDeadline(c.gateway.ceiling)
	return nil
}

// ownDeadline is what the operation gives a call of whose plan and header
// nothing is known.
func (op *operation) ownDeadline(ceiling time.Duration) time.Duration {
	if op.timeout == 0 {
		return min(DefaultTimeout, ceiling)
	}
	return min(op.timeout, ceiling)
}

// leastOf gives the shorter of two durations, of which 0 says nothing.
func leastOf(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// admitSecrets reads the credentials of this call.
func (c *call) admitSecrets() *ending {
	if len(c.policy.inject) == 0 {
		return nil
	}
	c.credentials = slices.Grow(c.credentials[:0], len(c.policy.inject))
	for i := range c.policy.inject {
		value, used, err := c.policy.inject[i].credential(c.gateway.secrets, c.namedTenant(), c.tenantVars)
		if err != nil {
			return c.noSecret(err)
		}
		c.credentials = append(c.credentials, value)
		c.secrets = append(c.secrets, used...)
	}
	c.scrubber = c.gateway.state.scrubbers.For(c.secrets)
	return nil
}

// noSecret is the ending of a call whose credentials cannot be made. What is
// told names the secret at most; where it was looked for is the operator's.
func (c *call) noSecret(err error) *ending {
	var noHost *noHostError
	if errors.As(err, &noHost) {
		return &ending{outcome: Denied, reason: noHost.reason()}
	}
	var missing *secret.NotFoundError
	if errors.As(err, &missing) {
		return &ending{outcome: Denied, reason: "There is no secret for this call: " + missing.Ref.String() + "."}
	}
	text := []byte(err.Error())
	c.scrubber.Bytes(text)
	c.gateway.log.Error("a secret cannot be used", "policy", c.policy.name, "error", string(text))
	return &ending{outcome: Internal, reason: "A secret cannot be used."}
}

// supposable are the outcomes that a call can be supposed to come to: those without an
// answer of the third party.
var supposable = []Outcome{
	RateLimited, Overloaded, CircuitOpen, Timeout, Unreachable, Incomplete, Denied, BadRequest, NotFound, Canceled, Internal,
}

// supposed is the ending that somebody wants to see the call come to.
func (c *call) supposed() *ending {
	if c.info.Suppose == "" {
		return nil
	}
	if !slices.Contains(supposable, c.info.Suppose) {
		return &ending{outcome: Internal, reason: fmt.Sprintf("A call cannot be supposed to come to %q.", c.info.Suppose)}
	}
	end := ending{outcome: c.info.Suppose, reason: "The call is decided as though it had come to " + string(c.info.Suppose) + "."}
	if end.outcome == RateLimited {
		end.reason = reasonRateLimited // Whatever the limit, it is said so.
	}
	return &end
}

// admitLimits takes all windows and slots of the call, or none.
func (c *call) admitLimits() *ending {
	now := time.Now()
	var refusal *limit.Refusal
	if s := c.gateway.shared.Load(); s != nil {
		refusal = c.takeShared(s, now)
		if refusal == nil && c.req.Context().Err() != nil {
			// Sending it would be of no use, and what it took is others'.
			c.abandon()
			end := c.vanished()
			return &end
		}
	} else {
		c.ticket, refusal = c.gateway.state.limits.Take(now, c.tenant, c.known, c.plan.limits, c.policy.limits, c.op.limits)
	}
	if refusal == nil {
		return nil
	}
	return c.limitEnding(refusal)
}

// limitEnding is what a refusal by the limits comes to.
func (c *call) limitEnding(r *limit.Refusal) *ending {
	if r.Late {
		return &ending{outcome: Timeout, reason: "The limits could not be asked within the deadline."}
	}
	if r.Away {
		return &ending{outcome: Overloaded, reason: reasonAway, retryAfter: time.Second}
	}
	c.rec.LimitHit, c.glimpse.refusal = r.Limit, r
	if r.Overloaded {
		return &ending{outcome: Overloaded, reason: "Too many calls are in flight."}
	}
	return &ending{outcome: RateLimited, reason: reasonRateLimited, retryAfter: r.RetryAfter}
}
