package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Style colours texts, or leaves them as they are. The zero value is plain. What it
// is given is printed as it is: a text of a stranger goes through Safe before. It is
// safe for concurrent use.
type Style struct{ colours bool }

// For gives the style of what is written to w: with colours where that is a
// terminal, unless NO_COLOR is set to anything or TERM is "dumb".
func For(w io.Writer) Style {
	return Style{IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Coloured is the style with colours, wherever it is printed.
func Coloured() Style { return Style{colours: true} }

// IsTerminal tells whether w is a terminal that somebody may look at.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Colours tells whether the style has any.
func (s Style) Colours() bool { return s.colours }

// Good is for what went well: green.
func (s Style) Good(text string) string { return s.paint("32", text) }

// Bad is for what failed: red.
func (s Style) Bad(text string) string { return s.paint("31", text) }

// Warn is for what somebody should look at: yellow.
func (s Style) Warn(text string) string { return s.paint("33", text) }

// Name is for the names of things, such as routes, places and paths: cyan.
func (s Style) Name(text string) string { return s.paint("36", text) }

// Bold is for headings.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim is for what is beside the point.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// paint puts a text between the sequence that begins the colour and the one that
// ends all.
func (s Style) paint(code, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
