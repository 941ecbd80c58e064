package explain

import (
	"strings"

	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Explanation is a call in sentences that whoever answers for the bot understands.
type Explanation struct {
	// Headline tells call, outcome and route in one line.
	Headline string `json:"headline"`

	// Sections follow the call: what was called, what happened, who was asked, and
	// why it took its branch. Those that have nothing to say are left out.
	Sections []Section `json:"sections"`
}

// Section is one part of an explanation.
type Section struct {
	Title string `json:"title"`
	Lines []Line `json:"lines"`
}

// Line is one sentence, or a few.
type Line struct {
	// Mark tells what the line means for the call.
	Mark Mark   `json:"mark,omitempty"`
	Text string `json:"text"`
}

// Mark is a sign before a line.
type Mark string

// The marks.
const (
	// Plain is a line that says neither yes nor no.
	Plain Mark = ""
	// Yes is what held, let the call pass, or went well.
	Yes Mark = "yes"
	// No is what did not hold, and nothing bad.
	No Mark = "no"
	// Bad is what refused the call, failed, or could not be evaluated.
	Bad Mark = "bad"
)

// Explain tells of a call. What the call log does not know is left out. Bound: a
// few times the size of d. It is safe for concurrent use.
func Explain(d calllog.Detail) Explanation {
	e := Explanation{Headline: headline(&d)}
	for _, s := range []Section{
		{"What was called", called(&d)},
		{"What happened", happened(&d)},
		{"Requests to the third party", attempts(&d)},
		{"Limits", limits(&d)},
		{"Circuit breaker", breaker(&d)},
		{"Fallback", fallback(&d)},
		{"Why this branch", branch(&d)},
		{"Variables", variables(&d)},
		{"Changed structure", drifted(&d)},
	} {
		if len(s.Lines) > 0 {
			e.Sections = append(e.Sections, s)
		}
	}
	return e
}

// Text gives the explanation as it is printed, with a line break at its end. What
// strangers wrote in it is safe for a terminal.
func (e Explanation) Text(style terminal.Style) string {
	var b strings.Builder
	b.WriteString(style.Bold(terminal.Safe(e.Headline)) + "\n")
	for _, s := range e.Sections {
		b.WriteString("\n" + style.Bold(terminal.Safe(s.Title)) + "\n")
		for _, line := range s.Lines {
			b.WriteString("  " + sign(style, line.Mark) + terminal.Safe(line.Text) + "\n")
		}
	}
	return b.String()
}

// sign is how a mark is printed.
func sign(style terminal.Style, mark Mark) string {
	switch mark {
	case Yes:
		return style.Good("✓") + " "
	case No:
		return style.Dim("–") + " "
	case Bad:
		return style.Bad("✗") + " "
	default:
		return ""
	}
}

// plain makes lines without marks of those texts that say something.
func plain(texts ...string) []Line {
	var lines []Line
	for _, text := range texts {
		if text != "" {
			lines = append(lines, Line{Text: text})
		}
	}
	return lines
}
