package secret_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/secret"
)

const benchToken = "sk_live_51HZq7xP2v9KdW4mTn8RbYc0LsEuJgAf"

func BenchmarkResolve(b *testing.B) {
	b.Setenv("SPTEST_STORE_TOKEN", benchToken)
	dir := newDir(b, map[string]string{"store_token": benchToken, "acme/store_token": benchToken})
	for name, provider := range map[string]secret.Provider{"env": secret.Env("SPTEST_"), "dir": secret.Dir(dir)} {
		for _, tenant := range []string{"", "acme"} {
			b.Run(name+"/tenant="+tenant, func(b *testing.B) {
				store := secret.NewStore(provider)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := store.Resolve(secret.Ref{Name: "store_token"}, tenant); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkExpand(b *testing.B) {
	store := secret.NewStore(secret.Dir(newDir(b, map[string]string{"store_token": benchToken})))
	for _, text := range []string{"{secret.store_token}", "Bearer {secret.store_token}"} {
		b.Run(text, func(b *testing.B) {
			template := mustParse(b, text)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := template.Expand(store, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// bodies are 1 KiB each, without a secret but for "echo".
func bodies() map[string][]byte {
	fill := func(part string) []byte { return []byte(strings.Repeat(part, 1+1024/len(part))[:1024]) }
	echo := fill(`{"id":"ord_1","status":"shipped","total":12.5},`)
	copy(echo[500:], benchToken)
	return map[string][]byte{
		"json":         fill(`{"id":"ord_82731","status":"shipped","items":[{"sku":"A-17","qty":2}],"eta":"2026-11-23"},`),
		"json in json": fill(`{\"id\":\"ord_82731\",\"status\":\"shipped\",\"at\":\"2026\"},`),
		"query":        fill("id=ord%5F82731&status=shipped%20to%3Ayou&eta=2026%2D11%2D23&"),
		"base64":       fill("TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1dCBi"),
		"echo":         echo,
	}
}

func BenchmarkBytes1KiB(b *testing.B) {
	s := secret.NewScrubber(secretsOf(benchToken))
	for name, body := range bodies() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			buf := make([]byte, len(body))
			for b.Loop() {
				copy(buf, body)
				s.Bytes(buf)
			}
		})
	}
}

func BenchmarkReader1MiB(b *testing.B) {
	s := secret.NewScrubber(secretsOf(benchToken))
	body := bytes.Repeat(bodies()["json"], 1024)
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r := s.Reader(io.NopCloser(bytes.NewReader(body)))
		for {
			if _, err := r.Read(buf); err != nil {
				break
			}
		}
	}
}

func BenchmarkScrubbersFor(b *testing.B) {
	c := secret.NewScrubbers()
	for name, secrets := range map[string][]secret.Secret{"one": secretsOf(benchToken), "two": secretsOf(benchToken, token)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.For(secrets)
			}
		})
	}
}

func BenchmarkNewScrubber(b *testing.B) {
	secrets := secretsOf(benchToken)
	b.ReportAllocs()
	for b.Loop() {
		secret.NewScrubber(secrets)
	}
}
