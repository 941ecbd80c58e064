package policytest_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// single gives a file with as many tests of one call.
func single(n int) []policytest.File {
	f := policytest.File{Path: "store_test.yaml", Policy: "store", Operation: "order_status"}
	for i := range n {
		f.Tests = append(f.Tests, policytest.Test{Name: fmt.Sprint("order ", i), Steps: []policytest.Step{{
			Given: answers(200, `{"order":{"status":"shipped"}}`), Expect: policytest.Expect{Route: ptr("shipped")},
		}}})
	}
	return []policytest.File{f}
}

func BenchmarkThousandTestsOfOneCall(b *testing.B) {
	files, spec := single(1000), store()
	b.ReportAllocs()
	for b.Loop() {
		if r := run(b, files, spec, policytest.Options{}); r.Failed() > 0 {
			b.Fatal(told(r))
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "tests/s")
}

func BenchmarkOneTestOfTenThousandCalls(b *testing.B) {
	step := policytest.Step{Repeat: 10000, Tenant: "acme", Given: answers(200, `{"order":{"status":"shipped"}}`), Expect: policytest.Expect{Route: ptr("shipped")}}
	files, spec := orders(step), store()
	b.ReportAllocs()
	for b.Loop() {
		if r := run(b, files, spec, policytest.Options{}); r.Failed() > 0 {
			b.Fatal(told(r))
		}
	}
}

func TestNothingIsLeftOfAThousandTests(t *testing.T) {
	spec := store()
	spec.Policies[0].Inject[0] = policy.Inject{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: "https://id.example/token", ClientID: "x", ClientSecret: "{secret.client}"}}
	run(t, single(10), spec, policytest.Options{})
	before := runtime.NumGoroutine()
	r := run(t, single(1000), spec, policytest.Options{})
	if r.Failed() > 0 {
		t.Fatalf("got %q, want nothing to be told", told(r)[:1])
	}
	after := runtime.NumGoroutine()
	for wait := time.Now(); after > before && time.Since(wait) < 5*time.Second; after = runtime.NumGoroutine() {
		runtime.Gosched() // Workers end a moment after they are waited for.
	}
	if after > before {
		t.Errorf("%d goroutines are left, want %d", after, before)
	}
}
