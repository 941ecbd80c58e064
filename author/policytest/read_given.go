package policytest

import (
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-gateway/signpost/policy"
)

// maxAttempts is how many attempts a call makes at most: the first and five more.
const maxAttempts = 6

// givenText is what the third party does, as it is written.
type givenText struct {
	Given
	isJSON bool
}

// givenFields are the keys of what the third party does.
var givenFields = fields[givenText]{
	{"status", func(s scope, n *yaml.Node, into *givenText) { into.Status, _ = s.integer(n, 200, 599) }},
	{"headers", func(s scope, n *yaml.Node, into *givenText) { into.Headers = s.headers(n) }},
	{"body", func(s scope, n *yaml.Node, into *givenText) { into.Body, into.isJSON = s.readBody(n) }},
	{"file", func(s scope, n *yaml.Node, into *givenText) {
		name, ok := s.text(n, "the path of a file with the body")
		if !ok {
			return
		}
		body, err := s.attached.read(name)
		if err != nil {
			s.wrong(n, "%.200q: %v; expected the path of a file with the body, relative to this one", name, err)
		}
		into.File, into.Body, into.isJSON = name, body, isJSONFile(name)
	}},
	{"call", func(s scope, n *yaml.Node, into *givenText) {
		name, ok := s.text(n, "the path of a recorded call")
		if !ok {
			return
		}
		answer, err := s.attached.call(name)
		if err != nil {
			s.wrong(n, "%.200q: %v", name, err)
		}
		into.Call, into.Status, into.Headers, into.Body = name, answer.status, answer.headers, answer.body
	}},
	{"outcome", func(s scope, n *yaml.Node, into *givenText) {
		into.Outcome = s.outcome(n, policy.Success, policy.Rejected, policy.Unmappable)
	}},
	{"after", func(s scope, n *yaml.Node, into *givenText) { into.After = s.duration(n, maxAfter) }},
}

// readGivens reads what the third party does, which is a mapping, or a list with one
// for each attempt.
func readGivens(s scope, n *yaml.Node) []Given {
	inner, meant := s.follow(n)
	if meant == nil || meant.Kind != yaml.SequenceNode {
		return []Given{readGiven(s, n)}
	}
	inner, nodes := inner.list(meant, "what the third party does, one for each attempt", maxAttempts)
	givens := make([]Given, 0, len(nodes))
	for _, node := range nodes {
		given := readGiven(inner, node)
		if isSupposed(given.Outcome) && len(nodes) > 1 {
			inner.wrong(node, "%s decides the call before there is an attempt: it stands alone, without a list", given.Outcome)
		}
		givens = append(givens, given)
	}
	return givens
}

// readGiven reads what the third party does with one attempt.
func readGiven(s scope, n *yaml.Node) Given {
	text := givenText{}
	text.Place = s.placeOf(n)
	there := givenFields.read(s, n, &text)
	if there == nil {
		return text.Given
	}
	checkGiven(s, n, there, &text.Given)
	if text.isJSON {
		text.Headers = withJSONType(text.Headers)
	}
	return text.Given
}

// isSupposed tells the outcomes that decide a call without an attempt.
func isSupposed(o policy.Outcome) bool {
	switch o {
	case policy.RateLimited, policy.Overloaded, policy.CircuitOpen, policy.Denied,
		policy.BadRequest, policy.NotFound, policy.Canceled, policy.Internal:
		return true
	default:
		return false
	}
}

// checkGiven tells what contradicts itself in what the third party does.
func checkGiven(s scope, n *yaml.Node, there keys, g *Given) {
	if bodies := there.has("body", "file", "call"); len(bodies) > 1 {
		s.wrong(there[bodies[1]], "%s stands beside %s: there is one answer, expected one of them", bodies[1], bodies[0])
	}
	if beside := there.has("status", "headers", "outcome"); there["call"] != nil && len(beside) > 0 {
		s.wrong(there[beside[0]], "%s stands beside call: the recorded call says what is answered", beside[0])
	}
	answer := there.has("status", "headers", "body", "file", "call")
	switch o := g.Outcome; {
	case o == policy.Success, o == policy.Rejected, o == policy.Unmappable:
		s.wrong(there["outcome"], "%s is what the policy makes of an answer: write the status and the body that lead to it", o)
	case (isSupposed(o) || o == policy.Timeout || o == policy.Unreachable) && len(answer) > 0:
		s.wrong(there[answer[0]], "%s stands beside outcome: %s, where the third party does not answer", answer[0], o)
	case (isSupposed(o) || o == policy.Timeout) && there["after"] != nil:
		s.wrong(there["after"], "after stands beside outcome: %s, which says itself when the call is over", o)
	case o == policy.ServerError && g.Status != 0 && g.Status < http.StatusInternalServerError:
		s.wrong(there["status"], "%d is no server_error: expected 500 to 599", g.Status)
	case o == policy.ClientError && g.Status != 0 && (g.Status < http.StatusBadRequest || g.Status >= http.StatusInternalServerError):
		s.wrong(there["status"], "%d is no client_error: expected 400 to 499", g.Status)
	case len(there) == 0:
		s.wrong(n, "the third party does nothing here: expected one of %s; without given, it answers 200 without a body", strings.Join(givenFields.names(), ", "))
	}
}
