//go:build e2e

package e2e

import (
	"regexp"
	"strings"
	"testing"
)

func TestAuthorsCommandsEndWithTheStatusOfTheContract(t *testing.T) {
	t.Parallel()
	third := openActor(t)
	a := sit(t, "AUTHOR_STORE_TOKEN="+storeToken)
	a.drafts(t, third.URL, handoff)
	a.write(t, "orders_test.yaml", branchTests)
	a.write(t, "call.json", `{"calls":[]}`)
	a.write(t, "unwise.caddyfile", "policy store https://store.example {\n\tinject bearer {secret.store_token}\n}\n")
	third.plays(answers(200, `{"order":{"status":"shipped"}}`))
	for _, try := range []struct {
		status    int
		arguments string
		says      string
	}{
		{0, "", "Available Commands:"},
		{0, "test --help", "caddy signpost test --watch"},
		{0, "import --help", "openapi"},
		{1, "chek", `Error: unknown command "chek"`},
		{1, "import wsdl x", `Error: unknown command "wsdl"`},
		{1, "check --jsn", "Error: unknown flag: --jsn"},
		{1, "check a b", "Error: "},
		{1, "check --config missing", "missing"},
		{1, "check missing", "missing"},
		{3, "check unwise.caddyfile", "[unplanned-failure]"},
		{0, "check", "nothing to say"},
		{0, "check --rules", "unreachable-hint"},
		{0, "test", "ok 4 tests"},
		{1, "test missing_test.yaml", "Error: "},
		{1, "test --coverage=101", "Error: --coverage=101"},
		{1, "test --coverage 90", "Error: 90 is a path here: expected --coverage=90"},
		{1, "test --run (", "Error: reading --run"},
		{1, "test --watch --json", "Error: --watch is for people"},
		{1, "test --junit nowhere/report.xml", "Error: "},
		{0, "call store.order_status --var order_number=1", "success, route shipped"},
		{1, "call", "Error: "},
		{1, "call shop", `Error: there is no policy "shop"`},
		{1, "call store.order_state", `order_status`},
		{1, "call store.order_status --var 1001", "order_number"},
		{1, "call store --path nowhere", "Error: "},
		{1, "call store.order_status --save orders.yaml", `Error: --save is "orders.yaml": expected a name that ends in _test.yaml`},
		{1, "explain", "Error: "},
		{1, "explain call.json", "Error: call.json: "},
		{1, "replay", "Error: "},
		{1, "replay missing.ndjson", "Error: reading recorded calls"},
		{1, "replay . ", "is a folder"},
		{1, "replay call.json --limits some", "Error: --limits"},
		{1, "import openapi missing.yaml", "Error: there is no file missing.yaml"},
		{1, "import openapi a b", "Error: "},
		{1, "import openapi call.json --tests x_test.yaml", "Error: --tests needs --output"},
		{1, "import openapi call.json --output Caddyfile", "Error: Caddyfile is there already"},
		{1, "import curl curl https://a.example", "Error: expected the whole command as one argument"},
		{1, "import postman call.json", "Error: "},
	} {
		before := a.files(t)
		a.runs(t, try.status, strings.Fields(try.arguments)...).tells(t, try.says)
		if after := a.files(t); after != before {
			t.Errorf("%s left %s, where there was %s", try.arguments, after, before)
		}
	}
}

func TestAuthorsShellCompletesCommandsFlagsAndOperations(t *testing.T) {
	t.Parallel()
	a := sit(t)
	a.drafts(t, "https://api.store.example", handoff)
	a.write(t, "completion.bash", a.execute(t, 0, nil, binary, "completion", "bash").out)
	a.execute(t, 0, nil, "bash", "--norc", "-euc", "set +u; . ./completion.bash; complete -p caddy").tells(t, "caddy")
	for line, wants := range map[string][]string{
		"signpost ":                 {"check", "test", "call", "explain", "replay", "import", "secret"},
		"signpost import ":          {"curl", "openapi", "postman"},
		"signpost call st":          {"store", "store.order_status"},
		"signpost test --cov":       {"--coverage"},
		"signpost replay --limits ": {"recorded", "on", "off"},
	} {
		words := strings.Split(line, " ")
		offered := a.execute(t, 0, nil, append([]string{binary, "__complete"}, words...)...).out
		for _, want := range wants {
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(want) + `(\t|$)`).MatchString(offered) {
				t.Errorf("behind %q the shell offers %q, want %s in it", line, offered, want)
			}
		}
	}
}

// escape is what begins each change of colour.
const escape = "\x1b["

// onTerminal runs `caddy signpost` on a terminal of its own.
func (a author) onTerminal(t *testing.T, status int, arguments string) said {
	t.Helper()
	return a.execute(t, status, strings.NewReader(""), "script", "-qec", binary+" signpost "+arguments, "/dev/null")
}

func TestAuthorSeesColoursAndProgressOnATerminalAlone(t *testing.T) {
	t.Parallel()
	third := openActor(t)
	a := sit(t, "AUTHOR_STORE_TOKEN="+storeToken, "TERM=xterm-256color", "NO_COLOR=")
	a.drafts(t, third.URL, handoff)
	a.write(t, "orders_test.yaml", strings.Replace(branchTests, "route: shipped", "route: sent", 1))
	third.plays(hangs)
	plain := a
	plain.env = append(plain.env[:len(plain.env):len(plain.env)], "NO_COLOR=1")
	for arguments, status := range map[string]int{
		"check unwise": 3, "test": 1, "test --coverage": 1, "call store.order_status --var order_number=1 --timeout 1s": 1,
	} {
		a.write(t, "unwise", "policy store https://store.example {\n\tinject bearer {secret.store_token}\n}\n")
		if shown := a.onTerminal(t, status, arguments); !strings.Contains(shown.out, escape) {
			t.Errorf("%s on a terminal has no colours:\n%q", arguments, shown.out)
		}
		for name, shown := range map[string]said{
			"with NO_COLOR": plain.onTerminal(t, status, arguments), "in a pipe": a.runs(t, status, strings.Fields(arguments)...),
		} {
			if colours := regexp.MustCompile(`\x1b\[[0-9;]*m`).FindAllString(shown.out+shown.errors, 3); colours != nil {
				t.Errorf("%s %s has the colours %q:\n%.2000q", arguments, name, colours, shown.out)
			}
		}
	}
	waiting := "calling store.order_status"
	const call = "call store.order_status --var order_number=1 --timeout 1s"
	a.onTerminal(t, 1, call).tells(t, waiting)
	a.runs(t, 1, strings.Fields(call)...).hides(t, waiting)
}
