package explain

import (
	"fmt"
	"regexp"
	"slices"
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

// LinesFor suggests lines for an answer, but for those that are known: one that reads
// each single value, and hints
// for its status where that is no 2xx, and for each text that is a word or two, as a
// state is. A document that is no JSON has hints for the status alone. It is safe for
// concurrent use.
func LinesFor(status int, doc []byte, known policy.MappingInfo) Lines {
	var lines Lines
	if hint := statusHint(status); hint != "" {
		lines.Hints = append(lines.Hints, hint)
	}
	if places, _, err := extract.PlacesWithin(doc, suggestedElements); err == nil {
		lines.read(places, known.Extracts)
	}
	lines.Hints = slices.DeleteFunc(lines.Hints, func(line string) bool {
		return slices.ContainsFunc(known.Hints, func(h policy.HintInfo) bool { return hintLine(h.Route, h.When) == line })
	})
	return lines
}

// read suggests lines for the values of a document, of which some are read already.
func (l *Lines) read(places []extract.Named, known []policy.ExtractInfo) {
	var names Names
	variables := make(map[string]string, len(known)) // by path
	for _, e := range known {
		names.Pick(e.Var)
		variables[e.Path] = e.Var
	}
	for _, p := range places {
		if !isScalar(p.Value) {
			continue
		}
		if len(l.Extract) == maxLines {
			return
		}
		name, isRead := variables[p.Path]
		if !isRead {
			name = names.Pick(p.Member)
			l.Extract = append(l.Extract, policy.ExtractLine(name, p.Path))
		}
		text, isText := p.Value.Any().(string)
		if isText && stateLike.MatchString(text) && len(l.Hints) < maxLines {
			l.Hints = append(l.Hints, hintLine(routeName(text), "vars."+name+" == "+strconv.Quote(text)))
		}
	}
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
