package explain_test

import (
	"context"
	"flag"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

var discarded = log.New(io.Discard, "", 0)

var update = flag.Bool("update", false, "write the golden files anew")

// shop is a third party whose answer each test sets.
type shop struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
}

// open makes a third party that answers with a JSON text.
func openShop(t testing.TB, status int, body string) *shop {
	t.Helper()
	s := &shop{}
	s.says(status, body)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.answer.Load())(w, r) }))
	t.Cleanup(s.Close)
	return s
}

func (s *shop) says(status int, body string) {
	s.does(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func (s *shop) does(answer http.HandlerFunc) { s.answer.Store(&answer) }

// shipped is an answer of the shop.
const shipped = `{"order":{"status":"packed","eta":null,"items":[{"id":7}]}}`

// store is a policy for the shop, with an operation, which change makes different.
func store(s *shop, change func(*policy.Spec, *policy.PolicySpec)) policy.Spec {
	spec := policy.Spec{
		Plans: []policy.Plan{{Name: "default", RateLimits: []policy.RateLimit{{Rate: "100/m"}}}},
		Policies: []policy.PolicySpec{{
			Name: "store", BaseURL: s.URL + "/v2", AllowPrivate: true,
			Rules: policy.Rules{
				Extracts: []policy.Extract{{Var: "status", Path: "$.order.status"}, {Var: "eta", Path: "$.order.eta"}},
				Hints: []policy.Hint{
					{Route: "shipped", When: `vars.status == "shipped"`},
					{Route: "preparing", When: `vars.status in ["paid", "packed"]`},
				},
			},
			Operations: []policy.OperationSpec{{Name: "order_status", Method: "GET", Template: "/orders/{{order_number}}"}},
		}},
	}
	if change != nil {
		change(&spec, &spec.Policies[0])
	}
	return spec
}

// gate is a compiled gateway.
type gate struct {
	t testing.TB
	*policy.Gateway
}

func open(t testing.TB, spec policy.Spec, set ...func(*policy.Options)) *gate {
	t.Helper()
	o := policy.Options{Log: slog.New(slog.DiscardHandler)}
	for _, change := range set {
		change(&o)
	}
	g, err := policy.New(spec, o)
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	t.Cleanup(g.Stop)
	return &gate{t, g}
}

// named makes a named call of order_status.
func (g *gate) named(tenant, body string, header ...string) *calllog.Entry {
	g.t.Helper()
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/call/store/order_status", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return g.send(req, &policy.Call{Policy: "store", Operation: "order_status", Tenant: tenant})
}

// order is the usual named call.
func (g *gate) order(header ...string) *calllog.Entry {
	g.t.Helper()
	return g.named("acme", `{"order_number": "1001"}`, header...)
}

// raw makes a base-URL call.
func (g *gate) raw(method, path string) *calllog.Entry {
	g.t.Helper()
	req := httptest.NewRequestWithContext(context.Background(), method, "/store"+path, nil)
	return g.send(req, &policy.Call{Policy: "store", Path: strings.TrimPrefix(req.URL.EscapedPath(), "/store"), Tenant: "acme"})
}

// send makes a call and gives what the log keeps of it.
func (g *gate) send(req *http.Request, call *policy.Call) *calllog.Entry {
	g.t.Helper()
	var entry *calllog.Entry
	call.Kept = func(e *calllog.Entry) { entry = e }
	resp := g.Answer(req, call)
	_, _ = io.Copy(io.Discard, resp.Body) // An answer that breaks off is one of those explained.
	resp.Body.Close()
	if entry == nil {
		g.t.Fatal("the call left no entry")
	}
	return entry
}

// What differs from run to run.
var varying = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "<trace>"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`), "<when>"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (ms|s|min|h)( \d+ (s|min))?\b`), "<time>"},
	{regexp.MustCompile(`\b(127\.0\.0\.1|localhost):\d+\b`), "<host>"},
}

// golden compares the explanation of a call with the file of that name.
func golden(t *testing.T, name string, e *calllog.Entry) {
	t.Helper()
	got := explain.Explain(e.Detail()).Text(terminal.Style{})
	for _, v := range varying {
		got = v.pattern.ReplaceAllString(got, v.instead)
	}
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// nowhere is an address that refuses connections.
func nowhere(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// seconds is a duration of a configuration.
func seconds(n float64) policy.Duration { return policy.Duration(n * float64(time.Second)) }
