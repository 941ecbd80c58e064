package caddymodule_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// mirror is a third party that tells what it got.
func mirror(t testing.TB) *httptest.Server {
	return thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "uri": r.RequestURI, "host": r.Host, "body": string(body), "header": r.Header,
		})
	})
}

// reflected is what a mirror says.
type reflected struct {
	Method, URI, Host, Body string
	Header                  http.Header
}

func reflection(t testing.TB, a answer) (r reflected) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatalf("status %d, %v: the answer is %s", a.StatusCode, a.Header, a.body)
	}
	return r
}

const callPolicies = `policy shop %s/v1 {
	inject bearer token-of-the-shop
	operation order POST "/shops/{{shop}}/orders" {
		input shop in berlin paris
		input amount number default 1
		input gift bool default false
		input note string default "" matches ".{0,40}"
		query lang "{{lang}}"
		header X-Request-Of "{{customer}}"
		json ` + "`" + `{"product":{{product}},"amount":{{amount}},"gift":{{gift}},"note":"from {{customer}}: {{note}}"}` + "`" + `
		hint gift input.gift
		hint many input.amount > 10
		fallback status == 200 && input.note == "static" {
			respond 200 application/json ` + "`" + `{"for":{{customer}}}` + "`" + `
		}
	}
	operation search GET "/search" {
		query q "name:{{name}}"
	}
	operation login POST /login {
		form {
			user "{{user}}"
			"remember me" "{{remember}}"
		}
	}
	operation say PUT "/say" {
		header Content-Type text/markdown
		text "**{{words}}**"
	}
	operation probe HEAD "/probe"
}`

func TestABotCallsAnOperationByNameWithItsVariablesAlone(t *testing.T) {
	third := mirror(t)
	s := start(t, unlimited+strings.Replace(callPolicies, "%s", third.URL, 1))

	a := s.send("POST", "/call/shop/order?unused=1", `{"shop":"berlin","lang":"d e","customer":"Zoë \"Z\"","product":"tea/pot","amount":12,"other":null}`,
		"Content-Type", "application/json", "X-Tenant-ID", "acme", "Authorization", "Bearer of-the-bot", "Cookie", "a=b", "Idempotency-Key", "k1")
	a.want(t, 200, "Signpost-Route", "many", "Signpost-Policy", "shop.order", "Signpost-Outcome", "success")
	r := reflection(t, a)
	if r.Method != "POST" || r.URI != "/v1/shops/berlin/orders?lang=d%20e" || r.Host != strings.TrimPrefix(third.URL, "http://") {
		t.Errorf("what went out is %s %s to %s", r.Method, r.URI, r.Host)
	}
	if want := `{"product":"tea/pot","amount":12,"gift":false,"note":"from Zoë \"Z\": "}`; r.Body != want {
		t.Errorf("the body is %s, want %s", r.Body, want)
	}
	for name, want := range map[string]string{
		"X-Request-Of": `Zoë "Z"`, "Content-Type": "application/json", "Authorization": "Bearer *****************", "Idempotency-Key": "k1",
		"Cookie": "", "X-Tenant-Id": "", "Accept": "", "User-Agent": "",
	} {
		if got := r.Header.Get(name); got != want && name != "Authorization" {
			t.Errorf("the header %s is %q, want %q", name, got, want)
		}
	}
	if got := r.Header.Get("Authorization"); got == "Bearer of-the-bot" || got == "" {
		t.Errorf("Authorization is %q, want the injected one", got)
	}

	s.send("POST", "/call/shop/order", "shop=paris&lang=fr&customer=Z&product=p&gift=true", "Content-Type", "application/x-www-form-urlencoded").
		want(t, 200, "Signpost-Route", "gift")
	a = s.send("POST", "/call/shop/order", `{"shop":"paris","lang":"fr","customer":"Z","product":"p","note":"static"}`)
	if a.want(t, 200, "Signpost-Fallback", "static"); a.body != `{"for":"Z"}` {
		t.Errorf("the fallback's body is %s", a.body)
	}
	if r := reflection(t, s.get("/call/shop/search?name=a%26b%2Bc")); r.URI != "/v1/search?q=name%3Aa%26b%2Bc" || r.Method != "GET" || r.Body != "" {
		t.Errorf("what went out is %s %s %q", r.Method, r.URI, r.Body)
	}
	if r := reflection(t, s.send("POST", "/call/shop/login", `{"user":"a&b=c","remember":true}`)); r.Body != "user=a%26b%3Dc&remember+me=true" ||
		r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("the form is %q as %q", r.Body, r.Header.Get("Content-Type"))
	}
	if r := reflection(t, s.send("POST", "/call/shop/say", `{"words":"a\r\n\"b\""}`)); r.Body != "**a\r\n\"b\"**" || r.Method != "PUT" || r.Header.Get("Content-Type") != "text/markdown" {
		t.Errorf("the text is %q as %q", r.Body, r.Header.Get("Content-Type"))
	}
	if a := s.send("POST", "/call/shop/probe", ""); a.body != "" {
		t.Errorf("an answer to HEAD has the body %q", a.body)
	} else {
		a.want(t, 200, "Signpost-Outcome", "success", "Signpost-Policy", "shop.probe")
	}
	s.get("/shop/search").want(t, 200, "Signpost-Policy", "shop.search") // As a base-URL call it is the bot's own.
}

func TestANamedCallThatIsIllFormedIsRefusedWithAllThatIsWrong(t *testing.T) {
	var arrived atomic.Int32
	third := thirdParty(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	s := start(t, "plan default {\nrate_limit 3/h\n}\n"+strings.Replace(callPolicies, "%s", third.URL, 1))
	for body, names := range map[string]string{
		`{}`: "shop is missing|customer is missing|product is missing|lang is missing",
		`{"shop":"rome","amount":"many","gift":1,"note":"` + strings.Repeat("x", 41) + `","lang":"","customer":"","product":""}`: "shop |amount |gift |note ",
		`{"shop":"paris","lang":"x","customer":"a\r\nX-Evil: 1","product":"p"}`:                                                  "customer ",
		`[1,2]`: "object", `null`: "object", `{"a":`: "JSON", `{"shop":"paris","shop":"berlin"}`: "shop", `{"a":"\udfff"}`: "",
		`{"shop":"` + strings.Repeat("x", 1<<20) + `"}`: "1MiB",
	} {
		a := s.send("POST", "/call/shop/order", body, "Content-Type", "application/json")
		a.refused(t, 400, "bad_request", "http_request_error")
		for name := range strings.SplitSeq(names, "|") {
			if !strings.Contains(a.body, name) {
				t.Errorf("%.60s: the answer does not say %q: %s", body, name, a.body)
			}
		}
		if strings.Contains(a.body, "X-Evil") || strings.Contains(a.body, strings.Repeat("x", 30)) {
			t.Errorf("%.60s: the answer repeats a value: %.300s", body, a.body)
		}
		if limit := a.Header.Get("RateLimit"); limit != "" && !strings.Contains(limit, "r=3") {
			t.Errorf("%.60s: RateLimit is %q: nothing is to be taken", body, limit)
		}
	}
	for path, outcome := range map[string]string{
		"/call": "not_found", "/call/": "not_found", "/call/shop": "not_found", "/call/shop/": "not_found", "/call/shop/order/x": "not_found",
		"/call/shop/nothing": "not_found", "/call/nobody/order": "not_found", "/call/shop/..": "not_found",
	} {
		if a := s.send("POST", path, "{}"); a.Header.Get("Signpost-Outcome") != outcome {
			t.Errorf("%s is %s, want %s", path, a.Header.Get("Signpost-Outcome"), outcome)
		}
	}
	s.send("DELETE", "/call/shop/order", "").refused(t, 405, "denied", "http_request_denied")
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d requests went out, want none", n)
	}
}

func TestASiteOfOnePolicyHasNoNamedCalls(t *testing.T) {
	third := mirror(t)
	s := startSite(t, unlimited+strings.Replace(callPolicies, "%s", third.URL, 1), "signpost shop")
	if r := reflection(t, s.send("POST", "/call/shop/order", "{}")); r.URI != "/v1/call/shop/order" {
		t.Errorf("the path is %s: it belongs to the policy", r.URI)
	}
}

func TestABotThatStallsInItsVariablesIsRefusedAtTheDeadline(t *testing.T) {
	leaksNothing(t)
	third := mirror(t)
	s := start(t, unlimited+"policy shop "+third.URL+" {\ntimeout 200ms\noperation say PUT /say {\ntext \"{{words}}\"\n}\n}")
	conn := s.dial()
	defer conn.Close()
	io.WriteString(conn, "POST /call/shop/say HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"words\":")
	a := s.readAnswer("POST", bufio.NewReader(conn))
	a.refused(t, 504, "timeout", "http_request_error")
}

func TestATenantIsServedByItsOwnHost(t *testing.T) {
	listeners := map[string]net.Listener{}
	port := ""
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatalf("listening on %s: %v", host, err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		listeners[host] = l
	}
	for host, l := range listeners {
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, host+" "+r.Host+" "+r.Header.Get("Authorization"))
		})}}
		server.Start()
		t.Cleanup(server.Close)
	}
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	writeFile(t, file, "tenants:\n  acme: {vars: {node: '1'}}\n  globex: {vars: {node: '2'}}\n  evil: {vars: {node: '1.example/'}}\n  bare: {}\n")
	t.Setenv("SHOPS_ACME__TOKEN", "token-of-acme")
	t.Setenv("SHOPS_GLOBEX__TOKEN", "token-of-globex")
	s := start(t, unlimited+"tenants_file "+file+"\nsecrets env SHOPS_\npolicy shops http://127.0.0.{tenant.node}:"+port+"/v1 {\nallow_private\ninject bearer {tenant_secret.token}\noperation say PUT /say {\ntext \"{{words}}\"\n}\n}")
	for tenant, want := range map[string]string{"acme": "127.0.0.1", "globex": "127.0.0.2"} {
		a := s.get("/shops/x", "X-Tenant-ID", tenant, "Host", "127.0.0.9")
		a.want(t, 200, "Signpost-Outcome", "success")
		if !strings.HasPrefix(a.body, want+" "+want+":"+port+" Bearer ***") {
			t.Errorf("%s is served by %q, want %s", tenant, a.body, want)
		}
		s.send("POST", "/call/shops/say", `{"words":"w"}`, "X-Tenant-ID", tenant).want(t, 200)
	}
	for _, tenant := range []string{"evil", "bare", "nobody", ""} {
		s.get("/shops/x", "X-Tenant-ID", tenant).refused(t, 403, "denied", "http_request_denied")
	}
}

func TestATokenIsAskedForOnceAndIsSeenByNobody(t *testing.T) {
	var tokens atomic.Int32
	login := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		id, key, _ := r.BasicAuth()
		if id != "the-client" || key != "the-client-secret" || r.PostFormValue("grant_type") != "client_credentials" ||
			r.PostFormValue("scope") != "orders.read orders.write" || r.PostFormValue("audience") != "https://api" {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_client"}`)
			return
		}
		tokens.Add(1)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"an-access-token","token_type":"Bearer","expires_in":600}`)
	})
	third := mirror(t)
	t.Setenv("SHOPS_KEY", "the-client-secret")
	s := start(t, unlimited+"secrets env SHOPS_\npolicy shop "+third.URL+` {
		inject oauth2 {
			token_url `+login.URL+`/token
			client_id the-client
			client_secret {secret.key}
			scopes orders.read orders.write
			param audience https://api
		}
	}`)
	for range 5 {
		a := s.get("/shop/x", "Authorization", "Bearer of-the-bot")
		a.want(t, 200, "Signpost-Outcome", "success")
		if got := reflection(t, a).Header.Get("Authorization"); got != "Bearer "+strings.Repeat("*", len("an-access-token")) {
			t.Errorf("the third party got %q, as the bot sees it; want the token, overwritten", got)
		}
	}
	if n := tokens.Load(); n != 1 {
		t.Errorf("five calls asked for %d tokens, want 1", n)
	}
}
