package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// TestMain keeps what is learned in tests out of the home directory, where Caddy
// would store it.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "storage")
	if err != nil {
		panic(err)
	}
	caddy.DefaultStorage.Path = folder
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// Two shapes of answers: in the second, the status has moved.
const (
	flatShape  = `{"order":{"id":7,"status":"shipped"}}`
	movedShape = `{"order":{"id":7,"state":{"status":"shipped"}}}`
)

// changed is what Signpost-Drift says.
const changed = "JSON Structure Change Detected"

// shaped is a third party whose next answers a test sets.
type shaped struct{ body atomic.Value }

// shapes gives a third party that begins with the first shape, and its address.
func shapes(t testing.TB) (*shaped, string) {
	t.Helper()
	s := new(shaped)
	s.body.Store(flatShape)
	url := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/fails") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		io.WriteString(w, s.body.Load().(string))
	}).URL
	return s, url
}

// watched is a policy with one operation whose answers are read.
func watched(name, url string) string {
	return unlimited + "policy " + name + " " + url + ` {
		breaker off
		operation order GET "/orders/{{number}}" {
			extract status $.order.status
		}
	}
`
}

// storedIn are quiet's global options with the storage in a folder.
func storedIn(folder string) string { return quiet + "storage file_system " + folder + "\n" }

func TestStructuresOutliveReloadsAndRestarts(t *testing.T) {
	party, url := shapes(t)
	folder := t.TempDir()
	s := startGlobal(t, storedIn(folder), watched("store", url), "signpost")
	s.get("/store/orders/1").want(t, 200, "Signpost-Drift", "")
	stored := filepath.Join(folder, "signpost", "structure", "store.order.json")
	eventually(t, "what was learned is stored", func() bool {
		text, err := os.ReadFile(stored)
		return err == nil && strings.Contains(string(text), `"$.order.status":"string"`)
	})
	party.body.Store(movedShape)
	if err := s.load(watched("store", url), "signpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/store/orders/1").want(t, 200, "Signpost-Drift", changed)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(stored)
	if err != nil || !strings.Contains(string(text), `"changes":[{"path":"$.order.status"`) {
		t.Errorf("after a stop is stored %s, %v", text, err)
	}
	for range 2 {
		if err := s.load(watched("store", url), "signpost"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "what was stored counts", func() bool { return s.after("/store/orders/1").Header.Get("Signpost-Drift") == changed })
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStorageThatCannotBeUsedCostsTwoWarnings(t *testing.T) {
	party, url := shapes(t)
	folder := t.TempDir()
	logged := filepath.Join(folder, "log")
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	globals := loggingTo(logged, "WARN") + "storage_clean_interval off\nstorage file_system " + filepath.Join(folder, "file") + "\n"
	s := startGlobal(t, globals, watched("store", url)+strings.TrimPrefix(watched("other", url), unlimited), "signpost")
	warnings := func() int {
		log, err := os.ReadFile(logged)
		if err != nil {
			t.Error(err)
		}
		return strings.Count(string(log), "remembered until the process ends")
	}
	eventually(t, "a warning", func() bool { return warnings() == 1 })
	s.get("/store/orders/1").want(t, 200, "Signpost-Drift", "")
	s.get("/other/orders/1").want(t, 200, "Signpost-Drift", "")
	eventually(t, "a second warning", func() bool { return warnings() == 2 })
	party.body.Store(movedShape)
	s.get("/store/orders/1").want(t, 200, "Signpost-Drift", changed)
	s.get("/other/orders/1").want(t, 200, "Signpost-Drift", changed)
	if err := s.load(watched("store", url), "signpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/store/orders/1").want(t, 200, "Signpost-Drift", changed)
}

func TestAHugeFileInTheStorageIsNotRead(t *testing.T) {
	party, url := shapes(t)
	folder := t.TempDir()
	stored := filepath.Join(folder, "signpost", "structure", "store.order.json")
	if err := os.MkdirAll(filepath.Dir(stored), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stored, []byte(`{`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(stored, 1<<30); err != nil {
		t.Fatal(err)
	}
	s := startGlobal(t, storedIn(folder), watched("store", url), "signpost")
	eventually(t, "it is learned anew", func() bool {
		s.get("/store/orders/1")
		text, err := os.Stat(stored)
		return err == nil && text.Size() < 1<<20
	})
	party.body.Store(movedShape)
	s.get("/store/orders/1").want(t, 200, "Signpost-Drift", changed)
}

func TestTheMetricsPageTellsOfDrift(t *testing.T) {
	party, url := shapes(t)
	name := fresh("drifting")
	s, o := startAdmin(t, watched(name, url), "metrics /metrics\nsignpost")
	has := func(lines ...string) {
		t.Helper()
		page := s.get("/metrics").body
		for _, line := range lines {
			if !strings.Contains(page, "\n"+line+"\n") {
				t.Errorf("the metrics page lacks %s", line)
			}
		}
	}
	s.get("/" + name + "/orders/1")
	has(`signpost_drift{operation="order",policy="`+name+`"} 0`, `signpost_breaker_held{policy="`+name+`"} 0`)
	party.body.Store(movedShape)
	s.get("/" + name + "/orders/1")
	s.get("/" + name + "/orders/2")
	var held struct{ Breakers []any }
	o.post("signpost/breakers/"+name+"/hold", `{"state":"closed"}`, &held)
	has(`signpost_drift{operation="order",policy="`+name+`"} 1`, `signpost_drifting_answers_total{operation="order",policy="`+name+`"} 2`,
		`signpost_breaker_held{policy="`+name+`"} 1`)
	var accepted struct{ State string }
	o.post("signpost/drift/"+name+"/order/accept", "", &accepted)
	if accepted.State != "watching" {
		t.Errorf("after accept the operation is %s", accepted.State)
	}
	has(`signpost_drift{operation="order",policy="`+name+`"} 0`, `signpost_drifting_answers_total{operation="order",policy="`+name+`"} 2`)
}

func TestADriftThatACallFindsAfterItsConfigurationIsGoneIsTold(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/orders/9" {
			io.WriteString(w, flatShape)
			return
		}
		entered <- struct{}{}
		<-release
		io.WriteString(w, movedShape)
	})
	config := strings.Replace(watched("store", party.URL), "breaker off", "breaker off\ntimeout 30s", 1)
	s, o := startAdmin(t, config, "signpost")
	s.get("/store/orders/1").want(t, 200, "Signpost-Drift", "")
	type outcome struct {
		Call struct {
			Outcome string
			Drift   []struct{ Path string }
		}
	}
	done := make(chan outcome, 1)
	go func() {
		var got outcome
		a := o.ask(http.MethodPost, "signpost/test", `{"policy":"store","operation":"order","vars":{"number":9}}`, "Content-Type", "application/json")
		if err := json.Unmarshal([]byte(a.text), &got); err != nil {
			t.Errorf("the test call: %v: %s", err, a.text)
		}
		done <- got
	}()
	<-entered
	if err := s.load(config, "signpost"); err != nil {
		t.Error(err)
	}
	close(release)
	if got := <-done; got.Call.Outcome != "success" || len(got.Call.Drift) != 1 {
		t.Errorf("the test call that the reload overtook came to %+v, want a success that drifts", got.Call)
	}
	o.http.CloseIdleConnections()
	var known struct{ State string }
	o.get("signpost/drift/store/order", &known)
	if known.State != "drifting" {
		t.Errorf("the new configuration knows of %s, want drifting", known.State)
	}
}

// readBack gives the path that a line of a policy extracts, after Caddy has read
// the file.
func readBack(t testing.TB, line string) string {
	t.Helper()
	source := "{\nsignpost {\npolicy store http://127.0.0.1:1 {\n" + line + "\n}\n}\n}\n"
	// Without caddy.Format, as `caddy run` reads it.
	raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	var config struct {
		Apps struct {
			Signpost struct {
				Policies []struct{ Extracts []policy.Extract }
			}
		}
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	policies := config.Apps.Signpost.Policies
	if len(policies) != 1 || len(policies[0].Extracts) != 1 || policies[0].Extracts[0].Var != "v" {
		t.Fatalf("%q becomes %s", line, raw)
	}
	return policies[0].Extracts[0].Path
}

// FuzzAnExtractLineIsReadBack holds the lines that are suggested against Caddy's
// own parser: the path that comes back finds what the first one does.
func FuzzAnExtractLineIsReadBack(f *testing.F) {
	for _, path := range []string{
		"$", "$.a", "$['a b']", "$[*].a[-1]", "$['`']", "$['`\"\\'\\\\']", `$["\\\""]`, "$['{$HOME}']", "$['{env.HOME}']", "$['{args[0]}']", "$['{']", "$['}']", "$.a\u00a0b",
		"$.a\u2028b", "$['#']", "$['<<EOF']", "$[\r\n'a',\t'b' ]", "$[?@.a == \"{$HOME}`\"]", "$[?match(@.a, '[`]{2}\\\\')]", "$..é", "$[1:2]", "$['\\u0060\\\\u0060']", "$[?@.a<'\\\\']",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		before, err := extract.CompilePath(path)
		if err != nil {
			return
		}
		line := policy.ExtractLine("v", path)
		if len(line) > extract.MaxPathBytes { // Escapes may make it longer than a path may be.
			return
		}
		text := readBack(t, line)
		after, err := extract.CompilePath(text)
		if err != nil {
			t.Fatalf("%q comes back as %q: %v", path, text, err)
		}
		was, plain := before.Steps()
		is, stillPlain := after.Steps()
		if plain != stillPlain || !reflect.DeepEqual(was, is) {
			t.Errorf("%q comes back as %q: steps %v, want %v", path, text, is, was)
		}
		inWords := strings.NewReplacer("`", `\u0060`, "{", `\u007b`, "\r", " ", "\n", " ")
		if inWords.Replace(text) != inWords.Replace(path) {
			t.Errorf("%q comes back as %q", path, text)
		}
	})
}
