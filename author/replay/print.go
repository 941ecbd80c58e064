package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/author/terminal"
)

// WriteJSON writes the report for programs. The error is that of writing.
func (r *Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Write writes the report for people: a table of the differences, then how many
// calls there were of each kind. The error is that of writing.
func (r *Report) Write(w io.Writer) error {
	style := terminal.For(w)
	for _, part := range []struct {
		title  string
		groups []Group
		paint  func(string) string
	}{
		{"Different:", r.Differences, style.Bad},
		{"Sent, answer unknown:", r.Unknowns, style.Warn},
		{"Nothing to compare with, now:", r.Verdicts, style.Name},
		{"Not replayed:", r.Reasons, style.Dim},
	} {
		if len(part.groups) == 0 {
			continue
		}
		fmt.Fprintln(w, style.Bold(part.title))
		table := terminal.Table{Indent: 2, Right: []bool{true}}
		for i := range part.groups {
			g := &part.groups[i]
			table.Cells(
				terminal.Cell{Text: strconv.Itoa(g.Calls)}, terminal.Cell{Text: orNone(g.Label)},
				terminal.Cell{Text: g.Text, Paint: part.paint}, terminal.Cell{Text: g.ids(), Paint: style.Dim},
			)
			for _, line := range g.values() {
				table.Cells(terminal.Cell{}, terminal.Cell{}, terminal.Cell{}, terminal.Cell{Text: line, Paint: style.Dim})
			}
		}
		if err := table.Write(w); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		fmt.Fprintln(w)
	}
	_, err := io.WriteString(w, r.summary())
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// ids are where the examples are to be found: the ids of calls of the log, which
// `explain` takes, and else file and line.
func (g *Group) ids() string {
	names := make([]string, len(g.Examples))
	for i := range g.Examples {
		e := &g.Examples[i]
		names[i] = e.ID
		if strings.HasPrefix(e.ID, "entry ") {
			names[i] = fmt.Sprintf("%s:%d (%s)", e.File, e.Line, e.ID)
		}
	}
	text := "e.g. " + strings.Join(names, ", ")
	if g.Calls > len(g.Examples) {
		text += ", …"
	}
	return text
}

// values tell what the text of a group leaves out, of its first example.
func (g *Group) values() []string {
	if len(g.Examples) == 0 {
		return nil
	}
	var lines []string
	for _, c := range g.Examples[0].Changes {
		if strings.HasPrefix(c.What, "vars.") || c.What == "sent" {
			lines = append(lines, c.What+": "+orNone(c.Was)+" → "+orNone(c.Is))
		}
	}
	return lines
}

// summary is the end of the report, in one line or two.
func (r *Report) summary() string {
	parts := []string{fmt.Sprintf("%d the same", r.Same), fmt.Sprintf("%d different", r.Different)}
	for _, more := range []struct {
		calls int
		text  string
	}{
		{r.Unknown, "sent, answer unknown"}, {r.Now, "with nothing to compare with"}, {r.NotReplayed, "not replayed"},
	} {
		if more.calls > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", more.calls, more.text))
		}
	}
	calls := "calls"
	if r.Calls == 1 {
		calls = "call"
	}
	text := fmt.Sprintf("%d %s: %s.\n", r.Calls, calls, strings.Join(parts, ", "))
	if r.Now > 0 {
		text += "Name the configuration that was in force with --before to compare with what it makes of them.\n"
	}
	if r.Late > 0 {
		text += fmt.Sprintf("%d of them stood too far from their place in the order of time, and were played late.\n", r.Late)
	}
	return text
}
