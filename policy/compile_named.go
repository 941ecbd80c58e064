package policy

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy/input"
	"github.com/signpost-gateway/signpost/policy/template"
)

// blueprint compiles what a named call of the operation sends.
func (c *compiler) blueprint(op *operation, spec *OperationSpec, name string) {
	b := &op.sends
	b.query = c.entries(spec.Query, name+": query", nil)
	b.form = c.payload(b, spec.Body, name)
	b.header = c.entries(spec.Header, name+": header", func(f Field, label string) {
		if !isToken(f.Name) {
			c.wrong(f.Place, label, "%q is not a header name", f.Name)
		}
		canonical := http.CanonicalHeaderKey(f.Name)
		c.uninjectable(canonical, f.Place, label)
		if strings.ContainsFunc(f.Value, isControl) {
			c.wrong(f.Place, label, "the value holds a control character")
		}
		if staysInside(canonical) && !isOwnHeader(canonical) {
			c.wrong(f.Place, label, "the header %s never goes out", canonical)
		}
	})
	c.inputs(op, spec, name)
}

// overwritten refuses headers and parameters of a named call that something else of the policy
// removes or replaces.
func (c *compiler) overwritten(op *operation, spec *OperationSpec, name string) {
	for _, f := range spec.Header {
		header := http.CanonicalHeaderKey(f.Name)
		if slices.Contains(op.strip, header) {
			c.wrong(f.Place, name+": header "+f.Name, "strip removes the header: expected one or the other")
		}
		if slices.ContainsFunc(op.policy.inject, func(in injection) bool { return in.header == header }) {
			c.wrong(f.Place, name+": header "+f.Name, "inject replaces the header: expected one or the other")
		}
	}
	for _, f := range spec.Query {
		if slices.ContainsFunc(op.policy.inject, func(in injection) bool { return in.query != "" && in.query == f.Name }) {
			c.wrong(f.Place, name+": query "+f.Name, "inject replaces the parameter: expected one or the other")
		}
	}
}

// entries compiles fields; each is tested further by check, if there is one.
// Names of headers may not repeat, those of queries and forms may.
func (c *compiler) entries(fields []Field, name string, check func(Field, string)) []entry {
	compiled := make([]entry, 0, len(fields))
	for _, f := range fields {
		label := name + " " + f.Name
		if f.Name == "" || strings.Contains(f.Name, "{{") {
			c.wrong(f.Place, name, "%q is not a name: only a value may hold variables", f.Name)
			continue
		}
		if check != nil {
			check(f, label)
			same := func(e entry) bool { return strings.EqualFold(e.name, f.Name) }
			if slices.ContainsFunc(compiled, same) {
				c.wrong(f.Place, label, "the header is set twice")
			}
		}
		if text := c.sent(f.Value, "", f.Place, label); text != nil {
			compiled = append(compiled, entry{f.Name, text})
		}
	}
	return compiled
}

// sent compiles a template of which every variable is the bot's.
func (c *compiler) sent(source, kind string, at Place, name string) *template.Text {
	c.noSecrets(at, name, source)
	text, err := template.ParseText(source, kind)
	if err != nil {
		c.wrong(at, name, "reading the template: %v", err)
		return nil
	}
	for _, ref := range text.Refs() {
		if ref.Kind != template.Input {
			c.wrong(at, name, "{{%s.%s}} is read before there is an answer: expected {{x}} of the bot's variables", ref.Kind, ref.Name)
		}
	}
	return text
}

// payload compiles the body, and gives the fields of a form.
func (c *compiler) payload(b *blueprint, spec *BodySpec, name string) []entry {
	if spec == nil {
		return nil
	}
	name += ": " + spec.As
	switch spec.As {
	case "json":
		b.kind = "application/json"
		if strings.TrimSpace(spec.Template) == "" {
			c.wrong(spec.Place, name, "the template is empty: expected JSON")
		}
	case "text":
		b.kind = "text/plain; charset=utf-8"
	case "form":
		b.kind = "application/x-www-form-urlencoded"
		return c.entries(spec.Form, name, nil)
	default:
		c.wrong(spec.Place, name, "%q is not a kind of body: expected json, form or text", spec.As)
		return nil
	}
	b.body = c.sent(spec.Template, b.kind, spec.Place, name)
	return nil
}

// inputs compiles the variables: those that are declared, then those that only a
// template names, which are required.
func (c *compiler) inputs(op *operation, spec *OperationSpec, name string) {
	specs := make([]input.Spec, 0, len(spec.Inputs))
	for _, in := range spec.Inputs {
		specs = append(specs, input.Spec{Name: in.Var, Type: in.Type, Default: in.Default, Matches: in.Matches, In: in.In})
		c.noSecrets(in.Place, name+": input "+in.Var, string(in.Default))
	}
	op.sends.declared = len(specs) > 0
	for _, n := range inputNames(spec)[len(specs):] {
		specs = append(specs, input.Spec{Name: n})
	}
	set, err := input.Compile(specs)
	if err != nil {
		c.inputMistakes(spec, err, name)
		set, _ = input.Compile(nil) // So that the rest can be looked at.
	}
	op.sends.inputs, op.sends.names = set, set.Names()
}

// inputMistakes notes each mistake where its input stands.
func (c *compiler) inputMistakes(spec *OperationSpec, err error, name string) {
	var wrong *input.SpecError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			c.inputMistakes(spec, one, name)
		}
		return
	}
	if !errors.As(err, &wrong) {
		c.wrong(spec.Places["operation"], name+": input", "%v", err)
		return
	}
	at := spec.Places["operation"]
	for _, in := range spec.Inputs {
		if in.Var == wrong.Name {
			at = in.Place // The last one, of two of the same name.
		}
	}
	c.wrong(at, name+": input "+wrong.Name, "%s", wrong.Text)
}

// inputNames gives the names of all variables of an operation: those that are
// declared, in order, then those that its templates read. What cannot be parsed
// has none.
func inputNames(spec *OperationSpec) []string {
	names := make([]string, 0, len(spec.Inputs)+4)
	for _, in := range spec.Inputs {
		names = append(names, in.Var)
	}
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if path, err := template.ParsePath(spec.Template); err == nil {
		for _, n := range path.Names() {
			add(n)
		}
	}
	for _, source := range spec.templates() {
		text, err := template.ParseText(source, "")
		if err != nil {
			continue
		}
		for _, ref := range text.Refs() {
			if ref.Kind == template.Input {
				add(ref.Name)
			}
		}
	}
	return names
}

// templates are the texts with variables that a named call sends, but its path.
func (spec *OperationSpec) templates() []string {
	var sources []string
	fields := slices.Concat(spec.Query, spec.Header)
	if b := spec.Body; b != nil {
		fields = append(fields, b.Form...)
		sources = append(sources, b.Template)
	}
	for _, f := range fields {
		sources = append(sources, f.Value)
	}
	return sources
}
