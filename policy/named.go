package policy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy/input"
	"github.com/signpost-gateway/signpost/policy/template"
)

// Bounds of what a named call's variables may grow to, in bytes.
const (
	// maxInputs is how much a bot may send: a body, or a query.
	maxInputs = 1 << 20
	// maxLine is how long a value may be in a path, a query or a header.
	maxLine = 8 << 10
	// maxSent is how large the body may become that goes out.
	maxSent = 4 << 20
)

// blueprint is the request that a named call sends, compiled: what an operation
// says of it beside method and path. Each value is filled and escaped for where
// it stands, so that no variable can change anything else.
type blueprint struct {
	inputs   *input.Set // the declared variables, then those that templates read
	names    []string   // of inputs, in order
	declared bool       // an input is written, so that captured segments are judged
	query    []entry
	header   []entry
	form     []entry
	body     *template.Text // of json and text; nil: form, or no body
	kind     string         // the Content-Type of form and body, or empty
}

// entry is a name and the template of its value.
type entry struct {
	name  string
	value *template.Text
}

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
		if staysInside(canonical) && !isOwnHeader(canonical) {
			c.wrong(f.Place, label, "the header %s never goes out", canonical)
		}
	})
	c.inputs(op, spec, name)
}

// overwritten refuses headers of a named call that something else of the policy
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
}

// entries compiles fields; each is tested further by check, if there is one.
// Names of headers may not repeat, those of queries and forms may.
func (c *compiler) entries(fields []Field, name string, check func(Field, string)) []entry {
	compiled := make([]entry, 0, len(fields))
	for _, f := range fields {
		label := name + " " + f.Name
		if f.Name == "" {
			c.wrong(f.Place, name, "the name is missing")
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

// fill makes the request that a named call sends out of its variables. What is
// wrong with them is told of each.
func (b *blueprint) fill(path *template.Path, values []input.Value) (asked, []input.Problem) {
	f := filling{names: b.names, values: values}
	a := asked{header: make(http.Header, len(b.header)+1)}
	escaped, err := path.Append(nil, f.line)
	var wrong *template.ValueError
	if errors.As(err, &wrong) {
		f.wrong(wrong.Name, wrong.Msg)
	}
	a.path = string(escaped)
	a.query = strings.ReplaceAll(f.encoded(b.query, f.text), "+", "%20") // Not every third party reads a plus as a blank.
	if b.kind != "" {
		a.header["Content-Type"] = []string{b.kind}
		a.body = f.body(b)
	}
	for _, e := range b.header {
		a.header[http.CanonicalHeaderKey(e.name)] = []string{f.header(e.value)}
	}
	return a, f.problems
}

// filling is a request on its way from templates to text.
type filling struct {
	names    []string
	values   []input.Value
	problems []input.Problem
}

// wrong notes what is wrong with a variable, once.
func (f *filling) wrong(name, text string) {
	if !slices.ContainsFunc(f.problems, func(p input.Problem) bool { return p.Name == name }) {
		f.problems = append(f.problems, input.Problem{Name: name, Text: text})
	}
}

// value gives a variable.
func (f *filling) value(name string) input.Value {
	if i := slices.Index(f.names, name); i >= 0 && i < len(f.values) {
		return f.values[i]
	}
	return input.Value{}
}

// lookup gives a variable to a template.
func (f *filling) lookup(ref template.Ref) (json []byte, text string, ok bool) {
	v := f.value(ref.Name)
	return v.JSON(), v.Text(), v.Exists()
}

// line gives a variable for a place on a line of HTTP, where it cannot be long.
func (f *filling) line(name string) string {
	text := f.value(name).Text()
	if len(text) > maxLine {
		f.wrong(name, fmt.Sprintf("is too long: a path, a query or a header takes at most %s", Size(maxLine)))
		return "-"
	}
	return text
}

// text fills a template whose values stand on a line.
func (f *filling) text(t *template.Text) []byte {
	return t.Append(nil, func(ref template.Ref) ([]byte, string, bool) { return nil, f.line(ref.Name), true })
}

// header fills a header's value, which holds no control characters.
func (f *filling) header(t *template.Text) string {
	return string(t.Append(nil, func(ref template.Ref) ([]byte, string, bool) {
		text := f.line(ref.Name)
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			f.wrong(ref.Name, "holds a control character, which cannot stand in a header")
			text = ""
		}
		return nil, text, true
	}))
}

// encoded writes fields as a form has them.
func (f *filling) encoded(fields []entry, fill func(*template.Text) []byte) string {
	var b strings.Builder
	for i, e := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(e.name) + "=" + url.QueryEscape(string(fill(e.value))))
	}
	return b.String()
}

// body fills the body, which is bounded.
func (f *filling) body(b *blueprint) []byte {
	fill := func(t *template.Text) []byte { return t.Append(nil, f.lookup) }
	room := maxSent
	if b.body != nil {
		if !f.fits(b.body, &room) {
			return nil
		}
		return fill(b.body)
	}
	for _, e := range b.form {
		if !f.fits(e.value, &room) {
			return nil
		}
	}
	return []byte(f.encoded(b.form, fill))
}

// fits takes what a template needs at most, when it is filled, from the room
// that is left.
func (f *filling) fits(t *template.Text, room *int) bool {
	longest := 0
	for _, ref := range t.Refs() {
		v := f.value(ref.Name)
		longest = max(longest, len(v.Text()), len(v.JSON()))
		if t.Places()*longest > *room {
			f.wrong(ref.Name, fmt.Sprintf("is too long: a body takes at most %s", Size(maxSent)))
			return false
		}
	}
	*room -= t.Places() * longest
	return true
}
