package replay_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/replay"
)

func TestAReportIsToldInTablesAndASentence(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	spec.Policies[0].Operations[0].Hints[0].Route = "sent"
	spec.Policies[0].Operations[0].Extracts[1].Default = []byte(`"soon"`)
	har := `{"log":{"entries":[
		{"request":{"method":"GET","url":"https://api.store.example/v2/orders/1"},"response":{"status":404,"content":{"text":"{}"}}},
		{"request":{"method":"GET","url":"https://elsewhere.example/` + "\x7f" + `"},"response":{"status":404}}]}}`
	var calls []string
	for i := range 4 {
		calls = append(calls, at(t, i+1, float64(i), 1))
	}
	limited := strings.Replace(strings.Replace(one, `"outcome":"success","route"`, `"outcome":"denied","route"`, 1), `"attempts":[{"start_ms":0.1,"duration_ms":1,"status":200,"outcome":"success"}]`, `"attempts":[]`, 1)
	r, err := replay.Run(&spec, replay.Options{},
		replay.Input{Name: "calls.ndjson", From: strings.NewReader(strings.Join(calls, "\n") + limited)}, replay.Input{Name: "a.har", From: strings.NewReader(har)})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	const want = `Different:
  4  store.order_status  route shipped → sent, vars.eta changes  e.g. 0000000000000001, 0000000000000002, 0000000000000003, …
                                                                 vars.eta: "unknown" → "soon"

Sent, answer unknown:
  1  store.order_status  was denied, route shipped; now sent, answer unknown  e.g. 00f067aa0ba902b7

Nothing to compare with, now:
  1  store.order_status  client_error, route not_found  e.g. a.har:2 (entry 1)

Not replayed:
  1  none  it is no recorded call: expected one of the call log, or an entry of a HAR file with method, URL and status  e.g. a.har:3 (entry 2)

7 calls: 0 the same, 4 different, 1 sent, answer unknown, 1 with nothing to compare with, 1 not replayed.
Name the configuration that was in force with --before to compare with what it makes of them.
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
	out.Reset()
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var read replay.Report
	if err := json.Unmarshal(out.Bytes(), &read); err != nil || read.Different != 4 || read.Differences[0].Examples[0].Changes[0].What != "route" ||
		read.Differences[0].Examples[0].Is.Vars["eta"] != `"soon"` || read.Unknowns[0].Calls != 1 || read.Reasons[0].Examples[0].File != "a.har" {
		t.Errorf("%v: %s", err, &out)
	}
}
