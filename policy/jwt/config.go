package jwt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of a token's life.
const (
	// DefaultTTL is how long a token is good when nothing else is said.
	DefaultTTL = 5 * time.Minute
	// MinTTL and MaxTTL bound it. Below MinTTL a third party whose clock is a
	// little off would refuse most tokens.
	MinTTL = 10 * time.Second
	MaxTTL = 24 * time.Hour

	// maxKeyID bounds the key id in bytes: it is part of every token.
	maxKeyID = 256
)

// algorithms are those of RFC 7518, section 3.1, and RFC 8037 that third
// parties ask for. All others are left out, "none" above all.
var algorithms = []string{string(jose.RS256), string(jose.ES256), string(jose.EdDSA), string(jose.HS256)}

// Config says what tokens look like. The key is not part of it: it is a
// secret, and may be another one for each tenant.
type Config struct {
	// Algorithm is RS256, ES256, EdDSA or HS256, spelled so.
	Algorithm string

	// KeyID is the header parameter kid (RFC 7515, section 4.1.4), of at most
	// 256 bytes. Default: none.
	KeyID string

	// TTL is how long a token is good, in whole seconds from MinTTL to MaxTTL.
	// Default: 5m.
	TTL time.Duration
}

// Validate gives everything that is wrong with the configuration, joined. Each
// error begins with the word that it is about: alg, kid or ttl.
func (c Config) Validate() error {
	var errs []error
	if !slices.Contains(algorithms, c.Algorithm) {
		errs = append(errs, fmt.Errorf("alg: %q is not an algorithm: expected %s", c.Algorithm, strings.Join(algorithms, ", ")))
	}
	switch {
	case len(c.KeyID) > maxKeyID:
		errs = append(errs, fmt.Errorf("kid: %d bytes are too many: expected at most %d", len(c.KeyID), maxKeyID))
	case !utf8.ValidString(c.KeyID) || strings.ContainsFunc(c.KeyID, unicode.IsControl):
		errs = append(errs, fmt.Errorf("kid: %q holds characters that cannot be printed", c.KeyID))
	}
	switch {
	case c.TTL == 0:
	case c.TTL < MinTTL || c.TTL > MaxTTL:
		errs = append(errs, fmt.Errorf("ttl: %s is out of range: expected 10s to 24h", c.TTL))
	case c.TTL%time.Second != 0:
		errs = append(errs, fmt.Errorf("ttl: %s is not whole seconds", c.TTL))
	}
	return errors.Join(errs...)
}

// ValidateClaims gives everything that is wrong with the names of the claims
// that are to be signed, joined: a name that is empty, comes twice, or is one
// of iat and exp, which a Minter sets.
func ValidateClaims(names []string) error {
	var errs []error
	for i, name := range names {
		switch {
		case name == "":
			errs = append(errs, errors.New("a claim without a name"))
		case name == claimIssued || name == claimExpires:
			errs = append(errs, fmt.Errorf("the claim %q is set by the gateway: ttl says when a token expires", name))
		case slices.Contains(names[:i], name):
			errs = append(errs, fmt.Errorf("the claim %q comes twice", name))
		}
	}
	return errors.Join(errs...)
}
