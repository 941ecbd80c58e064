package openapi

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// maxComments bounds the comment above one operation, in lines.
const maxComments = 40

// drafter drafts operations of one document.
type drafter struct {
	*document
	inject  []policy.Inject
	headers map[string]bool // whether a policy can set them, by name
	forms   *forms
	bodies  int // how large the bodies of tests are together
}

// operation is one operation while it is drafted.
type operation struct {
	*drafter
	choice
	item *openapi3.PathItem
	says *openapi3.Operation
	spec policy.OperationSpec

	used     map[string]bool     // the names of variables
	examples map[string]any      // of variables, by name
	places   map[string][]string // where variables stand in a JSON body
	about    []string            // comments: what it is
	inputs   []string            // comments: what its variables are
	optional []string            // comments: lines that can be taken over
	routes   []string            // comments: hints that can be taken over
	tests    []policytest.Test
	left     string // why the operation is left out, if it is
}

// operation drafts one operation. Where it is left out, it says why.
func (d *drafter) operation(o choice, item *openapi3.PathItem, says *openapi3.Operation) *operation {
	out := &operation{
		drafter: d, choice: o, item: item, says: says,
		used: make(map[string]bool), examples: make(map[string]any), places: make(map[string][]string),
	}
	out.spec.Name, out.spec.Method = o.name, o.method
	if about := sentence(orElse(says.Summary, says.Description)); about != "" {
		out.about = append(out.about, about)
	}
	if says.Deprecated {
		out.about = append(out.about, "Deprecated: the third party may end it.")
	}
	for _, part := range []func(){out.path, out.parameters, out.body, out.answers} {
		out.forms.left = maxSchemas
		if part(); out.left != "" {
			return out
		}
	}
	if mistakes := mistakesOf(policy.PolicySpec{BaseURL: "https://a.example", Inject: d.inject, Operations: []policy.OperationSpec{out.spec}}); len(mistakes) > 0 {
		out.leave("%s", mistakes[0].Text)
	}
	return out
}

// leave notes why the operation is left out.
func (o *operation) leave(format string, args ...any) {
	if o.left == "" {
		o.left = line(format, args...)
	}
}

// comments gives the lines above the operation.
func (o *operation) comments() []string {
	lines := slices.Concat(o.about, o.inputs)
	if len(o.optional) > 0 {
		lines = append(lines, "Optional, and left out, since a call sends all that is written here:")
		lines = append(lines, o.optional...)
	}
	if len(o.routes) > 0 {
		lines = append(append(lines, "Other answers that could have a route:"), o.routes...)
	}
	if len(lines) > maxComments {
		lines = append(lines[:maxComments-1], "and more: see the document")
	}
	return lines
}

// variable gives a new name for a variable; where is put before it if something
// else has that name.
func (o *operation) variable(name, where string) string {
	var names draft.Names // A new one, since the names in use are those of o.used.
	v := names.Of(name, where)
	for o.used[v] {
		v = names.Of(where+" "+name, where) // With a number from the second time on.
	}
	o.used[v] = true
	return v
}

// maxOption is how long a comment may be that stays on one line, in bytes.
const maxOption = 90

// proposal is a comment with a line that can be taken over, and what it is for.
func proposal(text, about string) string {
	if room := maxOption - len(text); about != "" && room > 20 {
		text += " # " + cut(about, room)
	}
	return printable(text)
}

// option adds a proposal for the request.
func (o *operation) option(text, about string) {
	o.optional = append(o.optional, proposal(text, about))
}

// path makes the template: each segment is a literal or one variable.
func (o *operation) path() {
	segments := strings.Split(o.choice.path, "/")
	if segments[0] != "" || strings.ContainsAny(o.choice.path, "?#") {
		o.leave("its path is not one: expected such as /orders/{id}")
		return
	}
	known := make(map[string]bool)
	for i, segment := range segments {
		if !strings.ContainsAny(segment, "{}") {
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(segment, "{"), "}")
		if len(name) != len(segment)-2 || strings.ContainsAny(name, "{}") || known[name] {
			o.leave("a variable in its path is not a segment of its own")
			return
		}
		known[name] = true
		v := o.variable(name, "path")
		segments[i] = "{{" + v + "}}"
		o.pathInput(v, name)
	}
	o.spec.Template = strings.Join(segments, "/")
}

// pathInput says of a variable of the path what its parameter says.
func (o *operation) pathInput(v, name string) {
	p := o.parameter("path", name)
	if p == nil {
		return
	}
	o.input(v, o.forms.of(schemaOf(p)), p, false)
}
