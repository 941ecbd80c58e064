package draft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// store is a small draft.
func store() *Draft {
	d := &Draft{Policy: policy.PolicySpec{
		Name: "store", BaseURL: "https://api.store.example/v2",
		Operations: []policy.OperationSpec{{Name: "order_status", Method: "GET", Template: "/orders/{{order_number}}", Rules: policy.Rules{Hints: []policy.Hint{{Route: "not_found", When: "status == 404"}}}}, {Name: "list", Method: "GET", Template: "/orders"}},
	}}
	d.Policy.Inject = []policy.Inject{{As: "bearer", Value: d.AddSecret("store_token", "the token")}}
	d.Note("order_status", "A guess: 404 means that there is no such order.")
	d.Warn("the operation %s: it sends files", "upload")
	d.Warn("the operation %s: it sends files", "upload")
	return d
}

func TestAWholeCaddyfileHasAllThatAGatewayNeeds(t *testing.T) {
	const want = `{
	signpost {
		# Where secrets are looked up: each is a variable of the environment.
		secrets env SIGNPOST_SECRET_

		# Secrets to supply, and their variables with ` + "`secrets env SIGNPOST_SECRET_`" + `:
		# - {secret.store_token}, the token: SIGNPOST_SECRET_STORE_TOKEN
		# Warning: the operation upload: it sends files
		policy store https://api.store.example/v2 {
			inject bearer {secret.store_token}

			# A guess: 404 means that there is no such order.
			operation order_status GET "/orders/{{order_number}}" {
				hint not_found status == 404
			}

			operation list GET /orders
		}
	}
}

:8080 {
	bind 127.0.0.1
	signpost
}
`
	var out bytes.Buffer
	if err := store().Caddyfile(&out, true); err != nil || out.String() != want {
		t.Errorf("got %v and\n%s\nwant\n%s", err, out.String(), want)
	}
}

func TestWhatCannotBeWrittenIsAnErrorAndNothingIsWritten(t *testing.T) {
	for want, change := range map[string]func(*policy.PolicySpec){
		`"Store" is not a name`:             func(p *policy.PolicySpec) { p.Name = "Store" },
		"the configuration of a transport":  func(p *policy.PolicySpec) { p.Transport = json.RawMessage(`{}`) },
		"writing title: the text holds":     func(p *policy.PolicySpec) { p.Title = "a\x1b[31m" },
		"the text is not UTF-8":             func(p *policy.PolicySpec) { p.Title = "\xff" },
		"holds {$ at byte 2":                func(p *policy.PolicySpec) { p.Title = "a{$HOME}" },
		`holds \{ at byte 1`:                func(p *policy.PolicySpec) { p.Title = `\{` },
		"holds {args[ at byte 1":            func(p *policy.PolicySpec) { p.Title = "{args[0]}" },
		"holds {block} at byte 1":           func(p *policy.PolicySpec) { p.Title = "{block}" },
		"holds {blocks. at byte 1":          func(p *policy.PolicySpec) { p.Title = "{blocks.a}" },
		"101 braces that are not closed":    func(p *policy.PolicySpec) { p.Title = "}" + strings.Repeat("{", 101) },
		"no way to quote the text keeps it": func(p *policy.PolicySpec) { p.Title = "`\\\"\r\n" },
		"cannot begin a line": func(p *policy.PolicySpec) {
			p.Operations[0].Method = "POST"
			p.Operations[0].Body = &policy.BodySpec{As: "form", Form: []policy.Field{{Name: "import", Value: "x"}}}
		},
	} {
		d := store()
		change(&d.Policy)
		var out bytes.Buffer
		if err := d.Caddyfile(&out, false); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("got %v and %d bytes, want an error that says %q and nothing else", err, out.Len(), want)
		}
	}
}

func TestACommentStaysOnItsLinesWhateverIsInIt(t *testing.T) {
	for _, text := range []string{
		"one\ntwo\r\nthree\u2028four\u0085five", "{$HOME} { $ {$", "a\x00b\x1b[31mc\x7f\u202e", strings.Repeat("word ", 1000), strings.Repeat("x", 5000),
		"# check:ignore plain-secret", "}\npolicy evil http://evil.example", "<<END\nEND", "\xff\xfe", "   ", "",
	} {
		p := page{depth: 1}
		p.comment(text)
		for line := range strings.Lines(p.b.String()) {
			if !strings.HasPrefix(line, "\t# ") || strings.Contains(line, "{$") || strings.Contains(line, "check:ignore") || strings.TrimRight(line, " \n")+"\n" != line ||
				strings.ContainsFunc(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "\t"), func(r rune) bool { return !unicode.IsGraphic(r) }) {
				t.Errorf("%.50q gives the line %q", text, line)
			}
		}
		if p.b.Len() > 4*maxComment+100 {
			t.Errorf("%.50q gives %d bytes", text, p.b.Len())
		}
	}
}

func TestTheTestsNameTheConfigurationAndThePolicy(t *testing.T) {
	d := store()
	route := "not_found"
	d.Tests = []policytest.Test{{Name: "no such order", Operation: "order_status", Steps: []policytest.Step{{
		Given: []policytest.Given{{Status: 404}}, Expect: policytest.Expect{Route: &route},
	}}}}
	var out bytes.Buffer
	if err := d.WriteTests(&out, "store.caddyfile"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"config: store.caddyfile\n", "policy: store\n", "no such order", "not_found"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", out.String(), want)
		}
	}
}

func TestASecretOfTheSameWordsIsTheSame(t *testing.T) {
	var d Draft
	for _, c := range []struct{ name, about, want string }{
		{"store_token", "the token", "{secret.store_token}"}, {"store_token", "the token", "{secret.store_token}"},
		{"store_token", "another", "{secret.store_token_2}"}, {"Über Key!", "a key", "{secret.ueber_key}"}, {"", "nameless", "{secret.secret}"},
	} {
		if got := d.AddSecret(c.name, c.about); got != c.want {
			t.Errorf("%q, %q: got %s, want %s", c.name, c.about, got, c.want)
		}
	}
	if len(d.Secrets) != 4 {
		t.Errorf("got %d secrets, want 4: %v", len(d.Secrets), d.Secrets)
	}
}

func BenchmarkCaddyfileOf5000Operations(b *testing.B) {
	d := &Draft{Policy: policy.PolicySpec{Name: "large", BaseURL: "https://api.store.example"}}
	for i := range 5000 {
		name := fmt.Sprintf("operation_%d", i)
		d.Policy.Operations = append(d.Policy.Operations, policy.OperationSpec{
			Name: name, Method: "GET", Template: fmt.Sprintf("/things_%d/{{id}}", i),
			Rules: policy.Rules{Hints: []policy.Hint{{Route: "not_found", When: "status == 404"}}},
		})
		d.Note(name, "What this does is described in a sentence of some length, as documents do.")
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Caddyfile(io.Discard, false); err != nil {
			b.Fatal(err)
		}
	}
}

func TestARuleIsSilencedRightAboveThePolicyAndNothingElseCanBeSaidThere(t *testing.T) {
	printed := func(i Ignored) (string, error) {
		d := store()
		d.Ignored = []Ignored{i}
		var out bytes.Buffer
		err := d.Caddyfile(&out, true)
		return out.String(), err
	}
	got, err := printed(Ignored{Rule: "no-timeout", Why: "as\nthe {$command} says"})
	if want := "\t\t# check:ignore no-timeout - as the { $command} says\n\t\tpolicy store "; err != nil || !strings.Contains(got, want) {
		t.Errorf("got %v, want %q in\n%s", err, want, got)
	}
	for _, rule := range []string{"", "a b", "a\nimport x", "-", "{$X}"} {
		if got, err := printed(Ignored{Rule: rule}); err == nil || got != "" {
			t.Errorf("the rule %q gave %q, want an error", rule, got)
		}
	}
}
