package policytest

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
)

// Text says how a report is told to people. The zero value tells of tests that
// failed, without colours.
type Text struct {
	// Style colours it.
	Style terminal.Style

	// Verbose names the tests that passed as well.
	Verbose bool

	// Diff shows what differs line by line, where what was got or wanted has several
	// lines or is a JSON object or list.
	Diff bool

	// Coverage lists the branches that no test reached, and tells their share.
	Coverage bool

	// Threshold is how many percent of the branches tests have to reach, which is told
	// with the share. Default: it does not matter.
	Threshold float64
}

// Write tells what became of tests, with a summary at the end. What strangers wrote
// in it is safe for a terminal.
func (t Text) Write(w io.Writer, r *Report) error {
	p := printer{Text: t, out: bufio.NewWriter(w)}
	for i := range r.Results {
		p.result(&r.Results[i])
	}
	if t.Coverage {
		for i := range r.Coverage {
			p.coverage(&r.Coverage[i])
		}
	}
	p.summary(r)
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// printer prints a report. Its writer keeps the first error.
type printer struct {
	Text
	out *bufio.Writer
}

// line prints one line.
func (p *printer) line(parts ...string) {
	for _, part := range append(parts, "\n") {
		_, _ = p.out.WriteString(part) // Flush tells.
	}
}

// result prints a test that failed, or names one that passed.
func (p *printer) result(r *Result) {
	head := terminal.Safe(fmt.Sprintf("%v: %s", r.Place, r.Name))
	if r.Passed() {
		if p.Verbose {
			p.line(p.Style.Good("ok"), " ", head, p.Style.Dim(fmt.Sprintf(" (%s)", spent(r.Duration))))
		}
		return
	}
	p.line(p.Style.Bold(p.Style.Bad(head)))
	if r.Stopped != "" {
		p.line("  ", terminal.Safe(r.Stopped))
	}
	for i := range r.Failures {
		p.failure(&r.Failures[i])
	}
	p.line()
}

// failure prints a call that did not come to what was expected.
func (p *printer) failure(f *Failure) {
	p.line("  ", p.Style.Dim(whichCall(f)))
	width := 0
	for i := range f.Mismatches {
		width = max(width, utf8.RuneCountInString(terminal.Safe(f.Mismatches[i].What)))
	}
	for i := range f.Mismatches {
		p.mismatch(&f.Mismatches[i], width)
	}
	for _, line := range why(f) {
		p.line("    ", p.reason(line))
	}
}

// whichCall names a call in its test.
func whichCall(f *Failure) string {
	which := fmt.Sprintf("line %d", f.Place.Line)
	if f.Step > 1 {
		which = fmt.Sprintf("step %d, %s", f.Step, which)
	}
	if f.Repeat > 1 {
		which += fmt.Sprintf(", call %d of it", f.Repeat)
	}
	return which + ":"
}

// mismatch prints what was got above what was wanted.
func (p *printer) mismatch(m *Mismatch, width int) {
	what := terminal.Safe(m.What)
	name := "    " + what + strings.Repeat(" ", width-utf8.RuneCountInString(what))
	if p.Diff {
		if lines := difference(m); lines != nil {
			p.line(name)
			for _, line := range lines {
				p.line("      ", p.changed(line))
			}
			return
		}
	}
	got, want := window(m.Got, m.Want)
	p.line(name, "  got   ", p.Style.Bad(terminal.Safe(got)))
	p.line(strings.Repeat(" ", len("    ")+width), "  want  ", p.Style.Good(terminal.Safe(want)))
}

// Bounds of what is shown of one value, in characters: how much in all, and how much
// before the first difference.
const (
	maxShown  = 200
	maxBefore = 60
)

// window gives of two long texts the parts around their first difference.
func window(got, want string) (gotShown, wantShown string) {
	a, b := []rune(got), []rune(want)
	if len(a) <= maxShown && len(b) <= maxShown {
		return got, want
	}
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	from := max(same-maxBefore, 0)
	cut := func(text []rune) string {
		shown := string(text[from:min(from+maxShown, len(text))])
		if from > 0 {
			shown = "…" + shown
		}
		if len(text) > from+maxShown {
			shown += "…"
		}
		return shown
	}
	return cut(a), cut(b)
}

// whyBranch is the part of an explanation that tells of hints.
const whyBranch = "Why this branch"

// reason is one line of why a call took its branch.
type reason struct {
	explain.Line
	asked bool // it tells of the decision, step by step
}

// why tells why a call took its branch: what became of it, then each hint that was
// asked, in order, with what it read.
func why(f *Failure) []reason {
	plain := func(text string) reason { return reason{Line: explain.Line{Text: text}} }
	if f.Entry == nil {
		return []reason{plain("The call came to no end.")}
	}
	explained := explain.Explain(f.Entry.Detail())
	reasons := []reason{plain(explained.Headline)}
	if f.Entry.Reason != "" {
		reasons = append(reasons, plain("reason: "+f.Entry.Reason))
	}
	if len(f.Entry.Hints) > 0 {
		reasons = append(reasons, plain("asked, in order:"))
	}
	for _, section := range explained.Sections {
		if section.Title != whyBranch {
			continue
		}
		for _, line := range section.Lines {
			reasons = append(reasons, reason{line, true})
		}
	}
	return reasons
}

// reason writes one line of why.
func (p *printer) reason(r reason) string {
	text := terminal.Safe(r.Text)
	switch {
	case !r.asked:
		return text
	case r.Mark == explain.Plain:
		return "    " + text
	}
	return "  " + p.mark(r.Mark) + " " + text
}

// mark is the sign of a line.
func (p *printer) mark(mark explain.Mark) string {
	switch mark {
	case explain.Yes:
		return p.Style.Good("✓")
	case explain.No:
		return p.Style.Dim("✗")
	default:
		return p.Style.Bad("✗")
	}
}

// summary is the last line, or a few.
func (p *printer) summary(r *Report) {
	failed := r.Failed()
	counts := fmt.Sprintf("%s, %d failed, %s", count(len(r.Results), "test"), failed, spent(r.Duration))
	if failed > 0 {
		p.line(p.Style.Bold(p.Style.Bad("FAILED")), " ", counts)
	} else {
		p.line(p.Style.Bold(p.Style.Good("ok")), " ", counts)
	}
	for i := range r.Coverage {
		if p.Coverage {
			p.share(&r.Coverage[i])
		}
	}
}

// count tells how many of something there are.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// spent tells how long something took.
func spent(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
}
