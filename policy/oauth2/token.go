package oauth2

import (
	"fmt"
	"log/slog"
	"time"
)

// Token is an access token of the kind bearer (RFC 6750). It prints as
// [redacted].
type Token struct {
	// Value is what goes behind "Bearer": 1 byte to 16 KiB of printable ASCII
	// without blanks.
	Value string

	// Expires is when it does, as far as the endpoint can be believed. It is
	// counted from before the endpoint was asked, so that it is no later than
	// the endpoint takes it to be.
	Expires time.Time
}

// Format prints [redacted] whatever the verb and the flags.
func (t Token) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText returns [redacted]. JSON encoders use it too.
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (t Token) LogValue() slog.Value { return slog.StringValue(redacted) }
