package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/caddymodule/command"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// callHost is a server around the commands whose third party each test plays. Its
// configuration is spec, which has no file.
type callHost struct {
	spec  policy.Spec
	wrong error
	admin http.HandlerFunc
	asked []string // of the admin endpoint: address and URI
}

func (h *callHost) Load(path, _ string) (*command.Config, error) {
	if h.wrong != nil {
		return nil, h.wrong
	}
	if path == "" {
		path = "Caddyfile"
	}
	return &command.Config{Path: path, Spec: h.spec, TenantHeader: "X-Tenant-Id", Warnings: []string{"a warning"}}, nil
}

func (h *callHost) Validate(*command.Config) error { return nil }

func (h *callHost) Open(c *command.Config, wrap func(http.RoundTripper) http.RoundTripper) (*policy.Gateway, func(), error) {
	g, err := policy.New(c.Spec, policy.Options{
		Log: slog.New(slog.DiscardHandler),
		Transport: func(spec policy.PolicySpec, guard *dialguard.Guard) (http.RoundTripper, error) {
			base, err := policy.NewTransport(spec, guard)
			return wrap(base), err
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return g, g.Stop, nil
}

func (h *callHost) Admin(_ context.Context, address string, _ *command.Config, method, uri string, _ io.Reader) (*http.Response, error) {
	h.asked = append(h.asked, address+" "+method+" "+uri)
	if h.admin == nil {
		return nil, errors.New("dialing localhost:2019: connection refused")
	}
	recorder := httptest.NewRecorder()
	h.admin(recorder, httptest.NewRequestWithContext(context.Background(), method, uri, nil))
	return recorder.Result(), nil
}

// ran is what a command printed.
type ran struct {
	out, complaints string
	status          int
	err             error
}

// runWith runs a command with a standard input.
func runWith(cmd *cobra.Command, stdin string, args ...string) ran {
	var out, complaints bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&complaints)
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.Execute()
	return ran{out.String(), complaints.String(), command.Status(err), err}
}

// callSecret is what the policies of these tests inject.
const callSecret = "s3cr3t-of-the-store-4711"

// openCall makes a host with a third party that answers with JSON.
func openCall(t *testing.T, answer http.HandlerFunc, change ...func(*policy.PolicySpec)) *callHost {
	t.Helper()
	t.Setenv("SIGNPOST_CALL_TEST_STORE", callSecret)
	party := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	t.Cleanup(party.Close)
	p := policy.PolicySpec{
		Name: "store", BaseURL: party.URL + "/v2", AllowPrivate: true,
		Inject: []policy.Inject{{As: "bearer", Value: "{secret.store}"}},
		Record: &policy.RecordSpec{Calls: 20, Redact: []string{"$.order.card"}},
		Rules: policy.Rules{
			Extracts: []policy.Extract{{Var: "status", Path: "$.order.status"}, {Var: "card", Path: "$.order.card"}},
			Hints:    []policy.Hint{{Route: "shipped", When: `vars.status == "shipped"`}, {Route: "not_found", When: "status == 404"}},
		},
		Operations: []policy.OperationSpec{
			{Name: "order_status", Method: "GET", Template: "/orders/{{order_number}}"},
			{
				Name: "note", Method: "POST", Template: "/notes", Body: &policy.BodySpec{As: "json", Template: `{"text":{{text}},"n":{{n}},"tags":{{tags}},"on":{{on}}}`},
				Inputs: []policy.InputSpec{{Var: "n", Type: "number"}, {Var: "tags", Type: "json"}, {Var: "on", Type: "bool"}},
			},
		},
	}
	for _, c := range change {
		c(&p)
	}
	return &callHost{spec: policy.Spec{
		Secrets: []policy.SecretSource{{From: "env", Where: "SIGNPOST_CALL_TEST_"}}, Policies: []policy.PolicySpec{p},
	}}
}

// partySays answers with a status and a body.
func partySays(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

const shippedOrder = `{"order":{"status":"shipped","card":"4111111111111111","items":[{"sku":"A1"}]}}`

func TestACallPrintsRequestAnswerTimeWhyAndLines(t *testing.T) {
	h := openCall(t, partySays(200, shippedOrder))
	got := runWith(command.CallCommand(h), "", "store.order_status", "--var", "order_number=1001", "--tenant", "acme")
	if got.status != 0 {
		t.Fatalf("the call ended with %d: %v", got.status, got.err)
	}
	last := 0
	for _, part := range []string{
		"Request\n  GET http://127.0.0.1:", "/v2/orders/1001\n", "  Authorization: [redacted]\n",
		"Answer of the third party\n  200 OK\n", "  Content-Type: application/json\n", `status "shipped"`, "$.order.status\n", `card "[redacted]"`,
		"Time\n  attempt 1 GET 127.0.0.1:", "    first byte", "  total",
		"store.order_status: success, route shipped, continue\n", "for acme: a bot called",
		"✓ `hint shipped vars.status == \"shipped\"` holds: vars.status was \"shipped\".",
		"Lines for the policy\n  extract ",
	} {
		at := strings.Index(got.out[last:], part)
		if at < 0 {
			t.Fatalf("%q is not printed, or not there:\n%s", part, got.out)
		}
		last += at
	}
	for _, hidden := range []string{callSecret, "4111111111111111"} {
		if strings.Contains(got.out+got.complaints, hidden) {
			t.Errorf("%s is printed:\n%s", hidden, got.out)
		}
	}
	if got.complaints != "warning: a warning\n" {
		t.Errorf("standard error is %q", got.complaints)
	}
}

func TestVariablesAreTextsUnlessTheOperationSaysOtherwise(t *testing.T) {
	var body string
	h := openCall(t, func(w http.ResponseWriter, r *http.Request) {
		read, _ := io.ReadAll(r.Body)
		body = string(read)
		io.WriteString(w, `{}`)
	})
	for _, test := range []struct {
		vars   []string
		want   string
		status int
	}{
		{[]string{"text=5", "n=5", "tags=[1]", "on=true"}, `{"text":"5","n":5,"tags":[1],"on":true}`, 0},
		{[]string{"text:=5", "n:=5.50", `tags:={"a":"b=c"}`, "on:=false"}, `{"text":5,"n":5.50,"tags":{"a":"b=c"},"on":false}`, 0},
		{[]string{"text=a=b:=c", "n=-1e3", `tags="x"`, "on=true"}, `{"text":"a=b:=c","n":-1e3,"tags":"x","on":true}`, 0},
		{[]string{"text=x", "n=five", "tags=[]", "on=true"}, ``, 1}, // Nothing was sent.
	} {
		body = ""
		var args []string
		for _, v := range test.vars {
			args = append(args, "--var", v)
		}
		got := runWith(command.CallCommand(h), "", append(args, "store.note")...)
		if body != test.want || got.status != test.status {
			t.Errorf("%q: the third party got %s, the status is %d (%v), want %s and %d", test.vars, body, got.status, got.err, test.want, test.status)
		}
	}
}

func TestABaseURLCallSendsWhatTheFlagsSay(t *testing.T) {
	var method, url, body, kind, one string
	h := openCall(t, func(w http.ResponseWriter, r *http.Request) {
		read, _ := io.ReadAll(r.Body)
		method, url, body, kind, one = r.Method, r.URL.String(), string(read), r.Header.Get("Content-Type"), r.Header.Get("X-One")
		io.WriteString(w, `{}`)
	})
	file := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(file, []byte(`{"from":"file"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "GET /v2/   "},
		{[]string{"--path", "/a%2Fb/c?x=1", "--query", "y=a b&c", "--header", "X-One: 1"}, "GET /v2/a%2Fb/c?x=1&y=a+b%26c   1"},
		{[]string{"--path", "/o", "--body", `{"a":1}`}, `POST /v2/o application/json {"a":1} `},
		{[]string{"--path", "/o", "--body", "@" + file, "--method", "PUT"}, `PUT /v2/o application/json {"from":"file"} `},
		{[]string{"--path", "/o", "--body", "@-", "--header", "content-type: text/csv"}, `POST /v2/o text/csv from standard input `},
		{[]string{"--body", "plain"}, `POST /v2/ text/plain; charset=utf-8 plain `},
	} {
		got := runWith(command.CallCommand(h), "from standard input", append(test.args, "store")...)
		if sent := strings.Join([]string{method, url, kind, body, one}, " "); sent != test.want || got.status != 0 {
			t.Errorf("%q: the third party got %q, want %q; the status is %d: %v", test.args, sent, test.want, got.status, got.err)
		}
	}
}

func TestWhatCannotBeCalledIsToldWithItsRemedy(t *testing.T) {
	h := openCall(t, partySays(200, `{}`))
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "expected 1 argument, <policy>[.<operation>]: got 0"},
		{[]string{"stroe"}, `there is no policy "stroe"; did you mean store? there are store`},
		{[]string{"crm.x"}, `there is no policy "crm": there are store`},
		{[]string{"store.order_state"}, `the policy store has no operation "order_state"; did you mean order_status? there are order_status, note`},
		{[]string{"store."}, `there is no operation's name behind "store.": there are order_status, note`},
		{[]string{"store", "--var", "a=b"}, `--var belongs to an operation, and "store" names none: there are order_status, note`},
		{[]string{"store.note", "--path", "/x"}, `--path belongs to a base-URL call: the operation note says itself what is sent, so give it variables with --var, or call store alone`},
		{[]string{"store.note", "--var", "text"}, `--var text is not k=v`},
		{[]string{"store.note", "--var", "n:=five"}, `--var n:= is followed by what is no JSON`},
		{[]string{"store.note", "--var", "n=1", "--var", "n=2"}, `--var n stands twice`},
		{[]string{"store", "--header", "secret-without-a-colon"}, `--header is not 'Name: value'`},
		{[]string{"store", "--header", "Signpost-Timeout: 3s"}, `--header Signpost-Timeout is decided by the connection or by other flags`},
		{[]string{"store", "--path", "orders"}, `--path is "orders": expected an escaped path`},
		{[]string{"store", "--query", "a"}, `--query is not a=b`},
		{[]string{"store", "--method", "GET IT"}, `--method is "GET IT"`},
		{[]string{"store", "--timeout", "-3s"}, `--timeout is -3s`},
		{[]string{"store", "--reply", "xml"}, `--reply is "xml": expected headers or envelope`},
		{[]string{"store", "--body", "@" + filepath.Join(t.TempDir(), "nothing")}, `reading --body: open`},
		{[]string{"store", "--save", "test.yaml"}, `--save is "test.yaml": expected a name that ends in _test.yaml`},
		{[]string{"store", "--save", "x_test.yaml", "--config", "-"}, `--save needs a configuration in a file`},
		{[]string{"store", "--name", "x"}, `--name is that of a saved test`},
	} {
		got := runWith(command.CallCommand(h), "", test.args...)
		if got.status != 1 || got.err == nil || !strings.HasPrefix(got.err.Error(), test.want) {
			t.Errorf("%q: got status %d and %v, want 1 and %q", test.args, got.status, got.err, test.want)
		}
		if strings.Contains(got.err.Error(), "secret-without") {
			t.Errorf("%q: what may be a credential is repeated: %v", test.args, got.err)
		}
	}
	h.wrong = policy.Mistakes{{Text: "one"}, {Text: "two"}}
	if got := runWith(command.CallCommand(h), "", "store"); got.status != 1 || got.err.Error() != "2 mistakes:\none\ntwo" {
		t.Errorf("got status %d and %v", got.status, got.err)
	}
}

func TestTheStatusSaysWhetherTheCallFailed(t *testing.T) {
	for _, test := range []struct {
		answer http.HandlerFunc
		args   []string
		status int
		prints string
	}{
		{partySays(404, `{}`), nil, 0, "Answer of the third party\n  404 Not Found"},
		{partySays(500, `no`), nil, 1, "\n  no\n"},
		{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, 1, "Answer to the bot\n  502 Bad Gateway"},
		{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, []string{"--timeout", "20ms"}, 1, "did not answer within 20ms"},
		{partySays(200, shippedOrder), []string{"--tenant", " "}, 1, "Nothing was sent to the third party."},
		{partySays(200, shippedOrder), []string{"--reply", "envelope"}, 0, "Answer to the bot\n  200 OK"},
	} {
		h := openCall(t, test.answer, func(p *policy.PolicySpec) { p.Record = nil })
		got := runWith(command.CallCommand(h), "", append(test.args, "store.order_status", "--var", "order_number=1")...)
		if got.status != test.status || !strings.Contains(got.out, test.prints) {
			t.Errorf("%q: got status %d, want %d with %q:\n%s", test.args, got.status, test.status, test.prints, got.out)
		}
	}
}

func TestACallAsJSONIsThatOfTheAdminAPIWithMore(t *testing.T) {
	h := openCall(t, partySays(200, shippedOrder))
	got := runWith(command.CallCommand(h), "", "store.order_status", "--var", "order_number=1001", "--json")
	var printed struct {
		Call   struct{ ID, Outcome, Route string }
		Answer struct{ Body string }
		Values []struct{ Path, Extract string }
		Timing struct {
			Requests []struct{ Phases []struct{ Name string } }
		}
		Lines struct{ Extract, Hints []string }
	}
	if err := json.Unmarshal([]byte(got.out), &printed); err != nil {
		t.Fatalf("%v in %s", err, got.out)
	}
	if printed.Call.Route != "shipped" || !strings.Contains(printed.Answer.Body, "[redacted]") || len(printed.Values) < 4 || len(printed.Lines.Hints) == 0 || len(printed.Timing.Requests) != 1 {
		t.Errorf("got %s", got.out)
	}
	if strings.Contains(got.out, callSecret) || strings.Contains(got.out, "4111111111111111") {
		t.Errorf("a secret is printed: %s", got.out)
	}
	explained := runWith(command.ExplainCommand(h), got.out, "-")
	if want := "store.order_status: success, route shipped, continue\n"; explained.status != 0 || !strings.HasPrefix(explained.out, want) {
		t.Errorf("explain gives status %d: %v\n%s", explained.status, explained.err, explained.out)
	}
}

func TestWhatCanBeCalledCompletes(t *testing.T) {
	h := openCall(t, partySays(200, `{}`))
	cmd := command.CallCommand(h)
	names, directive := cmd.ValidArgsFunction(cmd, nil, "st")
	if want := []string{"store", "store.order_status", "store.note"}; !slices.Equal(names, want) || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("got %q (%v), want %q", names, directive, want)
	}
	h.wrong = errors.New("broken")
	if names, _ := cmd.ValidArgsFunction(cmd, nil, ""); len(names) > 0 {
		t.Errorf("got %q of a broken configuration", names)
	}
}
