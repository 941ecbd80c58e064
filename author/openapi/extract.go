package openapi

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// Bounds of the variables that are read of an answer.
const (
	maxExtracts = 8
	maxOfFirst  = 4 // Of the first of a list.
	maxLevels   = 2 // Of objects and lists that they stand in.
)

// found is a value of an answer that a variable could have.
type found struct {
	name  string // of the variable, before it is made one
	path  []step
	minor bool // an address, which is for programs
	first bool // it is of the first of a list
}

// step leads to a member, or to the first value of a list where it has no text.
type step struct{ member, text string }

// extracts reads the values of the answer that a conversation may need: of its two
// upper levels, and not many.
func (o *operation) extracts(media *openapi3.MediaType) {
	all := o.shown(o.values(media.Schema, "", nil), media)
	var taken []policy.Extract
	used := make(map[string]bool)
	for _, minor := range []bool{false, true} {
		ofFirst := 0
		for _, f := range all {
			if f.minor != minor || len(taken) == maxExtracts || f.first && ofFirst == maxOfFirst || minor && len(taken) > 0 {
				continue
			}
			if e, ok := extraction(f, used); ok {
				taken = append(taken, e)
				if f.first {
					ofFirst++
				}
			}
		}
	}
	if len(taken) > 0 && o.bodiless() {
		o.about = append(o.about, "Nothing is read of its answers, since some come without JSON and would be unmappable:")
		for _, e := range taken {
			o.about = append(o.about, printable(policy.ExtractLine(e.Var, e.Path)))
		}
		return
	}
	o.spec.Extracts = taken
}

// shown leaves the values that an example has, where there is one: what stands in
// none is seldom there.
func (o *operation) shown(all []found, media *openapi3.MediaType) []found {
	examples := o.examplesOf(media)
	in := slices.DeleteFunc(slices.Clone(all), func(f found) bool {
		return !slices.ContainsFunc(examples, func(e example) bool { return f.in(e.value) })
	})
	if len(in) == 0 {
		return all
	}
	return in
}

// in tells whether an example has the value.
func (f *found) in(v any) bool {
	for _, s := range f.path {
		if list, is := v.([]any); is && s.text == "" && len(list) > 0 {
			v = list[0]
			continue
		}
		object, _ := v.(map[string]any)
		if v = object[s.member]; v == nil {
			return false
		}
	}
	return isScalar(v)
}

// extraction makes the extraction of a value. A name that another one has cannot be
// made another by a number, which would tell nobody what it is.
func extraction(f found, used map[string]bool) (policy.Extract, bool) {
	v := draft.Word(f.name)
	path := "$"
	for _, s := range f.path {
		path += cmp.Or(s.text, "[0]")
	}
	if _, err := extract.CompilePath(path); err != nil || !variableName.MatchString(v) || used[v] || !holdablePattern(path) {
		return policy.Extract{}, false
	}
	used[v] = true
	return policy.Extract{Var: v, Path: path}, true
}

// variableName is the form of a variable's name.
var variableName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// values gives the values of an object, those of its own before those of objects
// inside.
func (o *operation) values(ref *openapi3.SchemaRef, prefix string, path []step) []found {
	f := o.forms.of(ref)
	switch {
	case f.kind == "array" && len(path) < maxLevels:
		return o.firstOf(f, prefix, path)
	case f.kind != "object":
		return nil
	}
	var own, below []found
	objects := 0
	for _, m := range f.members {
		if of := o.forms.of(m.schema); !of.isScalar() {
			objects++
		}
	}
	for _, m := range f.members {
		of := o.forms.of(m.schema)
		text, ok := stepTo(m.name)
		if !ok {
			continue
		}
		at := append(path[:len(path):len(path)], step{m.name, text})
		name := joinName(prefix, m.name)
		if of.isScalar() && draft.IsPrivate(m.name) {
			continue // Nobody is to read a credential out of a header.
		}
		if of.isScalar() {
			own = append(own, found{name: name, path: at, minor: isAddress(m.name, of)})
			continue
		}
		if objects == 1 && len(f.members) <= 3 {
			name = prefix // An envelope around the one thing that was asked for.
		}
		repeats := m.schema.Value != nil && ref.Value == m.schema.Value
		if len(path) == 0 && !repeats || len(path) < maxLevels && name == prefix {
			below = append(below, o.values(m.schema, name, at)...)
		}
	}
	return append(own, below...)
}

// joinName puts what a value is part of before its name, if that does not say so
// itself: the account_id of an account is no account_account_id.
func joinName(prefix, name string) string {
	words := strings.Fields(prefix)
	if last := len(words) - 1; last >= 0 && strings.HasPrefix(draft.Word(name)+"_", draft.Word(words[last])+"_") {
		words = words[:last]
	}
	return strings.Join(append(words, name), " ")
}

// firstOf gives values of the first of a list.
func (o *operation) firstOf(f *form, prefix string, path []step) []found {
	of := o.forms.of(f.items)
	at := append(path[:len(path):len(path)], step{})
	prefix = strings.TrimSpace("first " + draft.Singular(prefix))
	if of.isScalar() {
		return []found{{name: prefix, path: at, first: true}}
	}
	if of.kind != "object" {
		return nil
	}
	all := o.values(f.items, prefix, at)
	for i := range all {
		all[i].first = true
	}
	return all
}

// isAddress tells values that are for programs.
func isAddress(name string, f *form) bool {
	return strings.HasPrefix(f.format, "uri") || name == "url" || strings.HasSuffix(name, "_url") || strings.HasSuffix(name, "Url") || name == "href"
}

// plainStep is a member's name that needs no brackets (RFC 9535, section 2.5.1.1).
var plainStep = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// stepTo is the step of a JSONPath to a member.
func stepTo(name string) (string, bool) {
	if plainStep.MatchString(name) {
		return "." + name, true
	}
	return fmt.Sprintf("['%s']", strings.ReplaceAll(name, "'", `\'`)), holdable(name) && !strings.Contains(name, `\`)
}
