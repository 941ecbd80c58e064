package lint_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/lint"
)

// example runs check over an example of a rule, in a folder that holds the tenants file
// of the rule.
func example(t *testing.T, r lint.Rule, text string) []finding {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(folder)
	if r.Tenants != "" {
		written(t, folder, "tenants.yaml", r.Tenants)
	}
	return check(t, folder, text)
}

func TestEachRuleFindsItsBadExampleAndNothingElse(t *testing.T) {
	for _, r := range lint.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			found := example(t, r, r.Bad)
			if len(found) != 1 || found[0].Rule != r.ID || found[0].Severity != string(r.Severity) {
				t.Fatalf("the bad example gives %+v, want one finding of severity %s\n%s", found, r.Severity, r.Bad)
			}
			if f := found[0]; f.Line == 0 || f.Column == 0 || f.Message == "" || f.Help == "" {
				t.Errorf("the finding %+v lacks a place, a message or help", f)
			}
			if found := example(t, r, r.Good); len(found) != 0 {
				t.Errorf("the good example gives %+v, want nothing\n%s", found, r.Good)
			}
		})
	}
}

func TestEachRuleIsSilencedWhereItStands(t *testing.T) {
	for _, r := range lint.Rules() {
		if r.ID == "useless-ignore" || r.Severity == lint.Error {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			found := example(t, r, r.Bad)
			if len(found) != 1 {
				t.Fatalf("the bad example gives %+v", found)
			}
			r.Bad = behind(r.Bad, found[0].Line, " # check:ignore "+r.ID+" - for now")
			if found := example(t, r, r.Bad); len(found) != 0 {
				t.Errorf("silenced, the bad example gives %+v, want nothing\n%s", found, r.Bad)
			}
		})
	}
}

// behind puts a text at the end of a line.
func behind(text string, line int, more string) string {
	lines := strings.Split(text, "\n")
	lines[line-1] += more
	return strings.Join(lines, "\n")
}

func TestRulesAreFewAndWholeAndEachHasAnIDOfItsOwn(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range lint.Rules() {
		if seen[r.ID] || r.ID == "" || strings.Trim(r.ID, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("the id %q is taken, or no id", r.ID)
		}
		seen[r.ID] = true
		if !strings.HasSuffix(r.Title, ".") || !strings.HasSuffix(r.Why, ".") || r.Bad == r.Good {
			t.Errorf("%s: the rule does not say all that it should", r.ID)
		}
	}
	if len(seen) > 24 {
		t.Errorf("there are %d rules, want at most 24", len(seen))
	}
}

// section writes the part of the page that is about a rule.
func section(r lint.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n**%s** Findings are %ss. %s\n\n", r.ID, r.Title, r.Severity, r.Why)
	if r.Tenants != "" {
		fmt.Fprintf(&b, "With this `tenants.yaml`:\n\n```yaml\n%s```\n\n", r.Tenants)
	}
	fmt.Fprintf(&b, "Not so:\n\n```caddyfile\n%s```\n\nBut so:\n\n```caddyfile\n%s```\n", r.Bad, r.Good)
	return b.String()
}

func TestThePageSaysWhatTheRulesSay(t *testing.T) {
	const page = "../../docs/check.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "\n## ")
	rest = "## " + rest
	var all []string
	for _, r := range lint.Rules() {
		all = append(all, section(r))
		if !strings.Contains(head, "["+r.ID+"](#"+r.ID+")") {
			t.Errorf("the contents of %s lack %s", page, r.ID)
		}
	}
	want := strings.Join(all, "\n")
	if rest == want {
		return
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(head+"\n"+want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, s := range all {
		if !strings.Contains(rest, s) {
			t.Errorf("%s does not say (UPDATE=1 writes it):\n%s", page, s)
		}
	}
	if !t.Failed() {
		t.Errorf("%s says more than the rules", page)
	}
}
