//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// staged is a gateway with sceneConfig, its author and its third party.
type staged struct {
	gateway
	author
	third *actor
	admin string // address of the admin endpoint
}

// stage starts one, which ends with the test. The author's Caddyfile is what runs.
func stage(t *testing.T) *staged {
	t.Helper()
	s := &staged{third: openActor(t), author: sit(t, "SCENE_STORE_TOKEN="+storeToken)}
	port, admin := freePort(t), freePort(t)
	config := strings.NewReplacer(
		"ADMIN", admin, "STORAGE", filepath.Join(t.TempDir(), "storage"), "CLOSED", freePort(t), "STORE_PORT", s.third.URL[strings.LastIndexByte(s.third.URL, ':')+1:],
		"STORE", s.third.URL, "PORT", port,
	).Replace(sceneConfig)
	s.admin = "http://127.0.0.1:" + admin
	s.write(t, "Caddyfile", config)
	s.gateway = start(t, []byte(config), port, s.env...)
	await(t, "the admin endpoint", func() bool {
		resp, _ := request(t, http.MethodGet, s.admin+"/signpost/calls", "")
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// verdict is what a bot was told.
type verdict struct {
	status                                                    int
	route, next, outcome, fallback, reason, trace, body, kind string
}

// perform makes a call of a scene, as a bot does.
func (s *staged) perform(t *testing.T, of scene, call sceneCall) verdict {
	t.Helper()
	time.Sleep(call.wait) // The breaker's own time: no sooner does it let a probe pass.
	if call.supposed == "overloaded" {
		s.third.plays(hangs)
		hangUp := s.holds(t, "/"+of.policy+"/held")
		defer hangUp()
		const tick = 5 * time.Millisecond // The log tells times to the millisecond, and these calls follow each other closely.
		time.Sleep(tick)
		defer time.Sleep(tick)
	} else {
		s.third.plays(call.turns...)
	}
	method, path, body := call.method, "/"+of.policy+call.path, call.body
	if method == "" {
		method = http.MethodGet
	}
	if of.operation != "" {
		method, path, body = http.MethodPost, "/call/"+of.policy+"/"+of.operation, mustJSON(t, call.input)
	}
	header := []string{"X-Tenant-ID", of.tenant}
	if body != "" {
		header = append(header, "Content-Type", "application/json")
	}
	if of.tenant == "" {
		header = header[2:]
	}
	resp, text := s.send(t, method, path, body, header...)
	v := verdict{
		status: resp.StatusCode, route: resp.Header.Get("Signpost-Route"), next: resp.Header.Get("Signpost-Next"), outcome: resp.Header.Get("Signpost-Outcome"),
		fallback: resp.Header.Get("Signpost-Fallback"), reason: resp.Header.Get("Signpost-Reason"), trace: resp.Header.Get("Signpost-Trace"),
		body: text, kind: resp.Header.Get("Content-Type"),
	}
	if v.outcome != call.outcome || v.route != call.route {
		t.Errorf("%s: the gateway's verdict is %s, route %s; want %s, route %s; %s", of.name, v.outcome, v.route, call.outcome, call.route, v.reason)
	}
	return v
}

// holds has a call under way, which is given up by the function that it gives.
func (s *staged) holds(t *testing.T, path string) (hangUp func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.get(t, "acme", path)
	}()
	select {
	case <-s.third.entered:
	case <-time.After(patience):
		t.Fatal("a call does not come to the third party")
	}
	return func() {
		s.third.CloseClientConnections()
		<-ended
	}
}

// step writes a call as a step of a policy test, with the gateway's verdict as what
// is expected.
func (s *staged) step(t *testing.T, of scene, call sceneCall, v verdict, kept keptVerdict) map[string]any {
	t.Helper()
	step := map[string]any{"expect": s.expect(call, v, kept)}
	if of.tenant != "" {
		step["tenant"] = of.tenant
	}
	if call.supposed != "" {
		step["given"] = turn{Outcome: call.supposed}
	} else if len(call.turns) > 0 {
		step["given"] = call.turns
	}
	if call.wait > 0 {
		step["wait"] = call.wait.String()
	}
	if of.operation != "" {
		step["input"] = call.input
		return step
	}
	path, query, _ := strings.Cut(call.path, "?")
	asked := map[string]any{"path": path}
	for key, value := range map[string]string{"query": query, "method": call.method, "body": call.body} {
		if value != "" {
			asked[key] = value
		}
	}
	step["request"] = asked
	return step
}

// expect is the gateway's verdict as a policy test writes it.
func (s *staged) expect(call sceneCall, v verdict, kept keptVerdict) map[string]any {
	expect := map[string]any{"route": v.route, "next": v.next, "outcome": v.outcome, "fallback": cmp.Or(v.fallback, "none")}
	if call.supposed != "denied" { // Which says no more than that, and may be before an attempt or in one.
		expect["status"], expect["attempts"] = kept.Status, len(kept.Attempts)
	}
	reset := len(call.turns) > 0 && call.turns[0].Outcome == resets.Outcome && call.turns[0].Body == ""
	if v.reason != "" && call.supposed == "" && !reset { // There are several ways to end without an answer.
		expect["reason"] = v.reason
	}
	vars, missing := map[string]json.RawMessage{}, slices.Clone(sceneExtracts[kept.Operation])
	for _, one := range kept.Vars {
		vars[one.Name] = one.Value
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == one.Name })
	}
	if len(vars) > 0 {
		expect["vars"] = vars
	}
	if len(missing) > 0 {
		expect["missing"] = missing
	}
	if kept.Operation != "wrapped" && v.kind != "application/problem+json" { // Which hold times and ids.
		expect["body"] = v.body
		if json.Valid([]byte(v.body)) {
			expect["body"] = json.RawMessage(v.body)
		}
	}
	if sent := s.sent(call); sent != nil {
		expect["sent"] = sent
	}
	return expect
}

// sent is the request that the third party got last, as a policy test writes it.
func (s *staged) sent(call sceneCall) any {
	last := s.third.heard()
	switch {
	case call.supposed != "" || len(call.turns) > 0 && call.turns[0].Outcome == "unreachable":
		return nil
	case last == nil:
		return "nothing"
	}
	sent := map[string]any{"method": last.method, "url": last.uri}
	if last.authorization != "" {
		sent["headers"] = map[string]string{"Authorization": strings.Replace(last.authorization, storeToken, "{secret.store_token}", 1)}
	}
	if last.body != "" {
		sent["body"] = json.RawMessage(last.body)
	}
	return sent
}

// enact makes the calls of all scenes, and gives them as policy tests, with what the
// gateway's log keeps of them, by the scenes' names.
func (s *staged) enact(t *testing.T) (tests []any, verdicts map[string][]keptVerdict) {
	t.Helper()
	verdicts = make(map[string][]keptVerdict)
	for _, of := range scenes {
		var steps []any
		for _, call := range of.calls {
			v := s.perform(t, of, call)
			var kept keptVerdict
			await(t, "the call in the log", func() (found bool) {
				_, byTrace := exports(t, s.admin)
				kept, found = byTrace[v.trace]
				return found
			})
			if kept.Outcome != v.outcome || kept.Route != v.route || kept.Next != v.next || kept.Fallback != v.fallback {
				t.Errorf("%s: the log keeps %+v of the verdict %+v", of.name, kept, v)
			}
			verdicts[of.name] = append(verdicts[of.name], kept)
			steps = append(steps, s.step(t, of, call, v, kept))
		}
		test := map[string]any{"name": of.name, "policy": of.policy, "steps": steps}
		if of.operation != "" {
			test["operation"] = of.operation
		}
		tests = append(tests, test)
	}
	return tests, verdicts
}

func TestAuthorsTestsAndReplaysGiveTheVerdictsOfTheGateway(t *testing.T) {
	t.Parallel()
	s := stage(t)
	tests, verdicts := s.enact(t)
	s.write(t, "same_test.yaml", mustJSON(t, map[string]any{"tests": tests})) // Which is YAML.
	s.runs(t, 0, "test", "same_test.yaml").tells(t, fmt.Sprintf("ok %d tests, 0 failed", len(scenes)))
	t.Run("replayed", func(t *testing.T) { s.replays(t, verdicts) })
	t.Run("saved", func(t *testing.T) { s.saves(t, verdicts) })
}

// replays plays the gateway's own log through its configuration, and through one
// with another route. What a replay says to be different is what tests fail of.
func (s *staged) replays(t *testing.T, verdicts map[string][]keptVerdict) {
	log, calls := exports(t, s.admin)
	s.write(t, "calls.ndjson", log)
	for _, limits := range []string{"recorded", "on"} {
		same := parse[replayReport](t, s.runs(t, 0, "replay", "calls.ndjson", "--fail-on-difference", "--json", "--limits", limits))
		if same.Calls != len(calls) || same.Same != len(calls) {
			t.Errorf("limits %s: of %d calls %+v, want all of them the same", limits, len(calls), same)
		}
	}
	s.write(t, "Changed", strings.ReplaceAll(s.read(t, "Caddyfile"), "hint shipped", "hint on_its_way"))
	moved := 0
	var tests []string
	for _, of := range scenes {
		if n := count(verdicts[of.name], "shipped"); n > 0 {
			moved += n
			tests = append(tests, of.name)
		}
	}
	changed := parse[replayReport](t, s.runs(t, 1, "replay", "calls.ndjson", "--config", "Changed", "--fail-on-difference", "--json"))
	told := 0
	for _, group := range changed.Differences {
		if group.Text != "route shipped → on_its_way" {
			t.Errorf("the replay tells %+v, want only that shipped is on_its_way now", group)
		}
		told += group.Calls
	}
	if changed.Different != moved || told != moved || changed.Same != len(calls)-moved {
		t.Errorf("the replay tells %+v, want %d of %d calls to be different", changed, moved, len(calls))
	}
	report := parse[testReport](t, s.runs(t, 1, "test", "--config", "Changed", "--json", "same_test.yaml"))
	if failed := report.failed(); !slices.Equal(failed, tests) {
		t.Errorf("tests that fail of the change: %q, want %q", failed, tests)
	}
}

// count is how many calls took a route.
func count(calls []keptVerdict, route string) (n int) {
	for _, v := range calls {
		if v.Route == route {
			n++
		}
	}
	return n
}

// saves makes each call that needs none before it by `call`, which comes to the
// verdict of the gateway, and saves a test that passes.
func (s *staged) saves(t *testing.T, verdicts map[string][]keptVerdict) {
	saved := 0
	for _, of := range scenes {
		call := of.calls[0]
		if len(of.calls) > 1 || call.supposed == "overloaded" {
			continue
		}
		kept, status := verdicts[of.name][0], 0
		if kept.Failed || len(kept.Attempts) == 0 {
			status = 1
		}
		s.third.plays(call.turns...)
		told := s.runs(t, status, s.arguments(of, call)...)
		told.tells(t, fmt.Sprintf("saved the test %q in saved_test.yaml\n", of.name))
		made := parse[struct{ Call keptVerdict }](t, told).Call
		if got, want := made.compared(t), kept.compared(t); got != want {
			t.Errorf("%s: `call` came to %s, the gateway to %s", of.name, got, want)
		}
		saved++
	}
	report := parse[testReport](t, s.runs(t, 0, "test", "--json", "saved_test.yaml"))
	if report.Passed != saved || saved < 35 {
		t.Errorf("%d of %d saved calls passed as tests, want all of 35 at least", report.Passed, saved)
	}
	if text := s.read(t, "saved_test.yaml"); strings.Contains(text, storeToken) {
		t.Errorf("a credential was saved:\n%s", text)
	}
}

// arguments are those with which `caddy signpost` makes a call of a scene.
func (s *staged) arguments(of scene, call sceneCall) []string {
	arguments := []string{"call", "--json", "--save", "saved_test.yaml", "--name", of.name}
	if of.tenant != "" {
		arguments = append(arguments, "--tenant", of.tenant)
	}
	if of.operation != "" {
		for _, name := range slices.Sorted(maps.Keys(call.input)) {
			if text, isText := call.input[name].(string); isText {
				arguments = append(arguments, "--var", name+"="+text)
			} else {
				value, _ := json.Marshal(call.input[name]) // Lists of texts and numbers are JSON.
				arguments = append(arguments, "--var", name+":="+string(value))
			}
		}
		return append(arguments, of.policy+"."+of.operation)
	}
	arguments = append(arguments, "--path", call.path)
	if call.method != "" {
		arguments = append(arguments, "--method", call.method)
	}
	if call.body != "" {
		arguments = append(arguments, "--body", call.body)
	}
	return append(arguments, of.policy)
}
