package lint

import (
	"fmt"
	"io"
	"strings"

	"github.com/signpost-gateway/signpost/author/terminal"
)

// widest is how many columns of a line are shown.
const widest = 140

// Print writes the findings for people, as compilers do: the place, what it is, the
// line with a mark under the place, and what to do. What may be a credential is not
// shown. The last line counts them.
func (r *Report) Print(w io.Writer, style terminal.Style) error {
	var b strings.Builder
	for i := range r.Findings {
		r.finding(&b, &r.Findings[i], style)
	}
	b.WriteString(r.Summary() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Summary counts the findings: "1 error, 2 warnings, 1 note".
func (r *Report) Summary() string {
	var all []string
	for _, s := range []Severity{Error, Warning, Note} {
		if n := r.Count(s); n > 0 {
			all = append(all, counted(n, string(s)))
		}
	}
	if all == nil {
		return "nothing to say"
	}
	return strings.Join(all, ", ")
}

// finding writes one.
func (r *Report) finding(b *strings.Builder, f *Finding, style terminal.Style) {
	place := ""
	if f.Place.File != "" {
		place = f.Place.String()
		if f.Column > 0 {
			place += fmt.Sprintf(":%d", f.Column)
		}
		place = style.Bold(terminal.Safe(place)+":") + " "
	}
	severity := string(f.Severity) + ":"
	switch f.Severity {
	case Error:
		severity = style.Bad(severity)
	case Warning:
		severity = style.Warn(severity)
	case Note:
		severity = style.Name(severity)
	}
	name := ""
	if f.Name != "" {
		name = terminal.Safe(f.Name) + ": "
	}
	rule := ""
	if f.Rule != "" {
		rule = " " + style.Dim("["+f.Rule+"]")
	}
	fmt.Fprintf(b, "%s%s %s%s%s\n", place, severity, name, terminal.Safe(f.Message), rule)
	margin := r.source(b, f, style)
	if f.Help != "" {
		fmt.Fprintf(b, "%s%s %s\n", margin, style.Dim("help:"), terminal.Safe(f.Help))
	}
}

// source writes the line that a finding is about, and gives the margin of what is
// below it.
func (r *Report) source(b *strings.Builder, f *Finding, style terminal.Style) (margin string) {
	text := r.files.of(f.Place.File).excerpt(f.Place.Line)
	number := fmt.Sprintf("%5d", f.Place.Line)
	margin = strings.Repeat(" ", len(number))
	if text == "" {
		snippet(b, f, margin)
		return margin + " "
	}
	from, to := find(text, f.word, f.caret)
	found := from >= 0
	if !found {
		from = first(text)
		to = from + len(strings.Fields(text[from:] + " .")[0])
	}
	before, marked := shown(text[:from]), shown(text[from:min(to, len(text))])
	whole := before + marked + shown(text[min(to, len(text)):])
	whole, column := window(whole, terminal.Width(before))
	mark := "^" + strings.Repeat("~", max(min(terminal.Width(marked), widest-column)-1, 0))
	bar := style.Dim(" | ")
	fmt.Fprintf(b, "%s%s%s\n", style.Dim(number), bar, whole)
	fmt.Fprintf(b, "%s%s%s%s\n", margin, bar, strings.Repeat(" ", column), style.Warn(mark))
	if !found {
		snippet(b, f, margin)
	}
	return margin + "   "
}

// snippet writes the expression of a mistake that is not found as it stands, such as
// one that an environment variable is part of.
func snippet(b *strings.Builder, f *Finding, margin string) {
	if f.snippet == "" || f.Place.File != "" && f.word == "" {
		return
	}
	for text := range strings.Lines(f.snippet) {
		fmt.Fprintf(b, "%s   %s\n", margin, terminal.Safe(strings.TrimRight(text, "\n")))
	}
}

// shown writes a piece of a line for a terminal.
func shown(text string) string {
	return terminal.Safe(strings.ReplaceAll(text, "\t", "    "))
}

// window cuts a long line around the column, and gives the column in what is left.
func window(text string, column int) (string, int) {
	runes := []rune(text)
	if len(runes) <= widest {
		return text, column
	}
	from := max(min(column-widest/3, len(runes)-widest), 0)
	cut := string(runes[from:min(from+widest, len(runes))])
	if from > 0 {
		cut = "…" + cut
		column++
	}
	if from+widest < len(runes) {
		cut += "…"
	}
	return cut, max(column-from, 0)
}
