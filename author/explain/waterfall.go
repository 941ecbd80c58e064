package explain

import (
	"fmt"
	"strings"

	"github.com/signpost-gateway/signpost/author/terminal"
)

// barColumns is how wide the picture of a call is.
const barColumns = 40

// Text gives the timing as a picture: a line for each step, with a bar where in the
// call it was. There is a line break at its end.
func (t Timing) Text(style terminal.Style) string {
	var b strings.Builder
	line := func(indent, name string, ms float64, bar string) {
		text := fmt.Sprintf("%s%-*s %10s", indent, 14-len(indent), name, duration(ms))
		b.WriteString(strings.TrimRight(text+"  "+style.Name(bar), " ") + "\n")
	}
	for _, r := range t.Requests {
		b.WriteString("  " + style.Bold(requestTitle(r)) + "\n")
		for _, p := range r.Phases {
			line("    ", p.Name, p.DurationMS, t.bar(p.StartMS, p.DurationMS))
		}
	}
	line("  ", "signpost", t.SignpostMS, "")
	line("  ", "total", t.TotalMS, "")
	return b.String()
}

// requestTitle says which request it was.
func requestTitle(r RequestTiming) string {
	title := "token request"
	if r.Attempt > 0 {
		title = fmt.Sprintf("attempt %d", r.Attempt)
	}
	title += " " + r.Method + " " + r.Host
	if r.Reused {
		title += ", on a connection that was there"
	}
	if r.Failed {
		title += ", without an answer"
	}
	return terminal.Safe(title)
}

// bar shows where in the call a step was. What takes any time has a sign at least.
func (t Timing) bar(start, length float64) string {
	if t.TotalMS <= 0 {
		return ""
	}
	column := func(ms float64) int {
		return min(max(int(ms/t.TotalMS*barColumns+0.5), 0), barColumns)
	}
	from, to := column(start), column(start+length)
	if to == from {
		from = min(from, barColumns-1)
		return strings.Repeat(" ", from) + "▏"
	}
	return strings.Repeat(" ", from) + strings.Repeat("█", to-from)
}
