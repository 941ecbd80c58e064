package policytest

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep a value may be nested, as in the engine.
const maxDepth = 128

// value gives the JSON of a YAML value in one line: members in the order in which
// they stand, numbers with the digits that were written. It is nil where the value
// has no JSON.
func (s scope) value(n *yaml.Node) json.RawMessage {
	w := valueWriter{dst: make([]byte, 0, 64), whole: true}
	w.append(s, n, 0)
	if !w.whole {
		return nil
	}
	return w.dst
}

// valueWriter writes a YAML value as JSON.
type valueWriter struct {
	dst   []byte
	whole bool // nothing was wrong so far
}

// wrong notes a mistake, after which there is no value.
func (w *valueWriter) wrong(s scope, n *yaml.Node, format string, args ...any) {
	w.whole = false
	s.wrong(n, format, args...)
}

// append writes the value of a node in that depth.
func (w *valueWriter) append(s scope, n *yaml.Node, depth int) {
	s, n = s.follow(n)
	switch {
	case n == nil:
		w.whole = false
	case depth > maxDepth:
		w.wrong(s, n, "the value is nested more than %d deep", maxDepth)
	case n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str":
		w.wrong(s, n, "expected a value, but this is %s", describe(n))
	case n.Kind == yaml.MappingNode:
		w.object(s, n, depth)
	case n.Kind == yaml.SequenceNode:
		w.dst = append(w.dst, '[')
		for i, element := range n.Content {
			if i > 0 {
				w.dst = append(w.dst, ',')
			}
			w.append(s, element, depth+1)
		}
		w.dst = append(w.dst, ']')
	default:
		w.scalar(s, n)
	}
}

// object writes a mapping.
func (w *valueWriter) object(s scope, n *yaml.Node, depth int) {
	w.dst = append(w.dst, '{')
	seen := make(map[string]struct{}, len(n.Content)/2)
	first := true
	for key, value := range pairs(n) {
		_, k := s.follow(key)
		switch {
		case k == nil:
			w.whole = false
			return
		case k.Kind != yaml.ScalarNode || kindOf(k) != textKind || k.Style&yaml.TaggedStyle != 0 && k.ShortTag() != "!!str":
			w.wrong(s, key, "the name of a member is a text, but this is %s: put it in quotes", describe(k))
			continue
		case k.Value == "<<" && k.Style == 0:
			w.wrong(s, key, "merge keys are not known here: write the members, or put << in quotes")
			continue
		}
		if _, twice := seen[k.Value]; twice {
			w.wrong(s, key, "the member %.100q stands here twice", k.Value)
			continue
		}
		seen[k.Value] = struct{}{}
		if !first {
			w.dst = append(w.dst, ',')
		}
		first = false
		w.dst = appendText(w.dst, k.Value)
		w.dst = append(w.dst, ':')
		w.append(s, value, depth+1)
	}
	w.dst = append(w.dst, '}')
}

// scalar writes a text, a number, a truth value or null.
func (w *valueWriter) scalar(s scope, n *yaml.Node) {
	switch kindOf(n) {
	case nullKind:
		w.dst = append(w.dst, "null"...)
	case boolKind:
		w.dst = append(w.dst, strings.ToLower(n.Value)...)
	case numberKind:
		w.dst = append(w.dst, n.Value...)
	case oddKind:
		w.wrong(s, n, "%.60s is a number that JSON does not have: put it in quotes where it is a text, or write it as JSON does", n.Value)
	default:
		w.dst = appendText(w.dst, n.Value)
	}
}

// appendText appends a text as JSON.
func appendText(dst []byte, text string) []byte {
	if strings.IndexFunc(text, func(c rune) bool { return c < ' ' || c == '"' || c == '\\' || c > '~' }) < 0 {
		dst = append(dst, '"')
		dst = append(dst, text...)
		return append(dst, '"')
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // So that a body is as long as what was written.
	_ = encoder.Encode(text)     // A text always has a JSON.
	return append(dst, strings.TrimSuffix(b.String(), "\n")...)
}
