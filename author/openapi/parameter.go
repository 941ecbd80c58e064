package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/input"
)

// maxEnum bounds the values that an input is one of.
const maxEnum = 100

// maxParameters bounds the parameters of one operation. A call has fewer variables.
const maxParameters = 256

// all gives the parameters of the operation; its own take the place of those of its
// path.
func (o *operation) all() []*openapi3.Parameter {
	if len(o.says.Parameters)+len(o.item.Parameters) > maxParameters {
		o.leave("it has more than %d parameters", maxParameters)
		return nil
	}
	var all []*openapi3.Parameter
	for _, ref := range slices.Concat(o.says.Parameters, o.item.Parameters) {
		if ref == nil || ref.Value == nil {
			continue
		}
		same := func(p *openapi3.Parameter) bool { return p.Name == ref.Value.Name && p.In == ref.Value.In }
		if !slices.ContainsFunc(all, same) {
			all = append(all, ref.Value)
		}
	}
	return all
}

// parameter gives the one of that name, nil where there is none.
func (o *operation) parameter(in, name string) *openapi3.Parameter {
	for _, p := range o.all() {
		if p.In == in && p.Name == name {
			return p
		}
	}
	return nil
}

// schemaOf gives a parameter's schema, nil where it has none.
func schemaOf(p *openapi3.Parameter) *openapi3.SchemaRef {
	if p.Schema != nil {
		return p.Schema
	}
	for _, media := range p.Content {
		if media != nil {
			return media.Schema // There is only one (OpenAPI 3.1.1, section 4.8.12.3).
		}
	}
	return nil
}

// parameters takes those of the query and the header.
func (o *operation) parameters() {
	for _, p := range o.all() {
		switch {
		case p.In == "query":
			o.query(p)
		case p.In == "header":
			o.header(p)
		case p.In == "cookie" && p.Required:
			o.leave("it needs the cookie %s, which no call can send", quote(p.Name))
		}
	}
}

// query takes a parameter of the query.
func (o *operation) query(p *openapi3.Parameter) {
	injected := func(in policy.Inject) bool { return in.As == "query" && in.Name == p.Name }
	if slices.ContainsFunc(o.inject, injected) {
		return
	}
	f := o.forms.of(schemaOf(p))
	structured := len(p.Content) > 0
	list := f.kind == "array" && !structured
	if p.Name == "" || !holdable(p.Name) || p.Style == "deepObject" || f.kind == "object" && !structured || list && !o.isListOfScalars(f) {
		if p.Required {
			o.leave("its parameter %s has a form that a policy cannot say", quote(p.Name))
		}
		return
	}
	if list {
		p, f = o.listed(p, f)
	}
	value, sent := o.field(p, f, "query")
	if !sent {
		return
	}
	if list && isExploded(p) {
		o.warn("its parameter %s is a list, and a call sends one value of it", quote(p.Name))
	}
	o.spec.Query = append(o.spec.Query, policy.Field{Name: p.Name, Value: value})
}

// header takes a parameter of the header. Some are none (OpenAPI 3.1.1, section
// 4.8.12), and Idempotency-Key is the bot's to send.
func (o *operation) header(p *openapi3.Parameter) {
	for _, name := range []string{"Accept", "Content-Type", "Authorization", "Idempotency-Key"} {
		if strings.EqualFold(p.Name, name) {
			return
		}
	}
	same := func(name string) bool { return strings.EqualFold(name, p.Name) }
	if slices.ContainsFunc(o.inject, func(in policy.Inject) bool { return in.As == "header" && same(in.Name) }) ||
		slices.ContainsFunc(o.spec.Header, func(f policy.Field) bool { return same(f.Name) }) {
		return
	}
	can, asked := o.headers[p.Name]
	if !asked {
		can = injectable(p.Name)
		o.headers[p.Name] = can
	}
	if !can {
		if p.Required {
			o.leave("it needs the header %s, which a call cannot send", quote(p.Name))
		}
		return
	}
	if value, sent := o.field(p, o.forms.of(schemaOf(p)), "header"); sent {
		o.spec.Header = append(o.spec.Header, policy.Field{Name: p.Name, Value: value})
	}
}

// field gives the template of a parameter that calls send: one that is required, or
// has a default. Others cannot be left out by a call, and become a comment.
func (o *operation) field(p *openapi3.Parameter, f *form, word string) (template string, sent bool) {
	if fixed, is := f.fixed(); is && p.Required && holdable(fixed) {
		return fixed, true
	}
	if !p.Required && !f.hasStandard() {
		v := o.variable(p.Name, p.In)
		delete(o.used, v) // It is a proposal.
		o.option(fmt.Sprintf("%s %s \"{{%s}}\"", word, p.Name, v), f.summary(p.Description))
		return "", false
	}
	v := o.variable(p.Name, p.In)
	o.input(v, f, p, len(p.Content) > 0)
	return "{{" + v + "}}", true
}

// fixed gives the only value that there is, if there is only one.
func (f *form) fixed() (string, bool) {
	if f.constant != nil {
		return asText(f.constant)
	}
	if len(f.enum) == 1 {
		return asText(f.enum[0])
	}
	return "", false
}

// hasStandard tells whether there is a default that means something.
func (f *form) hasStandard() bool {
	text, is := asText(f.standard)
	return f.standard != nil && (!is || text != "")
}

// summary says what something is, in a comment.
func (f *form) summary(about string) string {
	about = sentence(orElse(about, f.about))
	var more []string
	if f.format != "" && f.format != "int32" && f.format != "int64" && f.format != "float" && f.format != "double" {
		more = append(more, f.format)
	}
	if f.kind == "array" {
		more = append(more, "a list")
	}
	if f.list != "" {
		more = append(more, f.list)
	}
	if len(f.enum) > 1 && len(f.enum) <= 12 {
		more = append(more, "one of "+joined(f.enum))
	}
	if len(more) == 0 || about == "" {
		return about + strings.Join(more, "; ")
	}
	return about + " (" + strings.Join(more, "; ") + ")"
}

// joined gives the values of an enumeration as people read them.
func joined(values []any) string {
	return cut(strings.Join(asTexts(values), ", "), maxQuote)
}

// input declares a variable as far as its schema says more of it than that it is
// required, and keeps its example for tests. asJSON takes any value, as JSON.
func (o *operation) input(v string, f *form, p *openapi3.Parameter, asJSON bool) {
	description := ""
	if p != nil {
		description = p.Description
		o.keepExample(v, exampleOf(p))
	}
	o.keepExample(v, f.example)
	if about := f.summary(description); about != "" {
		o.inputs = append(o.inputs, printable(v+": "+about))
	}
	in := policy.InputSpec{Var: v, Type: f.inputType()}
	if asJSON {
		in.Type = "json"
	}
	if len(f.enum) > 0 && len(f.enum) <= maxEnum && in.Type != "json" {
		in.In = o.allowed(v, f.enum)
	}
	if f.kind == "string" && f.pattern != "" && in.In == nil {
		in.Matches = o.matches(v, f.pattern)
	}
	if f.hasStandard() {
		in.Default = o.standard(v, f)
	}
	if in = o.compiled(in); in.Type != "" || in.Default != nil || in.Matches != "" || in.In != nil {
		o.spec.Inputs = append(o.spec.Inputs, in)
	}
}

// inputType is the type of the input: of what is a text there may be numbers, too.
func (f *form) inputType() string {
	switch f.kind {
	case "integer", "number":
		return "number"
	case "boolean":
		return "bool"
	}
	return ""
}

// keepExample notes the first example of a variable.
func (o *operation) keepExample(v string, example any) {
	if _, known := o.examples[v]; !known && example != nil {
		o.examples[v] = example
	}
}

// exampleOf gives a parameter's first example, nil where it has none.
func exampleOf(p *openapi3.Parameter) any {
	if p.Example != nil {
		return p.Example
	}
	if len(p.Examples) > maxContents {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.Examples)) {
		if ref := p.Examples[name]; ref != nil && ref.Value != nil && ref.Value.Value != nil {
			return ref.Value.Value
		}
	}
	return nil
}

// allowed gives the values of an enumeration as texts, none where one of them
// cannot stand in a policy.
func (o *operation) allowed(v string, enum []any) []string {
	var in []string
	for _, one := range enum {
		text, is := asText(one)
		switch {
		case one == nil || is && text == "":
			continue // Nothing is no value to send.
		case !is || !holdable(text):
			o.warn("%s may be anything, since its values cannot all stand in a policy", v)
			return nil
		}
		if !slices.Contains(in, text) {
			in = append(in, text)
		}
	}
	return in
}

// matches makes the pattern of JSON Schema, which is found somewhere in a text, one
// that the whole text matches.
func (o *operation) matches(v, pattern string) string {
	whole := strings.HasPrefix(pattern, "^") && strings.HasSuffix(pattern, "$") &&
		!strings.HasSuffix(pattern, `\$`) && !strings.Contains(pattern, "|")
	source := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	if !whole {
		source = "(?s:.*)(?:" + pattern + ")(?s:.*)"
	}
	if _, err := input.Compile([]input.Spec{{Name: v, Matches: source}}); err != nil || !holdablePattern(source) {
		o.warn("%s may be anything, since its pattern %s is not one of RE2", v, quote(pattern))
		return ""
	}
	return source
}

// standard gives the default as JSON.
func (o *operation) standard(v string, f *form) json.RawMessage {
	raw, err := []byte(nil), errTooLarge
	if isSmall(f.standard, maxLine) {
		raw, err = json.Marshal(f.standard)
	}
	text, is := asText(f.standard)
	if err != nil || is && !holdable(text) || !is && (!holdable(strings.NewReplacer("{", "", "}", "").Replace(string(raw))) || !holdablePattern(string(raw))) {
		o.warn("%s has no default, since that of the document cannot stand in a policy", v)
		return nil
	}
	return raw
}

// errTooLarge is why a value is not looked at.
var errTooLarge = errors.New("the value is too large")

// compiled drops what an input cannot have: a default that it does not allow, then
// the values that are not of its type.
func (o *operation) compiled(in policy.InputSpec) policy.InputSpec {
	good := func() bool {
		_, err := input.Compile([]input.Spec{{Name: in.Var, Type: in.Type, Default: in.Default, Matches: in.Matches, In: in.In}})
		return err == nil
	}
	if !good() && in.Default != nil {
		in.Default = nil
		o.warn("%s has no default, since that of the document is none that it allows", in.Var)
	}
	if !good() {
		in.In, in.Matches = nil, ""
		o.warn("%s may be anything, since its values are not of its type", in.Var)
	}
	return in
}

// warn adds a warning about the operation.
func (o *operation) warn(format string, args ...any) {
	o.notes.add("%s: %s", o.choice, line(format, args...))
}
