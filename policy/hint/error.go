package hint

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
)

// Error says what is wrong with a condition, and where. [Compile] returns it for
// a condition that cannot be asked, [Condition.Holds] for one that could not be
// evaluated over the values of a call.
type Error struct {
	// Source is the whole text of the condition.
	Source string
	// Line is the line of the place, counted from 1.
	Line int
	// Column is the place in that line in characters, counted from 1. One more
	// than the line has characters means its end.
	Column int
	// Msg is a short sentence in lower case without the place.
	Msg string

	cause error
}

// Error returns "line:column: message" on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg)
}

// Unwrap returns the error that the scope's CheckPath gave, or [ErrBudget], or
// nil.
func (e *Error) Unwrap() error { return e.cause }

// Snippet returns the line of the place and below it a caret under the place,
// without a newline at the end. Tabs are shown as single spaces so that the
// caret stands right.
func (e *Error) Snippet() string {
	lines := strings.Split(e.Source, "\n")
	line := ""
	if i := e.Line - 1; i >= 0 && i < len(lines) {
		line = strings.NewReplacer("\t", " ", "\r", " ").Replace(lines[i])
	}
	return line + "\n" + strings.Repeat(" ", max(e.Column-1, 0)) + "^"
}

// errorAt places a message at an offset given in characters, which is how expr
// counts.
func errorAt(source string, offset int, format string, args ...any) *Error {
	e := &Error{Source: source, Line: 1, Column: 1, Msg: fmt.Sprintf(format, args...)}
	for i, r := range []rune(source) {
		if i == offset {
			break
		}
		e.Column++
		if r == '\n' {
			e.Line, e.Column = e.Line+1, 1
		}
	}
	return e
}

// errorFrom turns what expr reports into our error: same place, one line.
func errorFrom(source string, err error) *Error {
	var placed *file.Error
	if !errors.As(err, &placed) {
		return errorAt(source, 0, "%v", err)
	}
	var assertion *runtime.TypeAssertionError
	msg := placed.Message
	if errors.As(placed.Prev, &assertion) {
		msg = kindMessage(assertion.Error())
	}
	e := errorAt(source, placed.From, "%s", strings.ReplaceAll(msg, "<nil>", "nil"))
	if errors.Is(placed.Prev, ErrBudget) || msg == outOfElements {
		e.cause = ErrBudget
	}
	return e
}

// outOfElements is what the virtual machine says when MaxElements is reached.
const outOfElements = "memory budget exceeded"

// kindMessage says in the reader's words what Go says of a value of the wrong
// kind, for instance of nil where true or false is needed.
func kindMessage(msg string) string {
	_, got, found := strings.Cut(msg, " is ")
	got, want, both := strings.Cut(got, ", not ")
	if !found || !both {
		return msg
	}
	return fmt.Sprintf("got %s where %s is needed", got, want)
}

// kindOf names a value's kind for people.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return fmt.Sprintf("the text %q", clip(v))
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	default:
		return clip(fmt.Sprintf("%v", v))
	}
}

// clip cuts a text to 40 bytes at a character's border, so that a message never
// carries a third party's whole answer.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
