package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

const (
	// minRSA is what RFC 7518, section 3.3, demands, in bits. maxRSA bounds
	// what a signature can cost.
	minRSA = 2048
	maxRSA = 8192

	// minShared is what RFC 7518, section 3.2, demands for HS256, in bytes.
	minShared = 32

	// maxKey bounds a key as text, in bytes. One of maxRSA bits takes about 7 KiB.
	maxKey = 32 << 10
)

// ErrKey is wrapped by errors about a key that cannot sign: it cannot be read,
// or does not fit the algorithm. They never hold any part of the key.
var ErrKey = errors.New("a key that cannot sign")

// unusable gives an error for a key. What the libraries say about a key is left
// out, as nobody promises that it quotes nothing.
func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrKey, fmt.Sprintf(format, args...))
}

// parseKey gives what the algorithm signs with: for HS256 the bytes of the key,
// for all others the private key in the first PEM block that holds one.
func parseKey(algorithm, key string) (any, error) {
	if len(key) > maxKey {
		return nil, unusable("more than %d bytes", maxKey)
	}
	if algorithm == string(jose.HS256) {
		return sharedKey([]byte(key))
	}
	private, err := privateKey([]byte(key))
	if err != nil {
		return nil, err
	}
	if err := fits(algorithm, private); err != nil {
		return nil, err
	}
	return private, nil
}

func sharedKey(key []byte) (any, error) {
	switch block, _ := pem.Decode(key); {
	case block != nil:
		// Whoever knows the public half of it could sign, too.
		return nil, unusable("a PEM file, where HS256 needs a shared key")
	case len(key) < minShared:
		return nil, unusable("fewer than %d bytes", minShared)
	}
	return key, nil
}

// privateKey reads PKCS #8 (RFC 5958), PKCS #1 (RFC 8017, appendix A.1.2) and
// SEC 1 (RFC 5915). Blocks of other types, such as the parameters and
// certificates that tools write beside a key, are passed over.
func privateKey(text []byte) (any, error) {
	found := false
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		found = true
		var parse func([]byte) (any, error)
		switch block.Type {
		case "PRIVATE KEY":
			parse = x509.ParsePKCS8PrivateKey
		case "RSA PRIVATE KEY":
			parse = func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) }
		case "EC PRIVATE KEY":
			parse = func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) }
		case "ENCRYPTED PRIVATE KEY":
			return nil, unusable("encrypted")
		default:
			continue
		}
		if block.Headers["DEK-Info"] != "" {
			return nil, unusable("encrypted")
		}
		private, err := parse(block.Bytes)
		if err != nil {
			return nil, unusable("a broken %s", block.Type)
		}
		return private, nil
	}
	if found {
		return nil, unusable("a PEM file without a private key")
	}
	return nil, unusable("not a PEM file")
}

// fits reports what keeps the algorithm from signing with the key.
func fits(algorithm string, private any) error {
	switch algorithm {
	case string(jose.RS256):
		key, ok := private.(*rsa.PrivateKey)
		if !ok {
			return unusable("not RSA, which RS256 needs")
		}
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return unusable("RSA of %d bits: expected %d to %d", bits, minRSA, maxRSA)
		}
	case string(jose.ES256):
		if key, ok := private.(*ecdsa.PrivateKey); !ok || key.Curve != elliptic.P256() {
			return unusable("not on the curve P-256, which ES256 needs")
		}
	case string(jose.EdDSA):
		if _, ok := private.(ed25519.PrivateKey); !ok {
			return unusable("not Ed25519, which EdDSA needs")
		}
	default:
		return unusable("%q is not an algorithm", algorithm)
	}
	return nil
}
