package policy

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/hint"
	"github.com/signpost-gateway/signpost/policy/template"
)

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
		var located *hint.Error
		if errors.As(err, &located) {
			m.Snippet = located.Snippet()
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
			compiled := c.fallback(l, f)
			op.fallbacks = append(op.fallbacks, compiled)
			op.keepStale = max(op.keepStale, compiled.stale)
			conditions = append(conditions, compiled.when)
		}
		if l.rules.Otherwise != "" {
			c.route(l, l.rules.Otherwise, l.places["otherwise"], l.name+": otherwise")
			if op.otherwise == "" {
				op.otherwise = l.rules.Otherwise
			}
		}
	}
	op.successReads = op.success != nil && readsAnswer(op.success)
	c.needs(op, append(conditions, op.success, op.retry.on), all)
}

// readsAnswer tells whether a condition reads the body of an answer.
func readsAnswer(when *hint.Condition) bool {
	needs := when.Needs()
	return needs.Body || needs.Text || len(needs.Vars) > 0 || len(needs.Paths) > 0
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
			if !l.quiet {
				c.noSecrets(e.Place, name, string(e.Default))
			}
			v.fallback, err = extract.FromJSON(e.Default)
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
func (c *compiler) fallback(l layer, spec Fallback) fallback {
	name := l.name + ": fallback"
	f := fallback{stale: spec.Stale.Std(), route: spec.Route, next: spec.Next}
	f.when = c.expression(l, spec.When, spec.Places["fallback"], name)
	if spec.Route != "" {
		c.route(l, spec.Route, spec.Places["route"], name+": route")
	}
	if spec.Next != "" && spec.Next != nextContinue && spec.Next != nextStop {
		c.note(l, spec.Places["next"], name+": next", "%q is not continue or stop", spec.Next)
	}
	// A block in which a word was wrong says enough: its places tell.
	if spec.Stale == 0 && spec.Respond == nil && spec.Route == "" && spec.Next == "" && len(spec.Places) <= 1 {
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
	if !l.quiet {
		c.noSecrets(at, name, source)
	}
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
		s.Inputs = appendInputs(s.Inputs, o)
	}
	return s
}

// operationScope is what expressions of one operation may read.
func (c *compiler) operationScope(spec *PolicySpec, o *OperationSpec) hint.Scope {
	s := hint.Scope{CheckPath: checkPath}
	s.Vars = appendVars(appendVars(s.Vars, spec.Extracts), o.Extracts)
	s.Inputs = appendInputs(s.Inputs, o)
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

func appendInputs(names []string, o *OperationSpec) []string {
	for _, n := range inputNames(o) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
