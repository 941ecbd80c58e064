package curl

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// sent is what a third party gets.
type sent struct {
	method, path string
	query        url.Values
	header       map[string]string // but for what browsers and curl add
	body         any               // JSON, or text
}

// added are headers that say nothing of what is asked.
var added = regexp.MustCompile(`^(?:User-Agent|Accept-Encoding|Content-Length|Origin|Referer|Sec-.*|Priority|Accept-Language|Dnt)$`)

// standIn is a third party that keeps the last request.
func standIn(t *testing.T) (*httptest.Server, *sent) {
	t.Helper()
	last := &sent{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*last = sent{method: r.Method, path: r.URL.Path, query: r.URL.Query(), header: map[string]string{}, body: string(body)}
		for name, values := range r.Header {
			if !added.MatchString(name) && (name != "Accept" || values[0] != "*/*") {
				last.header[name] = strings.TrimSuffix(strings.Join(values, ", "), "; charset=utf-8")
			}
		}
		if len(body) == 0 {
			delete(last.header, "Content-Type")
		}
		var document any
		if json.Unmarshal(body, &document) == nil {
			last.body = document
		} else if form, err := url.ParseQuery(string(body)); err == nil && last.header["Content-Type"] == typeForm {
			last.body = form
		}
	}))
	t.Cleanup(server.Close)
	return server, last
}

// callDraft makes the call that a command was, through the policy that was made of it.
func callDraft(t *testing.T, command string, secrets map[string]string) {
	t.Helper()
	taken, err := take(command, Options{})
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	for name, value := range secrets {
		t.Setenv("SIGNPOST_SECRET_"+strings.ToUpper(name), value)
	}
	spec := policy.Spec{Policies: []policy.PolicySpec{taken.draft.Policy}, Secrets: []policy.SecretSource{{From: "env", Where: "SIGNPOST_SECRET_"}}}
	g, err := policy.New(spec, policy.Options{})
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	values := make(map[string]json.RawMessage)
	for _, s := range taken.samples {
		values[s.name] = s.value
	}
	body, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	p := taken.draft.Policy
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/call", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	call := &policy.Call{Policy: p.Name, Operation: p.Operations[0].Name}
	resp := g.Answer(req, call)
	defer resp.Body.Close()
	if v := call.Verdict(); v.Outcome != policy.Success {
		answer, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s: the call came to %s with %s: %s", command, v.Outcome, body, answer)
	}
}

// asCurlSends are commands with HOST for the third party, the secrets that are in
// them, and what curl sends.
var asCurlSends = []struct {
	name, command string
	secrets       map[string]string
	want          sent
}{
	{"a plain address", `curl HOST/v2/orders/1001`, nil, sent{method: "GET", path: "/v2/orders/1001"}},
	{"an address without a path", `curl HOST`, nil, sent{method: "GET", path: "/"}},
	{"a slash at the end", `curl HOST/api/v1/`, nil, sent{method: "GET", path: "/api/v1/"}},
	{"dot segments", `curl HOST/v2/a/../orders/./7`, nil, sent{method: "GET", path: "/v2/orders/7"}},
	{"encoded segments", `curl HOST/v2/files/a%2Fb%20c/x`, nil, sent{method: "GET", path: "/v2/files/a/b c/x"}},
	{
		"a query", `curl 'HOST/search?q=tea+pot&email=a%40b.example&limit=5&sort=-date&empty='`, nil,
		sent{method: "GET", path: "/search", query: url.Values{"q": {"tea pot"}, "email": {"a@b.example"}, "limit": {"5"}, "sort": {"-date"}, "empty": {""}}},
	},
	{
		"a JSON body as browsers copy it",
		`curl 'HOST/v2/orders' \
  -H 'accept: application/json, text/plain, */*' \
  -H 'accept-language: de-DE,de;q=0.9' \
  -H 'authorization: Bearer tok-9a8b7c6d5e' \
  -H 'content-type: application/json' \
  -H 'origin: https://shop.example' \
  -H 'sec-fetch-mode: cors' \
  -H 'user-agent: Mozilla/5.0 (X11)' \
  --data-raw $'{"product":"Zoe\'s teapot","amount":2,"gift":true,"customer":{"name":"Ann \u0021","tags":["a","b"]},"note":null,"x":"{{y}} \\\\ {"}' \
  --compressed`,
		map[string]string{"api_token": "tok-9a8b7c6d5e"},
		sent{
			method: "POST", path: "/v2/orders",
			header: map[string]string{"Accept": "application/json, text/plain, */*", "Authorization": "Bearer tok-9a8b7c6d5e", "Content-Type": "application/json"},
			body: map[string]any{
				"product": "Zoe's teapot", "amount": 2.0, "gift": true, "note": nil, "x": `{{y}} \ {`,
				"customer": map[string]any{"name": "Ann !", "tags": []any{"a", "b"}},
			},
		},
	},
	{
		"JSON by --json", `curl --json '{"a":' --json '1}' HOST/things`, nil,
		sent{method: "POST", path: "/things", header: map[string]string{"Accept": "application/json", "Content-Type": "application/json"}, body: map[string]any{"a": 1.0}},
	},
	{
		"JSON that is called a form", `curl -d '{"a":[1,{"b":"c"}]}' HOST/things`, nil,
		sent{method: "POST", path: "/things", header: map[string]string{"Content-Type": typeForm}, body: map[string]any{"a": []any{1.0, map[string]any{"b": "c"}}}},
	},
	{
		"a form", `curl -d grant_type=password -d 'name=Ann%20Lee&import_id=x' --data-urlencode 'note=a&b = c' HOST/form`, nil,
		sent{method: "POST", path: "/form", header: map[string]string{"Content-Type": typeForm}, body: url.Values{"grant_type": {"password"}, "name": {"Ann Lee"}, "import_id": {"x"}, "note": {"a&b = c"}}},
	},
	{
		"a text", `curl -X PUT -H 'Content-Type: text/csv' --data-binary 'a,b` + "\n" + `1,{{2}}' HOST/rows`, nil,
		sent{method: "PUT", path: "/rows", header: map[string]string{"Content-Type": "text/csv"}, body: "a,b\n1,{{2}}"},
	},
	{
		"data in the query", `curl -G -d page=2 --data-urlencode 'q=x y' 'HOST/list?a=b'`, nil,
		sent{method: "GET", path: "/list", query: url.Values{"a": {"b"}, "page": {"2"}, "q": {"x y"}}},
	},
	{
		"a query of options", `curl --url-query '+x=%41' --url-query 'q=a+b&c=d' --url-query '=%zz' --url-query 'm@il=1' HOST/list`, nil,
		sent{method: "GET", path: "/list", query: url.Values{"x": {"A"}, "q": {"a+b&c=d"}, "%zz": {""}, "m@il": {"1"}}},
	},
	{
		"a user and a password", `curl -sSu 'ann:pa55:word' HOST/me -o /dev/null`, map[string]string{"api_user": "ann", "api_password": "pa55:word"},
		sent{method: "GET", path: "/me", header: map[string]string{"Authorization": "Basic YW5uOnBhNTU6d29yZA=="}},
	},
	{
		"keys and cookies", `curl -b 'sid=abc123; lang=en' -H 'X-Api-Key: k-1234567' -H 'X-Shop: acme' -H 'X-Shop: west' 'HOST/me?access_token=t-998877'`,
		map[string]string{"api_cookie": "sid=abc123; lang=en", "api_api_key": "k-1234567", "api_key": "k-1234567", "api_access_token": "t-998877"},
		sent{
			method: "GET", path: "/me", query: url.Values{"access_token": {"t-998877"}},
			header: map[string]string{"Cookie": "sid=abc123; lang=en", "X-Api-Key": "k-1234567", "X-Shop": "acme, west"},
		},
	},
	{
		"another scheme", `curl -H 'Authorization: Token abc123def' -H 'Idempotency-Key: 1b4e28ba-2fa1-11d2-883f-0016d3cca427' -X POST HOST/orders/7/cancel`, map[string]string{"api_token": "abc123def"},
		sent{method: "POST", path: "/orders/7/cancel", header: map[string]string{"Authorization": "Token abc123def", "Idempotency-Key": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"}},
	},
	{"another method", `curl -XDELETE HOST/v2/orders/1001 --http1.1 -fsS`, nil, sent{method: "DELETE", path: "/v2/orders/1001"}},
	{"the head alone", `curl -I HOST/v2/orders`, nil, sent{method: "HEAD", path: "/v2/orders"}},
}

// filled fills what a want leaves out.
func (s sent) filled() sent {
	if s.query == nil {
		s.query = url.Values{}
	}
	if s.header == nil {
		s.header = map[string]string{}
	}
	if s.body == nil {
		s.body = ""
	}
	return s
}

func TestThePolicySendsWhatTheCommandDid(t *testing.T) {
	for _, c := range asCurlSends {
		t.Run(c.name, func(t *testing.T) {
			server, got := standIn(t)
			callDraft(t, strings.ReplaceAll(c.command, "HOST", server.URL), c.secrets)
			if want := c.want.filled(); !reflect.DeepEqual(*got, want) {
				t.Errorf("%s\nsent %#v\nwant %#v", c.command, *got, want)
			}
		})
	}
}
