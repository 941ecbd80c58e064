package command_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/caddymodule/command"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// The ids of the call that the log of these tests holds.
const (
	keptCall  = "00f067aa0ba902b7"
	keptTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// keptDetail is a call as the admin API gives it.
func keptDetail(t *testing.T) string {
	t.Helper()
	e := calllog.Entry{ID: keptCall, TraceID: keptTrace, Policy: "store", Tenant: "acme", Method: "GET", Path: "/x", Status: 200, UpstreamStatus: 200, Outcome: "success", Route: "shipped", RouteBy: "hint", Next: "continue"}
	data, err := json.Marshal(e.Detail())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// adminLog is an admin endpoint whose log holds that call, or nothing.
func adminLog(t *testing.T, empty bool) http.HandlerFunc {
	call := keptDetail(t)
	return func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.URL.Path, "/signpost/calls/")
		switch {
		case r.URL.Path == "/signpost/calls" && empty:
			io.WriteString(w, `{"calls":[],"more":false}`)
		case r.URL.Path == "/signpost/calls":
			io.WriteString(w, `{"calls":[{"id":"`+keptCall+`"}],"more":false}`)
		case id == keptCall || id == keptTrace:
			io.WriteString(w, call)
		default:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"detail":"There is no call of that id in the log, or not any more."}`)
		}
	}
}

func TestACallOfTheRunningGatewayIsExplainedByEitherId(t *testing.T) {
	h := &callHost{admin: adminLog(t, false)}
	for _, id := range []string{keptCall, keptTrace, strings.ToUpper(keptTrace)} {
		got := runWith(command.ExplainCommand(h), "", id, "--address", "localhost:2020")
		if want := "store: success, route shipped, continue\n\nWhat was called\n"; got.status != 0 || !strings.HasPrefix(got.out, want) {
			t.Errorf("%s: status %d: %v\n%s", id, got.status, got.err, got.out)
		}
	}
	if want := "localhost:2020 GET /signpost/calls/" + keptTrace; h.asked[len(h.asked)-1] != want {
		t.Errorf("asked was %q, want %q at last", h.asked, want)
	}
}

func TestASavedCallIsExplainedWithoutAGateway(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"api.json": keptDetail(t), "call.json": `{"call":` + keptDetail(t) + `,"answer":null}`, keptCall: keptDetail(t)} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{path}, {"-"}} {
			if got := runWith(command.ExplainCommand(&callHost{}), content, args...); got.status != 0 || !strings.HasPrefix(got.out, "store: success") {
				t.Errorf("%s as %q: status %d: %v", name, args, got.status, got.err)
			}
		}
	}
}

func TestAnExplanationAsJSONHasTheCallToo(t *testing.T) {
	got := runWith(command.ExplainCommand(&callHost{}), keptDetail(t), "-", "--json")
	var printed struct {
		Call        struct{ ID string }
		Explanation struct {
			Headline string
			Sections []struct {
				Title string
				Lines []struct{ Mark, Text string }
			}
		}
	}
	if err := json.Unmarshal([]byte(got.out), &printed); err != nil {
		t.Fatalf("%v in %s", err, got.out)
	}
	if printed.Call.ID != keptCall || len(printed.Explanation.Sections) < 4 || printed.Explanation.Sections[1].Lines[0].Mark != "yes" {
		t.Errorf("got %s", got.out)
	}
}

func TestACallThatIsNotThereIsToldWithWhatCouldBeDone(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	other := strings.Repeat("ab", 8)
	for _, test := range []struct {
		name, arg string
		admin     http.HandlerFunc
		want      []string
	}{
		{"another call", other, adminLog(t, false), []string{"there is no call " + other, "record 500", "GET /signpost/calls"}},
		{"an empty log", other, adminLog(t, true), []string{"the gateway's log is empty", "record 0"}},
		{"no Signpost", other, http.NotFound, []string{"is it the one that the bot called?"}},
		{"nothing runs", other, nil, []string{"asking the running gateway for call " + other, "connection refused"}},
		{"no permission", other, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"error":"host not allowed: \u001b[2Jx"}`)
		}, []string{`it answered 403 Forbidden: host not allowed: \x1b[2Jx`}},
		{"no JSON", other, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, []string{"reading a saved call: it is not what the admin API or `call --json` prints"}},
		{"neither file nor id", "store.order", nil, []string{`"store.order" is neither a file nor an id: the id of a call has 16 hexadecimal digits, that of a trace 32`}},
		{"another file", broken, nil, []string{broken + ": reading a saved call: it has no outcome"}},
		{"a folder", t.TempDir(), nil, []string{"reading a saved call"}},
	} {
		got := runWith(command.ExplainCommand(&callHost{admin: test.admin}), "", test.arg)
		if got.status != 1 || got.err == nil {
			t.Errorf("%s: status %d: %v", test.name, got.status, got.err)
			continue
		}
		for _, part := range test.want {
			if !strings.Contains(got.err.Error(), part) {
				t.Errorf("%s: got %q, want %q in it", test.name, got.err, part)
			}
		}
		if strings.Contains(got.err.Error(), "\x1b") {
			t.Errorf("%s: an escape sequence is printed: %q", test.name, got.err)
		}
	}
}

func TestABrokenConfigurationMattersOnlyWhereItIsNamed(t *testing.T) {
	h := &callHost{admin: adminLog(t, false), wrong: os.ErrInvalid}
	if got := runWith(command.ExplainCommand(h), "", keptCall); got.status != 0 {
		t.Errorf("without --config: status %d: %v", got.status, got.err)
	}
	if got := runWith(command.ExplainCommand(h), "", keptCall, "--config", "x"); got.status != 1 {
		t.Errorf("with --config: status %d", got.status)
	}
}

func TestWhatWasMeantIsSuggested(t *testing.T) {
	for _, test := range []struct{ word, want string }{
		{"stroe", "; did you mean store? there are store, crm"},
		{"Store", "; did you mean store? there are store, crm"},
		{"cmr", "; did you mean crm? there are store, crm"},
		{"payments", ": there are store, crm"},
		{"", ": there are store, crm"},
		{strings.Repeat("store", 20), ": there are store, crm"},
	} {
		if got := command.Suggest(test.word, []string{"store", "crm"}); got != test.want {
			t.Errorf("%.20q: got %q, want %q", test.word, got, test.want)
		}
	}
	if got := command.Suggest("x", nil); got != "; there is none at all" {
		t.Errorf("got %q", got)
	}
	many := make([]string, 30)
	for i := range many {
		many[i] = strings.Repeat("p", 10+i)
	}
	if got := command.Suggest("zzz", many); strings.Count(got, ",") != command.MaxListed || !strings.HasSuffix(got, "…") {
		t.Errorf("got %q", got)
	}
}
