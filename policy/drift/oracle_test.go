package drift_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// The oracle says the same as the package, slowly, from decoded documents
// without repeated names and within the bounds of a structure.

// shape is what the oracle knows: types by path, and how many objects stood at
// a path and had a member.
type shape struct {
	types   map[string]map[string]bool
	objects map[string]int
	seen    map[string]int
}

func decode(doc []byte) any {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(err)
	}
	return v
}

func typeOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "bool"
	}
	return "null"
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func memberPath(parent, name string) string {
	if identifier.MatchString(name) {
		return parent + "." + name
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(name)
	quoted := strings.TrimSpace(b.String())
	inner := strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	inner = strings.ReplaceAll(inner, `'`, `\'`)
	return parent + "['" + inner + "']"
}

func shapeOf(v any) *shape {
	s := &shape{map[string]map[string]bool{}, map[string]int{}, map[string]int{}}
	s.learn("$", v)
	return s
}

func (s *shape) learn(path string, v any) {
	if s.types[path] == nil {
		s.types[path] = map[string]bool{}
	}
	s.types[path][typeOf(v)] = true
	switch v := v.(type) {
	case map[string]any:
		s.objects[path]++
		for name, member := range v {
			s.seen[memberPath(path, name)]++
			s.learn(memberPath(path, name), member)
		}
	case []any:
		for _, element := range v {
			s.learn(path+"[*]", element)
		}
	}
}

func (s *shape) changes(path string, v any) bool {
	known := maps.Clone(s.types[path])
	delete(known, "null")
	return v != nil && len(known) > 0 && !known[typeOf(v)]
}

// retyped gives the topmost places with other types, and those types.
func (s *shape) retyped(path string, v any, found map[string]map[string]bool) {
	if s.types[path] == nil {
		return
	}
	if s.changes(path, v) {
		if found[path] == nil {
			found[path] = map[string]bool{}
		}
		found[path][typeOf(v)] = true
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			s.retyped(memberPath(path, name), member, found)
		}
	case []any:
		for _, element := range v {
			s.retyped(path+"[*]", element, found)
		}
	}
}

// trail is what became of one path in a document.
type trail struct {
	reached      int
	strong, weak map[int]bool // Steps that an object did not have.
	excused      bool
	shape        *shape
}

func (t *trail) walk(path string, v any, steps []drift.Step, depth int) {
	t.reached = max(t.reached, depth)
	if len(steps) == 0 {
		return
	}
	if v == nil || t.shape.types[path] != nil && t.shape.changes(path, v) {
		t.excused = true
		return
	}
	step, rest := steps[0], steps[1:]
	switch v := v.(type) {
	case map[string]any:
		switch step.Kind {
		case drift.Member:
			here := memberPath(path, step.Name)
			if member, ok := v[step.Name]; ok {
				t.walk(here, member, rest, depth+1)
			} else if n := t.shape.seen[here]; n > 0 && n == t.shape.objects[path] {
				t.strong[depth+1] = true
			} else {
				t.weak[depth+1] = true
			}
		case drift.Every:
			for name, member := range v {
				t.walk(memberPath(path, name), member, rest, depth+1)
			}
			t.excused = t.excused || len(v) == 0
		}
	case []any:
		hit := false
		for i, element := range v {
			if step.Kind == drift.Every || step.Kind == drift.Element && (step.Index == i || step.Index == i-len(v)) {
				hit = true
				t.walk(path+"[*]", element, rest, depth+1)
			}
		}
		t.excused = t.excused || !hit && step.Kind != drift.Member
	}
}

// lost gives how many steps lead to what is found nowhere, or 0.
func (s *shape) lost(v any, steps []drift.Step) int {
	t := &trail{strong: map[int]bool{}, weak: map[int]bool{}, shape: s}
	t.walk("$", v, steps, 0)
	at := t.reached + 1
	switch {
	case at > len(steps):
		return 0
	case t.strong[at]:
		return at
	case !t.weak[at] || t.excused:
		return 0
	}
	if all := everywhere(steps); !slices.Equal(all, steps) && s.lost(v, all) == 0 {
		return 0
	}
	return at
}

func everywhere(steps []drift.Step) []drift.Step {
	all := slices.Clone(steps)
	for i := range all {
		if all[i].Kind == drift.Element {
			all[i] = drift.Step{Kind: drift.Every}
		}
	}
	return all
}

// has tells whether the first answer had a path anywhere.
func (s *shape) has(v any, steps []drift.Step) bool {
	if len(steps) == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		if steps[0].Kind == drift.Member {
			member, ok := v[steps[0].Name]
			return ok && s.has(member, steps[1:])
		}
		if steps[0].Kind == drift.Every {
			for _, member := range v {
				if s.has(member, steps[1:]) {
					return true
				}
			}
		}
	case []any:
		for _, element := range v {
			if steps[0].Kind != drift.Member && s.has(element, steps[1:]) {
				return true
			}
		}
	}
	return false
}

// drifts is the oracle's answer: the paths that changed, without those below
// others. Paths through all members of an object are left to other tests.
func drifts(first, later []byte, reads []drift.Read) []string {
	was, is := decode(first), decode(later)
	s := shapeOf(was)
	retyped := map[string]map[string]bool{}
	s.retyped("$", is, retyped)
	found := map[string]bool{}
	for path := range retyped {
		found[path] = true
	}
	for _, r := range reads {
		if r.Optional || len(r.Steps) == 0 || !s.has(was, everywhere(r.Steps)) {
			continue
		}
		if n := s.lost(is, r.Steps); n > 0 {
			path := "$"
			for _, step := range r.Steps[:n] {
				if step.Kind == drift.Member {
					path = memberPath(path, step.Name)
				} else {
					path += "[*]"
				}
			}
			found[path] = true
		}
	}
	var top []string
	for path := range found {
		below := false
		for other := range found {
			below = below || strings.HasPrefix(path, other) && path != other && strings.ContainsAny(path[len(other):len(other)+1], ".[")
		}
		if !below {
			top = append(top, path)
		}
	}
	slices.Sort(top)
	return top
}

func learn(t testing.TB, doc []byte) *drift.Structure {
	t.Helper()
	s, err := drift.Learn(doc)
	if err != nil {
		t.Fatalf("learning %s: %v", doc, err)
	}
	return s
}

func paths(changes []drift.Change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Path)
	}
	slices.Sort(all)
	return all
}

// read makes a read of a path such as a.0.*.-1.
func read(path string) drift.Read {
	r := drift.Read{Var: path, Steps: []drift.Step{}}
	for word := range strings.SplitSeq(path, ".") {
		step := drift.Step{Kind: drift.Member, Name: word}
		var index int
		if word == "*" {
			step = drift.Step{Kind: drift.Every}
		} else if n, err := fmt.Sscanf(word, "%d", &index); n == 1 && err == nil {
			step = drift.Step{Kind: drift.Element, Index: index}
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}
