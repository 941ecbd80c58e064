package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/caddymodule/command"
	"github.com/signpost-gateway/signpost/policy"
)

// checkHost has one configuration, whatever it is asked for.
type checkHost struct {
	spec      policy.Spec
	sites     []lint.Site
	load      error
	validate  error
	asked     []string
	validated int
}

func (h *checkHost) Load(path, adapter string) (*command.Config, error) {
	h.asked = append(h.asked, path+" "+adapter)
	return &command.Config{Path: path, Spec: h.spec, Sites: h.sites, Warnings: []string{"not formatted"}}, h.load
}

func (h *checkHost) Validate(*command.Config) error {
	h.validated++
	return h.validate
}

func (h *checkHost) Open(*command.Config, func(http.RoundTripper) http.RoundTripper) (*policy.Gateway, func(), error) {
	return nil, nil, errors.New("no gateway is needed")
}

func (h *checkHost) Admin(context.Context, string, *command.Config, string, string, io.Reader) (*http.Response, error) {
	return nil, errors.New("no admin endpoint is needed")
}

// checked runs `signpost check`.
func checked(h *checkHost, args ...string) (status int, out, complaints string, err error) {
	cmd := &cobra.Command{Use: "signpost", SilenceUsage: true, SilenceErrors: true}
	command.Describe(cmd, h)
	var stdout, stderr bytes.Buffer
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SetArgs(append([]string{"check"}, args...))
	err = cmd.Execute()
	return command.Status(err), stdout.String(), stderr.String(), err
}

// quiet is a Spec with nothing to say about it.
func quiet() policy.Spec {
	return policy.Spec{Policies: []policy.PolicySpec{{
		Name: "store", BaseURL: "https://store.example", Rules: policy.Rules{Timeout: policy.Duration(3e9), Otherwise: "handoff"},
	}}}
}

func TestTheStatusOfCheckSaysHowBadItIs(t *testing.T) {
	noted, warned, failing := quiet(), quiet(), quiet()
	noted.Policies[0].Timeout = 0
	warned.Policies[0].Timeout = policy.Duration(8e9)
	failing.TenantsFile = filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(failing.TenantsFile, []byte("tenants:\n  acme: {plan: gold}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		host checkHost
		args []string
		want int
		says string
	}{
		{"nothing", checkHost{spec: quiet()}, nil, 0, "nothing to say\n"},
		{"a note", checkHost{spec: noted}, nil, 0, "1 note\n"},
		{"a note, strictly", checkHost{spec: noted}, []string{"--strict"}, command.StatusLint, "1 note\n"},
		{"a warning", checkHost{spec: warned}, nil, command.StatusLint, "[no-timeout]"},
		{"a warning as JSON", checkHost{spec: warned}, []string{"--json"}, command.StatusLint, `"warnings":1`},
		{"an error", checkHost{spec: failing}, nil, command.StatusFailed, `tenant "acme": unknown plan "gold" [unknown-plan]`},
		{"a mistake", checkHost{load: policy.Mistakes{{Text: "no such thing"}}}, nil, command.StatusFailed, "error: no such thing\n1 error\n"},
		{"a mistake that only the server finds", checkHost{spec: quiet(), validate: errors.New("no such module")}, nil, command.StatusFailed, "error: no such module\n1 error\n"},
		{"a mistake beside a warning", checkHost{spec: warned, validate: errors.New("no such module")}, nil, command.StatusFailed, "1 error, 1 warning\n"},
	} {
		status, out, complaints, err := checked(&c.host, c.args...)
		if status != c.want || !strings.Contains(out, c.says) {
			t.Errorf("%s: status %d (%v), want %d and %q, got\n%s", c.name, status, err, c.want, c.says, out)
		}
		if complaints != "warning: not formatted\n" {
			t.Errorf("%s: the server's own warnings are %q", c.name, complaints)
		}
		if exit := (command.Exit{}); status != 0 && !errors.As(err, &exit) {
			t.Errorf("%s: the error %v would be told a second time", c.name, err)
		}
	}
}

func TestCheckFindsNothingTwiceThatTheServerFindsToo(t *testing.T) {
	h := checkHost{load: policy.Mistakes{{Text: "no such thing"}}}
	if _, _, _, err := checked(&h); err == nil || h.validated > 0 {
		t.Errorf("the server was asked %d times about a configuration with mistakes (%v)", h.validated, err)
	}
}

func TestCheckReadsTheConfigurationThatIsNamed(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, " "}, {[]string{"a.json"}, "a.json "}, {[]string{"--config", "b", "--adapter", "yaml"}, "b yaml"}, {[]string{"-c", "-"}, "- "},
	} {
		h := checkHost{spec: quiet()}
		if _, _, _, err := checked(&h, c.args...); err != nil || len(h.asked) != 1 || h.asked[0] != c.want {
			t.Errorf("%q: read %q (%v), want %q", c.args, h.asked, err, c.want)
		}
	}
	for _, args := range [][]string{{"a", "b"}, {"a", "--config", "b"}, {"--unknown"}} {
		h := checkHost{spec: quiet()}
		if status, _, _, err := checked(&h, args...); status != command.StatusFailed || len(h.asked) > 0 {
			t.Errorf("%q: status %d (%v) after reading %q, want a failure before anything is read", args, status, err, h.asked)
		}
	}
	h := checkHost{load: errors.New("there is no Caddyfile")}
	if status, out, _, err := checked(&h); status != command.StatusFailed || out != "" || err == nil || err.Error() != "there is no Caddyfile" {
		t.Errorf("a configuration that is not there gives status %d, %q and %v", status, out, err)
	}
}

func TestCheckListsItsRules(t *testing.T) {
	var h checkHost
	_, out, _, err := checked(&h, "--rules")
	if err != nil || len(h.asked) > 0 {
		t.Fatalf("listing the rules: %v, reading %q", err, h.asked)
	}
	_, asJSON, _, err := checked(&h, "--rules", "--json")
	var listed []lint.Rule
	if err != nil || json.Unmarshal([]byte(asJSON), &listed) != nil || len(listed) != len(lint.Rules()) {
		t.Fatalf("listing the rules as JSON: %v\n%s", err, asJSON)
	}
	for _, r := range lint.Rules() {
		if !strings.Contains(out, r.ID) || !strings.Contains(out, r.Title) {
			t.Errorf("the list lacks %s", r.ID)
		}
	}
}

func TestFindingsOfAConfigurationWithoutLinesNameTheThing(t *testing.T) {
	spec := quiet()
	spec.Policies[0].Hints = []policy.Hint{{Route: "a", When: "status >= 400"}, {Route: "b", When: "status == 404"}}
	_, out, _, _ := checked(&checkHost{spec: spec})
	want := "warning: policy store: hint b: is never reached: hint a holds whenever this one could [unreachable-hint]\n      help: put it before the more general ones, or drop it\n1 warning\n"
	if out != want {
		t.Errorf("got\n%q\nwant\n%q", out, want)
	}
}
