package lint_test

import (
	"strings"
	"testing"
)

func TestACommentSilencesALineOrABlock(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"at the end of the line", operation(`timeout 9s # check:ignore no-timeout`), ""},
		{"with a reason", operation(`timeout 9s # check:ignore no-timeout - that bot waits, unread-extract does not matter`), ""},
		{"two rules", operation(`hint a true # check:ignore always-true-hint, unreachable-hint`), "7:useless-ignore"},
		{"on the line above", operation(`title a`, `# check:ignore no-timeout`, `timeout 9s`), ""},
		{"on the lines above", operation(`title a`, `# check:ignore no-timeout`, ``, `# The bot waits.`, `timeout 9s`), ""},
		{"two comments above", operation(`title a`, `# check:ignore no-timeout`, `# check:ignore unread-extract`, `extract a $.a`, `timeout 9s # check:ignore no-timeout`), "8:useless-ignore"},
		{"on the line below", operation(`timeout 9s`, `# check:ignore no-timeout`, `hint a ok`), "7:no-timeout 8:useless-ignore"},
		{"on the line that opens the block", in(`operation a GET /a { # check:ignore no-timeout`, "\ttimeout 9s", `}`, `operation b GET /b {`, "\ttimeout 9s", `}`), "10:no-timeout"},
		{"above the block", in(`# check:ignore no-timeout`, `operation a GET /a {`, "\ttimeout 9s", `}`), ""},
		{"first in the block", in(`operation a GET /a {`, "\t# The bot waits.", "\t# check:ignore no-timeout unread-extract", "\textract a $.a", "\ttimeout 9s", `}`), ""},
		{"first in the block, for its own line", "policy a http://a.example {\n\t# check:ignore secret-over-http - ours\n\ttimeout 4s\n\tinject bearer {secret.a}\n\totherwise a\n}\n", ""},
		{"first in another block", in(`operation a GET /a {`, "\t# check:ignore no-timeout", "\ttitle a", `}`, `operation b GET /b {`, "\ttimeout 9s", `}`), "7:useless-ignore 11:no-timeout"},
		{"last in a block", operation(`timeout 9s`, `# check:ignore no-timeout`), "7:no-timeout 8:useless-ignore"},
		{"above the policy", strings.Replace(whole(`# check:ignore no-timeout`), "4s", "9s", 1), ""},
		{"another rule", operation(`timeout 9s # check:ignore unread-extract`), "7:no-timeout 7:useless-ignore"},
		{"an unknown rule", operation(`timeout 9s # check:ignore no-time`), "7:no-timeout 7:useless-ignore"},
		{"no rule", operation(`timeout 9s # check:ignore - later`), "7:no-timeout 7:useless-ignore"},
		{"the rule about comments", operation(`timeout 9s # check:ignore useless-ignore`), "7:no-timeout 7:useless-ignore"},
		{"an error", operation(`timeout 2s # check:ignore unknown-plan`), "7:useless-ignore"},
		{"another word", operation(`timeout 9s # check:ignored no-timeout`), "7:no-timeout"},
		{"no comment", operation(`title "# check:ignore no-timeout"`, `timeout 9s`), "8:no-timeout"},
		{"within a text", operation("json `{", "# check:ignore no-timeout", "}`", `timeout 9s`), "7:mistake"},
		{"within a body", operation("fallback status == 404 {", "\trespond 200 `", "# check:ignore no-timeout", "`", "}", `timeout 9s # check:ignore no-timeout`), ""},
		{"within a heredoc", operation("fallback status == 404 {", "\trespond 200 <<END", "# check:ignore no-timeout", "END", "}", `timeout 9s`), "12:no-timeout"},
		{"behind a heredoc", operation("fallback status == 404 {", "\trespond 200 <<END", "\t\t}", "\t\tEND", "}", `timeout 9s # check:ignore no-timeout`), ""},
	} {
		if got := brief(check(t, t.TempDir(), c.text)); got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.text)
		}
	}
}

func TestAnUnknownRuleInACommentIsToldWithWhatMayBeMeant(t *testing.T) {
	found := check(t, t.TempDir(), operation(`timeout 2s # check:ignore unread-extracts`))
	if len(found) != 1 || !strings.Contains(found[0].Message, "did you mean unread-extract?") {
		t.Errorf("got %+v, want a finding that names unread-extract", found)
	}
}

func TestATestThatExpectsAVariableReadsIt(t *testing.T) {
	folder := t.TempDir()
	text := operation(`extract eta $.eta`, `extract carrier $.carrier`, `hint a status == 404`)
	written(t, folder, "store_test.yaml", "config: store.caddyfile\npolicy: store\noperation: order\ntests:\n"+
		"  - name: a shipped order\n    given: {body: {eta: soon}}\n    expect: {vars: {eta: soon}}\n")
	written(t, folder, "other_test.yaml", "config: other.caddyfile\npolicy: store\noperation: order\ntests:\n"+
		"  - name: another file's\n    given: {body: {carrier: a}}\n    expect: {vars: {carrier: a}}\n")
	if got, want := brief(check(t, folder, text)), "8:unread-extract/note"; got != want {
		t.Errorf("got %q, want %q: a test expects eta, and one of another configuration carrier", got, want)
	}
}
