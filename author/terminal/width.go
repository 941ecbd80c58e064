package terminal

import (
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// minColumns is the narrowest terminal that is believed, in columns. Some that have
// not been laid out yet say that they have none.
const minColumns = 20

// Columns is how many columns the terminal has that w is, and 0 where w is none or
// does not say.
func Columns(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns < minColumns {
		return 0
	}
	return columns
}

// Width is how many columns a text takes that has no escape sequences: two for each
// sign of, for instance, Chinese.
func Width(text string) int { return uniseg.StringWidth(text) }

// Cut cuts a text to that many columns, with "…" at its end where something is
// missing. Signs that are made of several characters are not torn.
func Cut(text string, columns int) string {
	if len(text) <= columns || Width(text) <= columns { // No byte takes more than a column.
		return text
	}
	if columns < 1 {
		return ""
	}
	var b strings.Builder
	left := columns - 1
	for state, rest := -1, text; rest != ""; {
		var sign string
		var width int
		sign, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if width > left {
			break
		}
		left -= width
		b.WriteString(sign)
	}
	return b.String() + "…"
}

// pad gives a text that takes that many columns with the blanks before or after it.
func pad(text string, columns int, right bool) (before, after string) {
	blanks := strings.Repeat(" ", max(columns-Width(text), 0))
	if right {
		return blanks, ""
	}
	return "", blanks
}
