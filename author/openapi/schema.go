package openapi

import (
	"encoding/json"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Bounds of following schemas.
const (
	// maxSchemas bounds how many are looked at for one part of an operation.
	maxSchemas = 4000
	// maxParts bounds how many one consists of, by allOf and its like.
	maxParts = 200
	// maxMembers bounds the members of one object that are looked at.
	maxMembers = 200
	// maxNesting bounds how deep objects are followed.
	maxNesting = 6
)

// form is what a schema says, as far as it matters here, with all that it consists
// of in one.
type form struct {
	kind     string // string, integer, number, boolean, array, object, or empty
	format   string
	pattern  string
	about    string // its description
	enum     []any
	constant any // nil: none
	standard any // the default, nil: none
	example  any // nil: none
	readOnly bool
	members  []member // of an object, in their order
	required []string
	items    *openapi3.SchemaRef
	list     string // of what a call sends for a list: how it does
	choices  int    // of how many alternatives the first one was taken, if of any
}

// member is one property of an object.
type member struct {
	name     string
	schema   *openapi3.SchemaRef
	required bool
}

// forms are what the schemas of a document say, each worked out once. Nobody
// changes them.
type forms struct {
	known map[*openapi3.Schema]*form
	left  int // how many may still be looked at for the part of an operation
}

// of gives what a schema says. One that is missing or too much says nothing.
func (f *forms) of(ref *openapi3.SchemaRef) *form {
	if f.left--; ref == nil || ref.Value == nil || f.left < 0 {
		return &form{}
	}
	if known := f.known[ref.Value]; known != nil {
		return known
	}
	out := &form{}
	(&merging{form: out, left: maxParts, open: make(map[*openapi3.Schema]bool)}).add(ref)
	for i := range out.members {
		out.members[i].required = slices.Contains(out.required, out.members[i].name)
	}
	if out.kind == "" {
		out.kind = out.implied()
	}
	f.known[ref.Value] = out
	return out
}

// implied gives the type that the values of a schema without a type have.
func (f *form) implied() string {
	if len(f.members) > 0 {
		return "object"
	}
	kind := ""
	for _, v := range append(slices.Clone(f.enum), f.constant) {
		is := ""
		switch v.(type) {
		case nil:
			continue
		case string:
			is = "string"
		case float64:
			is = "number"
		case bool:
			is = "boolean"
		}
		if is == "" || kind != "" && kind != is {
			return ""
		}
		kind = is
	}
	return kind
}

// merging makes one form of the schemas that it consists of.
type merging struct {
	*form
	left int                       // how many may still be added
	open map[*openapi3.Schema]bool // those that are being added
}

// add adds what a schema says. What was said before stays.
func (m *merging) add(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil || m.open[ref.Value] || m.left <= 0 {
		return
	}
	m.left--
	s := ref.Value
	m.open[s] = true
	defer delete(m.open, s)
	m.own(s)
	for _, part := range first(s.AllOf, maxParts) {
		m.add(part)
	}
	alternatives := slices.DeleteFunc(slices.Concat(first(s.OneOf, maxParts), first(s.AnyOf, maxParts)), nothing)
	if len(alternatives) > 1 {
		m.choices = len(alternatives)
	}
	if len(alternatives) > 0 {
		m.add(alternatives[0])
	}
}

// first gives as many of the first as there may be.
func first[T any](all []T, most int) []T { return all[:min(len(all), most)] }

// nothing tells the alternative that stands for null.
func nothing(ref *openapi3.SchemaRef) bool {
	return ref == nil || ref.Value == nil || ref.Value.Type.Is(openapi3.TypeNull)
}

// own adds what the schema itself says.
func (f *form) own(s *openapi3.Schema) {
	f.kind = orElse(f.kind, kindOf(s))
	f.format = orElse(f.format, s.Format)
	f.pattern = orElse(f.pattern, s.Pattern)
	f.about = orElse(f.about, s.Description)
	f.readOnly = f.readOnly || s.ReadOnly
	if f.enum == nil {
		f.enum = s.Enum
	}
	if f.constant == nil {
		f.constant = s.Const
	}
	if f.standard == nil {
		f.standard = s.Default
	}
	if f.example == nil {
		if f.example = s.Example; f.example == nil && len(s.Examples) > 0 {
			f.example = s.Examples[0]
		}
	}
	if f.items == nil {
		f.items = s.Items
	}
	f.required = append(f.required, first(s.Required, maxMembers)...)
	for _, name := range orderOf(s) {
		if len(f.members) == maxMembers {
			return
		}
		known := slices.ContainsFunc(f.members, func(m member) bool { return m.name == name })
		if property := s.Properties[name]; property != nil && !known {
			f.members = append(f.members, member{name: name, schema: property})
		}
	}
}

// kindOf gives the type of a schema: the first that is not null.
func kindOf(s *openapi3.Schema) string {
	for _, t := range s.Type.Slice() {
		if t != openapi3.TypeNull {
			return t
		}
	}
	switch {
	case len(s.Properties) > 0:
		return openapi3.TypeObject
	case s.Items != nil:
		return openapi3.TypeArray
	}
	return ""
}

// orderOf gives the names of the properties in the document's order.
func orderOf(s *openapi3.Schema) []string {
	list, _ := s.Extensions[orderKey].([]any)
	list = first(list, maxMembers)
	names := make([]string, 0, len(list))
	for _, v := range list {
		if name, is := v.(string); is {
			names = append(names, name)
		}
	}
	return names
}

// orElse gives the first text that is not empty.
func orElse(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

// isScalar tells what has one value without structure.
func (f *form) isScalar() bool {
	switch f.kind {
	case "string", "integer", "number", "boolean":
		return true
	}
	return false
}

// asText gives a scalar of the document as a text.
func asText(v any) (string, bool) {
	switch t := v.(type) {
	case string:
		return t, true
	case bool, float64, json.Number:
		raw, err := json.Marshal(t)
		return string(raw), err == nil
	}
	return "", false
}
