package caddymodule

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/policy"
)

// forms forgets what a table is about.
func forms[T any](table words[T]) map[string]form {
	all := make(map[string]form, len(table))
	for name, w := range table {
		all[name] = w.form
	}
	return all
}

// blocks are all tables of the grammar, with a Caddyfile around a line of each.
var blocks = map[string]struct {
	forms  map[string]form
	around string
}{
	"global":    {forms(globalWords), "signpost {\n%s\n}"},
	"plan":      {forms(planWords), "signpost {\nplan gold {\n%s\n}\n}"},
	"trace":     {forms(traceWords), "signpost {\ntrace {\n%s\n}\n}"},
	"policy":    {forms(policyWords), "signpost {\npolicy store https://a.example {\n%s\n}\n}"},
	"operation": {forms(operationWords), "signpost {\npolicy store https://a.example {\noperation ping GET /ping {\n%s\n}\n}\n}"},
	"retry":     {forms(retryWords), "signpost {\npolicy store https://a.example {\nretry 1 {\n%s\n}\n}\n}"},
	"breaker":   {forms(breakerWords), "signpost {\npolicy store https://a.example {\nbreaker {\n%s\n}\n}\n}"},
	"fallback":  {forms(fallbackWords), "signpost {\npolicy store https://a.example {\nfallback {\n%s\n}\n}\n}"},
}

// wordCase says what a word may and may not stand with. The faults of shape
// (arity, duplicate, block) are made from the form.
type wordCase struct {
	// args and block make a good line.
	args, block string

	// bad are arguments that fit the shape, with a part of what is said.
	bad map[string]string
}

const (
	notDuration = "is not a duration: expected one such as"
	notCount    = "is not a count"
)

// cases has an entry for every word of every block. Policies and operations
// have those of "rules" in common.
var cases = map[string]wordCase{
	"global/tenant": {args: "header X-Bot", bad: map[string]string{
		"X-Bot":         "is not a placeholder",
		"header":        "wrong number of arguments",
		"query x":       "wrong number of arguments",
		"header X_Bot":  "Caddy drops headers",
		"header X.Bot":  "Caddy drops headers",
		`header "X Y"`:  "is not a header's name",
		"{env.TENANT}":  "is not of the call",
		"{file./etc/t}": "is not of the call",
		"a{header.X}":   "is not a placeholder",
	}},
	"global/tenant_required":    {},
	"global/known_tenants_only": {},
	"global/plan":               {args: "gold", block: "rate_limit 10/m"},
	"global/tenants_file":       {args: "tenants.yaml"},
	"global/secrets": {args: "env SIGNPOST_SECRET_", bad: map[string]string{
		"age a b": "secrets age is not available yet", "vault x": "expected env or dir",
		"env": "wrong number of arguments", "dir a b": "wrong number of arguments",
	}},
	"global/state": {args: "memory", bad: map[string]string{
		"redis redis://localhost":     "state redis is not available yet",
		"redis r {\nfail closed\n}":   "state redis is not available yet",
		"disk":                        "expected memory",
		"memory much":                 "takes nothing more",
		"memory {\nfail closed\n}":    "takes nothing more",
		"redis redis://a redis://b x": "state redis is not available yet",
	}},
	"global/trace":  {block: "keep failed"},
	"global/alerts": {},
	"global/max_timeout": {args: "30s", bad: map[string]string{
		"30": notDuration, "-1s": notDuration, "0s": "expected more than 0",
	}},
	"global/policy": {args: "shop https://shop.example", block: "peek 1KiB", bad: map[string]string{
		"shop https://{tenant.shop}.example": "{tenant.shop} is not available yet",
	}},

	"plan/rate_limit": {args: "10/m", bad: map[string]string{
		"10/m often": "expected shared", "off shared": "off takes nothing more",
	}},
	"plan/concurrency": {args: "5", bad: map[string]string{"x": notCount, "0": notCount, "5 each": "expected shared"}},
	"plan/timeout":     {args: "3s", bad: map[string]string{"fast": notDuration}},
	"plan/tenants":     {args: "acme globex"},

	"trace/endpoint": {args: "http://localhost:4318", bad: map[string]string{
		"localhost:4318": "expected a URL such as", "ftp://x": "expected one of the schemes", "http://": "expected a URL such as", "http://{tenant_secret.a}": "belongs to a tenant", "http://{x}": "{x}",
	}},
	"trace/sample": {args: "0.5%", bad: map[string]string{
		"5": "is not a percentage", "101%": "is not a percentage", "-1%": "is not a percentage", "NaN%": "is not a percentage",
	}},
	"trace/keep": {args: "failed slow 2s", bad: map[string]string{
		"slow": "is not expected here", "fast": "is not expected here", "failed failed": "is not expected here",
		"slow soon": notDuration,
	}},
	"trace/ui": {},

	"rules/title": {args: `"A store"`},
	"rules/rate_limit": {args: "10/m", bad: map[string]string{
		"10/m often": "expected shared", "off shared": "off takes nothing more",
	}},
	"rules/timeout": {args: "3s", bad: map[string]string{"3": notDuration, "0s": "expected more than 0"}},
	"rules/retry":   {args: "2", block: "backoff 10ms 1s", bad: map[string]string{"x": notCount, "-1": notCount}},
	"rules/strip":   {args: "header Cookie Referer", bad: map[string]string{"query a": "expected header"}},
	"rules/breaker": {args: "50% of 20 in 30s", block: "open 5s", bad: map[string]string{
		"": "says nothing", "off {\nopen 1s\n}": "takes no block",
	}},
	"rules/fallback": {args: "status >= 500", block: "route later", bad: map[string]string{
		"outcome==\"a b\" {\nroute later\n}": "use backticks",
	}},
	"rules/next":    {args: "stop", bad: map[string]string{"maybe": "expected continue or stop"}},
	"rules/success": {args: "status != 204", bad: map[string]string{`""`: "the expression is empty", "status=='a b'": "use backticks"}},
	"rules/extract": {args: `state $.state default "new"`, bad: map[string]string{
		"a $.a default":                    "is not expected here",
		"a $.a optional":                   "is not expected here",
		"a $.a required required":          "is not expected here",
		"a $.a default 1 default 2":        "is not expected here",
		"a $.a default text":               `write "text" for text`,
		"a $.a default `{\"a\":`":          "is not JSON",
		"a $.list[?@.price > 1]":           "quotes around a path",
		"a $.a default {\"a\":{{\"b\":1}}": "caddy fmt tears it apart",
	}},
	"rules/hint":      {args: "open status == 200", bad: map[string]string{"open status=='a b'": "use backticks", "a \"\"": "the expression is empty"}},
	"rules/otherwise": {args: "elsewhere"},
	"rules/reply": {args: "headers", bad: map[string]string{
		"envelope": "reply envelope is not available yet", "envelope 4KiB": "reply envelope is not available yet",
		"body": "expected reply headers", "headers 4KiB": "expected reply headers",
	}},
	"rules/peek":   {args: "64KiB", bad: map[string]string{"much": "is not a size", "0": "expected more than 0"}},
	"rules/record": {},
	"rules/drift":  {},
	"rules/alert":  {},

	"policy/methods":         {args: "GET post", bad: map[string]string{"GET get": "GET stands twice"}},
	"policy/concurrency":     {args: "5 shared", bad: map[string]string{"x": notCount, "5 each": "expected shared"}},
	"policy/operations_only": {},
	"policy/inject": {args: "header X-Key {secret.key}", bad: map[string]string{
		"jwt":            "inject jwt is not available yet",
		"oauth2 {\na\n}": "inject oauth2 is not available yet",
		"bearer":         "with that many arguments: expected inject",
		"bearer a b":     "with that many arguments: expected inject",
		"basic a":        "with that many arguments: expected inject",
		"cookie a b":     "with that many arguments: expected inject",
		"bearer a {\n}":  "takes no block",
	}},
	"policy/propagate":     {args: "trace", bad: map[string]string{"baggage": "expected trace"}},
	"policy/allow_private": {},
	"policy/transport":     {block: "dial_timeout 1s"},
	"policy/operation": {args: `look GET "/look/{{id}}"`, block: "peek 1KiB", bad: map[string]string{
		"look GET /look/{{id}}":                       "caddy fmt tears it apart",
		"look GET /look/ {\n{id}} {\npeek 1KiB\n}\n}": "caddy fmt tears it apart",
	}},

	"operation/input": {}, "operation/query": {}, "operation/header": {}, "operation/json": {},
	"operation/form": {}, "operation/text": {}, "operation/methods": {}, "operation/concurrency": {},
	"operation/operations_only": {}, "operation/inject": {}, "operation/propagate": {},
	"operation/allow_private": {}, "operation/transport": {}, "operation/operation": {},

	"retry/on":      {args: "status == 503", bad: map[string]string{"status=='a b'": "use backticks"}},
	"retry/methods": {args: "GET put", bad: map[string]string{"put PUT": "PUT stands twice"}},
	"retry/backoff": {args: "10ms 1s", bad: map[string]string{"a 1s": notDuration, "1ms b": notDuration, "0s 1s": "expected more than 0"}},

	"breaker/open":   {args: "5s", bad: map[string]string{"x": notDuration}},
	"breaker/probes": {args: "2", bad: map[string]string{"x": notCount, "0": notCount}},
	"breaker/slow":   {args: "1s", bad: map[string]string{"x": notDuration}},

	"fallback/stale": {args: "10m", bad: map[string]string{"x": notDuration}},
	"fallback/respond": {args: "200 text/plain hello", bad: map[string]string{
		"ok": notCount, "200 {{vars.a}}": "caddy fmt tears it apart", "200 {\n{vars.a}}\n}": "caddy fmt tears it apart",
	}},
	"fallback/route": {args: "later"},
	"fallback/next":  {args: "continue", bad: map[string]string{"go": "expected continue or stop"}},
}

// caseOf finds the case of a word, and the key of it.
func caseOf(block, name string) (wordCase, string, bool) {
	for _, key := range []string{block + "/" + name, "rules/" + name} {
		if c, found := cases[key]; found && (key[:5] != "rules" || block == "policy" || block == "operation") {
			return c, key, true
		}
	}
	return wordCase{}, "", false
}

// said parses a block with some lines and gives what is wrong with it.
func said(around, lines string) string {
	_, err := parseGlobal(caddyfile.NewTestDispenser(fmt.Sprintf(around, lines)))
	var mistakes policy.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return "not mistakes: " + err.Error()
	}
	return mistakes.Error()
}

// shapes are the lines with a fault of shape that a form has, each with what
// must be said.
func (c wordCase) shapes(name string, f form) map[string]string {
	block := ""
	if c.block != "" {
		block = " {\n" + c.block + "\n}"
	}
	good := strings.TrimSpace(name+" "+c.args) + block
	faults := make(map[string]string)
	switch {
	case f.soon:
		return map[string]string{name: name + " is not available yet", name + " a b c": name + " is not available yet"}
	case f.outside != "":
		return map[string]string{name: name + " belongs to the " + f.outside}
	}
	if f.max != anyNumber {
		faults[name+strings.Repeat(" more", f.max+1)+block] = "wrong number of arguments: expected " + f.usage
	}
	if f.min > 0 {
		faults[name+block] = "wrong number of arguments: expected " + f.usage
	}
	if !f.many {
		faults[good+"\n"+good] = "stands a second time: the first is at Testfile:"
	}
	if f.block == noBlock {
		faults[good+" {\nmore\n}"] = "takes no block: expected " + f.usage
	}
	if f.block == mustBlock {
		faults[strings.TrimSuffix(good, block)] = "needs a block: expected " + f.usage
	}
	faults[name+"x"] = "did you mean " + name + "?"
	return faults
}

func TestEveryWordOfEveryBlockIsReadAndRefusedAsItsFormSays(t *testing.T) {
	used := make(map[string]bool)
	for block, b := range blocks {
		for name, f := range b.forms {
			c, key, found := caseOf(block, name)
			if !found {
				t.Errorf("the word %s of block %s has no case", name, block)
				continue
			}
			used[key] = true
			good := strings.TrimSpace(name + " " + c.args)
			if c.block != "" {
				good += " {\n" + c.block + "\n}"
			}
			if got := said(b.around, good); got != "" && !f.soon && f.outside == "" {
				t.Errorf("in block %s, %q: got %s, want no mistake", block, good, got)
			}
			wants := c.shapes(name, f)
			for args, want := range c.bad {
				wants[strings.TrimSpace(name+" "+args)] = want
			}
			for lines, want := range wants {
				if got := said(b.around, lines); !strings.Contains(got, want) {
					t.Errorf("in block %s, %q: got %q, want %q in it", block, lines, got, want)
				}
			}
		}
	}
	for key := range cases {
		if !used[key] {
			t.Errorf("the case %s is of no word", key)
		}
	}
}

func TestTheGrammarInTheDocCommentHasEveryWordThatMayBeWritten(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "caddyfile.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var grammar []string
	for _, d := range file.Decls {
		if f, is := d.(*ast.FuncDecl); is && f.Name.Name == "parseGlobal" {
			grammar = strings.Fields(f.Doc.Text())
		}
	}
	written := make(map[string]bool)
	for _, field := range grammar {
		written[field] = true
	}
	for block, b := range blocks {
		for name, f := range b.forms {
			if !f.soon && f.outside == "" && !written[name] {
				t.Errorf("the grammar does not show %s of block %s", name, block)
			}
		}
	}
}
