package postman

import (
	"maps"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// scope holds the variables of the collection or of a folder in it.
type scope struct {
	values map[string]string
	outer  *scope
	shared *shared
}

// shared is what all scopes of a collection have in common.
type shared struct {
	given map[string]string // of whoever imports; they come before all others
	left  int               // how many bytes may still be made by filling variables
}

// maxFilled bounds what is made by filling variables, in bytes: a collection could
// say the same again and again in a few words.
const maxFilled = 64 << 20

// newScope makes the scope of a collection.
func newScope(given map[string]string) *scope {
	return &scope{values: make(map[string]string), shared: &shared{given: given, left: maxFilled}}
}

// with is the scope of a folder or a request.
func (s *scope) with(variables []param) *scope {
	if len(variables) == 0 {
		return s
	}
	inner := &scope{values: make(map[string]string), outer: s, shared: s.shared}
	inner.set(variables)
	return inner
}

// set adds variables. One without a value is as good as none.
func (s *scope) set(variables []param) {
	for _, v := range variables {
		if name := v.name(); name != "" && v.Value != "" && len(v.Value) <= maxResolved && !v.Disabled {
			s.values[name] = string(v.Value)
		}
	}
}

// get gives the value of a variable, where it has one that is no credential.
func (s *scope) get(name string) (value string, found bool) {
	if isSecret(name) {
		return "", false
	}
	if value, found = s.shared.given[name]; found {
		return value, true
	}
	for at := s; at != nil; at = at.outer {
		if value, found = at.values[name]; found {
			return value, true
		}
	}
	return "", false
}

// maxResolved bounds a text whose variables are resolved, in bytes, and maxRounds
// how deep variables stand in the values of others.
const (
	maxResolved = 8 << 10
	maxRounds   = 8
)

// resolve fills variables with their values, and those in the values. What has none
// stays as it is written, and so does all of a text that would become too long.
func (s *scope) resolve(text string) string {
	resolved := text
	for range maxRounds {
		filled, changed := s.fill(resolved)
		if !changed {
			return resolved
		}
		if filled == "" {
			break
		}
		resolved = filled
	}
	return text
}

// fill is one round of resolve. It gives nothing for a text that is too long.
func (s *scope) fill(text string) (filled string, changed bool) {
	if len(text) > maxResolved || !strings.Contains(text, "{{") {
		return text, false
	}
	var b strings.Builder
	end := 0
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(text[end:m[0]])
		value, found := s.get(strings.TrimSpace(text[m[2]:m[3]]))
		if !found {
			value = text[m[0]:m[1]]
		}
		if b.Len()+len(value) > min(maxResolved, s.shared.left) {
			return "", true
		}
		b.WriteString(value)
		changed, end = changed || found, m[1]
	}
	b.WriteString(text[end:])
	s.shared.left -= b.Len()
	return b.String(), changed
}

// open names the variables of a text, each once.
func open(text string) []string {
	names := make(map[string]bool)
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		names[strings.TrimSpace(m[1])] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// secretMark begins the names of variables that stand for credentials. It is none
// that Postman gives a meaning to.
const secretMark = "secret:"

// isSecret tells the variables that stand for a credential.
func isSecret(name string) bool {
	return strings.HasPrefix(name, secretMark) || draft.IsPrivate(name)
}

// bare is the name of a variable without the mark.
func bare(name string) string {
	return strings.TrimLeft(strings.TrimPrefix(name, secretMark), "$")
}
