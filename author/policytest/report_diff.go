package policytest

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/signpost-gateway/signpost/author/terminal"
)

// maxDiffLines bounds the lines that are compared with each other, of either side.
const maxDiffLines = 5000

// difference is a unified diff from what was wanted to what was got, line by line;
// nil where neither has several lines.
func difference(m *Mismatch) []string {
	want, got := m.Want, m.Got
	if m.JSON {
		want, got = indented(want), indented(got)
	}
	wants, gots := strings.Count(want, "\n"), strings.Count(got, "\n")
	if wants+gots == 0 || max(wants, gots) > maxDiffLines {
		return nil
	}
	want, got = terminal.SafeText(want)+"\n", terminal.SafeText(got)+"\n"
	text, err := udiff.ToUnified("want", "got", want, udiff.Lines(want, got), udiff.DefaultContextLines)
	if err != nil || text == "" {
		return nil // Such as where they differ in what cannot be seen.
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// indented spreads JSON over several lines.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// changed colours a line of a diff.
func (p *printer) changed(line string) string {
	switch {
	case strings.HasPrefix(line, "-"):
		return p.Style.Good(line)
	case strings.HasPrefix(line, "+"):
		return p.Style.Bad(line)
	case strings.HasPrefix(line, "@@"):
		return p.Style.Dim(line)
	default:
		return line
	}
}
