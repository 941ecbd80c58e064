package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Place is where something stands in a configuration: "Caddyfile:12". The zero
// value is a configuration without lines, such as JSON.
type Place struct {
	File string
	Line int
}

// String gives "file:line", and nothing for the zero value.
func (p Place) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Places tells where the words of one block stand. The word of the block
// itself ("policy", "plan", …) is where the block begins.
type Places map[string]Place

// Mistake is one thing wrong with a configuration.
type Mistake struct {
	// Place is where it stands.
	Place Place

	// Name is the path to the thing: `policy store: operation order_status`.
	Name string

	// Text says what is wrong and what was expected.
	Text string

	// Snippet is the faulty line with a caret under the place, or empty.
	Snippet string
}

// Error gives "file:line: name: text".
func (m Mistake) Error() string {
	var b strings.Builder
	for _, part := range []string{m.Place.String(), m.Name} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	b.WriteString(m.Text)
	return b.String()
}

// Mistakes are all that is wrong with a configuration, in the order of its
// lines. It is an error with one line for each.
type Mistakes []Mistake

// Error gives one mistake a line.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort puts the mistakes of each file in the order of its lines, the files in
// the order in which they were met, and those without a place last.
func (ms Mistakes) Sort() {
	rank := map[string]int{}
	for _, m := range ms {
		if _, met := rank[m.Place.File]; !met {
			rank[m.Place.File] = len(rank)
		}
	}
	rank[""] = len(ms)
	slices.SortStableFunc(ms, func(a, b Mistake) int {
		if byFile := rank[a.Place.File] - rank[b.Place.File]; byFile != 0 {
			return byFile
		}
		return a.Place.Line - b.Place.Line
	})
}
