package postman

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// warnings are what could not be taken over.
type warnings struct {
	all  []string
	more int
}

// add notes one; beyond a bound they are only counted.
func (w *warnings) add(format string, args ...any) {
	if len(w.all) == maxWarnings {
		w.more++
		return
	}
	w.all = append(w.all, fmt.Sprintf(format, args...))
}

// list gives all of them.
func (w *warnings) list() []string {
	if w.more > 0 {
		return append(w.all, fmt.Sprintf("%d more requests or parts of them, for such reasons", w.more))
	}
	return w.all
}

// redacted stands for a credential in a text.
const redacted = "[redacted]"

// shown makes a text of a stranger's one line, without credentials.
func shown(s string) string {
	return draft.OneLine(reference.ReplaceAllStringFunc(s, func(ref string) string {
		if name, _ := whole(ref); isSecret(name) {
			return redacted
		}
		return ref
	}), maxText)
}

// titled is shown without what means something in a policy or a Caddyfile.
func titled(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune("{}\\`", r) {
			return -1
		}
		return r
	}, shown(s)))
}

// quote shows a text in quotes.
func quote(s string) string { return strconv.Quote(shown(s)) }
