//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// supportEdits are what the author of a support bot makes of the imported policy: the
// credential, the body of each request, and the branches of the conversation.
var supportEdits = []string{
	"\n\t\t\tinject header User-Agent signpost\n", `
			inject header User-Agent signpost
			inject bearer {secret.github_token}
			record 100 bodies 64KiB
`,
	"\n\t\t\tfallback {\n\t\t\t\troute handoff\n\t\t\t\tnext continue\n\t\t\t}\n", `
			fallback {
				route handoff
				respond 200 application/json ` + "`{\"message\":\"I cannot reach the ticket system. A colleague will help.\"}`" + `
			}
`,
	"json `{\"title\": \"{{title}}\"}`", "json `{\"title\": \"{{title}}\", \"body\": \"{{body}}\", \"labels\": [\"support\"]}`\n" +
		"\t\t\t\thint created status == 201\n\t\t\t\thint ask_again status == 422",
	"operation issues_get GET \"/repos/{{owner}}/{{repo}}/issues/{{issue_number}}\" {\n", "operation issues_get GET \"/repos/{{owner}}/{{repo}}/issues/{{issue_number}}\" {\n" +
		"\t\t\t\thint being_worked_on vars.state == \"open\"\n\t\t\t\thint done vars.state == \"closed\"\n\t\t\t\thint deleted status == 410\n",
	"json \"{}\"", "json `{\"state\": \"closed\", \"state_reason\": \"completed\"}`\n\t\t\t\thint closed vars.state == \"closed\"",
	"json `{\"body\": \"{{body}}\"}`", "json `{\"body\": \"{{body}}\"}`\n\t\t\t\thint noted status == 201\n\t\t\t\thint locked status == 403",
}

// supportTests are the tests that the author writes beside those which were imported.
const supportTests = `policy: github
tests:
  - name: a ticket without a title
    operation: issues_create
    input: {owner: acme, repo: support, title: "", body: It leaks.}
    given: {status: 422, body: {message: Validation Failed}}
    expect:
      route: ask_again
      next: continue
      sent:
        method: POST
        url: /repos/acme/support/issues
        headers: {Authorization: "Bearer {secret.github_token}"}
        body: {title: "", body: It leaks., labels: [support]}

  - name: a ticket that is done
    operation: issues_get
    given: {body: {state: closed, number: 7}}
    expect: {route: done, vars: {state: closed, number: 7}}

  - name: a ticket that was deleted
    operation: issues_get
    given: {status: 410, body: {message: This issue was deleted}}
    expect: {route: deleted, next: continue}

  - name: a ticket that is neither open nor closed
    operation: issues_get
    given: {body: {state: frozen}}
    expect: {route: success}

  - name: closing a ticket
    operation: issues_update
    given: {body: {state: closed}}
    expect: {route: closed, sent: {method: PATCH, body: {state: closed, state_reason: completed}}}

  - name: a locked ticket takes no comment
    operation: issues_create_comment
    given: {status: 403, body: {message: Unable to create comment because issue is locked.}}
    expect: {route: locked, next: continue}

  - name: GitHub is down
    operation: issues_create
    given: {outcome: timeout}
    expect: {route: handoff, fallback: static, next: continue}

  - name: what nobody planned for
    operation: issues_create
    given: {status: 418}
    expect: {route: failure, next: stop}

  - name: a comment that is refused
    operation: issues_create_comment
    given: {status: 422}
    expect: {route: failure, next: stop}
`

// importTickets imports what a support bot needs of GitHub's document.
func importTickets(t *testing.T, a author, server string) {
	t.Helper()
	if err := os.Symlink(published(t, githubDocument), filepath.Join(a.dir, "api.github.com.json")); err != nil {
		t.Fatal(err)
	}
	a.runs(t, 0, "import", "openapi", "api.github.com.json", "--operation", "issues/create", "--operation", "issues/get",
		"--operation", "issues/create-comment", "--operation", "issues/update", "--name", "github", "--server", server,
		"--whole", "--output", "Caddyfile", "--tests", "github_test.yaml").tells(t, "wrote Caddyfile\n", "wrote github_test.yaml\n")
}

// edit replaces texts in a file, each of which must be there.
func (a author) edit(t *testing.T, name string, pairs ...string) {
	t.Helper()
	text := a.read(t, name)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s does not hold %q:\n%s", name, pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		if a.diary != nil {
			a.diary("\nedited %s: instead of\n%s\nthere is\n%s", name, strings.Trim(pairs[i], "\n"), strings.Trim(pairs[i+1], "\n"))
		}
	}
	a.write(t, name, text)
}

func TestAuthorImportsAPublishedAPITestsItAndReplaysAChange(t *testing.T) {
	t.Parallel()
	a := sit(t, "SIGNPOST_SECRET_GITHUB_TOKEN="+githubToken)
	a.diary = t.Logf
	k := openTracker(t, published(t, githubDocument))
	importTickets(t, a, k.URL)
	a.runs(t, 0, "check").tells(t, "nothing to say\n")
	a.runs(t, 0, "test", "--coverage=100").tells(t, "ok 10 tests, 0 failed", "coverage 100 %")
	a.edit(t, "Caddyfile", supportEdits...)
	a.runs(t, 1, "test").tells(t, "github_test.yaml:", "body is missing") // Since a ticket has a body now.
	a.write(t, "github_test.yaml", strings.ReplaceAll(a.read(t, "github_test.yaml"), "title: Found a bug}", "title: Found a bug, body: It leaks.}"))
	a.runs(t, 0, "check").tells(t, "nothing to say\n")
	authorCallsTickets(t, a)
	a.runs(t, 1, "test", "--coverage=100").tells(t, "hint deleted status == 410: no test reached it")
	a.write(t, "support_test.yaml", supportTests)
	a.runs(t, 0, "test", "--coverage=100").tells(t, "0 failed", "coverage 100 %")
	authorReplaysTickets(t, a)
}

// authorCallsTickets tries each operation with real values, and saves two calls as
// tests.
func authorCallsTickets(t *testing.T, a author) {
	call := func(status int, operation string, more ...string) said {
		return a.runs(t, status, append([]string{"call", "github." + operation, "--var", "owner=acme", "--var", "repo=support"}, more...)...)
	}
	call(0, "issues_create", "--var", "title=The teapot leaks", "--var", `body=Since "yesterday".`, "--save", "calls_test.yaml").
		tells(t, "201 Created", `"The teapot leaks"`, "$.title", "success, route created, continue", "saved the test")
	call(0, "issues_get", "--var", "issue_number=1347", "--save", "calls_test.yaml").
		tells(t, "200 OK", "$.user.login", "success, route being_worked_on, continue", "hint being_worked_on", "holds", "saved the test").hides(t, githubToken)
	call(0, "issues_get", "--var", "issue_number=4711").tells(t, "404 Not Found", "client_error, route not_found, continue")
	call(0, "issues_create_comment", "--var", "issue_number=1347", "--var", "body=We are on it.", "--save", "calls_test.yaml").
		tells(t, "201 Created", "success, route noted, continue")
	call(0, "issues_update", "--var", "issue_number=1350").tells(t, "200 OK", "success, route closed, continue")
	a.runs(t, 1, "call", "github.issues_create", "--var", "owner=acme", "--var", "repo=overloaded", "--var", "title=a", "--var", "body=b").
		tells(t, "503 Service Unavailable", "server_error, route handoff, continue", "fallback")
	if saved := a.read(t, "calls_test.yaml"); strings.Contains(saved, githubToken) {
		t.Errorf("a credential was saved:\n%s", saved)
	}
}

// authorReplaysTickets runs the gateway for some conversations, and asks what a change
// would have made of them.
func authorReplaysTickets(t *testing.T, a author) {
	port, admin := freePort(t), freePort(t)
	a.edit(t, "Caddyfile", "{\n\tsignpost {", "{\n\tadmin 127.0.0.1:"+admin+"\n\tpersist_config off\n\tsignpost {", ":8080 {", ":"+port+" {",
		"\n\t\tpolicy github", "\n\t\tplan default {\n\t\t\trate_limit 100/m\n\t\t}\n\t\tpolicy github")
	g := start(t, []byte(a.read(t, "Caddyfile")), port, a.env...)
	routes := make(map[string]int)
	var trace string
	for _, path := range []string{"1347", "1348", "13", "4711", "1348", "1349", "1348"} {
		resp, body := g.get(t, "acme", "/github/repos/acme/support/issues/"+path)
		routes[resp.Header.Get("Signpost-Route")]++
		if trace = resp.Header.Get("Signpost-Trace"); strings.Contains(body, githubToken) {
			t.Errorf("issue %s: the answer holds the credential: %s", path, body)
		}
	}
	resp, _ := g.send(t, http.MethodPost, "/call/github/issues_create", `{"owner":"acme","repo":"archived","title":"a","body":"b"}`, "X-Tenant-ID", "acme")
	routes[resp.Header.Get("Signpost-Route")]++
	if got, want := fmt.Sprint(routes), "map[being_worked_on:2 deleted:1 done:3 failure:1 not_found:1]"; got != want {
		t.Fatalf("the bots took the routes %s, want %s", got, want)
	}
	await(t, "the last call in the log", func() bool {
		log, calls := exports(t, "http://127.0.0.1:"+admin)
		a.write(t, "calls.ndjson", log)
		return len(calls) == 8
	})
	a.runs(t, 0, "explain", trace).tells(t, "github.issues_get: success, route done, continue", "hint done vars.state == \"closed\"", "holds")
	a.runs(t, 0, "replay", "calls.ndjson", "--fail-on-difference").tells(t, "8 calls: 8 the same, 0 different.")
	a.write(t, "Changed", a.read(t, "Caddyfile"))
	a.edit(t, "Changed", "hint done vars.state == \"closed\"", "hint solved vars.state_reason == \"completed\"", "\t\t\t\thint deleted status == 410\n", "")
	a.runs(t, 1, "replay", "calls.ndjson", "--config", "Changed", "--fail-on-difference").tells(t,
		"3  github.issues_get  route done → solved", "1  github.issues_get  route deleted → failure, next continue → stop", "8 calls: 4 the same, 4 different.")
	a.runs(t, 0, "replay", "calls.ndjson", "--config", "Changed").tells(t, "4 different.")
}
