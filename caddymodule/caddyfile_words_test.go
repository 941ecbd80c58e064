package caddymodule

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
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

// blockOfWords is a table of the grammar.
type blockOfWords struct {
	forms map[string]form

	// around is a Caddyfile in which lines of the block are to stand.
	around string

	// required are lines without which the block is not whole, by their words.
	required map[string]string
}

// blocks are all tables of the grammar.
var blocks = map[string]blockOfWords{
	"global":    {forms: forms(globalWords), around: "signpost {\n%s\n}"},
	"plan":      {forms: forms(planWords), around: "signpost {\nplan gold {\n%s\n}\n}"},
	"trace":     {forms: forms(traceWords), around: "signpost {\ntrace {\n%s\n}\n}"},
	"alerts":    {forms: forms(alertsWords), around: "signpost {\nalerts {\n%s\n}\n}"},
	"state":     {forms: forms(stateWords), around: "signpost {\nstate redis redis://localhost {\n%s\n}\n}"},
	"smtp":      {forms: forms(smtpWords), around: "signpost {\nalerts {\nsmtp mail.example:25 {\n%s\n}\n}\n}"},
	"policy":    {forms: forms(policyWords), around: inPolicy("%s")},
	"operation": {forms: forms(operationWords), around: inPolicy("operation ping GET /ping {\n%s\n}")},
	"retry":     {forms: forms(retryWords), around: inPolicy("retry 1 {\n%s\n}")},
	"breaker":   {forms: forms(breakerWords), around: inPolicy("breaker {\n%s\n}")},
	"fallback":  {forms: forms(fallbackWords), around: inPolicy("fallback {\n%s\n}")},
	"jwt": {forms(jwtWords), inPolicy("inject jwt {\n%s\n}"), map[string]string{
		"key": "key {secret.key}", "alg": "alg ES256",
	}},
	"oauth2": {forms(oauth2Words), inPolicy("inject oauth2 {\n%s\n}"), map[string]string{
		"token_url": "token_url https://a.example/token", "client_id": "client_id bot", "client_secret": "client_secret {secret.store}",
	}},
}

// inPolicy puts lines into a policy.
func inPolicy(lines string) string {
	return "signpost {\npolicy store https://a.example {\n" + lines + "\n}\n}"
}

// with puts lines into the block, and behind them what the block lacks without
// them.
func (b blockOfWords) with(lines string) string {
	written := make(map[string]bool)
	for l := range strings.Lines(lines) {
		word, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		written[word] = true
	}
	for _, word := range slices.Sorted(maps.Keys(b.required)) {
		if !written[word] {
			lines += "\n" + b.required[word]
		}
	}
	return strings.Replace(b.around, "%s", lines, 1)
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

// read parses a Caddyfile without asking the engine what it means.
func read(input string) (*Config, error) {
	s := newScope()
	c := readGlobal(s, readSegment(caddyfile.NewTestDispenser(input), s))
	return c, s.err()
}

// said gives what is wrong with a block in which some lines stand.
func (b blockOfWords) said(lines string) string {
	_, err := read(b.with(lines))
	var mistakes policy.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return "not mistakes: " + err.Error()
	}
	return mistakes.Error()
}

// good gives a line that is as it should be.
func (c wordCase) good(name string) string {
	line := strings.TrimSpace(name + " " + c.args)
	if c.block != "" {
		line += " {\n" + c.block + "\n}"
	}
	return line
}

// shapes are the lines with a fault of shape that a form has, each with what
// must be said.
func (c wordCase) shapes(name string, f form) map[string]string {
	block := ""
	if c.block != "" {
		block = " {\n" + c.block + "\n}"
	}
	good := c.good(name)
	faults := make(map[string]string)
	if f.outside != "" {
		return map[string]string{name: name + " belongs to " + f.outside}
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
			good := c.good(name)
			if got := b.said(good); got != "" && f.outside == "" {
				t.Errorf("in block %s, %q: got %s, want no mistake", block, good, got)
			}
			wants := c.shapes(name, f)
			for args, want := range c.bad {
				wants[strings.TrimSpace(name+" "+args)] = want
			}
			for lines, want := range wants {
				if got := b.said(lines); !strings.Contains(got, want) {
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
			if f.outside == "" && !written[name] {
				t.Errorf("the grammar does not show %s of block %s", name, block)
			}
		}
	}
}
