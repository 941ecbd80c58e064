package oauth2

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// Config says how tokens are asked for. It holds no secrets.
type Config struct {
	// AuthInBody sends the client's credentials as client_id and client_secret
	// in the body. Default: by HTTP Basic, with both form-encoded (RFC 6749,
	// section 2.3.1).
	AuthInBody bool

	// Scopes are asked for, in order. Default: none, which leaves the choice to
	// the endpoint (RFC 6749, section 3.3).
	Scopes []string
}

// Validate gives everything that is wrong with the configuration, joined. Each
// error begins with "scopes".
func (c Config) Validate() error {
	var errs []error
	for i, scope := range c.Scopes {
		switch {
		case scope == "" || strings.ContainsFunc(scope, notInScope):
			errs = append(errs, fmt.Errorf("scopes: %q is not a scope: expected printable ASCII without blanks, quotes and backslashes", scope))
		case slices.Contains(c.Scopes[:i], scope):
			errs = append(errs, fmt.Errorf("scopes: %q comes twice", scope))
		}
	}
	return errors.Join(errs...)
}

// notInScope follows RFC 6749, section 3.3.
func notInScope(r rune) bool { return !visible(r) || r == '"' || r == '\\' }

// visible reports whether a character is printable ASCII but no blank.
func visible(r rune) bool { return r > ' ' && r < 0x7f }

// ValidateParams gives everything that is wrong with the names of further
// parameters, joined: a name that is empty, or is one of grant_type, scope,
// client_id and client_secret, which a Source sets. A name may come twice (RFC
// 8707 has such).
func ValidateParams(names []string) error {
	var errs []error
	for _, name := range names {
		switch name {
		case "":
			errs = append(errs, errors.New("a parameter without a name"))
		case "grant_type", "scope", "client_id", "client_secret":
			errs = append(errs, fmt.Errorf("the parameter %q is set by the gateway", name))
		}
	}
	return errors.Join(errs...)
}

// Credentials are what one token is asked for with. They may differ from tenant
// to tenant. They print as [redacted].
type Credentials struct {
	// TokenURL is the token endpoint.
	TokenURL string
	// ID and Secret are the client's.
	ID, Secret string
	// Params are further parameters of the request, such as audience, with
	// names that ValidateParams allows. They must not change any more.
	Params url.Values
}

// hash is what credentials are found by.
type hash [sha256.Size]byte

// hash covers all fields. Each stands behind its length, and each parameter
// behind the number of its values, so that no two credentials look alike.
func (c Credentials) hash() hash {
	// Enough for most credentials, so that they are hashed without a detour
	// over the heap.
	b := make([]byte, 0, 1024)
	for _, part := range [...]string{c.TokenURL, c.ID, c.Secret} {
		b = appendPart(b, part)
	}
	names := make([]string, 0, 16)
	for name := range c.Params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = appendPart(b, name)
		b = binary.BigEndian.AppendUint64(b, uint64(len(c.Params[name])))
		for _, value := range c.Params[name] {
			b = appendPart(b, value)
		}
	}
	return sha256.Sum256(b)
}

func appendPart(b []byte, part string) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
}

// redacted is what credentials and tokens print as.
const redacted = "[redacted]"

// Format prints [redacted] whatever the verb and the flags.
func (c Credentials) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText returns [redacted]. JSON encoders use it too.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (c Credentials) LogValue() slog.Value { return slog.StringValue(redacted) }

func redact(f fmt.State) {
	_, _ = io.WriteString(f, redacted) // A fmt.State collects errors itself.
}
