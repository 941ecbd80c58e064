package draft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word of a line, and how it may be quoted.
type token struct {
	text string
	as   form
}

// form is what the reader makes of a token.
type form int

const (
	formWord form = iota // A word of the grammar, or what is as harmless: as it is.
	formText             // Any text; all ways to quote it mean the same.
	formJSON             // A JSON value, which double quotes would make a string.
	formExpr             // An expression, which may be the rest of the line.
)

func word(s string) token { return token{s, formWord} }
func text(s string) token { return token{s, formText} }
func expr(s string) token { return token{s, formExpr} }

// words makes tokens of words of the grammar.
func words(list ...string) []token {
	tokens := make([]token, len(list))
	for i, w := range list {
		tokens[i] = word(w)
	}
	return tokens
}

// texts makes tokens of texts.
func texts(list []string) []token {
	tokens := make([]token, len(list))
	for i, t := range list {
		tokens[i] = text(t)
	}
	return tokens
}

// value makes a token of a JSON value. A string stands in double quotes where it
// can: that is a string already.
func value(raw json.RawMessage) token { return token{string(raw), formJSON} }

// write gives the token as it stands on a line that is indented by as many tabs.
func (t token) write(depth int) (string, error) {
	switch t.as {
	case formWord:
		return t.text, nil
	case formJSON:
		return writeJSON(t.text, depth)
	case formExpr:
		if isPlainExpression(t.text) {
			return t.text, nil
		}
		return writeText(t.text, depth, false)
	default:
		return writeText(t.text, depth, true)
	}
}

// writeText quotes a text as it needs: not at all, in double quotes, in backticks,
// or as a heredoc. Caddy reads each back as the same text, and `caddy fmt` leaves
// it as it is.
func writeText(s string, depth int, bare bool) (string, error) {
	if err := checkText(s); err != nil {
		return "", err
	}
	lines := strings.Contains(s, "\n")
	switch {
	case bare && isBare(s):
		return s, nil
	case lines && fitsHeredoc(s):
		return heredoc(s, depth), nil
	case fitsQuotes(s) && (!strings.Contains(s, `"`) || !fitsBackticks(s)):
		return quoted(s), nil
	case fitsBackticks(s):
		return "`" + s + "`", nil
	case fitsHeredoc(s):
		return heredoc(s, depth), nil
	}
	return "", errors.New("no way to quote the text keeps it: it holds backticks, and backslashes before quotation marks or a line break of another system")
}

// writeJSON quotes a JSON value so that it stays one.
func writeJSON(raw string, depth int) (string, error) {
	var s string
	if json.Unmarshal([]byte(raw), &s) == nil && strings.HasPrefix(raw, `"`) && checkText(s) == nil && fitsQuotes(s) && !strings.Contains(s, "\n") {
		return quoted(s), nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(raw)); err != nil {
		return "", errors.New("the value is not JSON")
	}
	// Escapes leave nothing that can be misread but backticks.
	safe := escapeJSON(compact.String())
	switch err := checkText(safe); {
	case err != nil:
		return "", err
	case isBare(safe):
		return safe, nil
	case fitsBackticks(safe):
		return "`" + safe + "`", nil
	default:
		return heredoc(safe, depth), nil
	}
}

// escapeJSON writes the braces of a JSON value's strings as escapes where Caddy
// would see something else in them, and backticks too.
func escapeJSON(s string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case inString && c == '\\':
			b.WriteString(s[i : i+2])
			i++
			continue
		case c == '"':
			inString = !inString
		case inString && (c == '{' || c == '}' || c == '`'):
			fmt.Fprintf(&b, `\u%04x`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// misread finds what Caddy makes something of wherever it stands, quoted or not:
// variables of the environment, and, in a file that is imported, escaped braces and
// the words for what the import was given.
var misread = regexp.MustCompile(`\{\$|\\[{}]|\{args[\[.]|\{blocks?[.}]`)

// maxOpen is how many braces may be open in a text: of an imported file, Caddy drops
// the texts with more.
const maxOpen = 100

// checkText tells what a Caddyfile cannot hold in any way.
func checkText(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("the text is not UTF-8")
	}
	for i, r := range s {
		if unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' {
			return fmt.Errorf("the text holds the character %U at byte %d", r, i+1)
		}
	}
	if at := misread.FindStringIndex(s); at != nil {
		return fmt.Errorf("the text holds %s at byte %d, of which Caddy makes something else", s[at[0]:at[1]], at[0]+1)
	}
	if open := strings.Count(s[strings.LastIndexByte(s, '}')+1:], "{"); open > maxOpen {
		return fmt.Errorf("the text holds %d braces that are not closed: Caddy takes at most %d", open, maxOpen)
	}
	return nil
}

// barePattern is what needs no quotes: nothing that Caddy or `caddy fmt` has a
// meaning for. A brace may only be that of a secret.
var barePattern = regexp.MustCompile(`^(?:[A-Za-z0-9_./:@$%*+=~^!?&|,;()\[\]>-]+|\{(?:tenant_)?secret\.[a-z0-9_.-]+\})$`)

// grammar are the words that mean something in the place of a value, where they are
// not quoted.
var grammar = []string{"default", "required", "matches", "in", "string", "number", "bool", "json", "off", "shared", "import"}

// isBare tells the texts that need no quotes.
func isBare(s string) bool {
	return barePattern.MatchString(s) && !slices.Contains(grammar, s) && s[0] != '[' && s[len(s)-1] != ','
}

// fitsQuotes tells the texts that double quotes can hold: a backslash before a
// quotation mark, or at the end, would escape it.
func fitsQuotes(s string) bool {
	odd := false // whether an odd number of backslashes stands before
	for i := range len(s) {
		if s[i] == '"' && odd {
			return false
		}
		odd = s[i] == '\\' && !odd
	}
	return !odd && !strings.Contains(s, "`") // With which caddy fmt loses count.
}

// quoted puts a text in double quotes.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// fitsBackticks tells the texts that backticks can hold. A backslash at the end is
// kept by Caddy, but not by its formatter.
func fitsBackticks(s string) bool {
	odd := (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
	return !odd && !strings.Contains(s, "`")
}

// fitsHeredoc tells the texts that a heredoc can hold, from which Caddy removes
// carriage returns.
func fitsHeredoc(s string) bool { return !strings.Contains(s, "\r") && s != "" }

// heredoc writes a text on lines of its own, indented by one tab more than its line.
func heredoc(s string, depth int) string {
	marker := "END"
	for n := 2; strings.Contains(s, marker); n++ {
		marker = "END" + strconv.Itoa(n)
	}
	tabs := strings.Repeat("\t", depth+1)
	var b strings.Builder
	b.WriteString("<<" + marker + "\n")
	for line := range strings.SplitSeq(s, "\n") {
		if line != "" {
			b.WriteString(tabs + line)
		}
		b.WriteByte('\n')
	}
	b.WriteString(tabs + marker)
	return b.String()
}

// plainWord is a word of an expression that reads the same as a token of its own: a
// whole string, or what holds no quotes but around strings without blanks.
var plainWord = regexp.MustCompile("^(?:\"[^\"\\\\`{}]*\"|[A-Za-z0-9_.$!=<>&|?:%*/+^,;~@()\\[\\]-](?:[A-Za-z0-9_.$!=<>&|?:%*/+^,;~@()\\[\\]-]|\"[^\" \\\\`{}']*\")*)$")

// isPlainExpression tells the expressions that can be the rest of a line as they
// are: words with one blank between them.
func isPlainExpression(s string) bool {
	if s == "" || len(s) > maxPlain || checkText(s) != nil || strings.ContainsAny(s, "\n\r\t\\`{}#") {
		return false
	}
	list := splitExpression(s)
	if len(list) == 1 && list[0][0] == '"' {
		return false // It would be taken for a quoted expression.
	}
	for _, w := range list {
		if !plainWord.MatchString(w) || strings.HasPrefix(w, "<<") {
			return false
		}
	}
	return true
}

// maxPlain bounds an expression that is not quoted, in bytes.
const maxPlain = 200

// splitExpression splits at blanks, but inside a string that begins a word.
func splitExpression(s string) []string {
	var list []string
	start, inString := 0, false
	for i := range len(s) {
		switch {
		case s[i] == '"' && (inString || i == start):
			inString = !inString
		case s[i] == ' ' && !inString:
			list, start = append(list, s[start:i]), i+1
		}
	}
	return append(list, s[start:])
}
