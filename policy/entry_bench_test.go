package policy_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// botHeaders are what a bot's runtime sends with a call.
func botHeaders() http.Header {
	return http.Header{
		"Accept": {"application/json, text/plain, */*"}, "Accept-Encoding": {"gzip, deflate, br"}, "User-Agent": {"axios/1.7.9"},
		"X-Tenant-Id": {"acme"}, "X-Request-Id": {"5f0c2b1e-7b1f-4a52-9d2a-3a1f6f1f9e10"}, "Content-Type": {"application/json"},
	}
}

// BenchmarkCallLog is what keeping a call costs, with an answer of 1 KiB, four
// variables, four hints and an injected secret: the difference between the two.
func BenchmarkCallLog(b *testing.B) {
	for _, c := range []struct {
		name  string
		calls int
	}{{"off", 0}, {"on", 20}} {
		b.Run(c.name, func(b *testing.B) {
			b.Setenv("SIGNPOST_SECRET_STORE_TOKEN", "a-token-that-is-secret-4711")
			spec := everything()
			spec.Secrets = []policy.SecretSource{{From: "env", Where: "SIGNPOST_SECRET_"}}
			spec.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "{secret.store_token}"}}
			spec.Policies[0].Record = &policy.RecordSpec{Calls: c.calls}
			g := open(b, spec, says(http.StatusOK, order()))
			if err := g.Start(); err != nil { // Entries are made beside calls, too.
				b.Fatal(err)
			}
			defer g.Stop()
			req := request(http.MethodGet, "/orders/1001", "")
			req.Header = botHeaders()
			b.ReportAllocs()
			for b.Loop() {
				resp := g.Answer(req, &policy.Call{Policy: "store", Path: "/orders/1001", Tenant: "acme", OneReader: true})
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
