package jwt

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxTokens bounds the tokens kept. With claims of at most 8 KiB they take
	// less than 64 MiB, and about 4 MiB with usual ones.
	maxTokens = 4096
	// maxSigners bounds the keys kept in parsed form, of at most about 10 KiB.
	maxSigners = 1024

	// reserve is what is left of a token's life at least when it is given, so
	// that it does not expire on its way.
	reserve = 5 * time.Second
	// slack is how far a clock may go back before tokens count as issued in
	// the future. Calls that read the clock before another call signed are
	// a little in its past, too.
	slack = 5 * time.Second
)

// Minter mints tokens and keeps them for as long as they are good. It is safe
// for concurrent use. Its memory is bounded: it keeps at most 4096 tokens and
// 1024 parsed keys, and forgets those not used for longest. It holds no key as
// text, no shared key at all, and starts no goroutines.
type Minter struct {
	cfg Config

	mu      sync.Mutex
	tokens  *simplelru.LRU[hash, *minted]
	signers *simplelru.LRU[hash, *signer]
}

// minted is a token, once somebody has asked for it.
type minted struct {
	mu     sync.Mutex // Held while signing, so that all others wait for the one who does.
	token  string
	issued time.Time // In whole seconds of wall time, as the token has it.
}

// signer is a key, once somebody has parsed it.
type signer struct {
	once   sync.Once
	signer jose.Signer
	err    error
}

// newCache makes a map of bounded size that forgets what was not used for
// longest.
func newCache[V any](size int) *simplelru.LRU[hash, V] {
	cache, err := simplelru.NewLRU[hash, V](size, nil)
	if err != nil {
		panic(err) // Not reached: sizes are positive.
	}
	return cache
}

// NewMinter gives a Minter for a configuration that Validate finds nothing
// wrong with. With another one, Token gives errors.
func NewMinter(c Config) *Minter {
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	return &Minter{cfg: c, tokens: newCache[*minted](maxTokens), signers: newCache[*signer](maxSigners)}
}

// Token gives a token in compact form (RFC 7515, section 7.1), signed with the
// key: PEM, or for HS256 the shared key itself. It holds the claims, which must
// not change meanwhile, and iat and exp in whole seconds; exp is TTL after iat.
// A token that was signed before is given again for 90 % of its life, and for no
// longer than until 5 s before exp.
//
// Errors wrap ErrKey or ErrClaims, and hold no part of the key nor of a claim's
// value. Safe for concurrent use.
func (m *Minter) Token(now time.Time, key string, claims map[string]any) (string, error) {
	h, err := tokenHash(key, claims)
	if err != nil {
		return "", fmt.Errorf("minting a token: %w", err)
	}
	m.mu.Lock()
	t, known := m.tokens.Get(h)
	if !known {
		t = new(minted)
		m.tokens.Add(h, t)
	}
	m.mu.Unlock()

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && m.good(now, t.issued) {
		return t.token, nil
	}
	issued := time.Unix(now.Unix(), 0)
	token, err := m.sign(issued, key, claims)
	if err != nil {
		return "", fmt.Errorf("minting a token: %w", err)
	}
	t.token, t.issued = token, issued
	return token, nil
}

// good reports whether a token can be given. The times compared are wall time:
// that is what the third party will compare.
func (m *Minter) good(now, issued time.Time) bool {
	age := now.Sub(issued)
	return age >= -slack && age < min(m.cfg.TTL/10*9, m.cfg.TTL-reserve)
}

func (m *Minter) sign(issued time.Time, key string, claims map[string]any) (string, error) {
	text, err := payload(claims, issued, m.cfg.TTL)
	if err != nil {
		return "", err
	}
	s, err := m.signer(key)
	if err != nil {
		return "", err
	}
	signature, err := s.Sign(text)
	if err != nil {
		return "", unusable("it does not sign")
	}
	token, err := signature.CompactSerialize()
	if err != nil {
		return "", unusable("its signature cannot be written")
	}
	return token, nil
}

// signer gives what signs with the key. That a key cannot sign is remembered,
// too: it never will. Of a shared key there is nothing to parse, and to keep it
// would be to keep it as text.
func (m *Minter) signer(key string) (jose.Signer, error) {
	if m.cfg.Algorithm == string(jose.HS256) {
		return newSigner(m.cfg, key)
	}
	h := hash(sha256.Sum256([]byte(key)))
	m.mu.Lock()
	s, known := m.signers.Get(h)
	if !known {
		s = new(signer)
		m.signers.Add(h, s)
	}
	m.mu.Unlock()
	s.once.Do(func() { s.signer, s.err = newSigner(m.cfg, key) })
	return s.signer, s.err
}

func newSigner(c Config, key string) (jose.Signer, error) {
	parsed, err := parseKey(c.Algorithm, key)
	if err != nil {
		return nil, err
	}
	options := new(jose.SignerOptions).WithType("JWT")
	if c.KeyID != "" {
		options.WithHeader("kid", c.KeyID)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(c.Algorithm), Key: parsed}, options)
	if err != nil {
		return nil, unusable("it does not fit %s", c.Algorithm)
	}
	return s, nil
}
