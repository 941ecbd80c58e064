package policy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// kept sends a call and gives the entry that its caller is told of, and the one
// in the log, nil where none is there.
func kept(t *testing.T, record *policy.RecordSpec, bodies int, answer string) (told, logged *calllog.Entry) {
	t.Helper()
	spec := store(policy.Rules{})
	spec.Policies[0].Record = record
	state := policy.NewState(nil)
	g := open(t, spec, says(200, answer), func(o *policy.Options) { o.State = state })
	call := policy.Call{Policy: "store", Path: "/x", KeptBodies: bodies, Kept: func(e *calllog.Entry) { told = e }}
	resp := g.Answer(request(http.MethodGet, "/x", ""), &call)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if told != nil {
		t.Fatal("the entry was told before the call was over")
	}
	resp.Body.Close()
	return told, state.CallLogs().ByID(told.ID)
}

func TestWhoeverAsksIsToldOfLongerBodiesThanTheLogKeeps(t *testing.T) {
	long := `"` + strings.Repeat("x", 200_000) + `"`
	for _, test := range []struct {
		name         string
		record       *policy.RecordSpec
		bodies       int
		told, logged int // bytes of the body; -1: there is no entry
	}{
		{"by default", nil, 0, calllog.DefaultBodies, calllog.DefaultBodies},
		{"more than the log", nil, 1 << 20, len(long), calllog.DefaultBodies},
		{"less than the log", nil, 10, calllog.DefaultBodies, calllog.DefaultBodies},
		{"no bodies in the log", &policy.RecordSpec{Calls: 5, NoBodies: true}, 1 << 20, len(long), 0},
		{"no log", &policy.RecordSpec{Calls: 0}, 1 << 20, len(long), -1},
		{"with redact", &policy.RecordSpec{Calls: 5, Redact: []string{"$.card"}}, 1 << 20, len(long), calllog.DefaultBodies},
	} {
		told, logged := kept(t, test.record, test.bodies, long)
		sizes := func(e *calllog.Entry) int {
			if e == nil {
				return -1
			}
			if len(e.Received.Body) != len(e.Response.Body) {
				t.Errorf("%s: %d bytes came and %d were given", test.name, len(e.Received.Body), len(e.Response.Body))
			}
			if cut := e.Detail().Response.BodyCut; cut != (len(e.Response.Body) < len(long)) {
				t.Errorf("%s: cut is %v with %d bytes of %d", test.name, cut, len(e.Response.Body), len(long))
			}
			return len(e.Response.Body)
		}
		if a, b := sizes(told), sizes(logged); a != test.told || b != test.logged {
			t.Errorf("%s: told of %d bytes with %d in the log, want %d and %d", test.name, a, b, test.told, test.logged)
		}
	}
}

func TestABodyThatRedactMadeShorterIsNotCut(t *testing.T) {
	told, logged := kept(t, &policy.RecordSpec{Calls: 5, Redact: []string{"$.card"}}, 0, `{"card":"4111111111111111"}`)
	for _, e := range []*calllog.Entry{told, logged} {
		if d := e.Detail().Response; d.BodyCut || d.Body != `{"card":"[redacted]"}` || d.BodyBytes != 27 {
			t.Errorf("the body is told as %+v", d.Content)
		}
	}
}
