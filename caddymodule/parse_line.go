package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/policy"
)

// maxDepth bounds how deep blocks nest. The grammar needs 5, the trust pools
// of a transport a few more.
const maxDepth = 16

// tornText is said wherever a template stands bare: `caddy fmt` writes
// /orders/{{id}} as `/orders/ {` and `{id}}` on a line of its own, and the
// result still parses.
const tornText = "what holds {{ must stand in quotes, backticks or a heredoc: caddy fmt tears it apart otherwise"

// argument is one token and how it was quoted.
type argument struct {
	text string

	// quote is '"', '`', '<' for a heredoc, or 0.
	quote byte
}

// says tells whether the argument is a word of the grammar: in quotes, it is a
// value.
func (a argument) says(word string) bool {
	return a.quote == 0 && a.text == word
}

// isBare tells whether the argument is an unquoted template.
func (a argument) isBare() bool {
	return a.quote == 0 && strings.Contains(a.text, "{{")
}

// line is a subdirective with its arguments and its block. Reading a segment
// into lines first lets every parser go on after a mistake.
type line struct {
	word  argument
	args  []argument
	block []*line

	// braces tells whether a block stands, be it empty.
	braces bool

	// torn tells that the line is a piece of an unquoted template.
	torn bool

	// bare is an unquoted template among the arguments, or empty.
	bare string

	place policy.Place

	// tokens are those of the line and its block.
	tokens []caddyfile.Token
}

// arg gives the text of an argument, and nothing where it is missing.
func (l *line) arg(i int) string {
	if i >= len(l.args) {
		return ""
	}
	return l.args[i].text
}

// tornLine finds the piece of a template that caddy fmt made a block of.
func (l *line) tornLine() *line {
	for _, sub := range l.block {
		if sub.torn {
			return sub
		}
	}
	return nil
}

// texts gives the texts of the arguments from one on.
func (l *line) texts(from int) []string {
	var texts []string
	for i := from; i < len(l.args); i++ {
		texts = append(texts, l.args[i].text)
	}
	return texts
}

// segment turns the tokens of a directive into lines.
type segment struct {
	tokens []caddyfile.Token
	quotes []byte
	next   int
	report scope
}

// readSegment reads all of a dispenser as one line with its block. It gives nil
// where there are no tokens.
func readSegment(d *caddyfile.Dispenser, s scope) *line {
	g := segment{report: s}
	for d.Next() {
		g.tokens = append(g.tokens, d.Token())
		g.quotes = append(g.quotes, quoteOf(d))
	}
	if len(g.tokens) == 0 {
		return nil
	}
	l := g.line(0)
	if g.next < len(g.tokens) {
		s.wrong(placeOf(g.tokens[g.next]), "unexpected %q behind the block", g.tokens[g.next].Text)
	}
	return l
}

// line reads the line that begins at the next token, and its block.
func (g *segment) line(depth int) *line {
	start := g.next
	l := &line{word: g.argument(), place: placeOf(g.tokens[start])}
	g.report.remember(l.place, g.tokens[start])
	if l.word.quote == 0 && len(l.word.text) > 1 && l.word.text[0] == '{' {
		l.torn = true
	}
	if start > 0 && !g.startsLine(start) {
		g.report.wrong(l.place, "unexpected %q behind a }: it needs a line of its own", l.word.text)
	}
	for g.next < len(g.tokens) && !g.startsLine(g.next) && !g.at("}") {
		if g.at("{") {
			g.next++
			g.block(l, depth+1)
			break
		}
		a := g.argument()
		if a.isBare() {
			l.bare = a.text
		}
		l.args = append(l.args, a)
	}
	if g.next < len(g.tokens) && !g.startsLine(g.next) && g.at("}") {
		g.report.wrong(l.place, "a lone } ends the block: it needs a line of its own, or backticks where it is text")
	}
	l.tokens = g.tokens[start:g.next]
	return l
}

// block reads the lines up to the closing brace, and the brace.
func (g *segment) block(l *line, depth int) {
	l.braces = true
	if depth > maxDepth {
		g.report.wrong(l.place, "blocks nest more than %d deep", maxDepth)
		g.next = len(g.tokens)
		return
	}
	for g.next < len(g.tokens) && !g.at("}") {
		l.block = append(l.block, g.line(depth))
	}
	if g.next < len(g.tokens) {
		g.next++
	}
}

// argument takes the next token.
func (g *segment) argument() argument {
	a := argument{text: g.tokens[g.next].Text, quote: g.quotes[g.next]}
	g.next++
	return a
}

// at tells whether the next token is a brace of the structure.
func (g *segment) at(brace string) bool {
	return g.quotes[g.next] == 0 && g.tokens[g.next].Text == brace
}

// startsLine tells whether a token is the first of its line. Only Caddy knows:
// lines of different imports may have equal numbers.
func (g *segment) startsLine(i int) bool {
	if i == 0 {
		return true
	}
	pair := caddyfile.NewDispenser(g.tokens[i-1 : i+1])
	pair.Next()
	return pair.NextLine()
}

// quoteOf gives the quote of the current token. Caddy tells it only through
// the raw value, which has no quotes around a heredoc.
func quoteOf(d *caddyfile.Dispenser) byte {
	switch raw := d.ValRaw(); {
	case !d.Token().Quoted():
		return 0
	case len(raw) > len(d.Val()):
		return raw[0]
	default:
		return '<'
	}
}

// placeOf tells where a token stands.
func placeOf(t caddyfile.Token) policy.Place {
	return policy.Place{File: t.File, Line: t.Line}
}
