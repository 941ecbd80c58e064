package extract

import (
	"errors"
	"fmt"
)

// What can be wrong with a document. Errors of this package wrap one of them.
var (
	// ErrNotJSON: the document is not one JSON text (RFC 8259): ill-formed,
	// truncated, something behind it, not valid UTF-8, or a number that no
	// double can hold (1e400).
	ErrNotJSON = errors.New("not JSON")
	// ErrTooDeep: arrays and objects nest deeper than MaxDepth.
	ErrTooDeep = errors.New("nested too deeply")
	// ErrTooLarge: the document or what a path gives is over one of the other
	// bounds of this package.
	ErrTooLarge = errors.New("too large")
)

// Bounds of a document and of what is read from it. They hold for each
// document, and the ones for lists and steps for each path on its own.
const (
	// MaxBytes is the greatest length of a document.
	MaxBytes = 16 << 20
	// MaxDepth is how deep arrays and objects may nest: 128 brackets may be
	// open at one time.
	MaxDepth = 128
	// MaxValues is the greatest number of values in a document: scalars,
	// arrays and objects. No document below 2 MiB has as many. It bounds the
	// memory of a decoded document, which takes up to about a hundred bytes
	// for each value.
	MaxValues = 1 << 20
	// MaxMatches is the longest list that a path may give.
	MaxMatches = 100_000
	// MaxListBytes is the greatest length of the JSON text of such a list. A
	// path like $..* repeats every value as often as it is deep.
	MaxListBytes = MaxBytes
	// MaxSteps bounds the work that a path costs: one step for each value that
	// is looked at, and one for every few bytes that are compared. Going
	// through all of a document once takes no more than two for each value.
	MaxSteps = 2 * MaxValues
)

// DocumentError says what is wrong with a document, and where.
type DocumentError struct {
	Err    error  // ErrNotJSON, ErrTooDeep or ErrTooLarge.
	Offset int    // In bytes from the start of the document.
	Msg    string // What is wrong there, for people. It quotes nothing of the document.
}

// Error names the place and the reason on one line.
func (e *DocumentError) Error() string {
	return fmt.Sprintf("reading document: at byte %d: %s: %v", e.Offset, e.Msg, e.Err)
}

// Unwrap gives the sentinel.
func (e *DocumentError) Unwrap() error { return e.Err }
