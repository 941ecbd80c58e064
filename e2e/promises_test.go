//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mirror is a third party over HTTPS that tells what it was asked; the parameter
// or the last segment "status-NNN" chooses its status. At /token it gives access
// tokens. It writes the certificate that it is known by into a file.
func mirror(t *testing.T) (address, certificate string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/token" {
			io.WriteString(w, `{"access_token":"an-access-token","token_type":"bearer","expires_in":300}`)
			return
		}
		if _, code, found := strings.Cut(r.URL.Path, "status-"); found {
			if status, err := strconv.Atoi(code); err == nil {
				w.WriteHeader(status)
			}
		}
		json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "uri": r.RequestURI, "body": string(body), "header": r.Header, "tls": r.TLS != nil,
			"order": map[string]any{"status": "shipped", "total": 42},
		})
	}))
	t.Cleanup(server.Close)
	certificate = filepath.Join(t.TempDir(), "third-party.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, certificate
}

// asked is what a mirror tells.
type asked struct {
	Method, URI, Body string
	Header            http.Header
	TLS               bool
}

// promises is a Caddyfile whose policies show each way to call a third party.
const promises = `{
	admin off
	persist_config off
	debug
	signpost {
		plan default {
			rate_limit off
		}
		secrets age AGE IDENTITY
		secrets env PROMISES_
		policy shop MIRROR/v1 {
			title "The shop"
			transport {
				tls_trust_pool file CERTIFICATE
			}
			inject header X-Api-Key {secret.api_key}
			inject query account demo
			strip header X-Debug
			operation order GET "/orders/{{number}}" {
				title "Where is my order?"
				extract status $.order.status
				extract total $.order.total
				extract missing $.order.nothing
				hint affordable ` + "`vars.status == \"shipped\" && vars.total <= input.budget`" + `
				hint shipped ` + "`status == 200 && exists(\"$.order\") && vars.missing == nil`" + `
				hint moved status == 302
				otherwise others
				input budget number default 10
			}
			operation search GET /search {
				query q "name:{{name}}"
				header X-Customer "{{customer}}"
			}
			operation json PATCH "/json/{{id}}" {
				json ` + "`{\"id\":{{id}},\"note\":\"about {{note}}\"}`" + `
			}
			operation form POST /form {
				form {
					user "{{user}}"
				}
			}
			operation text PUT /text {
				text "{{words}}"
			}
			operation failing GET "/{{where}}" {
				fallback status == 503 {
					route handoff
					respond 200 text/plain "A colleague will answer {{input.where}}."
				}
				fallback status == 500 {
					next continue
				}
			}
		}
		policy closed MIRROR/v1
		policy public MIRROR {
			transport {
				tls_trust_pool file CERTIFICATE
			}
		}
		policy basic MIRROR {
			transport {
				tls_trust_pool file CERTIFICATE
			}
			inject basic demo {secret.api_key}
		}
		policy signed MIRROR {
			transport {
				tls_trust_pool file CERTIFICATE
			}
			inject jwt {
				key {secret.signing_key}
				alg HS256
				claim iss promises
			}
		}
		policy granted MIRROR {
			transport {
				tls_trust_pool file CERTIFICATE
			}
			inject oauth2 {
				token_url MIRROR/token
				client_id demo
				client_secret {secret.api_key}
			}
		}
	}
}
:PORT {
	bind 127.0.0.1
	signpost
}
`

// apiKey and signingKey are the secrets of promises.
const (
	apiKey     = "promised-key-of-the-shop"
	signingKey = "promised-signing-key-of-32-bytes!!"
)

// startPromises runs a gateway with the policies of promises. Its API key is in
// an age file, which the gateway's own command writes.
func startPromises(t *testing.T) (g gateway, third string) {
	t.Helper()
	third, certificate := mirror(t)
	port, dir := freePort(t), t.TempDir()
	file, identity := filepath.Join(dir, "secrets.age"), filepath.Join(dir, "identity")
	command(t, "", "signpost", "secret", "init", file, identity)
	command(t, apiKey+"\n", "signpost", "secret", "set", file, identity, "api_key")
	if listed := command(t, "", "signpost", "secret", "list", file, identity); listed != "api_key\n" {
		t.Errorf("the secrets are listed as %q, want their names alone", listed)
	}
	config := strings.NewReplacer("MIRROR", third, "CERTIFICATE", certificate, "PORT", port, "AGE", file, "IDENTITY", identity).Replace(promises)
	return start(t, []byte(config), port, "PROMISES_SIGNING_KEY="+signingKey), third
}

// command runs the gateway's binary and gives its standard output.
func command(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, arguments...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(arguments, " "), err, &problems)
	}
	return out.String()
}

// send calls a path, and gives the answer with its body.
func (g gateway) send(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	return resp, string(text)
}

// arrives sends a call and gives what the third party got.
func (g gateway) arrives(t *testing.T, method, path, body string, header ...string) (a asked) {
	t.Helper()
	resp, text := g.send(t, method, path, body, header...)
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%s %s: %d %s: %s", method, path, resp.StatusCode, resp.Header.Get("Signpost-Reason"), text)
	}
	return a
}

func TestTheGatewayKeepsWhatChatbotProductsPromise(t *testing.T) {
	g, third := startPromises(t)
	for _, promise := range []struct {
		name string
		test func(*testing.T, gateway)
	}{
		{"connections are named and reused by the requests of operations", promisesNames},
		{"every method goes out", promisesMethods},
		{"variables stand in URL, query, headers and body, escaped for their place", promisesVariables},
		{"headers are static or filled, and can be removed", promisesHeaders},
		{"bodies are forms, JSON or text", promisesBodies},
		{"keys, logins, signed and granted tokens are added, or nothing", promisesCredentials},
		{"no answer and no log shows a key", promisesSecrecy},
		{"one JSON object holds data and variables", promisesEnvelope},
		{"conditions compare typed values, also with what the bot sent", promisesConditions},
		{"a status has its branch, and all others have one too", promisesOthers},
		{"without any hint 2xx is success, 4xx failure, 5xx error", promisesDefaults},
		{"a failure says whether to go on, and can hand over to a person", promisesFallbacks},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.test(t, g) })
	}
	t.Run("what comes as http leaves as https, to whom the certificate names alone", func(t *testing.T) { promisesHTTPS(t, g, third) })
}

func promisesNames(t *testing.T, g gateway) {
	for path, label := range map[string]string{"/shop/orders/1": "shop.order", "/shop/search": "shop.search", "/public/x": "public"} {
		if resp, _ := g.send(t, "GET", path, ""); resp.Header.Get("Signpost-Policy") != label {
			t.Errorf("%s is %q, want %q", path, resp.Header.Get("Signpost-Policy"), label)
		}
	}
}

func promisesMethods(t *testing.T, g gateway) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if a := g.arrives(t, method, "/public/a/b?c=d", "a body"); a.Method != method || a.URI != "/a/b?c=d" || a.Body != "a body" {
			t.Errorf("%s arrives as %+v", method, a)
		}
	}
	if resp, body := g.send(t, "HEAD", "/public/x", ""); resp.Header.Get("Signpost-Route") != "success" || body != "" {
		t.Errorf("HEAD is %s with %q", resp.Header.Get("Signpost-Route"), body)
	}
}

func promisesVariables(t *testing.T, g gateway) {
	hostile := "a/../b?c=d#e&f=\"g\"\\"
	a := g.arrives(t, "POST", "/call/shop/search", mustJSON(t, map[string]any{"name": hostile, "customer": "Zoë"}))
	want := "/v1/search?q=" + strings.ReplaceAll(url.QueryEscape("name:"+hostile), "+", "%20") + "&account=demo"
	if a.URI != want || a.Header.Get("X-Customer") != "Zoë" {
		t.Errorf("what arrives is %s with X-Customer %q, want %s", a.URI, a.Header.Get("X-Customer"), want)
	}
	if a := g.arrives(t, "GET", "/call/shop/order?number=10%2F01", ""); a.URI != "/v1/orders/10%2F01?account=demo" {
		t.Errorf("what arrives is %s", a.URI)
	}
	for _, value := range []string{"..", "a/../b", "%2e%2e", "%2e%2e%2fadmin", ""} {
		resp, text := g.send(t, "POST", "/call/shop/order", mustJSON(t, map[string]any{"number": value}))
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, "number ") {
			t.Errorf("%q in a path is %d %s", value, resp.StatusCode, text)
		}
	}
}

func promisesHeaders(t *testing.T, g gateway) {
	a := g.arrives(t, "GET", "/shop/orders/1", "", "X-Debug", "1", "X-Kept", "2", "X-Api-Key", "forged")
	if a.Header.Get("X-Debug") != "" || a.Header.Get("X-Kept") != "2" || a.Header.Get("X-Api-Key") == "forged" {
		t.Errorf("the headers are %v", a.Header)
	}
}

func promisesBodies(t *testing.T, g gateway) {
	for path, want := range map[string]asked{
		"json": {Method: "PATCH", URI: "/v1/json/7?account=demo", Body: `{"id":7,"note":"about \"x\""}`, Header: http.Header{"Content-Type": {"application/json"}}},
		"form": {Method: "POST", URI: "/v1/form?account=demo", Body: "user=a%26b", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
		"text": {Method: "PUT", URI: "/v1/text?account=demo", Body: "w\r\n", Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}},
	} {
		a := g.arrives(t, "POST", "/call/shop/"+path, `{"id":7,"note":"\"x\"","user":"a&b","words":"w\r\n"}`)
		if a.Method != want.Method || a.URI != want.URI || a.Body != want.Body || a.Header.Get("Content-Type") != want.Header.Get("Content-Type") {
			t.Errorf("%s arrives as %+v", path, a)
		}
	}
}

func promisesCredentials(t *testing.T, g gateway) {
	// The third party echoes what it got, and the gateway overwrites it: what is
	// left shows how long it was.
	for path, want := range map[string]string{
		"/public/x": "", "/granted/x": "Bearer " + stars("an-access-token"), "/basic/x": "Basic ", "/signed/x": "Bearer ",
	} {
		got := g.arrives(t, "GET", path, "").Header.Get("Authorization")
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: Authorization is %q, want %q", path, got, want)
		}
		if want != "" && !strings.Contains(got, "***") {
			t.Errorf("%s: Authorization comes back as %q, want it overwritten", path, got)
		}
	}
	a := g.arrives(t, "GET", "/shop/orders/1?account=forged", "")
	if a.Header.Get("X-Api-Key") != stars(apiKey) || a.URI != "/v1/orders/1?account=demo" {
		t.Errorf("the key is %q, the URI %s", a.Header.Get("X-Api-Key"), a.URI)
	}
}

func stars(secret string) string { return strings.Repeat("*", len(secret)) }

func promisesSecrecy(t *testing.T, g gateway) {
	for _, path := range []string{"/shop/orders/1", "/basic/x", "/granted/x", "/signed/x"} {
		resp, body := g.send(t, "GET", path, "")
		for _, text := range append(headerValues(resp.Header), body, g.log.String()) {
			for _, secret := range []string{apiKey, signingKey, "an-access-token"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: a secret stands in %.200q", path, text)
				}
			}
		}
	}
}

func headerValues(header http.Header) (all []string) {
	for _, values := range header {
		all = append(all, values...)
	}
	return all
}

func promisesEnvelope(t *testing.T, g gateway) {
	resp, text := g.send(t, "GET", "/call/shop/order?number=1", "", "Signpost-Reply", "envelope")
	var e struct {
		OK          bool
		Route, Next string
		Status      int
		Vars        map[string]any
		Data        struct{ URI string }
		Error       any
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if resp.StatusCode != 200 || !e.OK || e.Route != "shipped" || e.Vars["status"] != "shipped" || e.Data.URI != "/v1/orders/1?account=demo" || e.Error != nil {
		t.Errorf("%d: %s", resp.StatusCode, text)
	}
	resp, text = g.send(t, "GET", "/shop/status-404", "", "Signpost-Reply", "envelope")
	if resp.StatusCode != 200 || !strings.Contains(text, `"status":404`) || !strings.Contains(text, `"code":"client_error"`) {
		t.Errorf("%d: %s", resp.StatusCode, text)
	}
}

func promisesConditions(t *testing.T, g gateway) {
	for body, want := range map[string]string{`{"number":"1","budget":50}`: "affordable", `{"number":"1","budget":5}`: "shipped", `{"number":"1"}`: "shipped"} {
		if resp, _ := g.send(t, "POST", "/call/shop/order", body); resp.Header.Get("Signpost-Route") != want {
			t.Errorf("%s: %s, want %s", body, resp.Header.Get("Signpost-Route"), want)
		}
	}
}

func promisesOthers(t *testing.T, g gateway) {
	for path, want := range map[string]string{"/shop/orders/status-302": "moved", "/shop/orders/status-404": "others", "/shop/orders/status-503": "others"} {
		if resp, _ := g.send(t, "GET", path, ""); resp.Header.Get("Signpost-Route") != want {
			t.Errorf("%s: %s, want %s", path, resp.Header.Get("Signpost-Route"), want)
		}
	}
}

func promisesDefaults(t *testing.T, g gateway) {
	for path, want := range map[string]string{"/public/status-201": "success", "/public/status-422": "failure", "/public/status-502": "error"} {
		if resp, _ := g.send(t, "GET", path, ""); resp.Header.Get("Signpost-Route") != want {
			t.Errorf("%s: %s, want %s", path, resp.Header.Get("Signpost-Route"), want)
		}
	}
}

func promisesFallbacks(t *testing.T, g gateway) {
	for path, want := range map[string][4]string{
		"/shop/status-503": {"handoff", "continue", "static", "A colleague will answer status-503."},
		"/shop/status-500": {"error", "continue", "", ""},
		"/shop/status-502": {"error", "stop", "", ""},
	} {
		resp, text := g.send(t, "GET", path, "")
		got := [4]string{resp.Header.Get("Signpost-Route"), resp.Header.Get("Signpost-Next"), resp.Header.Get("Signpost-Fallback"), text}
		if want[3] == "" {
			got[3] = ""
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func promisesHTTPS(t *testing.T, g gateway, third string) {
	proxy, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(strings.Replace(third, "https:", "http:", 1) + "/v1/orders/1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a asked
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || !a.TLS || resp.Header.Get("Signpost-Policy") != "shop.order" {
		t.Errorf("as a proxy: %v, over TLS %v, policy %s", err, a.TLS, resp.Header.Get("Signpost-Policy"))
	}
	if resp, _ := g.send(t, "GET", "/closed/x", ""); resp.Header.Get("Signpost-Outcome") != "unreachable" ||
		!strings.Contains(resp.Header.Get("Proxy-Status"), "tls_certificate_error") {
		t.Errorf("a certificate that nobody vouches for is %s, %s", resp.Header.Get("Signpost-Outcome"), resp.Header.Get("Proxy-Status"))
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
