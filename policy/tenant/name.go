package tenant

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a tenant in bytes.
const MaxName = 128

// Check returns nil when name may be a tenant's: 1 to 128 bytes of printable
// UTF-8 without spaces at the ends. Printable is what unicode.IsPrint says:
// letters, marks, numbers, punctuation, symbols and the ASCII space, and so no
// control character, no line separator, no other space, none that is invisible
// or changes the direction of writing, and none that is private or unassigned.
// The error holds nothing of the name, so it may stand in a response header.
func Check(name string) error {
	switch {
	case name == "":
		return errors.New("a tenant's name cannot be empty")
	case len(name) > MaxName:
		return fmt.Errorf("a tenant's name has at most %d bytes, not %d", MaxName, len(name))
	case !utf8.ValidString(name):
		return errors.New("a tenant's name has to be UTF-8")
	case name[0] == ' ' || name[len(name)-1] == ' ':
		return errors.New("a tenant's name cannot begin or end with a space")
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(name[i:])
		return fmt.Errorf("a tenant's name cannot hold %U, which is not printable", r)
	}
	return nil
}
