package policytest

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-gateway/signpost/author/nearest"
)

// scope is where in a file reading is, for messages.
type scope struct {
	*reader
	name string // `test "a shipped order": expect`

	// aliased tells that an alias led here, so that what is read counts as
	// expanded.
	aliased bool
}

// in is the scope of a part.
func (s scope) in(part string) scope {
	if s.name != "" {
		part = s.name + ": " + part
	}
	s.name = part
	return s
}

// wrong notes what is wrong at a node.
func (s scope) wrong(n *yaml.Node, format string, args ...any) {
	s.at(n.Line, n.Column, s.name, format, args...)
}

// follow gives the node that is meant, which an alias only names, and the scope to
// read it in; nil where aliases stand for too much.
func (s scope) follow(n *yaml.Node) (scope, *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n, s.aliased = n.Alias, true
	}
	if !s.aliased {
		return s, n
	}
	before := s.expanded
	s.expanded += 16 + len(n.Value)
	if s.expanded <= maxExpanded {
		return s, n
	}
	if before <= maxExpanded {
		s.wrong(n, "aliases stand for more than %d bytes in all: write files for large bodies, or divide the tests", maxExpanded)
	}
	return s, nil
}

// field is one key of a mapping, and how its value is read into T.
type field[T any] struct {
	name string
	read func(s scope, n *yaml.Node, into *T)
}

// fields are the keys of a mapping, in the order in which messages name them.
type fields[T any] []field[T]

// keys are the keys that a mapping has, with their nodes.
type keys map[string]*yaml.Node

// lift makes fields of T of those of a part of it.
func lift[T, U any](table fields[U], part func(*T) *U) fields[T] {
	lifted := make(fields[T], len(table))
	for i, f := range table {
		lifted[i] = field[T]{f.name, func(s scope, n *yaml.Node, into *T) { f.read(s, n, part(into)) }}
	}
	return lifted
}

// names gives all keys.
func (t fields[T]) names() []string {
	names := make([]string, len(t))
	for i, f := range t {
		names[i] = f.name
	}
	return names
}

// read reads each value of a mapping by its key. It gives the keys that there are,
// nil where n is no mapping. Every mistake is noted.
func (t fields[T]) read(s scope, n *yaml.Node, into *T) keys {
	s, n = s.mapping(n, strings.Join(t.names(), ", "))
	if n == nil {
		return nil
	}
	there := make(keys, len(n.Content)/2)
	for key, value := range pairs(n) {
		name, ok := s.key(key)
		if !ok {
			continue
		}
		i := slices.IndexFunc(t, func(f field[T]) bool { return f.name == name })
		if i < 0 {
			s.wrong(key, "%s", unknown(name, t.names()))
			continue
		}
		if _, twice := there[name]; twice {
			s.wrong(key, "%s stands here twice", name)
			continue
		}
		there[name] = key
		if value.Kind == yaml.ScalarNode && value.Value == "" && value.Style == 0 {
			s.wrong(key, "%s has no value", name)
			continue
		}
		t[i].read(s.in(name), value, into)
	}
	return there
}

// has tells which of these keys there are.
func (k keys) has(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return k[name] == nil })
}

// mapping gives the mapping that is meant, nil where n is none.
func (s scope) mapping(n *yaml.Node, expected string) (scope, *yaml.Node) {
	s, n = s.follow(n)
	switch {
	case n == nil:
		return s, nil
	case n.Kind != yaml.MappingNode || n.Style&yaml.TaggedStyle != 0:
		s.wrong(n, "expected a mapping with %s, but this is %s", expected, describe(n))
		return s, nil
	}
	return s, n
}

// isEmpty tells whether a mapping without members is meant.
func (s scope) isEmpty(n *yaml.Node) bool {
	_, n = s.follow(n)
	return n != nil && n.Kind == yaml.MappingNode && len(n.Content) == 0
}

// list gives the nodes of a list of one to most nodes, none where n is no such list.
func (s scope) list(n *yaml.Node, expected string, most int) (scope, []*yaml.Node) {
	s, n = s.follow(n)
	switch {
	case n == nil:
		return s, nil
	case n.Kind != yaml.SequenceNode || n.Style&yaml.TaggedStyle != 0:
		s.wrong(n, "expected %s, but this is %s", expected, describe(n))
	case len(n.Content) == 0:
		s.wrong(n, "expected %s, but the list is empty", expected)
	case len(n.Content) > most:
		s.wrong(n, "expected %s: at most %d, but these are %d", expected, most, len(n.Content))
	default:
		return s, n.Content
	}
	return s, nil
}

// key gives the text of a key. What YAML takes for a number or a truth value is
// the text that was written.
func (s scope) key(n *yaml.Node) (string, bool) {
	if s, n = s.follow(n); n == nil {
		return "", false
	}
	if n.Kind == yaml.ScalarNode && (n.Style&yaml.TaggedStyle == 0 || n.ShortTag() == "!!str") && kindOf(n) != nullKind {
		return n.Value, true
	}
	s.wrong(n, "expected a word as the key, but this is %s", describe(n))
	return "", false
}

// pairs gives the keys and values of a mapping.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// unknown says that a word is none of those allowed, and which may be meant.
func unknown(word string, allowed []string) string {
	text := fmt.Sprintf("%.100q is not known here: expected %s", word, strings.Join(allowed, ", "))
	if near := nearest.To(word, allowed); near != "" {
		text += "; did you mean " + near + "?"
	}
	return text
}
