package policytest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of times that do not pass really.
const (
	maxWait  = 366 * 24 * time.Hour
	maxAfter = 24 * time.Hour
)

// maxMembers bounds the inputs, headers and variables of one mapping.
const maxMembers = 1000

// stepFields are the keys of a step.
var stepFields = fields[Step]{
	{"wait", func(s scope, n *yaml.Node, into *Step) { into.Wait = s.duration(n, maxWait) }},
	{"repeat", func(s scope, n *yaml.Node, into *Step) { into.Repeat, _ = s.integer(n, 1, MaxRepeat) }},
	{"tenant", func(s scope, n *yaml.Node, into *Step) { into.Tenant, _ = s.text(n, "the name of a tenant") }},
	{"input", func(s scope, n *yaml.Node, into *Step) { into.Input = s.variables(n) }},
	{"request", func(s scope, n *yaml.Node, into *Step) { into.Request = readRequest(s, n) }},
	{"given", func(s scope, n *yaml.Node, into *Step) { into.Given = readGivens(s, n) }},
	{"expect", func(s scope, n *yaml.Node, into *Step) {
		into.Expect.Place = s.placeOf(n)
		there := expectFields.read(s, n, &into.Expect)
		if there != nil && len(there) == 0 {
			s.wrong(n, "nothing is expected, so the test cannot fail: expected one of %s", strings.Join(expectFields.names(), ", "))
		}
		for _, name := range into.Expect.Missing {
			if into.Expect.Vars[name] != nil {
				s.wrong(there["missing"], "the variable %s is expected to be missing and to have a value", name)
			}
		}
	}},
}

// finishStep looks at a step as a whole, once its keys are read.
func (s scope) finishStep(n *yaml.Node, there keys, step *Step) {
	if there == nil {
		return
	}
	step.Place = s.placeOf(n)
	if there["repeat"] == nil {
		step.Repeat = 1
	}
	if there["expect"] == nil {
		s.wrong(n, "nothing is expected, so the test cannot fail: write expect, with a route for instance")
	}
	if there["input"] != nil && there["request"] != nil {
		s.wrong(there["input"], "input stands beside request: a named call has input, a base-URL call has a request")
	}
}

// variables are variables with their values.
func (s scope) variables(n *yaml.Node) map[string]json.RawMessage {
	s, n = s.mapping(n, "variables and their values")
	if n == nil {
		return nil
	}
	if len(n.Content)/2 > maxMembers {
		s.wrong(n, "these are %d variables: at most %d", len(n.Content)/2, maxMembers)
		return nil
	}
	vars := make(map[string]json.RawMessage, len(n.Content)/2)
	for key, value := range pairs(n) {
		name, ok := s.key(key)
		switch {
		case !ok:
		case !variableName.MatchString(name):
			s.wrong(key, "%.100q is not the name of a variable: expected [a-z][a-z0-9_]*", name)
		case vars[name] != nil:
			s.wrong(key, "the variable %s stands here twice", name)
		default:
			if v := s.in(name).value(value); v != nil {
				vars[name] = v
			}
		}
	}
	return vars
}

// headers are headers with their values; names are spelt as HTTP/1 writes them.
func (s scope) headers(n *yaml.Node) map[string]string {
	s, n = s.mapping(n, "headers and their values")
	if n == nil {
		return nil
	}
	if len(n.Content)/2 > maxMembers {
		s.wrong(n, "these are %d headers: at most %d", len(n.Content)/2, maxMembers)
		return nil
	}
	headers := make(map[string]string, len(n.Content)/2)
	for key, value := range pairs(n) {
		name, ok := s.key(key)
		if !ok {
			continue
		}
		canonical := http.CanonicalHeaderKey(name)
		_, twice := headers[canonical]
		switch {
		case !headerName.MatchString(name):
			s.wrong(key, "%.100q is not the name of a header", name)
		case twice:
			s.wrong(key, "the header %s stands here twice", canonical)
		default:
			headers[canonical] = s.in(name).headerValue(value)
		}
	}
	return headers
}

// headerValue is a value that HTTP can carry.
func (s scope) headerValue(n *yaml.Node) string {
	text, ok := s.text(n, "the value of a header")
	if ok && strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		s.wrong(n, "a header holds no line breaks and control characters")
	}
	return text
}

// readBody reads a body: a text as it is, everything else as JSON, of which isJSON
// tells.
func (s scope) readBody(n *yaml.Node) (body []byte, isJSON bool) {
	if _, meant := s.follow(n); meant != nil && meant.Kind == yaml.ScalarNode && kindOf(meant) == textKind {
		text, _ := s.text(n, "a body")
		return []byte(text), false
	}
	return s.value(n), true
}

// contentType is the header that says what a body is.
const contentType, jsonType = "Content-Type", "application/json"

// withJSONType says that a body is JSON, unless the headers say what it is.
func withJSONType(headers map[string]string) map[string]string {
	if headers[contentType] != "" {
		return headers
	}
	if headers == nil {
		headers = make(map[string]string, 1)
	}
	headers[contentType] = jsonType
	return headers
}

// requestText is a request as it is written.
type requestText struct {
	Request
	isJSON bool
}

// requestFields are the keys of a request.
var requestFields = fields[requestText]{
	{"method", func(s scope, n *yaml.Node, into *requestText) {
		into.Method = s.matching(n, methodName, "a method such as GET or POST")
		if into.Method == http.MethodConnect {
			s.wrong(n, "CONNECT opens a tunnel and is no call: expected a method such as GET or POST")
		}
	}},
	{"path", func(s scope, n *yaml.Node, into *requestText) {
		into.Path, _ = s.text(n, "an escaped path below the policy's base URL")
		if _, err := url.ParseRequestURI(into.Path); into.Path != "" && (err != nil || into.Path[0] != '/' || strings.ContainsAny(into.Path, "?#")) {
			s.wrong(n, "%.100q is not a path: expected an escaped one below the policy's base URL that begins with a slash; what follows a ? is the query", into.Path)
		}
	}},
	{"query", func(s scope, n *yaml.Node, into *requestText) {
		into.Query, _ = s.text(n, "a query such as a=b&c=d")
		if strings.ContainsFunc(into.Query, func(c rune) bool { return c <= ' ' || c > '~' || c == '#' }) {
			s.wrong(n, "%.100q is not a query: expected such as a=b&c=d, percent-encoded", into.Query)
		}
	}},
	{"headers", func(s scope, n *yaml.Node, into *requestText) { into.Headers = s.headers(n) }},
	{"body", func(s scope, n *yaml.Node, into *requestText) { into.Body, into.isJSON = s.readBody(n) }},
}

// readRequest reads a base-URL call.
func readRequest(s scope, n *yaml.Node) *Request {
	text := requestText{}
	text.Place = s.placeOf(n)
	if there := requestFields.read(s, n, &text); there["path"] != nil && text.Path == "" {
		s.wrong(there["path"], "the path is empty: expected one that begins with a slash")
	}
	if text.isJSON {
		text.Headers = withJSONType(text.Headers)
	}
	return &text.Request
}
