package policy_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// A server may do what it likes with a request that was answered, while the call
// still waits for its entry.
func TestACallThatWaitsForItsEntryLooksAtTheRequestNoMore(t *testing.T) {
	state := policy.NewState(nil)
	g := open(t, everything(), says(http.StatusOK, order()), func(o *policy.Options) { o.State = state })
	var bots sync.WaitGroup
	for bot := range 4 {
		bots.Go(func() {
			for i := range 200 {
				req := request(http.MethodGet, fmt.Sprintf("/orders/%d", bot*1000+i), "")
				req.Header.Set("X-Mine", "before")
				resp := g.Answer(req, &policy.Call{Policy: "store", Path: req.URL.Path, Tenant: "acme", OneReader: true})
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Error(err)
				}
				resp.Body.Close()
				req.Header.Set("X-Mine", "after")
				req.Header.Set("X-More", "x")
				req.URL.Path, req.Method = "/elsewhere", http.MethodPut
				if i%10 == 0 {
					state.CallLogs().Settle()
				}
			}
		})
	}
	bots.Wait()
	found, _, _ := state.CallLogs().Find(calllog.Filter{}, "", 100)
	if len(found) != calllog.DefaultCalls {
		t.Fatalf("%d calls are kept, want %d", len(found), calllog.DefaultCalls)
	}
	for _, e := range found {
		d := e.Detail()
		mine := ""
		for _, field := range d.Request.Headers {
			if field[0] == "X-Mine" {
				mine = field[1]
			}
		}
		if d.Path == "/elsewhere" || d.Method != http.MethodGet || mine != "before" || len(d.Vars) != 4 {
			t.Errorf("the entry of %s %s says X-Mine: %s and has %d variables, want the request as it came and 4", d.Method, d.Path, mine, len(d.Vars))
		}
	}
}

func TestACallIsKeptAfterAConfigurationThatRedactsOtherwiseWasRejected(t *testing.T) {
	state := policy.NewState(nil)
	shared := func(o *policy.Options) { o.State = state }
	running := open(t, everything(), says(http.StatusOK, order()), shared)
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	defer running.Stop()
	spec := everything()
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 5, Redact: []string{"$.order.id"}}
	rejected := open(t, spec, says(http.StatusOK, order()), shared)
	if err := rejected.Start(); err != nil {
		t.Fatal(err)
	}
	rejected.Stop()
	running.Adopt()
	call(t, running, request(http.MethodGet, "/orders/1001", ""))
	if found, _, _ := state.CallLogs().Find(calllog.Filter{}, "", 100); len(found) != 1 {
		t.Errorf("%d calls are kept, want the one that was made", len(found))
	}
}
