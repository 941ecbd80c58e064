package curl

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// MaxCommand bounds a command, in bytes. A body of more fits into no template.
const MaxCommand = 128 << 10

// word is one word of the command, after the shell.
type word struct {
	// text is the word. A variable of the shell stands in it as its name between two
	// marks, which no command holds.
	text string

	// place is where the word begins: "line 1, column 20".
	place string
}

// mark stands around the name of a variable.
const mark = "\x00"

// markedVariable finds variables in a word.
var markedVariable = regexp.MustCompile(mark + `[A-Za-z_][A-Za-z0-9_]*` + mark)

// variable gives the name where the word is nothing but one variable.
func (w word) variable() (name string, is bool) {
	if markedVariable.FindString(w.text) != w.text || w.text == "" {
		return "", false
	}
	return strings.Trim(w.text, mark), true
}

// hasVariable tells whether a variable stands in the word.
func (w word) hasVariable() bool { return strings.Contains(w.text, mark) }

// isPrivate tells whether a variable stands in the word that is called like a
// credential.
func (w word) isPrivate() bool {
	return slices.ContainsFunc(markedVariable.FindAllString(w.text, -1), func(v string) bool { return draft.IsPrivate(strings.Trim(v, mark)) })
}

// plain refuses a variable, whose value nobody knows here.
func (w word) plain() error {
	if !w.hasVariable() {
		return nil
	}
	name := strings.Trim(markedVariable.FindString(w.text), mark)
	return w.wrong("a variable, $%s: write its value instead, as only credentials, and parts of path, query and headers, may be variables", name)
}

// part is a piece of the word, at the same place.
func (w word) part(text string) word { return word{text, w.place} }

// wrong makes an error about the word, whose text it does not repeat: it may be a
// credential.
func (w word) wrong(format string, args ...any) error {
	return fmt.Errorf("at %s: %s", w.place, fmt.Sprintf(format, args...))
}
