package policytest

import (
	"regexp"

	"go.yaml.in/yaml/v3"
)

// expectFields are the keys of what must come of a call.
var expectFields = fields[Expect]{
	{"route", func(s scope, n *yaml.Node, into *Expect) {
		into.Route = given(s.matching(n, routeName, "a route: letters, digits and _.:-, at most 64"))
	}},
	{"next", func(s scope, n *yaml.Node, into *Expect) { into.Next = given(s.oneOf(n, "continue", "stop")) }},
	{"outcome", func(s scope, n *yaml.Node, into *Expect) { into.Outcome = s.outcome(n) }},
	{"status", func(s scope, n *yaml.Node, into *Expect) { into.Status, _ = s.integer(n, 100, 599) }},
	{"vars", func(s scope, n *yaml.Node, into *Expect) {
		if into.Vars = s.variables(n); s.isEmpty(n) {
			s.wrong(n, "vars names no variable: expected variables and their values")
		}
	}},
	{"missing", func(s scope, n *yaml.Node, into *Expect) {
		s, nodes := s.list(n, "a list of variables that must not be there", maxMembers)
		for _, node := range nodes {
			into.Missing = append(into.Missing, s.matching(node, variableName, "the name of a variable"))
		}
	}},
	{"body", func(s scope, n *yaml.Node, into *Expect) { into.Body = readExpectedBody(s, n) }},
	{"fallback", func(s scope, n *yaml.Node, into *Expect) {
		into.Fallback = given(s.oneOf(n, "stale", "static", "none"))
	}},
	{"reason", func(s scope, n *yaml.Node, into *Expect) {
		reason, ok := s.text(n, "the reason that people are told")
		if ok {
			into.Reason = &reason
		}
	}},
	{"headers", func(s scope, n *yaml.Node, into *Expect) { into.Headers = expectedHeaders(s, n) }},
	{"attempts", func(s scope, n *yaml.Node, into *Expect) {
		if attempts, ok := s.integer(n, 0, maxAttempts); ok {
			into.Attempts = &attempts
		}
	}},
	{"sent", func(s scope, n *yaml.Node, into *Expect) { into.Sent = readSent(s, n) }},
}

// given is a text that there is, nil for the empty one of a mistake.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// expectedHeaders are headers of which there is at least one.
func expectedHeaders(s scope, n *yaml.Node) map[string]string {
	headers := s.headers(n)
	if s.isEmpty(n) {
		s.wrong(n, "headers names no header: expected headers and their values")
	}
	return headers
}

// readExpectedBody reads a body that is expected: a text, or JSON.
func readExpectedBody(s scope, n *yaml.Node) *Body {
	body, isJSON := s.readBody(n)
	switch {
	case !isJSON:
		return &Body{Text: string(body)}
	case body == nil:
		return nil
	}
	return &Body{JSON: body}
}

// sentURL is an address that a request can go to, or a path with its query.
var sentURL = regexp.MustCompile(`^(https?://[^\s]+|/[^\s]*)$`)

// sentFields are the keys of the request that goes out.
var sentFields = fields[Sent]{
	{"method", func(s scope, n *yaml.Node, into *Sent) {
		into.Method = s.matching(n, methodName, "a method such as GET or POST")
	}},
	{"url", func(s scope, n *yaml.Node, into *Sent) {
		into.URL = s.matching(n, sentURL, "a whole address, or a path with its query that begins with a slash")
	}},
	{"headers", func(s scope, n *yaml.Node, into *Sent) { into.Headers = expectedHeaders(s, n) }},
	{"body", func(s scope, n *yaml.Node, into *Sent) { into.Body = readExpectedBody(s, n) }},
}

// readSent reads what must go out, or that nothing may.
func readSent(s scope, n *yaml.Node) *Sent {
	sent := &Sent{Place: s.placeOf(n)}
	if _, meant := s.follow(n); meant != nil && meant.Kind == yaml.ScalarNode {
		if s.oneOf(n, "nothing") == "" {
			return nil
		}
		sent.Nothing = true
		return sent
	}
	if there := sentFields.read(s, n, sent); there != nil && len(there) == 0 {
		s.wrong(n, "nothing of the request is expected: write sent: nothing where none may go out")
	}
	return sent
}
