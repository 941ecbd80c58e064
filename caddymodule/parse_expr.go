package caddymodule

import (
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy"
)

// expression reads the arguments from one on as an expression: one quoted
// argument is the expression itself, anything else is the rest of the line.
func (s scope) expression(l *line, from int) string {
	if from >= len(l.args) {
		return ""
	}
	rest := l.args[from:]
	if len(rest) == 1 && rest[0].quote != 0 {
		if strings.TrimSpace(rest[0].text) == "" {
			s.wrong(l.place, "the expression is empty")
		}
		return rest[0].text
	}
	whole := joined(rest)
	for i, a := range rest {
		before := joined(rest[:i])
		if i > 0 {
			before += " "
		}
		switch {
		case a.quote == '<':
			s.wrong(l.place, "a heredoc must be the whole expression")
		case a.quote == 0 && !balanced(a.text):
			s.add(policy.Mistake{
				Place: l.place, Name: s.name,
				Text:    a.text + " has a quotation mark without its partner: use backticks around the whole expression",
				Snippet: whole + "\n" + strings.Repeat(" ", utf8.RuneCountInString(before)) + "^",
			})
			return whole
		}
	}
	return whole
}

// joined writes arguments as they stood on their line. What closes or goes on behind
// a string was glued to it, and Caddy's lexer tore it off.
func joined(args []argument) string {
	var b strings.Builder
	for i, a := range args {
		glued := i > 0 && args[i-1].quote != 0 && a.quote == 0 && a.text != "" && strings.ContainsAny(a.text[:1], "]),.")
		if i > 0 && !glued {
			b.WriteByte(' ')
		}
		b.WriteString(requote(a))
	}
	return b.String()
}

// requote gives an argument as it was written. Caddy's lexer drops the
// backslash of \" in double quotes, and only that one.
func requote(a argument) string {
	switch a.quote {
	case '"':
		return `"` + strings.ReplaceAll(a.text, `"`, `\"`) + `"`
	case '`':
		return "`" + a.text + "`"
	default:
		return a.text
	}
}

// balanced tells whether each string that begins in a bare token ends there.
// Blanks in a string that is glued to an operator tear the token apart.
func balanced(token string) bool {
	var open byte
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case open == 0 && (c == '"' || c == '\'' || c == '`'):
			open = c
		case open != 0 && open != '`' && c == '\\':
			i++
		case c == open:
			open = 0
		}
	}
	return open == 0
}
