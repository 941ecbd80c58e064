package explain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// maxLines is how many lines of each kind are suggested.
const maxLines = 20

// suggestedElements is how many elements of a list lines are suggested for: as a rule
// the others are like the first.
const suggestedElements = 1

// Lines are lines of a Caddyfile, ready to paste into an operation, each an argument
// of its word.
type Lines struct {
	// Extract are lines that read the single values of an answer, at most 20.
	Extract []string `json:"extract"`

	// Hints are lines that name a route for what this answer says, at most 20. They
	// belong with those of Extract.
	Hints []string `json:"hints"`
}

// LinesFor suggests lines for an answer: one that reads each single value, and hints
// for its status where that is no 2xx, and for each text that is a word or two, as a
// state is. A document that is no JSON has hints for the status alone. It is safe for
// concurrent use.
func LinesFor(status int, doc []byte) Lines {
	var lines Lines
	if hint := statusHint(status); hint != "" {
		lines.Hints = append(lines.Hints, hint)
	}
	places, _, err := extract.PlacesWithin(doc, suggestedElements)
	if err != nil {
		return lines
	}
	var names Names
	for _, p := range places {
		if !isScalar(p.Value) {
			continue
		}
		if len(lines.Extract) == maxLines {
			break
		}
		name := names.Pick(p.Member)
		lines.Extract = append(lines.Extract, policy.ExtractLine(name, p.Path))
		text, isText := p.Value.Any().(string)
		if isText && stateLike.MatchString(text) && len(lines.Hints) < maxLines {
			lines.Hints = append(lines.Hints, hintLine(routeName(text), "vars."+name+" == "+strconv.Quote(text)))
		}
	}
	return lines
}

// stateLike are the texts that may say how something stands, from which a branch of
// a conversation can have its name.
var stateLike = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([ _-][A-Za-z0-9]+){0,2}$`)

// statusRoutes are names of routes for the statuses that APIs give on purpose.
var statusRoutes = map[int]string{
	400: "bad_data", 401: "no_access", 402: "payment_due", 403: "no_access", 404: "not_found", 409: "conflict", 410: "gone",
	422: "bad_data", 429: "busy", 503: "busy",
}

// statusHint names a route for an answer by its status; empty for one that went well.
func statusHint(status int) string {
	route := statusRoutes[status]
	switch {
	case status < 300:
		return ""
	case route == "":
		route = "status_" + strconv.Itoa(status)
	}
	return fmt.Sprintf("hint %s status == %d", route, status)
}

// routeName makes the name of a route of a state: "On hold" is on_hold.
func routeName(state string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(state[:min(len(state), 64)]))
}

// hintLine is the line of a Caddyfile. An expression with a blank in a text stands in
// backticks, or Caddy's parser would tear it apart.
func hintLine(route, when string) string {
	if _, text, _ := strings.Cut(when, `"`); strings.Contains(text, " ") {
		when = "`" + when + "`"
	}
	return "hint " + route + " " + when
}
