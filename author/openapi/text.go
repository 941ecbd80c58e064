package openapi

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine bounds a line that is told or written in a comment, in bytes, and maxQuote
// a word in one.
const (
	maxLine  = 300
	maxQuote = 80
)

// printable makes one line of a stranger's text: blanks for what is none, nothing
// that a terminal would obey, and an end.
func line(format string, args ...any) string { return printable(fmt.Sprintf(format, args...)) }

func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, cut(s, 2*maxLine))
	return cut(s, maxLine)
}

// cut gives as many characters of s as fit into size bytes.
func cut(s string, size int) string {
	const ellipsis = "…"
	if len(s) <= size {
		return s
	}
	size -= len(ellipsis)
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size] + ellipsis
}

// quote puts a word of the document in quotes.
func quote(s string) string { return fmt.Sprintf("%q", cut(s, maxQuote)) }

// markup is what descriptions hold beside their words: HTML's tags and the address
// of a link.
var markup = regexp.MustCompile(`<[^<>]{0,200}>|\]\([^()\s]{0,500}\)`)

// sentence gives the first sentence of a description, on one line and without its
// markup.
func sentence(s string) string {
	s = markup.ReplaceAllStringFunc(cut(s, 4*maxLine), func(found string) string {
		if found[0] == ']' {
			return ""
		}
		return " "
	})
	s = strings.NewReplacer("`", "", "**", "", "[", "", "]", "", " .", ".", " ,", ",").Replace(s)
	paragraph := strings.TrimSpace(s)
	if end := strings.Index(paragraph, "\n\n"); end > 0 {
		paragraph = paragraph[:end]
	}
	line := strings.Join(strings.Fields(printable(paragraph)), " ")
	for i := 0; i+1 < len(line); i++ {
		if strings.IndexByte(".!?", line[i]) >= 0 && line[i+1] == ' ' && i > 3 && line[i-2] != '.' {
			return strings.TrimLeft(line[:i+1], "# ")
		}
	}
	return strings.TrimLeft(line, "# ")
}

// holdable tells whether a text of the document may stand in a policy where no
// variable, secret or placeholder is meant. It is: nothing that templates, or a
// Caddyfile wherever it stands, would make something else of.
func holdable(s string) bool {
	return len(s) <= maxLine && holdablePattern(s) && !strings.ContainsAny(s, "{}`\n\r\t")
}

// misread is what a Caddyfile makes something of, however it is quoted.
var misread = regexp.MustCompile(`\{\$|\\[{}]|\{args|\{block|\{\{|\{(?:tenant_)?secret\.`)

// holdablePattern is holdable for regular expressions, which have braces.
func holdablePattern(s string) bool {
	control := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError || r == '\ufeff' }
	return utf8.ValidString(s) && !misread.MatchString(s) && !strings.Contains(s, "`") && !strings.ContainsFunc(s, control)
}
