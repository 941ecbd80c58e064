package policy_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/quick"

	"github.com/signpost-gateway/signpost/policy"
)

func TestTheVerdictFollowsFromAnswerAndRules(t *testing.T) {
	shipped := policy.Rules{
		Extracts: []policy.Extract{{Var: "status", Path: "$.status"}},
		Hints:    []policy.Hint{{Route: "shipped", When: `vars.status == "shipped"`}},
	}
	with := func(change func(*policy.Rules)) policy.Rules {
		r := shipped
		change(&r)
		return r
	}
	static := []policy.Fallback{{Respond: &policy.Respond{Status: 203, Body: "sorry"}}}
	for name, c := range map[string]struct {
		rules                policy.Rules
		upstream             thirdParty
		status               int
		outcome, route, next string
	}{
		"a hint names the route":                    {shipped, says(200, `{"status":"shipped"}`), 200, "success", "shipped", "continue"},
		"no hint holds: the outcome's route":        {shipped, says(200, `{"status":"lost"}`), 200, "success", "success", "continue"},
		"a redirect is a success":                   {policy.Rules{}, says(302, ``), 302, "success", "success", "continue"},
		"nobody planned for a 404":                  {shipped, says(404, `{}`), 404, "client_error", "failure", "stop"},
		"next says what nobody planned for":         {with(func(r *policy.Rules) { r.Next = "continue" }), says(404, `{}`), 404, "client_error", "failure", "continue"},
		"otherwise plans for everything":            {with(func(r *policy.Rules) { r.Otherwise = "others" }), says(404, `{}`), 404, "client_error", "others", "continue"},
		"a 5xx is a server error":                   {shipped, says(500, `{}`), 500, "server_error", "error", "stop"},
		"a third party's 429 is a client error":     {shipped, says(429, `{}`), 429, "client_error", "failure", "stop"},
		"not JSON cannot be mapped":                 {shipped, says(200, `<html>`), 200, "unmappable", "error", "stop"},
		"not JSON is fine where nothing is mapped":  {policy.Rules{}, says(200, `<html>`), 200, "success", "success", "continue"},
		"not JSON on a 404 is still a 404":          {shipped, says(404, `<html>`), 404, "client_error", "failure", "stop"},
		"success that is false rejects":             {with(func(r *policy.Rules) { r.Success = "body.ok" }), says(200, `{"ok":false,"status":"shipped"}`), 200, "rejected", "shipped", "continue"},
		"success that fails rejects":                {with(func(r *policy.Rules) { r.Success = "body.ok > 5" }), says(200, `{"ok":null}`), 200, "rejected", "failure", "stop"},
		"success is not asked of a 4xx":             {policy.Rules{Success: "false"}, says(404, `{}`), 404, "client_error", "failure", "stop"},
		"success is asked before what is required":  {policy.Rules{Success: "body.ok", Extracts: []policy.Extract{{Var: "x", Path: "$.x", Required: true}}}, says(200, `{"ok":false}`), 200, "rejected", "failure", "stop"},
		"what is required must be there":            {policy.Rules{Extracts: []policy.Extract{{Var: "x", Path: "$.x", Required: true}}}, says(200, `{}`), 200, "unmappable", "error", "stop"},
		"a fallback answers for a 5xx":              {with(func(r *policy.Rules) { r.Fallbacks = static }), says(503, `{}`), 203, "server_error", "error", "continue"},
		"a fallback does not answer for a 4xx":      {with(func(r *policy.Rules) { r.Fallbacks = static }), says(404, `{}`), 404, "client_error", "failure", "stop"},
		"a fallback's expression may ask for a 4xx": {policy.Rules{Fallbacks: []policy.Fallback{{When: "status == 404", Respond: &policy.Respond{Status: 200}}}}, says(404, `{}`), 200, "client_error", "failure", "continue"},
		"a fallback's route overrides the hint's":   {policy.Rules{Hints: []policy.Hint{{Route: "a", When: "true"}}, Fallbacks: []policy.Fallback{{Route: "b"}}}, says(500, `{}`), 500, "server_error", "b", "continue"},
		"a fallback with a route alone answers not": {policy.Rules{Fallbacks: []policy.Fallback{{Route: "b"}}}, says(500, `{}`), 500, "server_error", "b", "stop"},
		"a fallback's next overrides":               {policy.Rules{Fallbacks: []policy.Fallback{{Next: "stop", Respond: &policy.Respond{Status: 200}}}}, says(500, `{}`), 200, "server_error", "error", "stop"},
		"hints see a call without an answer":        {policy.Rules{Hints: []policy.Hint{{Route: "down", When: `outcome == "incomplete" && status == 0 && !answered`}}}, breaks, 502, "incomplete", "down", "continue"},
		"a hint that cannot be evaluated is passed": {policy.Rules{Hints: []policy.Hint{{Route: "a", When: "body.x > 5"}, {Route: "b", When: "true"}}}, says(200, `{"x":null}`), 200, "success", "b", "continue"},
		"a 204 has nothing that is required":        {policy.Rules{Extracts: []policy.Extract{{Var: "x", Path: "$.x", Required: true}}}, says(204, ``), 204, "unmappable", "error", "stop"},
		"success that reads a body spares a 204":    {policy.Rules{Success: "body.ok"}, says(204, ``), 204, "success", "success", "continue"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, _ := call(t, open(t, store(c.rules), c.upstream), request(http.MethodGet, "/orders/1", ""))
			got := []any{resp.StatusCode, resp.Header.Get("Signpost-Outcome"), resp.Header.Get("Signpost-Route"), resp.Header.Get("Signpost-Next")}
			if want := []any{c.status, c.outcome, c.route, c.next}; !equal(got, want) {
				t.Errorf("status, outcome, route, next: got %v, want %v", got, want)
			}
		})
	}
}

func equal(a, b []any) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// breaks is a third party whose answer never comes.
var breaks = thirdParty(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })

func TestEveryOutcomeHasARouteAndATitle(t *testing.T) {
	for _, o := range policy.Outcomes() {
		if (o.DefaultRoute() == "") != (o == policy.Canceled) {
			t.Errorf("outcome %q has the default route %q", o, o.DefaultRoute())
		}
	}
	if n := len(policy.Outcomes()); n != 16 {
		t.Errorf("%d outcomes, want 16", n)
	}
}

func TestAPanicInTheTransportIsAnInternalOutcome(t *testing.T) {
	panics := thirdParty(func(*http.Request) (*http.Response, error) { panic("a fault") })
	var observed []policy.Outcome
	g := open(t, store(policy.Rules{}), panics, func(o *policy.Options) {
		o.Observe = func(r *policy.Record) { observed = append(observed, r.Outcome) }
	})
	resp, body := call(t, g, request(http.MethodGet, "/", ""))
	if resp.StatusCode != 500 || resp.Header.Get("Signpost-Outcome") != "internal" || resp.Header.Get("Signpost-Route") != "error" {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	if strings.Contains(body, "a fault") {
		t.Errorf("the fault is told to the bot: %s", body)
	}
	if len(observed) != 1 || observed[0] != policy.Internal {
		t.Errorf("observed %v, want one internal call", observed)
	}
}

func TestAClientMayAlwaysPercentDecodeVariables(t *testing.T) {
	property := func(value string) bool {
		value = strings.ToValidUTF8(value, "?")
		body := `{"v":` + quote(value) + `}`
		rules := policy.Rules{Extracts: []policy.Extract{{Var: "v", Path: "$.v"}}}
		resp, _ := call(t, open(t, store(rules), says(200, body)), request(http.MethodGet, "/", ""))
		header := resp.Header.Get("Signpost-Var-V")
		if resp.Header.Get("Signpost-Omitted") == "v" {
			return len(value)*3 > 1<<10
		}
		decoded, err := url.PathUnescape(header)
		for _, r := range header {
			if r < ' ' || r > '~' {
				return false
			}
		}
		return err == nil && decoded == value && strings.TrimSpace(header) == header
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 500}); err != nil {
		t.Error(err)
	}
	for _, value := range []string{"", " ", " a b ", "100 %", "Grüße\n", "\x7f", strings.Repeat("x", 1024), strings.Repeat("x", 1025)} {
		if !property(value) {
			t.Errorf("%q does not come back", value)
		}
	}
}

// quote writes a JSON string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < ' ' || r == '"' || r == '\\' || r == 0x7f {
			b.WriteString(`\u00`)
			b.WriteByte("0123456789abcdef"[r>>4])
			b.WriteByte("0123456789abcdef"[r&15])
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

func TestAnAnswerIsGivenEvenForWhatNoPolicyAnswersTo(t *testing.T) {
	g := open(t, store(policy.Rules{}), says(200, `{}`))
	req := request(http.MethodGet, "/", "")
	req.URL, _ = url.Parse("https://elsewhere.example/x")
	resp, err := g.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 404 || resp.Header.Get("Signpost-Outcome") != "not_found" {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
}

func TestTheLongestBaseURLAnswersToAnAbsoluteURL(t *testing.T) {
	spec := store(policy.Rules{})
	spec.Policies = append(spec.Policies,
		policy.PolicySpec{Name: "orders", BaseURL: "https://api.store.example/v2/orders"},
		policy.PolicySpec{Name: "local", BaseURL: "http://api.store.example:8080"})
	var asked string
	g := open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.String()
		return reply(r, 200, `{}`), nil
	}))
	for address, want := range map[string]string{
		"https://api.store.example/v2/orders/1?a=b": "orders https://api.store.example/v2/orders/1?a=b",
		"http://api.store.example/v2/orders":        "orders https://api.store.example/v2/orders",
		"http://API.store.example:80/v2/ordersX":    "store https://api.store.example/v2/ordersX",
		"https://api.store.example:443/v2":          "store https://api.store.example/v2",
		"https://api.store.example/v3":              " ",
		"http://api.store.example:8080/v2/x":        "local http://api.store.example:8080/v2/x",
		"https://api.store.example:8443/v2/x":       " ",
	} {
		asked = ""
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Signpost-Policy") + " " + asked; got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

// errReset is what net/http gives for a connection that was reset.
var errReset = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
