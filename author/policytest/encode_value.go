package policytest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFlow is how many characters a mapping or list may take to stand on one line.
const maxFlow = 80

// fold puts onto one line each mapping and list below n, and n itself, that fits.
func fold(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		return
	}
	if flowWidth(n) <= maxFlow {
		n.Style |= yaml.FlowStyle
		return
	}
	for _, part := range n.Content {
		fold(part)
	}
}

// flowWidth is how many characters a value takes on one line, or more than maxFlow.
func flowWidth(n *yaml.Node) int {
	if n.Kind == yaml.ScalarNode {
		if strings.Contains(n.Value, "\n") {
			return maxFlow + 1
		}
		return len(n.Value) + 2
	}
	width := 2
	for _, part := range n.Content {
		if width += flowWidth(part); width > maxFlow {
			break
		}
	}
	return width
}

// plainNode is a number, a truth value or null.
func plainNode(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// textNode is a text, in quotes where a reader, a person or one of YAML 1.1, could
// take it for something else.
func textNode(value string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	switch {
	case strings.Contains(value, "\n") && isPlainText(value):
		n.Style = yaml.LiteralStyle
	case plainKind(value) != textKind || isDoubtful(value):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// keyNode is the name of a member, which stands on one line.
func keyNode(name string) *yaml.Node {
	n := textNode(name)
	if n.Style == yaml.LiteralStyle {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// isPlainText tells the texts of several lines that can stand as they are, below
// a "|".
func isPlainText(value string) bool {
	odd := func(c rune) bool { return c != '\n' && (!unicode.IsPrint(c) || c == '\ufeff') }
	if strings.ContainsFunc(value, odd) || value[0] == ' ' || value[0] == '\n' {
		return false
	}
	return !strings.Contains(value, " \n") && !strings.HasSuffix(value, " ") && !strings.HasSuffix(value, "\n\n")
}

// isDoubtful tells the texts that stand for something else in YAML 1.1, have
// characters that cannot be seen, or look like nothing.
func isDoubtful(value string) bool {
	switch strings.ToLower(value) {
	case "y", "n", "yes", "no", "on", "off", "<<", "=":
		return true
	}
	if strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsPrint(c) || c == '\ufeff' }) {
		return true
	}
	return strings.ContainsRune("+-.0123456789", rune(value[0])) && !strings.ContainsFunc(value, func(c rune) bool {
		return !strings.ContainsRune("0123456789_:-+.eTZ ", c)
	})
}

// variables makes variables with their values, sorted by name.
func (e *encoder) variables(vars map[string]json.RawMessage) *yaml.Node {
	m := e.mapping()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		value, ok := valueNode(vars[name])
		if !ok {
			e.fail("the value of %s is no JSON that YAML can hold: %.100s", name, vars[name])
			continue
		}
		m.add(name, value)
	}
	return m.node
}

// headers makes headers, sorted by name; nil where there are none.
func (e *encoder) headers(headers map[string]string) *yaml.Node {
	if headers == nil {
		return nil
	}
	m := e.mapping()
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		m.add(name, e.textNode("the header "+name, headers[name]))
	}
	return m.node
}

// body makes a body that is sent, and gives the headers to write beside it: JSON
// that is said to be JSON says so by itself.
func (e *encoder) body(body []byte, headers map[string]string) (*yaml.Node, map[string]string) {
	if body == nil {
		return nil, headers
	}
	if isJSONType(headers[contentType]) { // The white space of another body may matter.
		if value, ok := valueNode(body); ok && !isText(value) {
			return value, withoutJSONType(headers, true)
		}
	}
	return e.textNode("a body", string(body)), headers
}

// isJSONType tells the content types of JSON.
func isJSONType(value string) bool {
	media, _, _ := strings.Cut(strings.ToLower(value), ";")
	media = strings.TrimSpace(media)
	return media == jsonType || strings.HasSuffix(media, "+json")
}

// isText tells the values that would be taken for a body's own text.
func isText(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!str" }

// withoutJSONType leaves out the header that reading adds to JSON.
func withoutJSONType(headers map[string]string, isJSON bool) map[string]string {
	if !isJSON || headers[contentType] != jsonType {
		return headers
	}
	if len(headers) == 1 {
		return nil
	}
	headers = maps.Clone(headers)
	delete(headers, contentType)
	return headers
}

// isJSONFile tells by its name that a file holds JSON.
func isJSONFile(name string) bool { return path.Ext(name) == ".json" }

// expectedBody makes a body that is expected.
func (e *encoder) expectedBody(body *Body) *yaml.Node {
	if body == nil {
		return nil
	}
	if body.JSON == nil {
		return e.textNode("a body", body.Text)
	}
	if value, ok := valueNode(body.JSON); ok && !isText(value) {
		return value
	}
	return e.textNode("a body", string(body.JSON))
}

// valueNode makes a node of JSON. ok is false where YAML cannot hold it all: it is
// broken, names a member twice, is nested too deep, or has numbers that are too
// large.
func valueNode(data []byte) (n *yaml.Node, ok bool) {
	if !utf8.Valid(data) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if n, ok = nextNode(decoder, 0); !ok {
		return nil, false
	}
	_, err := decoder.Token()
	return n, err == io.EOF
}

// nextNode makes a node of the next value.
func nextNode(decoder *json.Decoder, depth int) (*yaml.Node, bool) {
	token, err := decoder.Token()
	if err != nil || depth > maxDepth {
		return nil, false
	}
	switch token := token.(type) {
	case json.Delim:
		return collection(decoder, token, depth)
	case json.Number:
		return plainNode(token.String()), plainKind(token.String()) == numberKind
	case string:
		return textNode(token), true
	case bool:
		if token {
			return plainNode("true"), true
		}
		return plainNode("false"), true
	default:
		return plainNode("null"), true
	}
}

// collection makes a node of an object or a list that has begun.
func collection(decoder *json.Decoder, begin json.Delim, depth int) (*yaml.Node, bool) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	seen := make(map[string]struct{})
	if begin == '{' {
		n.Kind = yaml.MappingNode
	}
	for decoder.More() {
		if begin == '{' {
			key, err := decoder.Token()
			name, ok := key.(string)
			if _, twice := seen[name]; err != nil || !ok || twice {
				return nil, false
			}
			seen[name] = struct{}{}
			n.Content = append(n.Content, keyNode(name))
		}
		value, ok := nextNode(decoder, depth+1)
		if !ok {
			return nil, false
		}
		n.Content = append(n.Content, value)
	}
	_, err := decoder.Token()
	return n, err == nil
}
