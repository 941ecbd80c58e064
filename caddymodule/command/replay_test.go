package command_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/caddymodule/command"
	"github.com/signpost-gateway/signpost/policy"
)

// replayHost has a configuration for each path.
type replayHost struct {
	checkHost
	specs map[string]policy.Spec
}

func (h *replayHost) Load(path, _ string) (*command.Config, error) {
	spec, found := h.specs[path]
	if !found {
		return nil, errors.New("there is no " + path + ": name the configuration with --config")
	}
	return &command.Config{Path: path, Spec: spec, TenantHeader: "X-Bot"}, nil
}

// routed is a policy that routes an order that was shipped.
func routed(route string) policy.Spec {
	return policy.Spec{Policies: []policy.PolicySpec{{Name: "store", BaseURL: "https://store.example", Rules: policy.Rules{
		Extracts: []policy.Extract{{Var: "status", Path: "$.status"}}, Hints: []policy.Hint{{Route: route, When: `vars.status == "shipped"`}},
	}}}}
}

// recordedCall is a call as the call log exports it.
const recordedCall = `{"id":"00f067aa0ba902b7","time":"2026-11-20T08:00:00.000Z","policy":"store","outcome":"success","route":"shipped","next":"continue","status":200,` +
	`"request":{"method":"GET","url":"/store/orders/1","headers":[]},"received":{"status":200,"headers":[],"body":"{\"status\":\"shipped\"}","body_bytes":20},` +
	`"vars":[{"name":"status","value":"shipped"}],"attempts":[{"duration_ms":1,"status":200,"outcome":"success"}]}` + "\n"

// replayed runs `signpost replay`.
func replayed(t *testing.T, stdin string, args ...string) (status int, out, complaints string) {
	t.Helper()
	h := &replayHost{specs: map[string]policy.Spec{"": routed("shipped"), "new": routed("sent"), "bad": {Policies: []policy.PolicySpec{{Name: "X"}, {Name: "Y"}}}}}
	cmd := &cobra.Command{Use: "signpost", SilenceUsage: true, SilenceErrors: true}
	command.Describe(cmd, h)
	var stdout, stderr bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SetArgs(append([]string{"replay"}, args...))
	err := cmd.Execute()
	if told := (command.Exit{}); err != nil && !errors.As(err, &told) {
		stderr.WriteString(err.Error())
	}
	return command.Status(err), stdout.String(), stderr.String()
}

func TestTheStatusOfReplaySaysWhetherSomethingDiffersWhereThatIsAsked(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "calls.ndjson")
	if err := os.WriteFile(file, []byte(recordedCall+recordedCall), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args            []string
		stdin           string
		status          int
		out, complaints string
	}{
		{[]string{file}, "", 0, "2 calls: 2 the same, 0 different.", ""},
		{[]string{file, "--fail-on-difference"}, "", 0, "2 the same", ""},
		{[]string{file, "-c", "new"}, "", 0, "  2  store  route shipped → sent  e.g. 00f067aa0ba902b7, 00f067aa0ba902b7\n", ""},
		{[]string{file, "-c", "new", "--fail-on-difference"}, "", 1, "2 different", ""},
		{[]string{file, "-", "-c", "new", "--before", "new", "--fail-on-difference"}, recordedCall, 0, "3 the same", ""},
		{[]string{file, "--max", "1"}, "", 0, "1 call: 1 the same", ""},
		{[]string{file, "--policy", "other"}, "", 1, "", "there is no policy \"other\": there are store"},
		{[]string{"-"}, recordedCall + "{", 1, "1 the same", "reading standard input: line 2, byte 409, near call 1: the file ends in the middle: it was cut off, so export it again\n"},
		{[]string{"-"}, "", 1, "", "there is no call in it"},
		{[]string{"-", "--fail-on-difference"}, "{}", 1, "", "there is no call in it"},
		{[]string{"-"}, "[]\n", 1, "", "there is no call in it"},
		{[]string{"-", "-"}, "", 1, "", "- stands more than once"},
		{[]string{"-", "-c", "-"}, "", 1, "", "- stands more than once"},
		{[]string{file, "--limits", "some"}, "", 1, "", `--limits is "some": expected one of recorded, on, off`},
		{[]string{file, "--max", "-1"}, "", 1, "", "--max is -1: expected how many calls"},
		{[]string{file, "-c", "gone"}, "", 1, "", "there is no gone"},
		{[]string{file, "--before", "gone"}, "", 1, "", "reading the configuration before: there is no gone"},
		{[]string{file, "-c", "bad"}, "", 1, "", "mistakes:\n"},
		{[]string{folder}, "", 1, "", "is a folder: name the files in it"},
		{[]string{filepath.Join(folder, "gone")}, "", 1, "", "no such file"},
		{nil, "", 1, "", "requires at least 1 arg"},
	} {
		status, out, complaints := replayed(t, test.stdin, test.args...)
		if status != test.status || !strings.Contains(out, test.out) || !strings.Contains(complaints, test.complaints) || test.complaints == "" && complaints != "" {
			t.Errorf("%q: status %d, %q, %q; want %d, %q, %q", test.args, status, out, complaints, test.status, test.out, test.complaints)
		}
	}
}

func TestAReplayIsToldToProgramsAsJSON(t *testing.T) {
	status, out, complaints := replayed(t, recordedCall, "-", "-c", "new", "--json")
	var report replay.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != 0 || complaints != "" || report.Different != 1 || report.Differences[0].Text != "route shipped → sent" {
		t.Errorf("status %d, %v, %q: %s", status, err, complaints, out)
	}
}
