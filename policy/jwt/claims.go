package jwt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The claims that a Minter sets (RFC 7519, sections 4.1.6 and 4.1.4).
const (
	claimIssued  = "iat"
	claimExpires = "exp"
)

// maxClaims bounds the claims as JSON, in bytes. A token is sent in a header,
// and few servers read headers of more than 8 KiB.
const maxClaims = 8 << 10

// ErrClaims is wrapped by errors about claims that cannot be signed: they are
// not JSON, more than 8 KiB, or name iat or exp.
var ErrClaims = errors.New("claims that cannot be signed")

// hash is what a token or a key is found by.
type hash [sha256.Size]byte

// tokenHash gives a hash of all that a token depends on but the time. Each part
// stands behind its length, so that none can pass for two others.
func tokenHash(key string, claims map[string]any) (hash, error) {
	// Enough for most keys and claims, so that they are hashed without a
	// detour over the heap.
	b := appendPart(make([]byte, 0, 4096), 'k', key)
	names := make([]string, 0, 16)
	for name := range claims {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = appendPart(b, 'n', name)
		if s, ok := claims[name].(string); ok {
			b = appendPart(b, 's', s)
			continue
		}
		text, err := json.Marshal(claims[name])
		if err != nil {
			// What went wrong can hold the value, which may be secret.
			return hash{}, fmt.Errorf("%w: %q is not JSON", ErrClaims, name)
		}
		b = appendPart(b, 'j', text)
	}
	return sha256.Sum256(b), nil
}

func appendPart[T string | []byte](b []byte, kind byte, part T) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
	return append(b, part...)
}

// payload gives the claims as JSON, with the time they are good for.
func payload(claims map[string]any, issued time.Time, ttl time.Duration) ([]byte, error) {
	for _, name := range []string{claimIssued, claimExpires} {
		if _, ok := claims[name]; ok {
			return nil, fmt.Errorf("%w: %q is set by the gateway", ErrClaims, name)
		}
	}
	all := make(map[string]any, len(claims)+2)
	maps.Copy(all, claims)
	all[claimIssued] = issued.Unix()
	all[claimExpires] = issued.Add(ttl).Unix()
	text, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("%w: they are not JSON", ErrClaims)
	}
	if len(text) > maxClaims {
		return nil, fmt.Errorf("%w: %d bytes are too many: expected at most %d", ErrClaims, len(text), maxClaims)
	}
	return text, nil
}
