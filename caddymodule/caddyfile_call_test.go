package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/policy"
)

// asJSON writes a configuration as Caddy keeps it.
func asJSON(t *testing.T, c *Config) string {
	t.Helper()
	written, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(written)
}

// operationWith gives the operation in which lines stand.
func operationWith(t *testing.T, lines string) policy.OperationSpec {
	t.Helper()
	c, err := read(blocks["operation"].with(lines))
	if err != nil {
		t.Fatalf("%s: %v", lines, err)
	}
	return c.Policies[0].Operations[0]
}

// eachGoodLine calls check with every word that may be written, in its block.
func eachGoodLine(check func(name, input string)) {
	for block, b := range blocks {
		for name, f := range b.forms {
			if c, _, found := caseOf(block, name); found && f.outside == "" {
				check(block+"/"+name, b.with(c.good(name)))
			}
		}
	}
}

func TestEachWordGoesThroughJSONAndBack(t *testing.T) {
	eachGoodLine(func(name, input string) {
		c, err := read(input)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		want := asJSON(t, c)
		var again Config
		strict := json.NewDecoder(strings.NewReader(want))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&again); err != nil {
			t.Errorf("%s: reading %s: %v", name, want, err)
			return
		}
		if got := asJSON(t, &again); got != want {
			t.Errorf("%s: got %s after %s", name, got, want)
		}
	})
}

func TestCaddyFmtLeavesTheMeaningOfEachWordAsItIs(t *testing.T) {
	eachGoodLine(func(name, input string) {
		before, err := read(input)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		formatted := caddyfile.Format([]byte(input))
		after, err := read(string(formatted))
		if err != nil {
			t.Errorf("%s: formatted to\n%s\nit says: %v", name, formatted, err)
			return
		}
		if got, want := asJSON(t, after), asJSON(t, before); got != want {
			t.Errorf("%s: formatted to\n%s\nit means %s, want %s", name, formatted, got, want)
		}
		if twice := caddyfile.Format(formatted); !bytes.Equal(twice, formatted) {
			t.Errorf("%s: formatted twice it is\n%s\nafter\n%s", name, twice, formatted)
		}
	})
}

func TestATemplateThatStandsBareIsRefusedBeforeAndAfterCaddyFmt(t *testing.T) {
	for _, lines := range []string{
		"query q {{x}}", "query q a{{x}}", "query {{x}} a", "header X-A {{x}}", "header X-A a{{x}}b",
		"json {{x}}", `json {"a":{{x}}}`, "text {{x}}", "text a-{{x}}",
		"input x default {{x}}", "input x matches {{x}}", "input x in a {{x}}",
		"form {\na {{x}}\n}", "form {\na b{{x}}\nc d\n}", "form {\n{{x}} a\n}", "form {\na{{x}} b\n}",
	} {
		input := blocks["operation"].with(lines)
		if _, err := read(input); err == nil || !strings.Contains(err.Error(), tornText) {
			t.Errorf("%s: got %v, want %q", lines, err, tornText)
		}
		formatted := string(caddyfile.Format([]byte(input)))
		if _, err := read(formatted); err == nil || !strings.Contains(err.Error(), tornText) {
			t.Errorf("%s: formatted to\n%s\ngot %v, want %q", lines, formatted, err, tornText)
		}
	}
}

func TestATemplateStandsInQuotesBackticksOrAHeredoc(t *testing.T) {
	const want = `{"a": {{x}}}`
	for how, written := range map[string]string{
		"double quotes": `"{\"a\": {{x}}}"`, "backticks": "`" + want + "`", "a heredoc": "<<END\n\t" + want + "\n\tEND",
	} {
		o := operationWith(t, "query q "+written+"\nheader X-A "+written+"\nform {\nf "+written+"\n}")
		for what, field := range map[string]policy.Field{"query": o.Query[0], "header": o.Header[0], "form": o.Body.Form[0]} {
			if field.Value != want {
				t.Errorf("%s in %s: got %q, want %q", what, how, field.Value, want)
			}
		}
		for _, as := range []string{"json", "text"} {
			if o := operationWith(t, as+" "+written); o.Body.As != as || o.Body.Template != want {
				t.Errorf("%s in %s: got %+v, want %q", as, how, o.Body, want)
			}
		}
	}
}

func TestWhatFollowsAnInputStandsInAnyOrderButForItsTypeAndItsValues(t *testing.T) {
	for lines, want := range map[string]string{
		"input x":                            `{"var":"x"}`,
		"input x json":                       `{"var":"x","type":"json"}`,
		"input x default 1":                  `{"var":"x","default":1}`,
		"input x default null":               `{"var":"x","default":null}`,
		`input x default "1"`:                `{"var":"x","default":"1"}`,
		"input x matches default default 1":  `{"var":"x","default":1,"matches":"default"}`,
		"input x bool default true in true":  `{"var":"x","type":"bool","default":true,"in":["true"]}`,
		"input x matches a default 1 in 1 b": `{"var":"x","default":1,"matches":"a","in":["1","b"]}`,
		`input x in string "default" in ""`:  `{"var":"x","in":["string","default","in",""]}`,
		`input x in "a," "[b" a,b`:           `{"var":"x","in":["a,","[b","a,b"]}`,
	} {
		got, err := json.Marshal(operationWith(t, lines).Inputs[0])
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s and error %v, want %s", lines, got, err, want)
		}
	}
}

func TestAnInputWithAMistakeIsStillAnInput(t *testing.T) {
	c, err := read(blocks["operation"].with("input x number default small"))
	if o := c.Policies[0].Operations[0]; err == nil || len(o.Inputs) != 1 || o.Inputs[0].Type != "number" {
		t.Errorf("got %+v and error %v, want an input of type number and a mistake", o.Inputs, err)
	}
}

func TestAClaimIsTextUnlessItIsJSON(t *testing.T) {
	for written, want := range map[string]string{
		"signpost":              `"signpost"`,
		"{secret.issuer}":       `"{secret.issuer}"`,
		"https://a.example/?b&": `"https://a.example/?b\u0026"`,
		"7":                     `7`,
		"-1.50e3":               `-1.50e3`,
		"007":                   `"007"`,
		"true":                  `true`,
		"True":                  `"True"`,
		"null":                  `null`,
		`"7"`:                   `"7"`,
		`"true"`:                `"true"`,
		`""`:                    `""`,
		`"{\"a\": 1}"`:          `"{\"a\": 1}"`,
		"`{\"a\": [1, null]}`":  `{"a":[1,null]}`,
		"`\"a b\"`":             `"a b"`,
		"<<E\n\t[1,\n\t2]\n\tE": `[1,2]`,
	} {
		c, err := read(blocks["jwt"].with("claim c " + written))
		if err != nil {
			t.Errorf("claim c %s: %v", written, err)
			continue
		}
		got := c.Policies[0].Inject[0].JWT.Claims
		if len(got) != 1 || got[0].Name != "c" || string(got[0].Value) != want {
			t.Errorf("claim c %s: got %s, want %s", written, got[0].Value, want)
		}
	}
}

func TestAMistakeInACredentialDoesNotRepeatIt(t *testing.T) {
	const credential = "sk0live0MIIEvQIBADANBgkqhkiG"
	for block, templates := range map[string][]string{
		"policy": {
			"inject $", "inject $ a", "inject bearer $ $", "inject header X-Key $ $", "inject bearer $ {\n}", "inject bearer $ {\n$\n}",
			"inject basic $", "inject bearer {{$", "inject header X-Key {{$}}", "inject jwt $ {\n}", "inject oauth2 $",
			"inject jwt $ {\n$\n}", "inject jwt {\n$ $\n}",
		},
		"jwt": {
			"$", "$ {\n$\n}", "key", "key $ $", "key {{$}}", "key $ {\n$\n}", "key {\n{$}}\n}", "key a\n$", "key a\nkey $",
			"claim $", "claim a `{\"b\": \"$\"`", "claim a <<E\n\t$\n\tE", "claim a $ $", "claim a {{$}}",
			"as $", "as header $ $", "as bearer $", "alg $ $", "kid $ $", "kid {{$}}",
		},
		"oauth2": {
			"$", "client_secret $ $", "client_secret {{$}}", "client_secret $ {\n}", "client_secret a\nclient_secret $", "client_id $ $",
			"param $", "param a $ $", "param a {{$}}", "token_url $ $", "scopes {{$}}", "$client_secret a",
		},
	} {
		for _, template := range templates {
			lines := strings.ReplaceAll(template, "$", credential)
			switch got := blocks[block].said(lines); {
			case got == "":
				t.Errorf("in block %s, %q: got no mistake", block, lines)
			case strings.Contains(got, credential[:8]):
				t.Errorf("in block %s, %q: the message repeats the credential: %s", block, lines, got)
			}
		}
	}
}

func TestEveryLineOfANamedCallAndOfACredentialKnowsWhereItStands(t *testing.T) {
	c, err := read(`signpost {
	policy store https://a.example {
		reply envelope
		inject jwt {
			key k
			claim a b
			claim c d
			alg HS256
		}
		inject oauth2 {
			token_url u
			client_id i
			client_secret s
			param a b
			param c d
		}
		operation ping POST /ping {
			input a
			input b default 1
			query q x
			header h x
			form {
				f x
				g y
			}
		}
		operation pong POST /pong {
			json 1
			reply headers
		}
	}
	secrets age a b
}`)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Policies[0]
	j, o, ping, pong := p.Inject[0].JWT, p.Inject[1].OAuth2, p.Operations[0], p.Operations[1]
	for _, place := range []struct {
		of   string
		got  policy.Place
		line int
	}{
		{"reply", p.Places["reply"], 3},
		{"inject jwt", p.Inject[0].Place, 4}, {"jwt", j.Places["jwt"], 4}, {"key", j.Places["key"], 5},
		{"the first claim", j.Claims[0].Place, 6}, {"claim", j.Places["claim"], 6}, {"the second claim", j.Claims[1].Place, 7},
		{"alg", j.Places["alg"], 8},
		{"inject oauth2", p.Inject[1].Place, 10}, {"oauth2", o.Places["oauth2"], 10}, {"token_url", o.Places["token_url"], 11},
		{"client_secret", o.Places["client_secret"], 13}, {"the first param", o.Params[0].Place, 14}, {"the second param", o.Params[1].Place, 15},
		{"the first input", ping.Inputs[0].Place, 18}, {"the second input", ping.Inputs[1].Place, 19},
		{"query", ping.Query[0].Place, 20}, {"header", ping.Header[0].Place, 21}, {"form", ping.Body.Place, 22},
		{"the first field", ping.Body.Form[0].Place, 23}, {"the second field", ping.Body.Form[1].Place, 24},
		{"json", pong.Body.Place, 28}, {"the operation's reply", pong.Places["reply"], 29}, {"secrets", c.Secrets[0].Place, 32},
	} {
		if want := (policy.Place{File: "Testfile", Line: place.line}); place.got != want {
			t.Errorf("%s stands at %v, want %v", place.of, place.got, want)
		}
	}
}

func TestCaddyLeavesVariablesOfTheTenantAndTemplatesAlone(t *testing.T) {
	t.Setenv("SIGNPOST_TEST_DOMAIN", "store.example")
	input := `(shop) {
	policy {args[0]} https://{tenant.shop}.{$SIGNPOST_TEST_DOMAIN} {
		inject oauth2 {
			token_url https://{tenant.shop}.id.example/{args[0]}
			client_id {secret.id}
			client_secret {secret.key}
		}
		operation find GET "/{{tenant}}/{{host}}" {
			query path "{{path}} {path} {tenant.shop}"
			json <<JSON
				{"method": {{method}}, "uri": "{{uri}}"}
				JSON
		}
	}
}
{
	signpost {
		import shop store
	}
}
`
	parsed, err := caddyfile.Parse("Caddyfile", []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	s := newScope()
	c := readGlobal(s, readSegment(caddyfile.NewDispenser(parsed[0].Segments[0]), s))
	if err := s.err(); err != nil {
		t.Fatal(err)
	}
	p := c.Policies[0]
	o := p.Operations[0]
	for _, text := range []struct{ got, want string }{
		{p.Name, "store"},
		{p.BaseURL, "https://{tenant.shop}.store.example"},
		{p.Inject[0].OAuth2.TokenURL, "https://{tenant.shop}.id.example/store"},
		{p.Inject[0].OAuth2.ClientID, "{secret.id}"},
		{o.Template, "/{{tenant}}/{{host}}"},
		{o.Query[0].Value, "{{path}} {path} {tenant.shop}"},
		{o.Body.Template, `{"method": {{method}}, "uri": "{{uri}}"}`},
	} {
		if text.got != text.want {
			t.Errorf("got %q, want %q", text.got, text.want)
		}
	}
}

func TestAllMistakesOfACredentialAreToldAtOnceAndAsData(t *testing.T) {
	_, err := read(blocks["oauth2"].with("token_url\nauth maybe\nclient_id a b"))
	var got policy.Mistakes
	if !errors.As(err, &got) || len(got) != 3 {
		t.Fatalf("got %v, want 3 mistakes", err)
	}
	for i, want := range []string{"token_url", "auth", "client_id"} {
		if got[i].Place.Line != 4+i || got[i].Name != "policy store: inject oauth2: "+want {
			t.Errorf("got %+v, want one of %s in line %d", got[i], want, 4+i)
		}
	}
}
