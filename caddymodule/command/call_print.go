package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// print prints the call for people: request, answer, time, explanation and lines.
func (r *callResult) print(w io.Writer) error {
	style := terminal.For(w)
	detail := r.entry.Detail()
	var b strings.Builder
	heading := func(text string) { b.WriteString("\n" + style.Bold(text) + "\n") }

	b.WriteString(style.Bold("Request") + "\n")
	if detail.Sent == nil {
		b.WriteString("  Nothing was sent to the third party.\n")
	} else {
		fmt.Fprintf(&b, "  %s %s\n", terminal.Safe(detail.Sent.Method), terminal.Safe(detail.Sent.URL))
		writeContent(&b, style, &detail.Sent.Content, r.entry.Sent)
	}
	if detail.Received != nil {
		heading("Answer of the third party")
		b.WriteString("  " + statusText(detail.Received.Status) + "\n")
		writeContent(&b, style, &detail.Received.Content, r.entry.Received)
	}
	if detail.Received == nil || detail.Fallback != "" || r.envelope {
		heading("Answer to the bot")
		b.WriteString("  " + statusText(r.entry.Response.Status) + "\n")
		writeContent(&b, style, &detail.Response.Content, &r.entry.Response)
	}
	if len(r.timing.Requests) > 0 {
		heading("Time")
		b.WriteString(r.timing.Text(style))
	}
	b.WriteString("\n" + explain.Explain(detail).Text(style))
	r.writeLines(&b, style)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeContent writes headers and body of a message.
func writeContent(b *strings.Builder, style terminal.Style, c *calllog.Content, m *calllog.Message) {
	for _, field := range c.Headers {
		b.WriteString("  " + style.Dim(terminal.Safe(field[0]+": "+field[1])) + "\n")
	}
	switch {
	case c.BodyNote != "":
		b.WriteString("  " + style.Warn(terminal.Safe(c.BodyNote)) + "\n")
	case c.BodyEncoding != "utf-8":
		fmt.Fprintf(b, "  %s\n", style.Dim(fmt.Sprintf("%d bytes that are no text", c.BodyBytes)))
	case len(m.Body) > 0:
		b.WriteString("\n")
		for line := range strings.Lines(explain.Tree(m.Body, style)) {
			b.WriteString("  " + line)
		}
	}
	if c.BodyCut {
		fmt.Fprintf(b, "  %s\n", style.Warn(fmt.Sprintf("This is the beginning of %d bytes.", c.BodyBytes)))
	}
}

// writeLines writes lines that are ready to paste into the policy.
func (r *callResult) writeLines(b *strings.Builder, style terminal.Style) {
	doc, whole := explain.Document(r.entry, r.envelope)
	if r.entry.Received == nil || !whole {
		return
	}
	lines := explain.LinesFor(r.entry.UpstreamStatus, doc, r.known)
	if len(lines.Extract)+len(lines.Hints) == 0 {
		return
	}
	b.WriteString("\n" + style.Bold("Lines for the policy") + "\n")
	for _, line := range append(lines.Extract, lines.Hints...) {
		b.WriteString("  " + terminal.Safe(line) + "\n")
	}
}
