package policy_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy"
)

// seen is what the third party got.
type seen struct {
	method, url, body string
	header            http.Header
}

// echoing notes each request and answers 200.
func echoing(got *[]seen) thirdParty {
	return func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		*got = append(*got, seen{r.Method, r.URL.String(), string(body), r.Header})
		return reply(r, 200, `{"ok":true}`), nil
	}
}

// desk is a policy whose operation "ticket" has every kind of template.
func desk(body *policy.BodySpec) policy.Spec {
	spec := store(policy.Rules{})
	spec.Policies[0].Operations = []policy.OperationSpec{{
		Name: "ticket", Method: "PUT", Template: "/tickets/{{id}}/notes/{{note}}",
		Query:  []policy.Field{{Name: "lang", Value: "{{lang}}"}, {Name: "q", Value: `status:"{{id}}" & more`}},
		Header: []policy.Field{{Name: "X-Note", Value: "note {{note}}!"}},
		Inputs: []policy.InputSpec{{Var: "lang", Default: json.RawMessage(`"en"`)}},
		Body:   body,
	}}
	return spec
}

// ask sends a named call of the operation "ticket".
func ask(t testing.TB, g *policy.Gateway, req *http.Request) (*http.Response, string) {
	t.Helper()
	return ended(t, g.Answer(req, &policy.Call{Policy: "store", Operation: "ticket", Tenant: "acme"}))
}

// ended reads an answer to its end.
func ended(t testing.TB, resp *http.Response) (*http.Response, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return resp, string(body)
}

func jsonRequest(body string) *http.Request {
	req := request(http.MethodPost, "/call/store/ticket", body)
	req.Header.Set("Content-Type", "application/json")
	return req
}

func TestANamedCallSendsWhatItsTemplatesSay(t *testing.T) {
	var got []seen
	g := open(t, desk(&policy.BodySpec{As: "json", Template: `{"id":{{id}},"text":"see {{note}}","tags":["{{lang}}"]}`}), echoing(&got))
	for name, req := range map[string]*http.Request{
		"json":            jsonRequest(`{"id":7,"note":"a/b \"c\"","unused":[1]}`),
		"form":            form(`id=7&note=a%2Fb+%22c%22&unused=1`),
		"query":           request(http.MethodGet, `/call/store/ticket?id=7&note=a%2Fb%20%22c%22`, ""),
		"query of a POST": request(http.MethodPost, `/call/store/ticket?id=7&note=a%2Fb%20%22c%22`, ""),
		"labelled as curl does": func() *http.Request {
			req := form(`{"id":7,"note":"a/b \"c\""}`)
			return req
		}(),
	} {
		got = nil
		req.Header.Set("Cookie", "session=1")
		req.Header.Set("Authorization", "Bearer of-the-bot")
		req.Header.Set("User-Agent", "bot")
		resp, _ := ask(t, g, req)
		if resp.StatusCode != 200 || len(got) != 1 {
			t.Errorf("%s: status %d, %d requests went out; %s", name, resp.StatusCode, len(got), resp.Header.Get("Signpost-Reason"))
			continue
		}
		id := `"7"`
		if strings.HasPrefix(name, "json") || strings.HasPrefix(name, "labelled") {
			id = "7" // As the bot wrote it.
		}
		want := seen{
			method: "PUT",
			url:    "https://api.store.example/v2/tickets/7/notes/a%2Fb%20%22c%22?lang=en&q=status%3A%227%22%20%26%20more",
			body:   `{"id":` + id + `,"text":"see a/b \"c\"","tags":["en"]}`,
		}
		if g := got[0]; g.method != want.method || g.url != want.url || g.body != want.body {
			t.Errorf("%s:\n got %s %s %s\nwant %s %s %s", name, g.method, g.url, g.body, want.method, want.url, want.body)
		}
		header := maps.Clone(got[0].header)
		for name, want := range map[string]string{"X-Note": `note a/b "c"!`, "Content-Type": "application/json"} {
			if header.Get(name) != want {
				t.Errorf("%s: the header %s is %q, want %q", name, name, header.Get(name), want)
			}
			delete(header, name)
		}
		delete(header, "User-Agent")
		if len(header) > 0 {
			t.Errorf("%s: nothing else of the bot's goes out, but %v did", name, header)
		}
	}
}

func form(body string) *http.Request {
	req := request(http.MethodPost, "/call/store/ticket", body)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return req
}

func TestANamedCallCanSendAFormOrText(t *testing.T) {
	var got []seen
	formSpec := &policy.BodySpec{As: "form", Form: []policy.Field{{Name: "a b", Value: "{{id}}"}, {Name: "note", Value: "<{{note}}>"}}}
	g := open(t, desk(formSpec), echoing(&got))
	ask(t, g, jsonRequest(`{"id":"1&x=2","note":"é\r\n"}`)) // A line break cannot stand in X-Note.
	if len(got) != 0 {
		t.Fatalf("a header with a line break went out: %+v", got)
	}
	ask(t, g, jsonRequest(`{"id":"1&x=2","note":"é +"}`))
	if len(got) != 1 || got[0].body != "a+b=1%26x%3D2&note=%3C%C3%A9+%2B%3E" || got[0].header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("got %+v", got)
	}
	got = nil
	g = open(t, desk(&policy.BodySpec{As: "text", Template: "{{note}}: {{id}}"}), echoing(&got))
	ask(t, g, jsonRequest(`{"id":true,"note":"a \"b\""}`))
	if len(got) != 1 || got[0].body != `a "b": true` || got[0].header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %+v", got)
	}
}

func TestAnIllFormedNamedCallNamesEachVariableAndSendsNothing(t *testing.T) {
	var got []seen
	spec := desk(nil)
	spec.Policies[0].Operations[0].Inputs = []policy.InputSpec{
		{Var: "lang", Type: "string", In: []string{"en", "de"}},
		{Var: "id", Type: "number", Matches: "[0-9]{1,6}"},
	}
	g := open(t, spec, echoing(&got))
	long := strings.Repeat("x", 9000)
	for _, tc := range []struct {
		req  *http.Request
		want []string
	}{
		{jsonRequest(`{}`), []string{"lang", "id", "note", "missing"}},
		{jsonRequest(`{"lang":"fr","id":"x","note":""}`), []string{"lang", "id"}},
		{jsonRequest(`{"lang":"en","id":1.5,"note":"n"}`), []string{"id"}},
		{jsonRequest(`{"lang":"en","id":1,"note":".."}`), []string{"note"}},
		{jsonRequest(`{"lang":"en","id":1,"note":"%2e%2e%2fadmin"}`), []string{"note"}},
		{jsonRequest(`{"lang":"en","id":1,"note":"a\u0000"}`), []string{"note"}},
		{jsonRequest(`{"lang":"en","id":1.5,"note":".."}`), []string{"id"}},
		{jsonRequest(`{"lang":"en","id":1,"note":"\ud800"}`), nil},
		{jsonRequest(`{"lang":"en","id":1,"note":"` + long + `"}`), []string{"note", "8KiB"}},
		{jsonRequest(`{"lang":"en","id":1,"note":["a"]}`), []string{"note"}},
		{jsonRequest(`[1]`), nil},
		{jsonRequest(`{"lang":"en"`), nil},
		{jsonRequest(`"text"`), nil},
		{jsonRequest(`{"id":1,"id":2,"lang":"en","note":"n"}`), []string{"id"}},
		{jsonRequest(`{"note":"` + strings.Repeat("x", 1<<20) + `"}`), []string{"1MiB"}},
		{form(`lang=en&id=%zz&note=n`), nil},
		{form(`lang=en&id=1&id=2&note=n`), []string{"id"}},
		{request(http.MethodGet, "/call/store/ticket?lang=en&id=1", ""), []string{"note"}},
	} {
		body := readAll(tc.req)
		resp, text := ask(t, g, tc.req)
		if resp.StatusCode != 400 || resp.Header.Get("Signpost-Outcome") != "bad_request" {
			t.Errorf("%.60s: %d %s, want 400 bad_request", body, resp.StatusCode, resp.Header.Get("Signpost-Outcome"))
		}
		for _, name := range tc.want {
			if !strings.Contains(text, name) {
				t.Errorf("%.60s: the answer does not name %s: %s", body, name, text)
			}
		}
		if strings.Contains(text, long[:100]) {
			t.Errorf("%.60s: the answer repeats the value", body)
		}
	}
	if len(got) != 0 {
		t.Errorf("%d requests went out, want none: %+v", len(got), got)
	}
}

// readAll reads a request's body and puts it back.
func readAll(req *http.Request) string {
	body, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	return string(body) + req.URL.RawQuery
}

func TestEachSegmentThatClimbsIsNamed(t *testing.T) {
	g := open(t, desk(nil), says(200, "{}"))
	if _, text := ask(t, g, jsonRequest(`{"id":"..","note":"%2e%2e"}`)); !strings.Contains(text, "id cannot") || !strings.Contains(text, "note cannot") {
		t.Errorf("the answer is %s, want both variables named", text)
	}
	if _, text := call(t, g, request(http.MethodPut, "/tickets/%252e%252e/notes/..%252f", "x")); !strings.Contains(text, "id cannot") || !strings.Contains(text, "note cannot") {
		t.Errorf("the answer is %s, want both variables named", text)
	}
}

func TestANamedCallIsFoundByItsNamesAndMethodAlone(t *testing.T) {
	var got []seen
	g := open(t, desk(nil), echoing(&got))
	for _, tc := range []struct {
		method, policy, operation string
		status                    int
		outcome                   string
	}{
		{"POST", "store", "ticket", 200, "success"},
		{"POST", "store", "nothing", 404, "not_found"},
		{"POST", "nobody", "ticket", 404, "not_found"},
		{"PUT", "store", "ticket", 405, "denied"},
		{"DELETE", "store", "ticket", 405, "denied"},
		{"HEAD", "store", "ticket", 405, "denied"},
	} {
		req := request(tc.method, "/call/x?id=1&note=2", "")
		resp, _ := ended(t, g.Answer(req, &policy.Call{Policy: tc.policy, Operation: tc.operation, Tenant: "acme"}))
		if resp.StatusCode != tc.status || resp.Header.Get("Signpost-Outcome") != tc.outcome {
			t.Errorf("%s %s.%s: %d %s, want %d %s", tc.method, tc.policy, tc.operation, resp.StatusCode, resp.Header.Get("Signpost-Outcome"), tc.status, tc.outcome)
		}
		if tc.status == 405 && resp.Header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: Allow is %q", tc.method, resp.Header.Get("Allow"))
		}
	}
}

func TestHintsAndFallbacksReadTheBotsVariables(t *testing.T) {
	spec := desk(nil)
	op := &spec.Policies[0].Operations[0]
	op.Inputs = append(op.Inputs, policy.InputSpec{Var: "limit", Type: "number", Default: json.RawMessage("3")})
	op.Extracts = []policy.Extract{{Var: "left", Path: "$.left"}}
	op.Hints = []policy.Hint{{Route: "enough", When: "vars.left >= input.limit && input.lang == 'en'"}}
	op.Fallbacks = []policy.Fallback{{
		When:    `outcome == "success" && input.id == 9`,
		Respond: &policy.Respond{Status: 200, Body: `{"id":{{id}},"note":"{{input.note}}","lang":{{lang}}}`},
	}}
	g := open(t, spec, says(200, `{"left":4}`))
	resp, _ := ask(t, g, jsonRequest(`{"id":1,"note":"n"}`))
	if got := resp.Header.Get("Signpost-Route"); got != "enough" {
		t.Errorf("the route is %q, want enough", got)
	}
	resp, _ = ask(t, g, jsonRequest(`{"id":1,"note":"n","limit":5}`))
	if got := resp.Header.Get("Signpost-Route"); got != "success" {
		t.Errorf("the route is %q, want success", got)
	}
	_, body := ask(t, g, jsonRequest(`{"id":9,"note":"\"n"}`))
	if body != `{"id":9,"note":"\"n","lang":"en"}` {
		t.Errorf("the fallback's body is %s", body)
	}
}

func TestABaseURLCallIsHeldToWhatTheInputsSayOfItsPath(t *testing.T) {
	var got []seen
	spec := desk(nil)
	spec.Policies[0].Operations[0].Inputs = []policy.InputSpec{{Var: "id", Matches: "[0-9]+"}, {Var: "other"}}
	g := open(t, spec, echoing(&got))
	if resp, _ := call(t, g, request("PUT", "/tickets/12/notes/3", "x")); resp.StatusCode != 200 || len(got) != 1 {
		t.Errorf("status %d, %d requests went out; want 200 and one", resp.StatusCode, len(got))
	}
	resp, body := call(t, g, request("PUT", "/tickets/1x/notes/3", "x"))
	if resp.Header.Get("Signpost-Outcome") != "bad_request" || !strings.Contains(body, "id does not match") || len(got) != 1 {
		t.Errorf("%s: %s; %d requests went out", resp.Header.Get("Signpost-Outcome"), body, len(got))
	}
}

func TestMistakesOfANamedCallAreFoundWithTheirPlaces(t *testing.T) {
	at := func(line int) policy.Place { return policy.Place{File: "f", Line: line} }
	spec := desk(&policy.BodySpec{As: "json", Template: `{"a":{{id}}x}`, Place: at(1)})
	op := &spec.Policies[0].Operations[0]
	op.Header = []policy.Field{
		{Name: "Host", Value: "x", Place: at(2)}, {Name: "X Y", Value: "x", Place: at(3)}, {Name: "X-A", Value: "{{vars.x}}", Place: at(4)},
		{Name: "X-B", Value: "{secret.x}", Place: at(5)}, {Name: "X-C", Value: "{{", Place: at(6)}, {Name: "Via", Value: "x", Place: at(7)},
		{Name: "X-D", Value: "x"}, {Name: "x-d", Value: "x", Place: at(8)}, {Name: "Signpost-Route", Value: "x", Place: at(9)},
	}
	op.Header = append(op.Header, policy.Field{Name: "X-Gone", Value: "x", Place: at(16)}, policy.Field{Name: "authorization", Value: "x", Place: at(17)})
	op.Strip = []string{"x-gone"}
	spec.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "x"}, {As: "query", Name: "key", Value: "x"}}
	op.Header = append(op.Header, policy.Field{Name: "X-E", Value: "a\nb", Place: at(18)})
	op.Query = []policy.Field{{Name: "", Value: "x", Place: at(10)}, {Name: "key", Value: "x", Place: at(19)}}
	op.Inputs = []policy.InputSpec{
		{Var: "X", Place: at(11)}, {Var: "id", Type: "date", Place: at(12)}, {Var: "note", Matches: "(", Place: at(13)},
		{Var: "lang", In: []string{"a"}, Default: json.RawMessage(`"b"`), Place: at(14)},
	}
	op.Fallbacks = []policy.Fallback{{Respond: &policy.Respond{Status: 200, Body: "{{nobody}}"}, Places: policy.Places{"respond": at(15)}}}
	lines := map[int]bool{}
	mistakes := policy.Check(&spec)
	for _, m := range mistakes {
		lines[m.Place.Line] = true
	}
	for line := 1; line <= 19; line++ {
		if !lines[line] {
			t.Errorf("nothing is found on line %d; found are\n%v", line, mistakes)
		}
	}
}

// skeleton is a JSON document without the values that variables gave it.
func skeleton(t *testing.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		out := make([]any, 0, 2*len(names))
		for _, n := range names {
			out = append(out, n, skeleton(t, v[n]))
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, skeleton(t, e))
		}
		return out
	default:
		return nil
	}
}

func FuzzNoVariableChangesMoreThanItsPlace(f *testing.F) {
	for _, s := range []string{"1", "..", "a/b", "%2f..%2f", "?x=1#y", "a\r\nX: y", `"`, `\`, `","z":1,"y":"`, "\x00", "é", "{{id}}", "&a=b;c=d", strings.Repeat("a", 9000)} {
		f.Add(s, s, s)
		f.Add("1", s, "2")
	}
	var got []seen
	g := open(f, desk(&policy.BodySpec{As: "json", Template: `{"id":{{id}},"text":"see {{note}}","tags":["{{lang}}",{"{}":{{note}}}]}`}), echoing(&got))
	var want any
	f.Fuzz(func(t *testing.T, id, note, lang string) {
		got = nil
		if !utf8.ValidString(id) || !utf8.ValidString(note) || !utf8.ValidString(lang) {
			return // encoding/json would change them.
		}
		body, err := json.Marshal(map[string]any{"id": id, "note": note, "lang": lang})
		if err != nil {
			t.Fatal(err)
		}
		resp, text := ask(t, g, jsonRequest(string(body)))
		if resp.StatusCode == 400 {
			if len(got) != 0 {
				t.Fatalf("%q was refused, and went out: %+v", body, got)
			}
			return
		}
		if resp.StatusCode != 200 || len(got) != 1 {
			t.Fatalf("%q: %d, %d requests: %s", body, resp.StatusCode, len(got), text)
		}
		u, err := url.Parse(got[0].url)
		if err != nil || u.Scheme != "https" || u.Host != "api.store.example" || u.Fragment != "" || u.User != nil {
			t.Fatalf("%q goes to %q (%v)", body, got[0].url, err)
		}
		segments := strings.Split(u.EscapedPath(), "/")
		if len(segments) != 6 || segments[1] != "v2" || segments[2] != "tickets" || segments[4] != "notes" {
			t.Fatalf("%q has the path %q", body, u.EscapedPath())
		}
		for i, want := range map[int]string{3: id, 5: note} {
			if is, err := url.PathUnescape(segments[i]); err != nil || is != want {
				t.Fatalf("%q has the segment %q", body, segments[i])
			}
		}
		query, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(query) != 2 || query.Get("lang") != lang || query.Get("q") != `status:"`+id+`" & more` {
			t.Fatalf("%q has the query %q (%v)", body, u.RawQuery, err)
		}
		names := slices.Sorted(maps.Keys(got[0].header))
		if !slices.Equal(names, []string{"Content-Type", "User-Agent", "X-Note"}) || got[0].header.Get("X-Note") != "note "+note+"!" {
			t.Fatalf("%q has the header %v", body, got[0].header)
		}
		var sent any
		if err := json.Unmarshal([]byte(got[0].body), &sent); err != nil {
			t.Fatalf("%q sends %q: %v", body, got[0].body, err)
		}
		shape := skeleton(t, sent)
		if want == nil {
			want = shape
		}
		if a, b := mustJSON(t, shape), mustJSON(t, want); a != b {
			t.Fatalf("%q sends the structure %s, want %s", body, a, b)
		}
	})
}

func mustJSON(t *testing.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestATenantsOwnHostComesFromTheTenantsFileAlone(t *testing.T) {
	var got []seen
	spec := store(policy.Rules{})
	spec.TenantsFile = tenantsFile(t, "tenants:\n  acme: {vars: {shop: acme-1}}\n  globex: {vars: {shop: globex}}\n  evil: {vars: {shop: 'x.example/'}}\n  bare: {}\n")
	spec.Policies[0].BaseURL = "https://{tenant.shop}.shops.example:8443/v2"
	g := open(t, spec, echoing(&got))
	for tenant, want := range map[string]string{
		"acme": "https://acme-1.shops.example:8443/v2/x?y=1", "globex": "https://globex.shops.example:8443/v2/x?y=1",
		"evil": "", "bare": "", "nobody": "", "": "",
	} {
		got = nil
		resp, _ := ended(t, g.Answer(request("GET", "/store/x?y=1", ""), &policy.Call{Policy: "store", Path: "/x", Tenant: tenant}))
		if want == "" {
			if resp.StatusCode != 403 || resp.Header.Get("Signpost-Outcome") != "denied" || len(got) != 0 {
				t.Errorf("tenant %q: %d %s, want 403 denied", tenant, resp.StatusCode, resp.Header.Get("Signpost-Outcome"))
			}
			continue
		}
		if resp.StatusCode != 200 || len(got) != 1 || got[0].url != want {
			t.Errorf("tenant %q: %d, went to %+v, want %s", tenant, resp.StatusCode, got, want)
		}
	}
	// As a proxy, a bot names a host: it must be its own.
	for host, status := range map[string]int{"acme-1.shops.example:8443": 200, "ACME-1.shops.example:8443": 200, "globex.shops.example:8443": 403} {
		u, _ := url.Parse("http://" + host + "/v2/x")
		name, path := g.Locate(u)
		if name != "store" || path != "/x" {
			t.Fatalf("%s leads to %q, %q", host, name, path)
		}
		resp, _ := ended(t, g.Answer(request("GET", "/x", ""), &policy.Call{Policy: name, Path: path, Tenant: "acme", Host: host}))
		if resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", host, resp.StatusCode, status)
		}
	}
	for _, host := range []string{"a.b.shops.example:8443", "shops.example:8443", "x.shops.example", "x.shops.example.evil:8443"} {
		u, _ := url.Parse("http://" + host + "/v2/x")
		if name, _ := g.Locate(u); name != "" {
			t.Errorf("%s leads to %q, want nowhere", host, name)
		}
	}
}

func TestATenantsBreakerIsThatOfItsHost(t *testing.T) {
	spec := store(policy.Rules{Breaker: &policy.BreakerSpec{Trip: "2 consecutive"}})
	spec.TenantsFile = tenantsFile(t, "tenants:\n  acme: {vars: {shop: acme}}\n  globex: {vars: {shop: globex}}\n")
	spec.Policies[0].BaseURL = "https://{tenant.shop}.shops.example"
	g := open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "acme.shops.example" {
			return reply(r, 503, "{}"), nil
		}
		return reply(r, 200, "{}"), nil
	}))
	outcome := func(tenant string) string {
		resp, _ := ended(t, g.Answer(request("GET", "/x", ""), &policy.Call{Policy: "store", Path: "/x", Tenant: tenant}))
		return resp.Header.Get("Signpost-Outcome")
	}
	outcome("acme")
	outcome("acme")
	if got := outcome("acme"); got != "circuit_open" {
		t.Errorf("after two failures of its host acme gets %s", got)
	}
	if got := outcome("globex"); got != "success" {
		t.Errorf("globex, whose host is well, gets %s", got)
	}
}

func TestATenantVariableStandsInTheHostOfAPolicyWithATenantsFile(t *testing.T) {
	for base, want := range map[string]string{
		"https://{tenant.shop}.example":    "expected a tenants_file",
		"https://x.example/{tenant.shop}":  "stands in the host alone",
		"https://{tenant.Shop}.example":    "not a variable's name",
		"{tenant.scheme}://x.example":      "",
		"https://x.example:{tenant.port}/": "",
		"https://{tenant.shop.example/":    "",
	} {
		spec := store(policy.Rules{})
		spec.Policies[0].BaseURL = base
		if err := policy.Check(&spec); len(err) == 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", base, err, want)
		}
	}
}

// tenantsFile writes a tenants file.
func tenantsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
