package jwt_test

import (
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/jwt"
)

func usualClaims() map[string]any {
	return map[string]any{"iss": "signpost@store.example", "sub": "acme", "aud": "https://api.store.example", "scope": "orders.read"}
}

func BenchmarkTokenThatIsKept(b *testing.B) {
	k := keys()
	for alg, key := range map[string]string{"RS256": pkcs8(b, k.rsa), "ES256": pkcs8(b, k.ec), "EdDSA": pkcs8(b, k.ed), "HS256": sharedKey} {
		b.Run(alg, func(b *testing.B) {
			m, claims := jwt.NewMinter(jwt.Config{Algorithm: alg}), usualClaims()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Token(now, key, claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTokenThatIsKeptInParallel(b *testing.B) {
	m, claims, key := jwt.NewMinter(jwt.Config{Algorithm: "EdDSA"}), usualClaims(), pkcs8(b, keys().ed)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.Token(now, key, claims); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkTokenThatIsSigned(b *testing.B) {
	k := keys()
	for alg, key := range map[string]string{"RS256": pkcs8(b, k.rsa), "ES256": pkcs8(b, k.ec), "EdDSA": pkcs8(b, k.ed), "HS256": sharedKey} {
		b.Run(alg, func(b *testing.B) {
			m, claims, at := jwt.NewMinter(jwt.Config{Algorithm: alg}), usualClaims(), now
			b.ReportAllocs()
			for b.Loop() {
				at = at.Add(time.Hour) // All that was kept has expired.
				if _, err := m.Token(at, key, claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
