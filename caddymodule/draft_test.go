package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// hostile are pieces of texts that mean something to Caddy, to its formatter, or to
// the reader of the `signpost` block.
var hostile = []string{
	"a", "order status", "é", "\u202e", "\u00a0", "\"", "'", "`", "\\", "{", "}", "{{", "}}", "{}", "#", " # x", "\n", "\n\n", "\t", "\r\n", " ",
	"{$HOME}", "{$", "{env.HOME}", "{http.request.uri}", "{args[0]}", "{args[:]}", "{block}", "{blocks.x}", "\\{", "\\}", "<<END", "END", "\nEND\n", "<", "import", "import x",
	"default", "required", "off", "[", "]", ",", "operation x GET /", "}\n}\n", "{secret.x}", "\x00", "\x1b[31m", "\x7f", "\xff", "\ufeff", "$", "@", "%7B", "//",
}

// anyText joins some of them.
func anyText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString(hostile[r.IntN(len(hostile))])
	}
	return b.String()
}

// quotedJSON writes a text as JSON.
func quotedJSON(s string) json.RawMessage {
	raw, _ := json.Marshal(s) // A text can always be written.
	return raw
}

// goString writes a text as a string of an expression.
func goString(s string) string { return fmt.Sprintf("%q", s) }

// hostileSpec makes a policy with a text in each place that holds one.
func hostileSpec(text func() string) policy.PolicySpec {
	field := func() []policy.Field {
		return []policy.Field{{Name: "a" + text(), Value: text()}, {Name: "x", Value: "{{x}} " + text()}}
	}
	header := []policy.Field{{Name: "X-A", Value: text()}, {Name: "X-B", Value: "{{x}}" + text()}}
	rules := func() policy.Rules {
		return policy.Rules{
			Title:    text(),
			Extracts: []policy.Extract{{Var: "v", Path: "$[" + string(quotedJSON(text())) + "]", Default: quotedJSON(text())}, {Var: "w", Path: "$.a[*].b", Required: true}},
			Hints:    []policy.Hint{{Route: "a.b:c-d", When: "vars.v == " + goString(text())}, {Route: "lines", When: "status == 404 or\n\tvars.v == " + goString(text())}, {Route: "default", When: `vars.v in ["a b", ` + goString(text()) + "]"}, {Route: "plain", When: `vars.v == "a b" && exists("$.x") or status >= 404`}},
			Fallbacks: []policy.Fallback{
				{When: "status == 404 or\n vars.v == " + goString(text()), Route: "late"},
				{When: "vars.v == " + goString(text()), Respond: &policy.Respond{Status: 200, Type: "text/plain", Body: text()}},
				{Respond: &policy.Respond{Status: 503, Body: "x" + text()}, Route: "r", Next: "continue", Stale: policy.Duration(600e9)},
			},
			Success: "vars.w != " + goString(text()),
		}
	}
	return policy.PolicySpec{
		Name: "store", BaseURL: "https://api.store.example/v2", Rules: rules(),
		Inject: []policy.Inject{
			{As: "header", Name: "X-Key", Value: "{secret.key}"}, {As: "header", Name: "X-Fixed", Value: text()}, {As: "query", Name: "q" + text(), Value: "{secret.a} {tenant_secret.b}"},
			{As: "jwt", JWT: &policy.JWT{Key: "{secret.signing}", Algorithm: "HS256", KeyID: text(), Claims: []policy.Claim{{Name: "c" + text(), Value: quotedJSON(text())}, {Name: "n", Value: []byte(`{"a":[1,null]}`)}}, Header: "X-Token"}},
			{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: "https://login.example/token", ClientID: "id", ClientSecret: "{secret.c}", Scopes: []string{"a", "b:c"}, Params: []policy.Field{{Name: "audience", Value: text()}}}},
		},
		Operations: []policy.OperationSpec{
			{
				Name: "place", Method: "POST", Template: "/orders/{{id}}/%7B", Rules: rules(), Query: field(), Header: header,
				Inputs: []policy.InputSpec{{Var: "x", Type: "string", Default: quotedJSON(text()), Matches: "(?s).*|" + regexp.QuoteMeta(text())}, {Var: "y", Type: "string", In: []string{text(), "default", "a,"}}, {Var: "z", Type: "json", Default: []byte(`{"k":` + string(quotedJSON(text())) + `}`)}},
				Body:   &policy.BodySpec{As: "form", Form: field()},
			},
			{Name: "raw", Method: "PUT", Template: "/raw", Body: &policy.BodySpec{As: "text", Template: text()}},
			{Name: "object", Method: "PUT", Template: "/object", Body: &policy.BodySpec{As: "json", Template: `{"a": {{a}}, "b": ` + string(quotedJSON(text())) + `}`}},
		},
	}
}

// plainPaths undoes the escapes by which a path says the same in a Caddyfile.
func plainPaths(extracts []policy.Extract) []policy.Extract {
	extracts = slices.Clone(extracts)
	for i := range extracts {
		extracts[i].Path = strings.NewReplacer(`\u007b`, "{", `\u0060`, "`").Replace(extracts[i].Path)
	}
	return extracts
}

// unplaced gives a policy as plain data, in which JSON is compact.
func unplaced(t *testing.T, spec policy.PolicySpec) any {
	t.Helper()
	spec.Operations = slices.Clone(spec.Operations)
	for i := range spec.Operations {
		spec.Operations[i].Extracts = plainPaths(spec.Operations[i].Extracts)
	}
	spec.Extracts = plainPaths(spec.Extracts)
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

// readDraft reads a Caddyfile's policy.
func readDraft(t *testing.T, source string) (policy.PolicySpec, error) {
	t.Helper()
	blocks, err := caddyfile.Parse("Caddyfile", []byte(source))
	if err != nil {
		return policy.PolicySpec{}, err
	}
	config, mistakes := globalOf(blocks, false)
	if len(mistakes) > 0 || config == nil || len(config.Policies) != 1 {
		return policy.PolicySpec{}, fmt.Errorf("reading the policy: %w", mistakes)
	}
	return config.Policies[0], nil
}

// checkDraft prints a policy in both ways, reads it back, and formats it. It tells
// whether the policy could be printed.
func checkDraft(t *testing.T, d *draft.Draft) bool {
	t.Helper()
	for _, whole := range []bool{false, true} {
		var out bytes.Buffer
		if err := d.Caddyfile(&out, whole); err != nil {
			if out.Len() > 0 {
				t.Fatalf("writing failed, %v, after %d bytes", err, out.Len())
			}
			return false
		}
		source := out.String()
		if formatted := string(caddyfile.Format(out.Bytes())); formatted != source {
			t.Fatalf("caddy fmt makes\n%s\nof\n%s", formatted, source)
		}
		if !whole {
			file := filepath.Join(t.TempDir(), "store.caddyfile")
			if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			source = fmt.Sprintf("{\nsignpost {\nimport %s\n}\n}\n", file)
		}
		read, err := readDraft(t, source)
		if err != nil {
			t.Fatalf("reading back gave %v, of\n%s", err, out.String())
		}
		if got, want := unplaced(t, read), unplaced(t, d.Policy); !reflect.DeepEqual(got, want) {
			t.Fatalf("reading back gave\n%#v\nwant\n%#v\nof\n%s", got, want, out.String())
		}
	}
	return true
}

func TestADraftIsReadAsThePolicyThatItIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, uint64(rand.Int64())))
	const attempts = 300
	printed := 0
	for range attempts {
		texts := []string{anyText(r), "plain"} // One hostile text in all places, or in one of them.
		share := r.IntN(3)
		d := &draft.Draft{
			Policy: hostileSpec(func() string {
				if share == 0 || r.IntN(8*share) == 0 {
					return texts[0]
				}
				return texts[1]
			}),
			Notes: []string{texts[0]}, Warnings: []string{anyText(r)}, Secrets: []draft.Secret{{Name: "key", About: texts[0]}},
			Operations: map[string][]string{"place": {anyText(r), texts[0]}},
		}
		if checkDraft(t, d) {
			printed++
		}
	}
	t.Logf("%d of %d could be printed", printed, attempts)
	if printed < attempts/10 {
		t.Errorf("%d of %d policies could be printed: expected far more", printed, attempts)
	}
}

func FuzzDraft(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, "x"+s+"y")
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		n := 0
		checkDraft(t, &draft.Draft{
			Policy: hostileSpec(func() string {
				n++
				return []string{one, other, "plain"}[n%3]
			}),
			Notes: []string{one, other}, Secrets: []draft.Secret{{Name: "key", About: other}}, Operations: map[string][]string{"place": {one}},
		})
		checkDraft(t, &draft.Draft{Policy: policy.PolicySpec{Name: "store", BaseURL: "https://api.store.example", Rules: policy.Rules{Title: one}}, Warnings: []string{other}})
	})
}
