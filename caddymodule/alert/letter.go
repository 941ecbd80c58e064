package alert

import (
	"cmp"
	"fmt"
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

// letter puts an attempt into words.
func (s *Sender) letter(j *job) letter {
	d := &j.digest
	subject := clippedTo(s.subject(j), maxSubject)
	l := letter{id: j.id, date: j.told, recipients: j.recipients, subject: subject}

	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\nPolicy: %s\n", subject, cleaned(j.policy))
	if d.Total > 1 {
		fmt.Fprintf(&text, "First:  %s\nLast:   %s\n", moment(d.Since), moment(d.Until))
	} else {
		fmt.Fprintf(&text, "At:     %s\n", moment(d.Since))
	}
	if j.kind == Failing && d.Total > 1 {
		text.WriteString("\nWhat became of the calls:\n")
		for _, c := range d.Outcomes {
			fmt.Fprintf(&text, "  %d %s\n", c.Calls, c.What)
		}
	}
	if len(d.Reasons) > 0 {
		text.WriteString("\nThe last reasons, newest first:\n")
	}
	lines := []string{subject}
	for i := len(d.Reasons) - 1; i >= 0; i-- {
		r := &d.Reasons[i]
		what, link := r.line(), s.link(r.TraceID)
		fmt.Fprintf(&text, "  %s\n", what)
		if link != "" {
			fmt.Fprintf(&text, "    %s\n", link)
		}
		lines = append(lines, strings.TrimSpace("• "+what+" "+link))
	}
	text.WriteString("\nThe next message about this comes in an hour at the earliest, if it goes on.\n")
	l.text, l.short = text.String(), short(lines)
	return l
}

// subject is the message in one line.
func (s *Sender) subject(j *job) string {
	d := &j.digest
	name := s.titled(j.policy)
	if j.kind == Drifting {
		return fmt.Sprintf("Signpost: answers of %s changed (%s)", name, counted(d.Total, "time", "times"))
	}
	outcomes := make([]string, len(d.Outcomes))
	for i, c := range d.Outcomes {
		outcomes[i] = c.What
	}
	return fmt.Sprintf("Signpost: %s fails (%s): %s", name, counted(d.Total, "call", "calls"), strings.Join(outcomes, ", "))
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
