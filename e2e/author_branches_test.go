//go:build e2e

package e2e

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"
)

// draftConfig is a policy as its author writes it first. PLANNED is what is said when
// the store fails, and STORE where it is.
const draftConfig = `{
	signpost {
		secrets env AUTHOR_
		policy store STORE/v2 {
			inject bearer {secret.store_token}
			operations_only
			timeout 3s
			rate_limit 3/h
			PLANNED
			operation order_status GET "/orders/{{order_number}}" {
				extract status $.order.status
				extract eta $.order.eta default "unknown"
				hint shipped vars.status == "shipped"
				hint not_found status == 404
			}
		}
	}
}

:8080 {
	bind 127.0.0.1
	signpost
}
`

// drafts writes the first policy of an author, with what is planned for failures.
func (a author) drafts(t *testing.T, store, planned string) {
	t.Helper()
	a.write(t, "Caddyfile", strings.NewReplacer("STORE", store, "PLANNED\n", planned).Replace(draftConfig))
}

// handoff is what an author plans for failures.
const handoff = "fallback {\n\t\t\t\troute handoff\n\t\t\t\trespond 200 application/json `{\"message\":\"One moment.\"}`\n\t\t\t}\n"

// lintReport is what `check --json` prints.
type lintReport struct {
	Findings []struct {
		Rule, Severity, File, Name, Message, Help string
		Line, Column                              int
	}
	Errors, Warnings, Notes int
}

func TestAuthorIsToldOfFailuresWithoutAScreenOfTheirOwn(t *testing.T) {
	t.Parallel()
	a := sit(t)
	a.drafts(t, "https://api.store.example", "")
	a.write(t, "orders_test.yaml", branchTests) // By which every extract is read.
	a.runs(t, 3, "check").tells(t, "Caddyfile:4:3: warning: policy store: ", "timeout", "unreachable", "[unplanned-failure]",
		"    4 |         policy store https://api.store.example/v2 {", "^~~~~~", "help: add `fallback", "1 warning")
	report := parse[lintReport](t, a.runs(t, 3, "check", "--json"))
	if report.Warnings != 1 || len(report.Findings) != 1 || report.Findings[0].Rule != "unplanned-failure" || report.Findings[0].Line != 4 {
		t.Errorf("check --json tells %+v, want one unplanned-failure in line 4", report)
	}
	a.drafts(t, "https://api.store.example", handoff)
	if report := parse[lintReport](t, a.runs(t, 0, "check", "--json")); len(report.Findings) != 0 {
		t.Errorf("with a fallback, check tells %+v, want nothing", report)
	}
	a.drafts(t, "https://api.store.example", "# check:ignore unplanned-failure - the bot says it itself\n")
	a.runs(t, 3, "check").tells(t, "[useless-ignore]") // It stands above another line than the one it means.
	a.edit(t, "Caddyfile", "\t\t\t# check:ignore unplanned-failure - the bot says it itself\n", "",
		"\t\tpolicy store", "\t\t# check:ignore unplanned-failure - the bot says it itself\n\t\tpolicy store")
	a.runs(t, 0, "check").tells(t, "nothing to say")
}

func TestAuthorTriesAnAPIWithRealValuesAndSavesTheCallAsATest(t *testing.T) {
	t.Parallel()
	third := openActor(t)
	a := sit(t, "AUTHOR_STORE_TOKEN="+storeToken)
	a.drafts(t, third.URL, handoff)
	third.plays(answers(200, `{"order":{"status":"packed","items":[{"name":"teapot","echo":"`+storeToken+`"}]}}`))
	made := a.runs(t, 0, "call", "store.order_status", "--var", "order_number=1001", "--tenant", "acme", "--save", "orders_test.yaml")
	made.tells(t, "Request\n", "GET "+third.URL+"/v2/orders/1001", "Answer of the third party\n", "200 OK", `status "packed"`, "$.order.status",
		"$.order.items[0].name", "Time\n", "store.order_status: success, route success, continue", "Why this branch\n", "hint shipped", "does not hold",
		"Lines for the policy\n", "extract name $.order.items[0].name", `hint packed vars.status == "packed"`, `saved the test "success" in orders_test.yaml`)
	if last := third.heard(); last == nil || last.authorization != "Bearer "+storeToken {
		t.Errorf("the store got %+v, want the credential", last)
	}
	saved := a.read(t, "orders_test.yaml")
	for _, text := range []string{made.out, made.errors, saved} {
		if strings.Contains(text, storeToken) {
			t.Errorf("a credential is shown:\n%s", text)
		}
	}
	third.Close() // From here on nobody may call it.
	a.runs(t, 0, "test").tells(t, "ok 1 test, 0 failed")
	a.edit(t, "Caddyfile", "\t\t\t\thint not_found", "\t\t\t\thint packed vars.status == \"packed\"\n\t\t\t\thint not_found")
	a.runs(t, 1, "test").tells(t, "orders_test.yaml:", "route", "got   packed", "want  success", "hint packed")
	explained := a.pipes(t, 0, strings.NewReader(a.runs(t, 1, "call", "store.order_status", "--var", "order_number=1001", "--json").out), "explain", "-")
	explained.tells(t, "store.order_status: unreachable, route handoff, continue", "Fallback").hides(t, storeToken)
}

func TestAuthorVerifiesConnectionAndMappingBeforePublishing(t *testing.T) {
	t.Parallel()
	third := openActor(t)
	a := sit(t, "AUTHOR_STORE_TOKEN="+storeToken)
	a.drafts(t, third.URL, handoff)
	a.write(t, "Broken", strings.NewReplacer("timeout 3s", "timeout 3m", "$.order.status", "$.order[", `vars.status == "shipped"`, `vars.state == "shipped"`,
		"operations_only", "operation_only").Replace(a.read(t, "Caddyfile")))
	a.runs(t, 1, "check", "Broken").tells(t, "Broken:6:", "operation_only", "Broken:7:", "3m", "$.order[", "unknown variable \"state\"", "^", "4 errors")
	if report := parse[lintReport](t, a.runs(t, 1, "check", "Broken", "--json")); report.Errors != 4 {
		t.Errorf("check --json tells %+v, want 4 errors", report)
	}
	a.runs(t, 1, "test", "--config", "Broken").tells(t, "Error: ")
	for _, try := range []struct {
		plays  turn
		status int
		want   string
	}{
		{answers(200, `{"order":{"status":"shipped"}}`), 0, "store.order_status: success, route shipped, continue"},
		{answers(404, `{}`), 0, "store.order_status: client_error, route not_found, continue"},
		{answers(500, `{}`), 1, "store.order_status: server_error, route handoff, continue"},
		{turn{Body: "<html>"}, 1, "store.order_status: unmappable, route error, stop"},
		{hangs, 1, "store.order_status: timeout, route handoff, continue"},
	} {
		third.plays(try.plays)
		a.runs(t, try.status, "call", "store.order_status", "--var", "order_number=1001", "--timeout", "1s").tells(t, try.want)
	}
	third.Close()
	a.runs(t, 1, "call", "store.order_status", "--var", "order_number=1001").tells(t, "store.order_status: unreachable, route handoff, continue")
	a.env = nil
	a.runs(t, 1, "call", "store.order_status", "--var", "order_number=1001").tells(t, "Nothing was sent to the third party.", "There is no secret for this call: {secret.store_token}.", "store.order_status: denied, route error, stop")
}

// branchTests prove every branch of the draft with handoff.
const branchTests = `policy: store
operation: order_status
tests:
  - name: shipped
    given: {body: {order: {status: shipped, eta: "2026-11-23"}}}
    expect:
      route: shipped
      vars: {status: shipped, eta: "2026-11-23"}
      sent: {method: GET, headers: {Authorization: "Bearer {secret.store_token}"}}
  - name: nobody knows
    given: {body: {order: {status: lost}}}
    expect: {route: success, vars: {eta: unknown}}
  - name: not there
    given: {status: 404}
    expect: {route: not_found, outcome: client_error, next: continue, status: 404, fallback: none}
  - name: asked too often
    steps:
      - repeat: 3
        expect: {outcome: unmappable}
      - expect: {outcome: rate_limited, reason: Rate Limit Exceeded, sent: nothing}
      - wait: 59m
        expect: {outcome: rate_limited}
      - wait: 1m
        given: {outcome: timeout}
        expect: {route: handoff, fallback: static, body: {message: One moment.}}
`

func TestAuthorProvesEveryBranch(t *testing.T) {
	t.Parallel()
	a := sit(t)
	a.drafts(t, "https://api.store.example", handoff)
	a.write(t, "orders_test.yaml", strings.Split(branchTests, "  - name: not there")[0])
	a.runs(t, 1, "test", "--coverage=100").tells(t, "Caddyfile:9: store: fallback respond 200 application/json, route handoff: no test reached it",
		"Caddyfile:17: store.order_status: hint not_found status == 404: no test reached it", "ok 2 tests, 0 failed", "coverage 60 % (3 of 5 branches)", "expected at least 100 %")
	a.runs(t, 0, "test", "--coverage").tells(t, "coverage 60 %")
	a.write(t, "orders_test.yaml", branchTests)
	tested := a.runs(t, 0, "test", "--coverage=100", "--junit", "report.xml")
	tested.tells(t, "ok 4 tests, 0 failed", "coverage 100 % (5 of 5 branches)")
	if tested.took > time.Minute {
		t.Errorf("an hour of virtual time took %s", tested.took)
	}
	var suites struct {
		Suites []struct {
			Tests int `xml:"tests,attr"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(a.read(t, "report.xml")), &suites); err != nil || len(suites.Suites) != 1 || suites.Suites[0].Tests != 4 {
		t.Errorf("the report tells %+v, %v; want one suite of 4 tests", suites, err)
	}
	a.runs(t, 0, "test", "--run", "store.order_status/not", "-v").tells(t, "not there", "ok 1 test, 0 failed")
	a.runs(t, 1, "test", "--run", "nothing of the kind").tells(t, "Error: no test matches")
	a.edit(t, "Caddyfile", "hint shipped vars.status == \"shipped\"", "hint shipped vars.status == \"sent\"")
	a.runs(t, 1, "test").tells(t, "orders_test.yaml:4: shipped", "route", "got   success", "want  shipped",
		`hint shipped vars.status == "sent"`, `vars.status was "shipped", which is not "sent"`, "FAILED 4 tests, 1 failed")
	report := parse[testReport](t, a.runs(t, 1, "test", "--json", "--coverage=100"))
	if report.Passed != 3 || report.Failed != 1 || report.Coverage[0].Reached != 4 || report.failed()[0] != "shipped" {
		t.Errorf("test --json tells %+v, want 3 passed, one failed, 4 branches reached", report)
	}
}

func TestAuthorSeesTestsRunAgainAtEachChange(t *testing.T) {
	t.Parallel()
	a := sit(t)
	a.drafts(t, "https://api.store.example", handoff)
	a.write(t, "orders_test.yaml", branchTests)
	watching := launch(t, a.dir, a.env, binary, "signpost", "test", "--watch")
	watching.await(t, 0, `(ok 4 tests)`)
	said := len(watching.output.String())
	a.edit(t, "Caddyfile", "hint not_found", "hint missing")
	watching.await(t, said, `(FAILED 4 tests, 1 failed)`)
	said = len(watching.output.String())
	a.edit(t, "orders_test.yaml", "route: not_found", "route: missing")
	watching.await(t, said, `(ok 4 tests)`)
}

func TestAuthorHasEachDecisionOfTheGatewayExplained(t *testing.T) {
	t.Parallel()
	s := stage(t)
	for _, of := range scenes {
		if of.name != "server error" && of.name != "too slow" && of.name != "nobody there" && of.name != "no operation" {
			continue
		}
		v := s.perform(t, of, of.calls[0])
		await(t, "the call in the log", func() bool {
			resp, _ := request(t, http.MethodGet, s.admin+"/signpost/calls/"+v.trace, "")
			return resp.StatusCode == http.StatusOK
		})
		headline := of.policy
		if of.operation != "" {
			headline += "." + of.operation
		}
		s.runs(t, 0, "explain", v.trace).tells(t, headline+": "+v.outcome+", route "+v.route+", "+v.next+"\n", "What was called", "What happened")
		s.runs(t, 0, "explain", v.trace, "--address", strings.TrimPrefix(s.admin, "http://"), "--json").tells(t, `{"call":{`, `"explanation":{"headline":`)
	}
	s.runs(t, 1, "explain", "00000000000000000000000000000001").tells(t, "Error: there is no call 00000000000000000000000000000001")
	s.runs(t, 1, "explain", "nonsense").tells(t, "is neither a file nor an id")
	s.runs(t, 1, "explain", "00000000000000000000000000000001", "--address", "127.0.0.1:"+freePort(t)).tells(t, "Error: ")
}
