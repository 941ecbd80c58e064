package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// redacted is what every rendering of a Secret says, whether or not it is empty.
const redacted = "[redacted]"

// hidden is a value that reflection sees as the address of code. Package fmt does not call the methods of unexported
// fields, nor any for %p and for verbs that do not fit, and prints what it finds behind a pointer then.
type hidden[T any] func() T

func hide[T any](v T) hidden[T] { return func() T { return v } }

// Secret is a value that must not be seen. It prints as [redacted] with every verb of package fmt, in JSON, in text
// encodings and in slog; [Secret.Expose] is the only way to the value. The zero Secret is empty.
//
// Secrets are immutable and safe for concurrent use. They cannot be compared with ==; see [Secret.Equal].
type Secret struct {
	value hidden[string] // Nil where there is none.
}

// New returns a Secret that holds value.
func New(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: hide(value)}
}

// Expose returns the value itself. Every call of it is a place to look at in a review.
func (s Secret) Expose() string {
	if s.value == nil {
		return ""
	}
	return s.value()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal reports whether both secrets have the same value. The time it takes depends on their lengths only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Expose()), []byte(other.Expose())) == 1
}

// Format prints [redacted] whatever the verb and the flags.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(redacted)) // A fmt.State collects errors itself.
}

// String returns [redacted].
func (s Secret) String() string { return redacted }

// GoString returns [redacted].
func (s Secret) GoString() string { return redacted }

// MarshalText returns [redacted]. JSON, XML and YAML encoders use it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Interface guards.
var (
	_ fmt.Formatter  = Secret{}
	_ fmt.Stringer   = Secret{}
	_ fmt.GoStringer = Secret{}
	_ slog.LogValuer = Secret{}
)
