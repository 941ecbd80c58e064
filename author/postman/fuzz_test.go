package postman

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// wantGood checks what Import promises of a document that it took.
func wantGood(t *testing.T, source []byte) {
	d, err := Import(source, Options{})
	if err != nil {
		return
	}
	if mistakes := policy.Check(&policy.Spec{Policies: []policy.PolicySpec{d.Policy}}); len(mistakes) > 0 {
		t.Fatalf("the policy does not pass the check: %v\nof %s", mistakes, source)
	}
	var out bytes.Buffer
	if err := d.Caddyfile(&out, true); err != nil {
		t.Fatalf("the policy cannot be written: %v\nof %s", err, source)
	}
	if err := d.WriteTests(&out, ""); err != nil {
		t.Fatalf("the tests cannot be written: %v\nof %s", err, source)
	}
	run(t, d, d.Tests)
	if t.Failed() {
		t.Logf("the collection is %s", source)
	}
}

func FuzzImport(f *testing.F) {
	f.Add(file(f, "shop.json"))
	f.Add(file(f, "desk_v20.json"))
	source, _ := hiding(rand.New(rand.NewPCG(1, 2)))
	f.Add([]byte(source))
	f.Add([]byte(collecting(asking("a", `"{{given}}.example/:a/{{b}}?c={{d}}"`))))
	f.Fuzz(func(t *testing.T, source []byte) { wantGood(t, source) })
}

// hostile makes a collection of texts that break things elsewhere.
func hostile(r *rand.Rand) string {
	odd := []string{
		"{{", "}}", "{{x}}", "{{ x }}", "{{$guid}}", "{{secret:x}}", "{secret.x}", "{tenant_secret.x}", "{tenant.x}", "{$HOME}", "{env.HOME}", "{args[0]}",
		`\`, `"`, "`", "#", "\n", "\r\n", "\x00", "\u2028", "\ufeff", "é", "%", "%zz", "%2F", "..", "/", "//", "?", "&", "=", ";", ":", ":id", "'", "<<END", "import", "vars.x", "input.x",
		"null", "1e999", "true", "a", "orders", "1001", " ", "", strings.Repeat("long", 300), "Content-Type", "application/json", "https://", "api.example",
	}
	word := func() string {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			b.WriteString(odd[r.IntN(len(odd))])
		}
		return string(marshal(b.String()))
	}
	field := func() string { return fmt.Sprintf(`{"key":%s,"value":%s}`, word(), word()) }
	fields := func() string { return "[" + field() + "," + field() + "]" }
	body := []string{
		`{"mode":"raw","raw":` + word() + `}`,
		`{"mode":"raw","raw":` + string(marshal(`{`+word()+`:`+word()+`,"b":[`+word()+`]}`)) + `}`,
		`{"mode":"urlencoded","urlencoded":` + fields() + `}`,
		`{"mode":"graphql","graphql":{"query":` + word() + `,"variables":` + string(marshal(`{"a":`+word()+`}`)) + `}}`,
		`null`,
	}[r.IntN(5)]
	method := []string{`"GET"`, `"POST"`, word()}[r.IntN(3)]
	answers := fmt.Sprintf(`[{"name":%s,"code":%d,"header":%s,"body":%s},{"name":%s,"code":200,"body":%s}]`,
		word(), 200+r.IntN(400), fields(), word(), word(), marshal(`{`+word()+`:`+word()+`,"o":{`+word()+`:1}}`))
	url := `{"raw":` + string(marshal("https://api.example/a/"+strings.Trim(word(), `"`)+"/b")) + `,"query":` + fields() + `,"variable":` + fields() + `}`
	request := `{"method":` + method + `,"description":` + word() + `,"url":` + url + `,"header":` + fields() + `,"body":` + body +
		`,"auth":{"type":"apikey","apikey":[{"key":"key","value":` + word() + `},{"key":"value","value":` + word() + `}]}}`
	return `{"info":{"name":` + word() + `,"description":` + word() + `},"variable":` + fields() +
		`,"item":[{"name":` + word() + `,"item":[{"name":` + word() + `,"request":` + request + `,"response":` + answers + `}]},` +
		asking("plain", `"https://api.example/plain"`) + `]}`
}

func TestWhateverStandsInACollectionThePolicyIsGood(t *testing.T) {
	taken := 0
	for seed := range uint64(500) {
		source := hostile(rand.New(rand.NewPCG(seed, 7)))
		wantGood(t, []byte(source))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		if d, err := Import([]byte(source), Options{}); err == nil && len(d.Policy.Operations) == 2 {
			taken++
		}
	}
	if taken < 20 {
		t.Errorf("only %d of 500 odd requests were taken over: nothing much is tested", taken)
	}
}

func BenchmarkImport(b *testing.B) {
	var items strings.Builder
	for i := range MaxRequests {
		if i > 0 {
			items.WriteByte(',')
		}
		fmt.Fprintf(&items, `{"name":"Request %d","request":{"method":"POST","header":[{"key":"Authorization","value":"Bearer {{token}}"}],
			"url":{"raw":"https://api.example/v1/thing%d/:id?page=1&q=x"},"body":{"mode":"raw","raw":"{\"a\":1,\"b\":\"c\"}"}},
			"response":[{"name":"ok","code":200,"body":"{\"id\":%d,\"state\":\"new\"}"}]}`, i, i, i)
	}
	source := []byte(collecting(items.String()))
	b.ReportAllocs()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, err := Import(source, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
