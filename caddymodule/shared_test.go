package caddymodule_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/caddyserver/caddy/v2"
)

func TestMistakesInASharedStateOfJSONAreRefusedAlike(t *testing.T) {
	for name, c := range map[string]struct{ state, want string }{
		"no address":    {`{"redis":""}`, "state redis: the address of redis"},
		"another one":   {`{"redis":"http://redis"}`, "state redis: the address of redis"},
		"fail":          {`{"redis":"redis://redis","fail":"open"}`, "state redis: fail: "},
		"tenant secret": {`{"redis":"redis://redis","password":"{tenant_secret.x}"}`, "belongs to a tenant"},
		"key alone":     {`{"redis":"rediss://redis","key":"/bot.key"}`, "a certificate and its key belong together"},
		"no such file":  {`{"redis":"rediss://redis","ca":"/nowhere/ca.pem"}`, "/nowhere/ca.pem"},
		"timeout":       {`{"redis":"redis://redis","timeout":"10s"}`, "expected from 1ms to 5s"},
		"unknown":       {`{"redis":"redis://redis","cluster":true}`, "cluster"},
	} {
		config := `{` + silent + `,"apps":{"signpost":{"state":` + c.state + `,"policies":[{"name":"store","base_url":"http://127.0.0.1:1"}]}}}`
		if err := caddy.Load([]byte(config), true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
}

func TestASharedStateWithoutItsSecretsIsValidButDoesNotStart(t *testing.T) {
	folder := t.TempDir()
	logged := filepath.Join(folder, "log")
	s := &sidecar{t: t, socket: filepath.Join(folder, "bot.sock"), globals: loggingTo(logged, "INFO")}
	source := s.source(`secrets env SIGNPOST_NONE_
	state redis redis://{secret.missing_name}:{secret.missing_word}@127.0.0.1:1
	policy store http://127.0.0.1:1`, "signpost")
	if err := validate(source); err != nil {
		t.Errorf("validating: %v, want a warning only", err)
	}
	log, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	err = load(source)
	for _, name := range []string{"secret.missing_name", "secret.missing_word"} {
		if !strings.Contains(string(log), name) {
			t.Errorf("after validating the log does not name %s:\n%s", name, log)
		}
		if err == nil || !strings.Contains(err.Error(), "state redis: looking up {"+name) {
			t.Errorf("starting gave %v, want an error that names %s", err, name)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
}

func TestAnOperatorSeesWhetherTheSharedStateIsThereAndNeverItsPassword(t *testing.T) {
	const password = "WORD-OF-THE-STATE"
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "redis"), []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	redis := miniredis.RunT(t)
	redis.RequireUserAuth("gateway", password)
	logged := filepath.Join(t.TempDir(), "log")
	socket := filepath.Join(shortDir(t), "admin.sock")
	globals := strings.Replace(loggingTo(logged, "DEBUG"), "admin off", "admin unix/"+socket, 1)
	withAdmin(t, "unix/"+socket) // Closes the endpoint at the end.
	o := &operator{t: t, http: dialing(socket), base: "http://admin/"}
	t.Cleanup(o.http.CloseIdleConnections)
	name := fresh("sharing")
	s := startGlobal(t, globals, "secrets dir "+folder+"\nstate redis redis://gateway@"+redis.Addr()+" {\npassword {secret.redis}\ntimeout 1s\n}\nplan default {\nrate_limit 2/h\n}\npolicy "+name+" "+okParty(t),
		"metrics /metrics\nsignpost")
	state := func() string { return o.ask("GET", "signpost/state", "").text }
	eventually(t, "Redis is there", func() bool { return strings.Contains(state(), `"there":true`) })
	if metrics := s.get("/metrics").body; !strings.Contains(metrics, "signpost_shared_state_up 1\n") {
		t.Errorf("the metrics do not say that Redis is there:\n%.2000s", metrics)
	}
	for i, status := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
		s.get("/"+name+"/x", "X-Tenant-ID", "acme").want(t, status, "Ratelimit", fmt.Sprintf(`"default:2/h";r=%d`, max(1-i, 0)))
	}
	shown := state()
	if !strings.Contains(shown, `"decided":{"redis":3,"local":0,"refused":0}`) {
		t.Errorf("the state is %s, want three calls that Redis decided", shown)
	}
	redis.Close()
	s.get("/"+name+"/x", "X-Tenant-ID", "globex").want(t, http.StatusOK)
	eventually(t, "Redis is away", func() bool { return strings.Contains(state(), `"there":false`) })
	if metrics := s.get("/metrics").body; !strings.Contains(metrics, "signpost_shared_state_up 0\n") || !strings.Contains(metrics, `signpost_shared_state_calls_total{decided="local"} `) {
		t.Errorf("the metrics do not say that Redis is away:\n%.2000s", metrics)
	}
	shown += state() + o.ask("GET", "config/", "").text + o.ask("GET", "signpost/calls", "").text
	log, err := os.ReadFile(logged)
	if err != nil || strings.Contains(string(log), password) || strings.Contains(shown, password) {
		t.Errorf("the log or what the operator sees holds the password (%v)", err)
	}
	if !strings.Contains(shown, "{secret.redis}") || !strings.Contains(string(log), `"state":"redis"`) || !strings.Contains(string(log), `"state":"local"`) {
		t.Errorf("the log does not say who decided, or the operator is shown no reference: %s", shown)
	}
}

func TestTheTraceSaysWhoDecidedOnTheLimits(t *testing.T) {
	sink := sinkTraces(t)
	redis := miniredis.RunT(t)
	name := fresh("traced")
	policy := "trace {\nendpoint " + sink.url + "\n}\npolicy " + name + " " + okParty(t)
	for _, c := range []struct{ state, want string }{
		{"state memory\n", ""},
		{"state redis redis://127.0.0.1:1\n", "local"},
		{"state redis redis://127.0.0.1:1 {\nfail closed\n}\n", "refused"},
		{"state redis redis://" + redis.Addr() + " {\ntimeout 1s\n}\n", "redis"},
	} {
		s, o := startAdmin(t, c.state+policy, "signpost")
		eventually(t, "it is known whether Redis is there", func() bool {
			return c.want != "redis" || strings.Contains(o.ask("GET", "signpost/state", "").text, `"there":true`)
		})
		server, _ := sink.of(s.get("/" + name + "/x"))
		server.want(t, "signpost.state", c.want)
		if wait := server.attributes["signpost.state.wait_ms"]; (wait == "") != (c.want == "") {
			t.Errorf("%s: the wait is %q, want one where somebody was asked", c.state, wait)
		}
	}
}
