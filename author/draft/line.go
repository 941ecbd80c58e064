package draft

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Bounds of comments, in characters.
const (
	// maxComment bounds one comment: what strangers describe has no end.
	maxComment = 600
	// commentWidth is where the lines of a comment are broken.
	commentWidth = 96
)

// page is a piece of a Caddyfile on its way to be written.
type page struct {
	b     strings.Builder
	depth int
	first error // the first text that could not be written
}

// line writes a line.
func (p *page) line(tokens ...token) { p.write(tokens, "") }

// block writes a line with a block, which inside fills.
func (p *page) block(tokens []token, inside func()) {
	p.write(tokens, " {")
	p.depth++
	inside()
	p.depth--
	p.indented("}")
}

// write writes tokens with one blank between them.
func (p *page) write(tokens []token, behind string) {
	written := make([]string, len(tokens))
	for i, t := range tokens {
		s, err := t.write(p.depth)
		if err != nil && p.first == nil {
			p.first = fmt.Errorf("writing %s: %w", tokens[0].text, err) // The other tokens may be hostile.
		}
		written[i] = s
	}
	p.indented(strings.TrimLeft(strings.Join(written, " ")+behind, " "))
}

// indented writes a line as it is.
func (p *page) indented(s string) {
	p.b.WriteString(strings.Repeat("\t", p.depth) + s + "\n")
}

// space writes an empty line, but not at the beginning of a block.
func (p *page) space() {
	if s := p.b.String(); s != "" && !strings.HasSuffix(s, "{\n") && !strings.HasSuffix(s, "\n\n") {
		p.b.WriteByte('\n')
	}
}

// comment writes a comment. Whatever is in the text, it stays one: it is cleaned,
// cut, and broken into lines that all begin with the sign.
func (p *page) comment(text string) {
	line := "#"
	text = strings.ReplaceAll(OneLine(text, maxComment), "check:ignore", "check: ignore") // Which would silence lint.
	for w := range strings.FieldsSeq(text) {
		if len(line)+1+len(w) > commentWidth && line != "#" {
			p.indented(line)
			line = "#"
		}
		line += " " + w
	}
	if line != "#" {
		p.indented(line)
	}
}

// ignoredRule is what a rule of `check` is called.
var ignoredRule = regexp.MustCompile(`^[a-z]+(?:-[a-z]+)*$`)

// ignore writes the comment that silences a rule, which is one line.
func (p *page) ignore(i Ignored) {
	if !ignoredRule.MatchString(i.Rule) {
		if p.first == nil {
			p.first = fmt.Errorf("writing a comment for check: %q is no rule", OneLine(i.Rule, commentWidth))
		}
		return
	}
	p.indented("# check:ignore " + i.Rule + " - " + OneLine(i.Why, commentWidth))
}

// OneLine makes one line of any text, of at most that many characters: blanks, line
// breaks and what cannot be seen become one blank, and what is too long ends in an
// ellipsis. Caddy finds no variable of the environment in it.
func OneLine(text string, most int) string {
	var b strings.Builder
	count, gap := 0, false
	var before rune
	for _, r := range text {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			gap = b.Len() > 0
			continue
		}
		if gap || before == '{' && r == '$' {
			b.WriteByte(' ')
			count++
		}
		if count++; count > most {
			return strings.TrimSpace(b.String()) + "…"
		}
		b.WriteRune(r)
		gap, before = false, r
	}
	return b.String()
}
