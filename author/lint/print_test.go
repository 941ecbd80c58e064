package lint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
)

// shown runs check over a file of policies and gives what it prints for people.
func shown(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	return printed(t, written(t, ".", "store.caddyfile", text))
}

func TestAFindingIsPrintedAsCompilersDo(t *testing.T) {
	got := shown(t, operation(`hint refused status >= 400`, `hint   not_found   status ==  404`))
	want := "store.caddyfile:8:22: warning: policy store: operation order: hint not_found: is never reached: " +
		"hint refused at store.caddyfile:7 holds whenever this one could [unreachable-hint]\n" +
		"    8 |         hint   not_found   status ==  404\n" +
		"      |                            ^~~~~~~~~~~~~~\n" +
		"        help: put it before the more general ones, or drop it\n" +
		"1 warning\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAMistakeIsPrintedWhereItStandsOnTheLine(t *testing.T) {
	for _, c := range []struct{ name, text, line, mark, says string }{
		{"bare", operation(`extract s $.s`, `hint a  vars.s == "b" and vars.t == 2`), `        hint a  vars.s == "b" and vars.t == 2`, `                                       ^`,
			`:8:34: error: policy store: operation order: hint a: unknown variable "t", extracted are: s`},
		{"in backticks", operation("hint a `status == 404 and {}`"), "        hint a `status == 404 and {}`", `                              ^`, ":7:25: error"},
		{"in quotes", operation(`hint a "outcome == \"timeout\" and foo"`), `        hint a "outcome == \"timeout\" and foo"`, `                                           ^`, ":7:38: error"},
		{"at the end", operation(`hint a status ==`), `        hint a status ==`, `                       ^`, ":7:18: error"},
		{"over several lines", operation("hint a `status == 404", "\tand foo`"), "            and foo`", `                ^`, ":8:8: error"},
		{"of a word", in(`timeuot 4s`), `    timeuot 4s`, `    ^~~~~~~`, ":6:2: error"},
		{"of a value", strings.Replace(in(), "4s", "4 s", 1), `    timeout 4 s`, `    ^~~~~~~`, ":2:2: error"},
	} {
		got := shown(t, c.text)
		lines := strings.Split(got, "\n")
		if len(lines) < 3 || !strings.HasSuffix(lines[1], " | "+c.line) || !strings.HasSuffix(lines[2], " | "+c.mark) || !strings.Contains(lines[0], c.says) {
			t.Errorf("%s: got\n%s\nwant the line and mark\n%s\n%s\nand %s", c.name, got, c.line, c.mark, c.says)
		}
	}
}

func TestAllMistakesArePrintedInTheOrderOfLinesAndNothingIsLinted(t *testing.T) {
	got := check(t, t.TempDir(), operation(`hint a true`, `hint b foo`, `timeout 2 s`))
	if brief(got) != "8:mistake 9:mistake" {
		t.Errorf("got %v, want the mistakes of lines 8 and 9", got)
	}
}

func TestAnExpressionThatIsNotOnTheLineIsShownBelow(t *testing.T) {
	t.Setenv("CONDITION", "foo == 1")
	got := shown(t, operation(`hint a {$CONDITION}`))
	if !strings.Contains(got, "hint a {$CONDITION}\n") || !strings.Contains(got, "        foo == 1\n        ^\n") {
		t.Errorf("got\n%s\nwant the line, and the expression with its caret below", got)
	}
}

func TestWhatMayBeACredentialIsNotShown(t *testing.T) {
	const hidden = "hush-hush-1234"
	for _, text := range []string{
		in(`inject bearer ` + hidden),
		in(`inject bearer "` + hidden + "\n" + hidden + `"`),
		in(`inject basic me ` + hidden),
		in(`inject header X-Api-Key ` + hidden + ` # was ` + hidden),
		in(`inject header X-Api-Key ` + hidden + ` ` + hidden),
		in(`inject oauth2 {`, "\ttoken_url https://login.example/token", "\tclient_id {secret.id}", "\tclient_secret "+hidden, `}`),
		in(`inject oauth2 {`, "\ttoken_url http://me:"+hidden+"@login.example/token", "\tclient_id {secret.id}", "\tclient_secret {secret.a}", `}`),
		in(`inject oauth2 {`, "\ttoken_url http://login.example/token", "\tclient_id {secret.id}", "\tclient_secret <<END", "\t\t"+hidden, "\t\tEND", `}`),
		in(`inject oauth2 {`, "\tclient_secret "+hidden, "\tkey "+hidden, "\t"+hidden, `}`),
		in(`inject jwt {`, "\tkey "+hidden, "\talg HS256", "\tclaim iss "+hidden+" 1", `}`),
		operation(`header X-Api-Key ` + hidden),
		strings.Replace(in(), "https://", "https://me:"+hidden+"@", 1),
		whole(`alerts {`, "\twebhook https://hooks.example/"+hidden+" 2", "\tsmtp a.example:25 {", "\t\tpassword "+hidden+" 2", "\t}", `}`),
		whole(`state redis redis://bot:` + hidden + `@redis`),
		whole(`state redis "redis://bot:a/`+hidden+`#" {`, `}`),
		whole(`state redis://bot:a/` + hidden + `@redis`),
		whole(`state redis redis://redis {`, "\tpassword "+hidden, "\tsentinel_password "+hidden+" 2", "\tuser "+hidden+" 2", "\t"+hidden, `}`),
	} {
		t.Chdir(t.TempDir())
		name := "store.caddyfile"
		if strings.HasPrefix(text, "{") {
			name = "Caddyfile"
		}
		path := written(t, ".", name, text)
		for _, got := range []string{printed(t, path), printed(t, "--json", path)} {
			if strings.Contains(got, hidden) {
				t.Errorf("check shows a credential of\n%s\nin\n%s", text, got)
			}
			if strings.HasPrefix(got, "nothing") {
				t.Errorf("nothing is found in\n%s", text)
			}
		}
	}
}

func TestControlCharactersOfAFileDoNotReachTheTerminal(t *testing.T) {
	text := "policy a https://a.example {\n\ttimeout 9s \x1b[2J\u202e\n}\n"
	report := lint.Check(lint.Subject{
		Mistakes: policy.Mistakes{{Place: policy.Place{File: "a\x1b[1m", Line: 2}, Name: "a\x07", Text: "b\x1b[3m"}},
		Read:     func(string) ([]byte, error) { return []byte(text), nil },
	})
	var out bytes.Buffer
	if err := report.Print(&out, terminal.Style{}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\u202e") {
		t.Errorf("got %q, want no control characters", out.String())
	}
}

func TestALongLineIsShownAroundThePlace(t *testing.T) {
	got := shown(t, operation(`hint a status == 1 `+strings.Repeat(" or status == 2", 40)+` and foo`))
	lines := strings.Split(got, "\n")
	caret := strings.Index(lines[2], "^")
	if len([]rune(lines[1])) > 180 || caret < 0 || !strings.HasPrefix(string([]rune(lines[1])[caret:]), "foo") {
		t.Errorf("got\n%s\nwant a part of the line with the caret under foo", got)
	}
}

func TestColoursStandWhereTheStyleHasThem(t *testing.T) {
	report := lint.Check(lint.Subject{Mistakes: policy.Mistakes{{Place: policy.Place{File: "Caddyfile", Line: 2}, Text: "bad"}}, Read: os.ReadFile})
	var out bytes.Buffer
	if err := report.Print(&out, terminal.Coloured()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\x1b[31merror:\x1b[0m") {
		t.Errorf("got %q, want the word error in red", out.String())
	}
}

func TestTheJSONSaysAllThereIsToSay(t *testing.T) {
	var report struct {
		Findings                []map[string]any
		Errors, Warnings, Notes int
	}
	out := printed(t, "--json", written(t, t.TempDir(), "store.caddyfile", operation(`timeout 9s`, `extract a $.a`)))
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) != 2 || report.Errors != 0 || report.Warnings != 1 || report.Notes != 1 {
		t.Fatalf("got %s, want a warning and a note", out)
	}
	f := report.Findings[0]
	for name, want := range map[string]string{
		"rule": "no-timeout", "severity": "warning", "line": "7", "column": "3", "name": "policy store: operation order: timeout",
	} {
		if got := fmt.Sprint(f[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if out := printed(t, "--json", written(t, t.TempDir(), "store.caddyfile", in())); out != `{"findings":[],"errors":0,"warnings":0,"notes":0}`+"\n" {
		t.Errorf("without a finding it is %s", out)
	}
}

func TestWhatTheHelpAndThePageShowIsWhatIsPrinted(t *testing.T) {
	cmd := &cobra.Command{}
	caddycmd.Commands()["signpost"].CobraFunc(cmd)
	checking, _, err := cmd.Find([]string{"check"})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	written(t, ".", "store.caddyfile", lint.Rules()[0].Bad)
	written(t, ".", "Caddyfile", whole(`policy desk https://desk.example {`, "\textract status $.order.status", "\t# Read it, then ask.", "\thint shipped vars.state == \"shipped\"", `}`))
	warned, mistaken := "$ caddy signpost check store.caddyfile\n"+printed(t, "store.caddyfile"), "$ caddy signpost check\n"+printed(t)
	if !strings.Contains(string(page), warned) {
		t.Errorf("docs/check.md does not show\n%s", warned)
	}
	for _, want := range []string{warned, mistaken} {
		if indented := "\t" + strings.ReplaceAll(strings.TrimSpace(want), "\n", "\n\t"); !strings.Contains(checking.Long, indented) {
			t.Errorf("the help does not show\n%s", want)
		}
	}
}
