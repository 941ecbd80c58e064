package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// startConsole runs Caddy with a console in the site, and gives an operator whose
// page is at that path.
func startConsole(t testing.TB, path, directive string) (*sidecar, *operator) {
	t.Helper()
	url := saying(t, "application/json", `{"order":{"status":"shipped"}}`)
	s := startSite(t, unlimited+"policy store "+url+" {\nextract status $.order.status\n}", directive+"\nsignpost")
	return s, &operator{t: t, http: s.bot, base: "http://localhost" + path}
}

func TestAConsoleServesItsPageAndTheAPIBeneathItsPath(t *testing.T) {
	for _, test := range []struct{ path, directive string }{
		{"/console/", "signpost_console /console/*"},
		{"/", "@page path / *.js *.css *.svg /signpost/*\nsignpost_console @page"},
		{"/ops/", "handle_path /ops/* {\nsignpost_console\n}"},
		{"/deep/er/", "route /deep/* {\nsignpost_console\n}"},
	} {
		t.Run(test.directive, func(t *testing.T) {
			s, o := startConsole(t, test.path, test.directive)
			s.get("/store/orders/7").want(t, 200)
			page := o.ask("GET", "", "")
			if page.StatusCode != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || page.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("the page: %s %v", page.Status, page.Header)
			}
			if script := o.ask("GET", "app.js", ""); script.StatusCode != 200 || !strings.HasPrefix(script.Header.Get("Content-Type"), "text/javascript") {
				t.Errorf("the script: %s %v", script.Status, script.Header)
			}
			var calls callList
			o.get("signpost/calls?policy=store", &calls)
			if len(calls.Calls) != 1 || calls.Calls[0].Path != "/store/orders/7" {
				t.Errorf("the calls are %+v", calls)
			}
			o.ask("GET", "signpost/calls/0123456789abcdef", "").isProblem(t, 404, "no call of that id")
			o.ask("GET", "signpost/calls?x=1", "").isProblem(t, 400, "Unknown parameter")
			if a := o.ask("GET", "signpost/tenants/a%2Fb", ""); !strings.Contains(a.text, `"name":"a/b"`) {
				t.Errorf("a tenant with a slash: %s %s", a.Status, a.text)
			}
		})
	}
}

func TestAConsoleChangesNothingUnlessItMay(t *testing.T) {
	_, o := startConsole(t, "/console/", "signpost_console /console/*")
	asJSON := []string{"Content-Type", "application/json"}
	for _, path := range []string{"signpost/test", "signpost/breakers/store/reset", "signpost/breakers/store/hold", "signpost/alerts/store/reset"} {
		o.ask("POST", path, `{"policy":"store","state":"open"}`, asJSON...).isProblem(t, 403, "allow_changes")
	}
	var info struct {
		AllowChanges bool `json:"allow_changes"`
	}
	o.get("signpost/info", &info)
	var breakers struct{ Breakers []struct{ Held string } }
	o.get("signpost/breakers", &breakers)
	if info.AllowChanges || breakers.Breakers[0].Held != "" {
		t.Errorf("changes are allowed: %+v, %+v", info, breakers)
	}
}

func TestAConsoleThatMayChangesOnlyForItsOwnPage(t *testing.T) {
	s, o := startConsole(t, "/console/", "signpost_console /console/* {\nallow_changes\nhosts console.example\n}")
	var info struct {
		AllowChanges bool `json:"allow_changes"`
	}
	o.get("signpost/info", &info)
	if !info.AllowChanges {
		t.Error("info says that changes are not allowed")
	}
	const body = `{"state":"open"}`
	asJSON := []string{"Content-Type", "application/json"}
	for _, header := range [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
	} {
		if a := o.ask("POST", "signpost/breakers/store/hold", body, append(header, asJSON...)...); a.StatusCode != http.StatusForbidden {
			t.Errorf("a change with %v: %s, want 403", header, a.Status)
		}
	}
	o.ask("POST", "signpost/breakers/store/hold", body, "Content-Type", "text/plain").isProblem(t, 415, "application/json")
	o.ask("POST", "signpost/test", strings.Repeat(" ", 2<<20), asJSON...).isProblem(t, 413, "larger")
	o.ask("POST", "signpost/test", `{"policy":`, asJSON...).isProblem(t, 400, "cannot be read")
	for _, method := range []string{"GET", "POST"} {
		o.ask(method, "signpost/breakers", "", "Host", "evil.example").isProblem(t, 421, "under this host name")
	}
	s.get("/store/x").want(t, 200, "Signpost-Outcome", "success")
	for _, header := range [][]string{
		{"Origin", "http://localhost", "Sec-Fetch-Site", "same-origin"}, {}, {"Host", "console.example"}, {"Host", "127.0.0.1:8081", "Origin", "http://127.0.0.1:8081"},
	} {
		if a := o.ask("POST", "signpost/breakers/store/hold", body, append(header, asJSON...)...); a.StatusCode != 200 {
			t.Errorf("a change with %v: %s %s, want 200", header, a.Status, a.text)
		}
	}
	s.get("/store/x").want(t, 503, "Signpost-Outcome", "circuit_open")
	o.post("signpost/breakers/store/reset", "", &info)
	var tested struct{ Call struct{ Outcome string } }
	o.post("signpost/test", `{"policy":"store","path":"/x","tenant":"acme"}`, &tested)
	if tested.Call.Outcome != "success" {
		t.Errorf("the test call is %+v", tested)
	}
}

func TestAConsoleGoesOnOverReloads(t *testing.T) {
	const site = "signpost_console /console/*\nsignpost"
	url := okParty(t)
	s := startSite(t, unlimited+"policy store "+url, site)
	o := &operator{t: t, http: s.bot, base: "http://localhost/console/"}
	s.get("/store/x").want(t, 200)
	if err := s.load(unlimited+"policy store "+url+"\npolicy other "+url, site); err != nil {
		t.Fatal(err)
	}
	s.after("/other/y").want(t, 200)
	var calls callList
	o.get("signpost/calls", &calls)
	if len(calls.Calls) != 2 {
		t.Errorf("the calls are %+v, want those from before and after", calls)
	}
}

func TestMistakesOfAConsoleAreToldAllAtOnceWithTheirLines(t *testing.T) {
	for _, test := range []struct{ source, want string }{
		{"{\nadmin off\n}\n:8081 {\nsignpost_console\n}\n", "Caddyfile:5: signpost_console: there is no signpost block in the global options"},
		{"{\nsignpost {\npolicy store https://store.example\n}\n}\n:8081 {\nsignpost_console x {\nallow_changes yes\nhost a\nhosts\n}\n}\n",
			"Caddyfile:7: signpost_console: wrong number of arguments: expected signpost_console [<matcher>] { allow_changes; hosts <name…> }\n" +
				"Caddyfile:8: signpost_console: allow_changes: wrong number of arguments: expected allow_changes\n" +
				"Caddyfile:9: signpost_console: \"host\" is not known here: expected allow_changes, hosts; did you mean hosts?\n" +
				"Caddyfile:10: signpost_console: hosts: wrong number of arguments: expected hosts <name…>"},
		{"{\nsignpost {\npolicy store https://store.example\n}\n}\n:8081 {\nsignpost_console {\nhosts a.example https://b.example c:80 *.d.example\nhosts e\n}\n}\n",
			"Caddyfile:8: signpost_console: hosts: \"https://b.example\" is not a host name: expected such as console.example, without scheme, port and path\n" +
				"Caddyfile:8: signpost_console: hosts: \"c:80\" is not a host name: expected such as console.example, without scheme, port and path\n" +
				"Caddyfile:8: signpost_console: hosts: \"*.d.example\" is not a host name: expected such as console.example, without scheme, port and path\n" +
				"Caddyfile:9: signpost_console: hosts: stands a second time: the first is at Caddyfile:8"},
	} {
		_, err := adapt(test.source)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngot  %v\nwant %s", test.source, err, test.want)
		}
	}
	for _, block := range []string{"", " {\nallow_changes\n}", " /x/* {\nhosts a.example 10.0.0.1 [::1] ::1 localhost\n}"} {
		if _, err := adapt("{\nsignpost {\npolicy store https://store.example\n}\n}\n:8081 {\nsignpost_console" + block + "\n}\n"); err != nil {
			t.Errorf("signpost_console%s: %v", block, err)
		}
	}
}

func TestAConsoleInJSONIsHeldToTheSameRules(t *testing.T) {
	const site = `"http":{"servers":{"s":{"listen":["unix/%s"],"routes":[{"handle":[%s]}]}}}`
	for _, test := range []struct{ app, handler, want string }{
		{"", `{"handler":"signpost_console"}`, "there is no signpost block"},
		{`,"signpost":{}`, `{"handler":"signpost_console","hosts":["a/b"]}`, "is not a host name"},
		{`,"signpost":{}`, `{"handler":"signpost_console","hosts":["` + strings.Repeat(`a","`, 100) + `a"]}`, "more than 100"},
	} {
		socket := shortDir(t) + "/s.sock"
		config := strings.Replace(strings.Replace(site, "%s", socket, 1), "%s", test.handler, 1)
		err := loadJSON(t, `{`+silent+`,"apps":{`+config+test.app+`}}`)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: got the error %v, want %q", test.app, test.handler, err, test.want)
		}
	}
}

// loadJSON makes a JSON configuration the running one, until the test is over.
func loadJSON(t testing.TB, config string) error {
	t.Helper()
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	return caddy.Load([]byte(config), true)
}

// Caddy does not stop, but only cleans up, a configuration with which it fails after
// all apps have started: here it cannot fetch the next configuration.
func TestAConfigurationThatIsGivenUpAfterItStartedIsInChargeOfNothing(t *testing.T) {
	s, o := startConsole(t, "/console/", "signpost_console /console/*")
	source := strings.Replace(s.source(unlimited+"policy other http://127.0.0.1:1", "signpost"), "/bot.sock", "/other.sock", 1)
	adapted, err := adapt(source)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	config["admin"] = map[string]any{"disabled": true, "config": map[string]any{
		"persist": false, "load": map[string]any{"module": "http", "url": "http://127.0.0.1:1/"}, "load_delay": 0,
	}}
	given, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(given, true); err == nil {
		t.Fatal("a configuration that cannot fetch the next one was loaded")
	}
	var shown struct{ Policies []struct{ Name string } }
	o.get("signpost/policies", &shown)
	if len(shown.Policies) != 1 || shown.Policies[0].Name != "store" {
		t.Errorf("the console shows %+v, want the running configuration's policy", shown.Policies)
	}
	s.get("/store/orders/1").want(t, 200)
	var calls callList
	o.get("signpost/calls?policy=store", &calls)
	if len(calls.Calls) != 1 {
		t.Errorf("%d calls are kept, want 1", len(calls.Calls))
	}
}
