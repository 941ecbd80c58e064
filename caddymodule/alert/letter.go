package alert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxSubject is the length in bytes of a subject.
	maxSubject = 150

	// maxShort is the length in bytes of the text for a webhook: Discord takes
	// 2,000 characters, the others more.
	maxShort = 1900

	// maxLink is the length in bytes beyond which a link is left out.
	maxLink = 512
)

// letter is a message in words.
type letter struct {
	id         string // of the message: the same each time it is tried
	date       time.Time
	recipients []string
	subject    string
	text       string // for mails
	short      string // for webhooks
}

// letter puts an attempt into words: failed calls first, then changed answers.
func (s *Sender) letter(j *job) letter {
	subject := clippedTo(s.subject(j), maxSubject)
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\nPolicy: %s\n", subject, cleaned(j.policy))
	lines := []string{subject}
	failed, drifted := &j.digest.Failed, &j.digest.Drifted
	if failed.Total > 0 {
		writeSpan(&text, failed)
		if failed.Total > 1 {
			text.WriteString("\nWhat became of the calls:\n")
			for _, c := range failed.Outcomes {
				fmt.Fprintf(&text, "  %d %s\n", c.Calls, c.What)
			}
		}
		lines = append(lines, s.writeReasons(&text, "The last reasons", failed.Reasons)...)
	}
	if drifted.Total > 0 {
		if failed.Total > 0 {
			heading := fmt.Sprintf("Answers changed (%s):", counted(drifted.Total, "time", "times"))
			fmt.Fprintf(&text, "\n%s\n", heading)
			lines = append(lines, heading)
		}
		writeSpan(&text, drifted)
		lines = append(lines, s.writeReasons(&text, "The last changes", drifted.Reasons)...)
	}
	text.WriteString("\nThe next message about this policy comes in an hour at the earliest, if it goes on.\n")
	return letter{
		id: j.id, date: j.told, recipients: j.recipients, subject: subject, text: text.String(), short: short(lines),
	}
}

// writeSpan writes when it happened.
func writeSpan(text *strings.Builder, d *Summary) {
	if d.Total > 1 {
		fmt.Fprintf(text, "First:  %s\nLast:   %s\n", moment(d.Since), moment(d.Until))
	} else {
		fmt.Fprintf(text, "At:     %s\n", moment(d.Since))
	}
}

// writeReasons writes reasons below a heading, the newest first, and gives the
// lines for webhooks.
func (s *Sender) writeReasons(text *strings.Builder, heading string, reasons []Reason) []string {
	if len(reasons) > 0 {
		fmt.Fprintf(text, "\n%s, newest first:\n", heading)
	}
	lines := make([]string, 0, len(reasons))
	for _, r := range slices.Backward(reasons) {
		what, link := r.line(), s.link(r.TraceID)
		fmt.Fprintf(text, "  %s\n", what)
		if link != "" {
			fmt.Fprintf(text, "    %s\n", link)
		}
		lines = append(lines, strings.TrimSpace("• "+what+" "+link))
	}
	return lines
}

// subject is the message in one line. What may be long is at its end, where it is
// cut.
func (s *Sender) subject(j *job) string {
	d := &j.digest
	name, changes := s.titled(j.policy), counted(d.Drifted.Total, "time", "times")
	if d.Failed.Total == 0 {
		return fmt.Sprintf("Signpost: answers of %s changed (%s)", name, changes)
	}
	calls := counted(d.Failed.Total, "call", "calls")
	outcomes := make([]string, len(d.Failed.Outcomes))
	for i, c := range d.Failed.Outcomes {
		outcomes[i] = c.What
	}
	if d.Drifted.Total > 0 {
		return fmt.Sprintf("Signpost: %s fails (%s) and its answers changed (%s): %s", name, calls, changes, strings.Join(outcomes, ", "))
	}
	return fmt.Sprintf("Signpost: %s fails (%s): %s", name, calls, strings.Join(outcomes, ", "))
}

// titled is how a policy is called in a message.
func (s *Sender) titled(policy string) string {
	return cmp.Or(cleaned(s.options.Titles[policy]), cleaned(policy))
}

// line is a reason in one line.
func (r *Reason) line() string {
	parts := make([]string, 0, 4)
	for _, part := range []string{r.Operation, r.Outcome} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if r.Route != "" {
		parts = append(parts, "route "+r.Route)
	}
	what := strings.Join(parts, ", ")
	if r.Text != "" && what != "" {
		what += ": "
	}
	what += r.Text
	if r.Calls > 1 {
		what += fmt.Sprintf(" (%d times)", r.Calls)
	}
	return r.Last.UTC().Format("15:04:05") + " " + what
}

// link is where a trace can be seen, or its id.
func (s *Sender) link(traceID string) string {
	if traceID == "" {
		return ""
	}
	link := s.options.TraceURL(traceID)
	if link == "" || len(link) > maxLink || !isPlain(link) {
		return "trace " + traceID
	}
	return link
}

// short joins as many lines as maxShort has room for. Their markup means
// nothing, as Slack asks for: &, < and > are escaped.
func short(lines []string) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var b strings.Builder
	for i, line := range lines {
		line = escape.Replace(line)
		if b.Len()+len(line)+len("\n…") > maxShort {
			b.WriteString("\n…")
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	return b.String()
}

// moment is a point in time for people everywhere.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006 15:04:05 UTC") }

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
