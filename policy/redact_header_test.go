package policy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

func TestHeadersStayWholeBesideAVariableThatIsRedacted(t *testing.T) {
	for _, value := range []string{"7", "ten bytes!", strings.Repeat("long", 100)} {
		spec := store(policy.Rules{Extracts: []policy.Extract{{Var: "card", Path: "$.card"}}})
		spec.Policies[0].Record = &policy.RecordSpec{Calls: 5, Redact: []string{"$.card"}}
		g := open(t, spec, says(200, `{"card":"`+value+`"}`))
		req := request(http.MethodGet, "/a", "")
		req.Header = http.Header{"X-First": {"1"}, "X-Second": {"2"}}
		var entry *calllog.Entry
		resp := g.Answer(req, &policy.Call{Policy: "store", Path: "/a", Tenant: "acme", Kept: func(e *calllog.Entry) { entry = e }})
		resp.Body.Close()
		d := entry.Detail()
		for _, test := range []struct {
			whose string
			got   [][2]string
			want  []string
		}{
			{"the bot's", fieldsOf(d.Request.Headers), []string{"X-First: 1", "X-Second: 2"}},
			{"the third party's", fieldsOf(d.Received.Headers), []string{"Content-Type: application/json"}},
			{"the answer's", fieldsOf(d.Response.Headers), []string{"Content-Type: application/json", "Signpost-Var-Card: [redacted]", "Signpost-Outcome: success"}},
		} {
			var lines []string
			for _, field := range test.got {
				lines = append(lines, field[0]+": "+field[1])
			}
			for _, line := range test.want {
				if !slices.Contains(lines, line) {
					t.Errorf("%.10s: %s headers are %q, want %s among them", value, test.whose, lines, line)
				}
			}
			for _, line := range lines {
				if name, _, _ := strings.Cut(line, ":"); http.CanonicalHeaderKey(name) != name || strings.HasSuffix(line, ": ") {
					t.Errorf("%.10s: %s header %q is torn", value, test.whose, line)
				}
			}
		}
	}
}

// fieldsOf copies fields, whose type has no name outside.
func fieldsOf[H ~[2]string](fields []H) [][2]string {
	var all [][2]string
	for _, f := range fields {
		all = append(all, f)
	}
	return all
}
