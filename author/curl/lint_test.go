package curl

import (
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/policy"
)

func TestCheckHasNothingToSayOfWhatIsMade(t *testing.T) {
	for _, c := range asCurlSends {
		d, out := printed(t, strings.ReplaceAll(c.command, "HOST", "https://api.store.example"))
		spec := policy.Spec{Policies: []policy.PolicySpec{d.Policy}}
		for _, f := range lint.Check(lint.Subject{Spec: &spec}).Findings {
			t.Errorf("%s: %s %s: %s, %s, of\n%s", c.name, f.Severity, f.Rule, f.Name, f.Message, out)
		}
	}
}

func TestCheckIsToldOfWhatTheCommandSaysItself(t *testing.T) {
	for command, want := range map[string][]string{
		"curl https://a.example/x -m 20":                 {"no-timeout"},
		"curl https://a.example/x -m 2":                  nil,
		"curl http://a.example/x -u a:b":                 {"secret-over-http"},
		"curl http://a.example/x":                        nil,
		"curl http://a.example/x -u a:b -m 20":           {"secret-over-http", "no-timeout"},
		"curl https://a.example/x -u sk_test_1:":         nil,
		"curl https://a.example/x --retry 3 -m 0.1":      {"retry-beyond-deadline"},
		"curl https://a.example/x -H 'X-Key: a' -m 4.99": nil,
	} {
		d, out := printed(t, command)
		var rules []string
		for _, i := range d.Ignored {
			rules = append(rules, i.Rule)
			if !strings.Contains(out, "\n# check:ignore "+i.Rule+" - as the command says\n") || !strings.Contains(out, "`check` is told that it says so.") {
				t.Errorf("%s: %s is not told in\n%s", command, i.Rule, out)
			}
		}
		slices.Sort(rules)
		slices.Sort(want)
		if !slices.Equal(rules, want) {
			t.Errorf("%s: %q is ignored, want %q", command, rules, want)
		}
		spec := policy.Spec{Policies: []policy.PolicySpec{d.Policy}}
		for _, f := range lint.Check(lint.Subject{Spec: &spec}).Findings {
			if f.Severity == lint.Warning && !slices.Contains(d.Ignored, draft.Ignored{Rule: f.Rule, Why: "as the command says"}) {
				t.Errorf("%s: check finds %s, of\n%s", command, f.Rule, out)
			}
		}
	}
}
