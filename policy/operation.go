package policy

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
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
	name   string         // empty for the policy's own
	label  string         // "store" or "store.order_status"
	path   *template.Path // nil for the policy's own
	inputs []string       // the names of what path captures
	route  string         // what stands for the path in spans: "/store/orders/{order_number}"

	timeout   time.Duration // 0: the plan's, else DefaultTimeout
	limits    *limit.Set
	breaker   *breaker.Breaker
	retry     retrying
	strip     []string // canonical header names
	fallbacks []fallback
	next      string

	peek      int
	success   *hint.Condition
	variables []variable
	reads     *extract.Reader // the variables, then the paths of conditions
	paths     map[string]int  // place of a condition's path in what reads gives
	hints     []condition
	otherwise string
	readsJSON bool // something reads variables, paths or the body
	readsText bool // something reads the text of the body
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
	op := &operation{policy: p, label: p.name, route: "/" + p.name, paths: make(map[string]int)}
	name := "policy " + p.name
	rules := p.spec.Rules
	layers := []layer{{rules: &p.spec.Rules, places: p.spec.Places, scope: outer, name: name}}
	if spec != nil {
		op.name, op.label = spec.Name, p.name+"."+spec.Name
		name += ": operation " + spec.Name
		layers = slices.Insert(layers, 0, layer{rules: &spec.Rules, places: spec.Places, scope: inner, name: name})
		rules = merge(spec.Rules, p.spec.Rules)
		c.template(op, spec, name)
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
	op.next = c.next(rules.Next, layers[0])
	op.peek = c.peek(rules.Peek, layers[0])
	c.mapping(op, layers)
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
	return op
}

func (c *compiler) template(op *operation, spec *OperationSpec, name string) {
	path, err := template.ParsePath(spec.Template)
	if err != nil {
		c.wrong(spec.Places["operation"], name, "reading the template %q: %v", spec.Template, err)
		return
	}
	op.path, op.inputs = path, path.Names()
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

// expression compiles a condition; an empty one is nil.
func (c *compiler) expression(l layer, source string, at Place, name string) *hint.Condition {
	if source == "" {
		return nil
	}
	compiled, err := hint.Compile(source, l.scope)
	if err == nil {
		return compiled
	}
	if !l.quiet {
		m := Mistake{Place: at, Name: name, Text: err.Error()}
		if e, ok := err.(*hint.Error); ok {
			m.Snippet = e.Snippet()
		}
		c.mistakes = append(c.mistakes, m)
	}
	return nil
}

// route tests a route's name.
func (c *compiler) route(l layer, route string, at Place, name string) {
	if !routeName.MatchString(route) {
		c.note(l, at, name, "%q is not a route: expected [A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", route)
	}
}

// mapping compiles what reads the answer: extractions, success, hints and
// fallbacks, the operation's before the policy's.
func (c *compiler) mapping(op *operation, layers []layer) {
	for _, l := range layers {
		c.extracts(op, l)
	}
	all := make([]*extract.Path, 0, len(op.variables))
	for _, v := range op.variables {
		all = append(all, v.path)
	}
	var conditions []*hint.Condition
	for _, l := range layers {
		if op.success == nil {
			op.success = c.expression(l, l.rules.Success, l.places["success"], l.name+": success")
		}
		for _, h := range l.rules.Hints {
			c.route(l, h.Route, h.Place, l.name+": hint")
			if h.When == "" {
				c.note(l, h.Place, l.name+": hint "+h.Route, "the condition is missing")
			}
			if when := c.expression(l, h.When, h.Place, l.name+": hint "+h.Route); when != nil {
				op.hints = append(op.hints, condition{route: h.Route, when: when})
				conditions = append(conditions, when)
			}
		}
		for _, f := range l.rules.Fallbacks {
			compiled := c.fallback(op, l, f)
			op.fallbacks = append(op.fallbacks, compiled)
			conditions = append(conditions, compiled.when)
		}
		if l.rules.Otherwise != "" {
			c.route(l, l.rules.Otherwise, l.places["otherwise"], l.name+": otherwise")
			if op.otherwise == "" {
				op.otherwise = l.rules.Otherwise
			}
		}
	}
	c.needs(op, append(conditions, op.success, op.retry.on), all)
}

// needs works out what of the answer the conditions read.
func (c *compiler) needs(op *operation, conditions []*hint.Condition, all []*extract.Path) {
	op.readsJSON = len(op.variables) > 0
	for _, when := range conditions {
		if when == nil {
			continue
		}
		needs := when.Needs()
		op.readsJSON = op.readsJSON || needs.Body || len(needs.Paths) > 0
		op.readsText = op.readsText || needs.Text
		for _, source := range needs.Paths {
			if _, known := op.paths[source]; known {
				continue
			}
			path, err := extract.CompilePath(source)
			if err != nil {
				continue // The condition was refused for it.
			}
			op.paths[source] = len(all)
			all = append(all, path)
		}
	}
	op.reads = extract.NewReader(all)
}

// extracts adds a layer's extractions; those of an earlier layer stay.
func (c *compiler) extracts(op *operation, l layer) {
	seen := make(map[string]bool, len(l.rules.Extracts))
	for _, e := range l.rules.Extracts {
		name := l.name + ": extract " + e.Var
		if !variableName.MatchString(e.Var) {
			c.note(l, e.Place, name, "%q is not a variable's name: expected [a-z][a-z0-9_]*", e.Var)
		}
		if seen[e.Var] {
			c.note(l, e.Place, name, "the variable is extracted twice")
		}
		seen[e.Var] = true
		path, err := extract.CompilePath(e.Path)
		if err != nil {
			c.note(l, e.Place, name, "reading the path %q: %v", e.Path, err)
			continue
		}
		v := variable{name: e.Var, header: variableHeader(e.Var), path: path, required: e.Required}
		if len(e.Default) > 0 {
			v.fallback, err = extract.FromJSON(json.RawMessage(e.Default))
			v.hasDefault = err == nil
			if err != nil {
				c.note(l, e.Place, name, "reading the default %s: %v", e.Default, err)
			}
			if e.Required {
				c.note(l, e.Place, name, "a required variable has no default: expected one or the other")
			}
		}
		if !slices.ContainsFunc(op.variables, func(o variable) bool { return o.name == v.name }) {
			op.variables = append(op.variables, v)
		}
	}
}

// variableHeader is the header of a variable: order_status becomes
// Signpost-Var-Order-Status.
func variableHeader(name string) string {
	return http.CanonicalHeaderKey("Signpost-Var-" + strings.ReplaceAll(name, "_", "-"))
}

// fallback compiles one block.
func (c *compiler) fallback(op *operation, l layer, spec Fallback) fallback {
	name := l.name + ": fallback"
	f := fallback{stale: spec.Stale.Std(), route: spec.Route, next: spec.Next}
	f.when = c.expression(l, spec.When, spec.Places["fallback"], name)
	if spec.Route != "" {
		c.route(l, spec.Route, spec.Places["route"], name+": route")
	}
	if spec.Next != "" && spec.Next != nextContinue && spec.Next != nextStop {
		c.note(l, spec.Places["next"], name+": next", "%q is not continue or stop", spec.Next)
	}
	if spec.Stale == 0 && spec.Respond == nil && spec.Route == "" && spec.Next == "" {
		c.note(l, spec.Places["fallback"], name, "the block says nothing: expected stale, respond, route or next")
	}
	if r := spec.Respond; r != nil {
		f.respond, f.status, f.kind = true, r.Status, respondType(r)
		if r.Status < 200 || r.Status > 599 {
			c.note(l, spec.Places["respond"], name+": respond", "%d is not a status: expected 200 to 599", r.Status)
		}
		if r.Body != "" && bodiless(r.Status) {
			c.note(l, spec.Places["respond"], name+": respond", "an answer with status %d has no body", r.Status)
		}
		f.body = c.body(l, r.Body, f.kind, spec.Places["respond"], name+": respond")
	}
	return f
}

// respondType is the type that was written, else the one the body shows.
func respondType(r *Respond) string {
	switch {
	case r.Type != "" || r.Body == "":
		return r.Type
	case strings.HasPrefix(r.Body, "{") || strings.HasPrefix(r.Body, "["):
		return "application/json"
	default:
		return "text/plain; charset=utf-8"
	}
}

// body compiles a fallback's template and tests that what it reads exists.
func (c *compiler) body(l layer, source, kind string, at Place, name string) *template.Text {
	text, err := template.ParseText(source, kind)
	if err != nil {
		c.note(l, at, name, "reading the body: %v", err)
		return nil
	}
	for _, ref := range text.Refs() {
		known := l.scope.Vars
		if ref.Kind == template.Input {
			known = l.scope.Inputs
		}
		if !slices.Contains(known, ref.Name) {
			c.note(l, at, name, "{{%s.%s}} is read, but nothing gives it", ref.Kind, ref.Name)
		}
	}
	return text
}

// policyScope is what expressions of the policy itself may read: whatever any
// part of the policy extracts or captures.
func (c *compiler) policyScope(spec *PolicySpec) hint.Scope {
	s := hint.Scope{CheckPath: checkPath}
	s.Vars = appendVars(s.Vars, spec.Extracts)
	for i := range spec.Operations {
		o := &spec.Operations[i]
		s.Vars = appendVars(s.Vars, o.Extracts)
		s.Inputs = appendInputs(s.Inputs, o.Template)
	}
	return s
}

// operationScope is what expressions of one operation may read.
func (c *compiler) operationScope(spec *PolicySpec, o *OperationSpec) hint.Scope {
	s := hint.Scope{CheckPath: checkPath}
	s.Vars = appendVars(appendVars(s.Vars, spec.Extracts), o.Extracts)
	s.Inputs = appendInputs(s.Inputs, o.Template)
	return s
}

func checkPath(source string) error {
	_, err := extract.CompilePath(source)
	return err
}

func appendVars(names []string, extracts []Extract) []string {
	for _, e := range extracts {
		if !slices.Contains(names, e.Var) {
			names = append(names, e.Var)
		}
	}
	return names
}

func appendInputs(names []string, source string) []string {
	path, err := template.ParsePath(source)
	if err != nil {
		return names
	}
	for _, n := range path.Names() {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// isToken tells whether s can be a header's name (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	const others = "!#$%&'*+-.^_`|~"
	for _, r := range s {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !alnum && !strings.ContainsRune(others, r) {
			return false
		}
	}
	return s != ""
}
