package policy

import (
	"net/http"
	"slices"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/drift"
	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/hint"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/template"
)

// operation is what is done with one kind of call of a policy, compiled: the
// rules of an operation merged with its policy's, or the policy's own for the
// calls that no operation recognises. It does not change.
type operation struct {
	policy *Policy
	spec   *OperationSpec // nil for the policy's own
	name   string         // empty for the policy's own
	label  string         // "store" or "store.order_status"
	path   *template.Path // nil for the policy's own
	method string         // empty for the policy's own

	captures  []string // the names of what path captures
	route     string   // what stands for the path in spans: "/store/orders/{order_number}"
	callRoute string   // the same of a named call: "/call/store/order_status"
	sends     blueprint

	timeout   time.Duration // 0: the plan's, else DefaultTimeout
	limits    *limit.Set
	breaker   *breaker.Breaker
	retry     retrying
	strip     []string // canonical header names
	fallbacks []fallback
	next      string
	reply     replying

	peek         int
	success      *hint.Condition
	successReads bool // success reads the body of an answer
	variables    []variable
	reads        *extract.Reader // the variables, then the paths of conditions
	paths        map[string]int  // place of a condition's path in what reads gives
	hints        []condition
	otherwise    string
	structure    *structureWatch // nil: its answers are not watched
	keepStale    time.Duration   // the longest that a fallback gives stale answers for, 0: none does
	readsJSON    bool            // something reads variables, paths or the body
	readsText    bool            // something reads the text of the body
}

// variable is one extraction.
type variable struct {
	name       string
	header     string // Signpost-Var-Order-Status
	path       *extract.Path
	fallback   extract.Value // the default
	hasDefault bool
	required   bool
}

// condition is a hint with its route.
type condition struct {
	route string
	when  *hint.Condition
}

// fallback is one compiled fallback block.
type fallback struct {
	when    *hint.Condition // nil: the outcomes of defaultFallback
	stale   time.Duration
	respond bool
	status  int
	kind    string // Content-Type
	body    *template.Text
	route   string
	next    string
}

// retrying says which calls are sent again.
type retrying struct {
	attempts int
	on       *hint.Condition // nil: the default
	methods  []string        // nil: idempotent ones
	min, max time.Duration
}

// defaultFallback are the outcomes for which a fallback without an expression
// runs.
var defaultFallback = []Outcome{ServerError, Timeout, Unreachable, Incomplete, CircuitOpen, Overloaded, Internal}

// operation compiles the rules of spec merged with its policy's; spec is nil
// for the policy's own. Expressions of the policy may read whatever anybody in
// the policy extracts, those of an operation what reaches it.
func (c *compiler) operation(p *Policy, spec *OperationSpec, outer, inner hint.Scope) *operation {
	op := &operation{policy: p, spec: spec, label: p.name, route: "/" + p.name, paths: make(map[string]int)}
	name := "policy " + p.name
	rules := p.spec.Rules
	layers := []layer{{rules: &p.spec.Rules, places: p.spec.Places, scope: outer, name: name}}
	if spec != nil {
		op.name, op.label = spec.Name, p.name+"."+spec.Name
		name += ": operation " + spec.Name
		layers = slices.Insert(layers, 0, layer{rules: &spec.Rules, places: spec.Places, scope: inner, name: name})
		rules = merge(spec.Rules, p.spec.Rules)
		op.method, op.callRoute = spec.Method, "/call/"+p.name+"/"+spec.Name
		c.template(op, spec, name)
		c.blueprint(op, spec, name)
	}
	// What belongs to the policy is checked once, with the policy.
	for i := range layers {
		layers[i].quiet = spec != nil && i > 0
	}
	c.checkTimeout(layers[0].rules.Timeout, layers[0].places["timeout"], name)
	op.timeout = rules.Timeout.Std()
	op.limits = c.operationLimits(p, spec, name)
	op.breaker = c.breaker(p, spec, name)
	op.retry = c.retry(layers)
	for _, l := range layers {
		op.strip = append(op.strip, c.strip(l)...)
	}
	if spec != nil {
		c.overwritten(op, spec, name)
	}
	op.next = c.next(rules.Next, layers[0])
	op.peek = c.peek(rules.Peek, layers[0])
	op.reply = c.reply(rules.Reply, op.label, layers[0])
	c.mapping(op, layers)
	c.watch(op, rules.Drift, layers[0])
	return op
}

// layer is one of the two places that an operation's rules come from.
type layer struct {
	rules  *Rules
	places Places
	scope  hint.Scope
	name   string
	quiet  bool // its mistakes are noted elsewhere
}

// merge gives the operation's single values, else the policy's.
func merge(op, policy Rules) Rules {
	if op.Timeout == 0 {
		op.Timeout = policy.Timeout
	}
	if op.Next == "" {
		op.Next = policy.Next
	}
	if op.Peek == 0 {
		op.Peek = policy.Peek
	}
	if op.Otherwise == "" {
		op.Otherwise = policy.Otherwise
	}
	if op.Reply == nil {
		op.Reply = policy.Reply
	}
	if op.Drift == "" {
		op.Drift = policy.Drift
	}
	return op
}

func (c *compiler) template(op *operation, spec *OperationSpec, name string) {
	path, err := template.ParsePath(spec.Template)
	if err != nil {
		c.wrong(spec.Places["operation"], name, "reading the template %q: %v", spec.Template, err)
		return
	}
	op.path, op.captures = path, path.Names()
	op.route += path.Route()
}

// operationLimits adds the operation's limits to its policy's: all must hold.
func (c *compiler) operationLimits(p *Policy, spec *OperationSpec, name string) *limit.Set {
	if spec == nil {
		c.limitsOff(&p.spec.Rules, p.spec.Places["policy"], name)
		p.limits = c.limits(p.spec.RateLimits, p.spec.Concurrency, "policy "+p.name, p.name, name)
		return c.limits(nil, nil, "", "", name)
	}
	c.limitsOff(&spec.Rules, spec.Places["operation"], name)
	scope := "operation " + p.name + "." + spec.Name
	return c.limits(spec.RateLimits, nil, scope, p.name+"."+spec.Name, name)
}

func (c *compiler) limitsOff(r *Rules, at Place, name string) {
	if r.RateLimitOff && len(r.RateLimits) > 0 {
		c.wrong(at, name, "rate_limit off stands beside a rate_limit: expected one or the other")
	}
}

// breaker gives an operation cells of its own only where it says so.
func (c *compiler) breaker(p *Policy, spec *OperationSpec, name string) *breaker.Breaker {
	if spec == nil {
		return c.state.breakers.Breaker(p.name, c.breakerConfig(p.spec.Breaker, name))
	}
	if spec.Breaker == nil {
		return p.own.breaker
	}
	return c.state.breakers.Breaker(p.name+"."+spec.Name, c.breakerConfig(spec.Breaker, name))
}

func (c *compiler) retry(layers []layer) retrying {
	for _, l := range layers {
		spec := l.rules.Retry
		if spec == nil {
			continue
		}
		name := l.name + ": retry"
		r := retrying{attempts: spec.Attempts, min: 100 * time.Millisecond, max: time.Second}
		if spec.Attempts < 0 || spec.Attempts > MaxRetries {
			c.note(l, spec.Places["retry"], name, "%d is not a number of further attempts: expected 0 to %d", spec.Attempts, MaxRetries)
		}
		if spec.BackoffMin > 0 || spec.BackoffMax > 0 {
			r.min, r.max = spec.BackoffMin.Std(), spec.BackoffMax.Std()
		}
		if r.min > r.max {
			c.note(l, spec.Places["backoff"], name+": backoff", "%s is longer than %s: expected <min> <max>", r.min, r.max)
		}
		for _, m := range spec.Methods {
			if !methodName.MatchString(m) {
				c.note(l, spec.Places["methods"], name+": methods", "%q is not a method: expected such as GET or POST", m)
			}
		}
		r.methods = spec.Methods
		r.on = c.expression(l, spec.On, spec.Places["on"], name+": on")
		return r
	}
	return retrying{}
}

// note is wrong for a layer whose mistakes have not been noted yet.
func (c *compiler) note(l layer, at Place, name, format string, args ...any) {
	if !l.quiet {
		c.wrong(at, name, format, args...)
	}
}

// strip gives the canonical names of headers to remove.
func (c *compiler) strip(l layer) []string {
	names := make([]string, 0, len(l.rules.Strip))
	for _, n := range l.rules.Strip {
		if !isToken(n) {
			c.note(l, l.places["strip"], l.name+": strip", "%q is not a header name", n)
		}
		names = append(names, http.CanonicalHeaderKey(n))
	}
	return names
}

// next gives the word that counts; only a layer's own is tested.
func (c *compiler) next(next string, l layer) string {
	if own := l.rules.Next; own != "" && own != nextContinue && own != nextStop {
		c.wrong(l.places["next"], l.name+": next", "%q is not continue or stop", own)
	}
	if next == nextContinue {
		return nextContinue
	}
	return nextStop
}

// peek gives the bound that counts; only a layer's own is tested.
func (c *compiler) peek(size Size, l layer) int {
	if l.rules.Peek > MaxPeek {
		c.wrong(l.places["peek"], l.name+": peek", "%s is over the ceiling of %s", l.rules.Peek, MaxPeek)
	}
	if size == 0 {
		size = DefaultPeek
	}
	return int(min(size, MaxPeek))
}

// reply gives the form of the answer that counts; only a layer's own is tested.
// An envelope must have room for what it always holds.
func (c *compiler) reply(reply *Reply, label string, l layer) replying {
	at, name := l.places["reply"], l.name+": reply"
	if own := l.rules.Reply; own != nil {
		switch {
		case own.As != replyHeaders && own.As != replyEnvelope:
			c.wrong(at, name, "%q is not a form of answer: expected headers or envelope", own.As)
		case own.As == replyHeaders && own.Size != 0:
			c.wrong(at, name, "headers have no size: expected one with envelope alone")
		case own.Size != 0 && (own.Size < MinEnvelope || own.Size > MaxEnvelope):
			c.wrong(at, name, "%s is not the size of an envelope: expected %s to %s", own.Size, MinEnvelope, MaxEnvelope)
		}
	}
	r := replying{as: replyHeaders, size: int(MaxEnvelope)}
	if reply != nil && reply.As == replyEnvelope {
		r.as = replyEnvelope
		if reply.Size != 0 {
			r.size = int(reply.Size)
		}
	}
	if least := envelopeFrame + len(label); r.size >= int(MinEnvelope) && r.size < least {
		c.wrong(at, name, "%s have no room for the name %s: expected at least %d bytes", Size(r.size), label, least)
	}
	return r
}

// watch says with what an operation's answers are compared. The policy's own are
// not: calls that no operation recognises have nothing in common.
func (c *compiler) watch(op *operation, drifting string, l layer) {
	if own := l.rules.Drift; own != "" && own != driftWatch && own != driftOff {
		c.wrong(l.places["drift"], l.name+": drift", "%q is not watch or off", own)
	}
	if op.path == nil || drifting == driftOff {
		return
	}
	w := &structureWatch{observed: c.state.structures.of(op.label, op.aboutAnswers())}
	for i := range op.variables {
		v := &op.variables[i]
		w.reads = append(w.reads, drift.Read{Var: v.name, Steps: driftSteps(v.path), Optional: v.hasDefault})
	}
	op.structure = w
}

// What `drift` says.
const (
	driftWatch = "watch"
	driftOff   = "off"
)

// driftSteps are the steps of a path, nil where it cannot be told what it lacks.
func driftSteps(path *extract.Path) []drift.Step {
	plain, ok := path.Steps()
	if !ok {
		return nil
	}
	steps := make([]drift.Step, 0, len(plain))
	for _, s := range plain {
		switch {
		case s.All:
			steps = append(steps, drift.Step{Kind: drift.Every})
		case s.IsMember:
			steps = append(steps, drift.Step{Kind: drift.Member, Name: s.Name})
		default:
			steps = append(steps, drift.Step{Kind: drift.Element, Index: s.Index})
		}
	}
	return steps
}
