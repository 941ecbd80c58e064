package caddymodule_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// silent is what quiet is in JSON.
const silent = `"admin":{"disabled":true,"config":{"persist":false}},"logging":{"logs":{"default":{"writer":{"output":"discard"}}}}`

// withAdmin are global options that serve the admin endpoint there, instead of
// nowhere.
func withAdmin(t testing.TB, address string) string {
	t.Helper()
	t.Cleanup(func() {
		// Caddy keeps the endpoint over caddy.Stop.
		if err := caddy.Load([]byte(`{`+silent+`}`), true); err != nil {
			t.Errorf("closing the admin endpoint: %v", err)
		}
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	return strings.Replace(quiet, "admin off", "admin "+address, 1)
}

// operator asks the operator API.
type operator struct {
	t    testing.TB
	http *http.Client
	base string // the URL above signpost/
}

// startAdmin runs Caddy with its admin endpoint on a Unix socket, and gives the
// sidecar and an operator of it.
func startAdmin(t testing.TB, signpost, site string) (*sidecar, *operator) {
	t.Helper()
	socket := filepath.Join(shortDir(t), "admin.sock")
	globals := withAdmin(t, "unix/"+socket)
	o := &operator{t: t, http: dialing(socket), base: "http://admin/"}
	t.Cleanup(o.http.CloseIdleConnections)
	return startGlobal(t, globals, signpost, site), o
}

// told is what an operator was told.
type told struct {
	*http.Response
	text string
}

// ask sends a request; header is names and values in turn, of which Host is the
// host.
func (o *operator) ask(method, path, body string, header ...string) told {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.base+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := o.http.Do(req)
	for range 10 { // The server of a configuration that was replaced drops what comes on its way out.
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			break
		}
		o.http.CloseIdleConnections()
		if req.Body, err = req.GetBody(); err == nil {
			resp, err = o.http.Do(req)
		}
	}
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return told{resp, string(text)}
}

// get reads into a value what must be there.
func (o *operator) get(path string, into any) {
	o.t.Helper()
	o.ask(http.MethodGet, path, "").into(o.t, into)
}

// post changes what can be changed.
func (o *operator) post(path, body string, into any) {
	o.t.Helper()
	o.ask(http.MethodPost, path, body, "Content-Type", "application/json").into(o.t, into)
}

func (a told) into(t testing.TB, into any) {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %s", a.Request.Method, a.Request.URL, a.Status, a.text)
	}
	if err := json.Unmarshal([]byte(a.text), into); err != nil {
		t.Fatalf("%s %s: %v: %s", a.Request.Method, a.Request.URL, err, a.text)
	}
}

// isProblem tests that a refusal is one of the API's own.
func (a told) isProblem(t testing.TB, status int, says string) {
	t.Helper()
	if a.StatusCode != status || a.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.text, says) {
		t.Errorf("%s %s: %s, %s, %.300s; want a problem with status %d that says %q",
			a.Request.Method, a.Request.URL, a.Status, a.Header.Get("Content-Type"), a.text, status, says)
	}
}

// callList is what GET calls gives.
type callList struct {
	Calls []struct {
		ID, Path, Policy, Outcome, Route, Tenant string
	}
}

func TestTheAdminEndpointTellsWhatTheGatewayDoes(t *testing.T) {
	url := saying(t, "application/json", `{"order":{"status":"shipped"}}`)
	s, o := startAdmin(t, unlimited+"trace {\nui http://localhost:16686\n}\npolicy store "+url+` {
		operation order_status GET "/orders/{{order_number}}" {
			extract status $.order.status
			hint shipped vars.status == "shipped"
		}
	}`, "signpost")
	s.get("/store/orders/7", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Route", "shipped")
	var info struct {
		Version, Started string
		TraceUI          string `json:"trace_ui"`
		AllowChanges     bool   `json:"allow_changes"`
	}
	o.get("signpost/info", &info)
	if !info.AllowChanges || info.TraceUI != "http://localhost:16686/trace/{trace_id}" || info.Started == "" {
		t.Errorf("info is %+v", info)
	}
	var calls callList
	o.get("signpost/calls?tenant=acme&outcome=success", &calls)
	if len(calls.Calls) != 1 || calls.Calls[0].Path != "/store/orders/7" || calls.Calls[0].Route != "shipped" {
		t.Fatalf("the calls are %+v", calls)
	}
	for path, says := range map[string]string{
		"calls/" + calls.Calls[0].ID: `"condition":"vars.status == \"shipped\""`,
		"policies":                   `"template":"/orders/{{order_number}}"`,
		"breakers":                   `"state":"closed"`,
		"traffic":                    `"policy":"store"`,
		"tenants":                    `"tenants":[`,
		"tenants/acme":               `"name":"acme"`,
		"drift":                      `"state":"watching"`,
		"drift/store/order_status":   `"$.order.status":"string"`,
		"alerts":                     `"channels":[]`,
	} {
		a := o.ask(http.MethodGet, "signpost/"+path, "")
		if a.StatusCode != 200 || !strings.Contains(a.text, says) || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s, want it to hold %s", path, a.Status, a.text, says)
		}
	}
	var tested struct {
		Call struct {
			Outcome, Route string
			Sent           struct{ Headers [][2]string }
		}
	}
	o.post("signpost/test", `{"policy":"store","path":"/x","headers":{"X-Tenant-ID":"acme","X-Mine":"1"}}`, &tested)
	if sent := fmt.Sprint(tested.Call.Sent.Headers); strings.Contains(sent, "X-Tenant-Id") || !strings.Contains(sent, "X-Mine") {
		t.Errorf("a test call sends the headers %s, want those that were given but the tenant's", sent)
	}
	o.post("signpost/test", `{"policy":"store","operation":"order_status","vars":{"order_number":8}}`, &tested)
	if tested.Call.Outcome != "success" || tested.Call.Route != "shipped" {
		t.Errorf("the test call is %+v", tested)
	}
}

func TestTheAdminEndpointRefusesInOneForm(t *testing.T) {
	s, o := startAdmin(t, unlimited+"policy store "+okParty(t), "signpost")
	s.get("/store/x").want(t, 200)
	o.ask("GET", "signpost/", "").isProblem(t, 404, "nothing at this path")
	o.ask("GET", "signpost/nothing", "").isProblem(t, 404, "nothing at this path")
	o.ask("GET", "signpost/calls?limits=3", "").isProblem(t, 400, "Unknown parameter")
	o.ask("GET", "signpost/test", "").isProblem(t, 405, "POST")
	o.ask("POST", "signpost/test", strings.Repeat("x", 2<<20)).isProblem(t, 413, "larger")
	o.ask("POST", "signpost/test", "{").isProblem(t, 400, "cannot be read")
	o.ask("POST", "signpost/breakers/none/reset", "").isProblem(t, 404, "no breaker")
	o.ask("GET", "signpost/tenants/%00", "").isProblem(t, 400, "cannot be a tenant")
}

func TestTheAdminEndpointRefusesForeignHostsAndOrigins(t *testing.T) {
	free, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	startGlobal(t, withAdmin(t, address), unlimited+"policy store "+okParty(t), "signpost")
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	o := &operator{t: t, http: client, base: "http://" + address + "/"}
	if a := o.ask("GET", "signpost/info", ""); a.StatusCode != 200 {
		t.Fatalf("info: %s %s", a.Status, a.text)
	}
	for _, header := range [][]string{{"Host", "evil.example"}, {"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Mode", "no-cors"}} {
		for _, method := range []string{"GET", "POST"} {
			if a := o.ask(method, "signpost/breakers/store/reset", "", header...); a.StatusCode != 403 && a.StatusCode != 400 {
				t.Errorf("%s with %v: %s, want a refusal", method, header, a.Status)
			}
		}
	}
}

func TestTheCallLogOutlivesReloadsAndRejectedOnes(t *testing.T) {
	url := okParty(t)
	s, o := startAdmin(t, unlimited+"policy store "+url, "signpost")
	s.get("/store/first").want(t, 200)
	if err := s.load(unlimited+"policy store "+url+"\npolicy other "+url, "signpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/other/second").want(t, 200)
	paths := func() string {
		var calls callList
		o.http.CloseIdleConnections() // A reload replaces the server of the endpoint.
		o.get("signpost/calls", &calls)
		var b strings.Builder
		for _, c := range calls.Calls {
			b.WriteString(c.Path + " ")
		}
		return b.String()
	}
	const want = "/other/second /store/first "
	if got := paths(); got != want {
		t.Errorf("after a reload the calls are %q, want %q", got, want)
	}
	taken, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for i, source := range []string{
		s.source("policy store "+url+" {\ninject bearer {secret.nowhere}\n}", "signpost"),
		s.source("policy gone "+url, "signpost") + "http://" + taken.Addr().String() + " {\nbind 127.0.0.1\n}\n",
	} {
		for range 5 { // Caddy starts apps in no order.
			if err := load(source); err == nil {
				t.Fatalf("configuration %d was accepted", i)
			}
			if got := paths(); got != want {
				t.Fatalf("after the rejected configuration %d the calls are %q, want %q", i, got, want)
			}
			var breakers struct{ Breakers []struct{ Policy string } }
			o.post("signpost/breakers/store/reset", "", &breakers)
			if len(breakers.Breakers) != 1 {
				t.Fatalf("after the rejected configuration %d the breakers are %v", i, breakers)
			}
		}
	}
}

func TestWithoutASignpostBlockTheAdminEndpointSaysSo(t *testing.T) {
	_, o := startAdmin(t, unlimited+"policy store "+okParty(t), "signpost")
	config, err := adapt("{\n" + strings.Replace(quiet, "admin off", "admin unix/"+o.address(), 1) + "}\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	o.http.CloseIdleConnections()
	o.ask("GET", "signpost/info", "").isProblem(t, 503, "No configuration with a signpost block is running")
}

// address is the path of the admin endpoint's socket.
func (o *operator) address() string {
	conn, err := o.http.Transport.(*http.Transport).DialContext(o.t.Context(), "tcp", "")
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close()
	return conn.RemoteAddr().String()
}

func TestEachExtractLineOfATestCallCanStandInACaddyfile(t *testing.T) {
	names := []string{
		"status", "a b", `it's`, `say "hi"`, "tick`tick", "`\"'", "{", "}", "{$HOME}", "{env.HOME}", "{{x}}", "#no", " #no", "back\\slash", `\`, `\"`, "\\`",
		"größe", "日本", "\n", "\t", "\u2028", "\u00a0", "\u202e", "😀", "<<EOF", "*", "$", "@", "..", "[0]", "", "<b>", "&amp;", "import", "a,b", "//", "\u0000",
	}
	members := map[string]any{}
	for i, name := range names {
		members[name] = fmt.Sprintf("value %d", i)
	}
	members["list"] = []any{[]any{"deep", map[string]any{"{": "er"}}}
	var doc bytes.Buffer
	if err := json.NewEncoder(&doc).Encode(map[string]any{"order": members}); err != nil {
		t.Fatal(err)
	}
	url := saying(t, "application/json", doc.String())
	s, o := startAdmin(t, unlimited+"policy store "+url, "signpost")
	var first struct {
		Values []struct {
			Path, Var, Extract string
			Value              any
		}
	}
	o.post("signpost/test", `{"policy":"store"}`, &first)
	var lines strings.Builder
	want := map[string]any{}
	for _, v := range first.Values {
		if v.Value != nil {
			lines.WriteString(v.Extract + "\n")
			want[v.Var] = v.Value
		}
	}
	if len(want) != len(names)+2 {
		t.Fatalf("%d values are told, want %d", len(want), len(names)+2)
	}
	if err := s.load(unlimited+"policy store "+url+" {\n"+lines.String()+"}", "signpost"); err != nil {
		t.Fatalf("%v\n%s", err, lines.String())
	}
	o.http.CloseIdleConnections()
	var second struct {
		Call struct {
			Vars []struct {
				Name  string
				Value any
			}
		}
	}
	o.post("signpost/test", `{"policy":"store"}`, &second)
	if len(second.Call.Vars) != len(want) {
		t.Errorf("%d variables are read, want %d", len(second.Call.Vars), len(want))
	}
	for _, v := range second.Call.Vars {
		if v.Value != want[v.Name] {
			t.Errorf("%s is %v, want %v; the lines are\n%s", v.Name, v.Value, want[v.Name], lines.String())
		}
	}
}
