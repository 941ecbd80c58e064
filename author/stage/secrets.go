package stage

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"sync"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/secret"
)

// reference finds a secret in what a policy injects.
var reference = regexp.MustCompile(`\{(tenant_)?secret\.([a-z0-9][a-z0-9_.-]*)\}`)

// standIn is a provider that has every secret. Its value is the reference to it, so
// that a header reads as the policy writes it; where a key is needed to sign with,
// it is one that nobody else has.
type standIn struct {
	tenants map[string]bool   // the names that stand in {tenant_secret.NAME}
	keys    map[string]string // the algorithm of a key, by name
}

// standIns makes the secrets of a configuration. A name that stands in both
// {secret.NAME} and {tenant_secret.NAME} reads as the tenant's wherever the call
// has a tenant, whose own comes first.
func standIns(spec *policy.Spec) *secret.Store {
	s := standIn{tenants: make(map[string]bool), keys: make(map[string]string)}
	for i := range spec.Policies {
		for _, in := range spec.Policies[i].Inject {
			for _, text := range texts(&in) {
				for _, found := range reference.FindAllStringSubmatch(text, -1) {
					if found[1] != "" {
						s.tenants[found[2]] = true
					}
				}
			}
			if in.JWT == nil {
				continue
			}
			if found := reference.FindStringSubmatch(in.JWT.Key); found != nil {
				s.keys[found[2]] = in.JWT.Algorithm
			}
		}
	}
	return secret.NewStore(s)
}

// texts are all values of an injection that may hold secrets.
func texts(in *policy.Inject) []string {
	all := []string{in.Name, in.Value}
	if in.JWT != nil {
		all = append(all, in.JWT.Key)
		for _, c := range in.JWT.Claims {
			all = append(all, string(c.Value))
		}
	}
	if in.OAuth2 != nil {
		all = append(all, in.OAuth2.ClientID, in.OAuth2.ClientSecret)
		for _, p := range in.OAuth2.Params {
			all = append(all, p.Value)
		}
	}
	return all
}

// Lookup gives the stand-in of that name. A tenant has those that a policy takes
// from tenants alone.
func (s standIn) Lookup(tenant, name string) (value secret.Secret, found bool, err error) {
	if tenant != "" && !s.tenants[name] {
		return secret.Secret{}, false, nil
	}
	if algorithm, isKey := s.keys[name]; isKey {
		return secret.New(signingKey(algorithm)), true, nil
	}
	ref := secret.Ref{Name: name, TenantOnly: tenant != ""}
	return secret.New(ref.String()), true, nil
}

// HasAny says that there is every secret.
func (standIn) HasAny(string) (bool, error) { return true, nil }

// String describes the provider for errors.
func (standIn) String() string { return "stand-ins" }

// signingKey gives a key for the algorithm, made once: an RSA key takes a tenth of
// a second.
func signingKey(algorithm string) string {
	switch algorithm {
	case "RS256":
		return rsaKey()
	case "ES256":
		return ecKey()
	case "EdDSA":
		return edKey()
	default:
		return sharedKey()
	}
}

var (
	rsaKey = sync.OnceValue(func() string { return encode(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() string { return encode(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey  = sync.OnceValue(func() string {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return encode(key, err)
	})
	sharedKey = sync.OnceValue(func() string { return rand.Text() + rand.Text() })
)

// encode writes a key as operators have it.
func encode(key any, err error) string {
	if err == nil {
		var der []byte
		if der, err = x509.MarshalPKCS8PrivateKey(key); err == nil {
			return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		}
	}
	panic(fmt.Errorf("making a key: %w", err)) // Not reached: the random source of the system does not fail.
}
