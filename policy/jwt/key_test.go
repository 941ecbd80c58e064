package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/jwt"
)

// now is the moment at which the tests take place, in the middle of a second.
var now = time.Date(2026, 11, 20, 12, 0, 0, 400_000_000, time.UTC)

const sharedKey = "0123456789abcdef0123456789abcdef"

// keys are made once for all tests: one of RSA takes a while.
var keys = sync.OnceValue(func() (k struct {
	rsa, other *rsa.PrivateKey
	ec, p384   *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.other, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.p384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

func pkcs1(key *rsa.PrivateKey) string {
	return block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func sec1(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("EC PRIVATE KEY", der)
}

// verify checks a token with nothing but the standard library, and gives its
// header and claims.
func verify(t testing.TB, token string, key any) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q has %d parts, want 3", token, len(parts))
	}
	signed, decoded := []byte(parts[0]+"."+parts[1]), make([][]byte, 3)
	for i, p := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			t.Fatalf("part %d of %q: %v", i, token, err)
		}
	}
	digest, signature := sha256.Sum256(signed), decoded[2]
	valid := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		valid = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		r, s := new(big.Int), new(big.Int)
		if len(signature) == 64 {
			r.SetBytes(signature[:32])
			s.SetBytes(signature[32:])
		}
		valid = ecdsa.Verify(key, digest[:], r, s)
	case ed25519.PublicKey:
		valid = ed25519.Verify(key, signed, signature)
	case string:
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(signed)
		valid = hmac.Equal(mac.Sum(nil), signature)
	}
	if !valid {
		t.Fatalf("the signature of %q does not fit a %T", token, key)
	}
	if err := json.Unmarshal(decoded[0], &header); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(decoded[1], &claims); err != nil {
		t.Fatal(err)
	}
	return header, claims
}

func TestEachKindOfKeySignsWhatItsOwnerCanVerify(t *testing.T) {
	k := keys()
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	for _, c := range []struct {
		name, alg, key string
		public         any
	}{
		{"RSA in PKCS #8", "RS256", pkcs8(t, k.rsa), &k.rsa.PublicKey},
		{"RSA in PKCS #1", "RS256", pkcs1(k.rsa), &k.rsa.PublicKey},
		{"RSA behind text and without a last newline", "RS256", "store's key\n" + strings.TrimSpace(pkcs8(t, k.rsa)), &k.rsa.PublicKey},
		{"RSA with CRLF", "RS256", strings.ReplaceAll(pkcs8(t, k.rsa), "\n", "\r\n"), &k.rsa.PublicKey},
		{"EC in PKCS #8", "ES256", pkcs8(t, k.ec), &k.ec.PublicKey},
		{"EC in SEC 1", "ES256", sec1(t, k.ec), &k.ec.PublicKey},
		{"EC behind its parameters", "ES256", parameters + sec1(t, k.ec), &k.ec.PublicKey},
		{"Ed25519 in PKCS #8", "EdDSA", pkcs8(t, k.ed), k.ed.Public()},
		{"a shared key", "HS256", sharedKey, sharedKey},
		{"a shared key of any bytes", "HS256", "\x00\xff" + sharedKey + "\n", "\x00\xff" + sharedKey + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := jwt.Config{Algorithm: c.alg, KeyID: "k1"}
			if err := config.Validate(); err != nil {
				t.Fatal(err)
			}
			token, err := jwt.NewMinter(config).Token(now, c.key, map[string]any{"iss": "signpost"})
			if err != nil {
				t.Fatal(err)
			}
			header, claims := verify(t, token, c.public)
			if len(header) != 3 || header["alg"] != c.alg || header["kid"] != "k1" || header["typ"] != "JWT" {
				t.Errorf("header: got %v, want alg %s, kid k1 and typ JWT", header, c.alg)
			}
			if claims["iss"] != "signpost" {
				t.Errorf("claims: got %v, want iss signpost", claims)
			}
		})
	}
}

// misfits are keys that cannot sign, by algorithm, with what is wrong with each.
func misfits(t testing.TB) []struct{ alg, key, want string } {
	k := keys()
	small := pkcs1(smallRSA(t))
	encrypted := string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
		Bytes: []byte("sealed"),
	}))
	public, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return []struct{ alg, key, want string }{
		{"RS256", "", "not a PEM file"},
		{"RS256", sharedKey, "not a PEM file"},
		{"RS256", small, "RSA of 1024 bits: expected 2048 to 8192"},
		{"RS256", pkcs8(t, k.ec), "not RSA, which RS256 needs"},
		{"RS256", pkcs8(t, k.ed), "not RSA, which RS256 needs"},
		{"RS256", block("PUBLIC KEY", public), "a PEM file without a private key"},
		{"RS256", block("PRIVATE KEY", []byte(sharedKey)), "a broken PRIVATE KEY"},
		{"RS256", block("RSA PRIVATE KEY", []byte(sharedKey)), "a broken RSA PRIVATE KEY"},
		{"ES256", block("EC PRIVATE KEY", []byte(sharedKey)), "a broken EC PRIVATE KEY"},
		{"RS256", encrypted, "encrypted"},
		{"RS256", block("ENCRYPTED PRIVATE KEY", []byte(sharedKey)), "encrypted"},
		{"RS256", strings.Repeat("x", 1<<20), "more than 32768 bytes"},
		{"ES256", pkcs8(t, k.rsa), "not on the curve P-256, which ES256 needs"},
		{"ES256", sec1(t, k.p384), "not on the curve P-256, which ES256 needs"},
		{"EdDSA", pkcs8(t, k.ec), "not Ed25519, which EdDSA needs"},
		{"HS256", sharedKey[1:], "fewer than 32 bytes"},
		{"HS256", pkcs8(t, k.rsa), "a PEM file, where HS256 needs a shared key"},
		{"HS256", block("PUBLIC KEY", public), "a PEM file, where HS256 needs a shared key"},
		{"none", pkcs8(t, k.rsa), `"none" is not an algorithm`},
		{"RS512", pkcs8(t, k.rsa), `"RS512" is not an algorithm`},
		{"HS512", sharedKey, "not a PEM file"},
	}
}

// smallRSA gives a key of 1024 bits, which the library no longer makes.
func smallRSA(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	e := big.NewInt(65537)
	for {
		p, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			t.Fatal(err)
		}
		q, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			t.Fatal(err)
		}
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		n, d := new(big.Int).Mul(p, q), new(big.Int).ModInverse(e, phi)
		if d == nil || n.BitLen() != 1024 || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 65537}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		return key
	}
}

func TestAKeyThatCannotSignIsNamedByWhatIsWrongWithIt(t *testing.T) {
	for _, c := range misfits(t) {
		minter := jwt.NewMinter(jwt.Config{Algorithm: c.alg})
		for range 2 { // The second time it is remembered.
			token, err := minter.Token(now, c.key, nil)
			if !errors.Is(err, jwt.ErrKey) || token != "" {
				t.Errorf("%s with %.60q: got %q and %v, want an ErrKey", c.alg, c.key, token, err)
				continue
			}
			if got, want := err.Error(), "minting a token: a key that cannot sign: "+c.want; got != want {
				t.Errorf("%s with %.60q: got the error %q, want %q", c.alg, c.key, got, want)
			}
		}
	}
}

func TestAnErrorHoldsNoPartOfTheKey(t *testing.T) {
	for _, c := range misfits(t) {
		_, err := jwt.NewMinter(jwt.Config{Algorithm: c.alg}).Token(now, c.key, nil)
		if err == nil {
			t.Fatalf("%s with %.60q: got no error", c.alg, c.key)
		}
		for line := range strings.Lines(c.key) {
			if strings.HasPrefix(line, "-----") {
				continue // Every key has it.
			}
			for i := 0; i+8 <= min(len(line), 100); i++ {
				if part := line[i : i+8]; strings.Contains(err.Error(), part) {
					t.Errorf("%s: the error %q holds %q of the key", c.alg, err, part)
				}
			}
		}
	}
}

func FuzzKey(f *testing.F) {
	k := keys()
	for _, key := range []string{pkcs8(f, k.rsa), pkcs1(k.rsa), pkcs8(f, k.ec), sec1(f, k.ec), pkcs8(f, k.ed), sharedKey, ""} {
		for alg := range 4 {
			f.Add(alg, key)
		}
	}
	for _, c := range misfits(f) {
		f.Add(0, c.key)
	}
	f.Fuzz(func(t *testing.T, alg int, key string) {
		algs := []string{"RS256", "ES256", "EdDSA", "HS256"}
		c := jwt.Config{Algorithm: algs[uint(alg)%uint(len(algs))]}
		token, err := jwt.NewMinter(c).Token(now, key, nil)
		switch {
		case err != nil && (!errors.Is(err, jwt.ErrKey) || token != ""):
			t.Fatalf("%s with %q: got %q and %v, want an ErrKey", c.Algorithm, key, token, err)
		case err == nil && c.Algorithm == "HS256":
			verify(t, token, key)
		case err == nil && strings.Count(token, ".") != 2:
			t.Fatalf("%s with %q: got %q, want three parts", c.Algorithm, key, token)
		}
	})
}
