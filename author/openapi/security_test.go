package openapi_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/policy"
)

// agent is what every draft injects.
var agent = policy.Inject{As: "header", Name: "User-Agent", Value: "signpost"}

// secured is a document with security schemes, and requirements of its operations.
func secured(schemes, all string, each ...string) string {
	var paths []string
	for i, one := range each {
		security := ""
		if one != "" {
			security = `"security": ` + one + `,`
		}
		name := string(rune('a' + i))
		paths = append(paths, `"/`+name+`": {"get": {`+security+`"operationId": "`+name+`"}}`)
	}
	return `{"openapi": "3.1.0", "info": {"title": "Shop"}, "servers": [{"url": "https://shop.example/v1"}], "security": ` + all + `,
"components": {"securitySchemes": {` + schemes + `}}, "paths": {` + strings.Join(paths, ",") + `}}`
}

func TestSecuritySchemesBecomeCredentials(t *testing.T) {
	oauth2 := func(address string) policy.Inject {
		return policy.Inject{As: "oauth2", OAuth2: &policy.OAuth2{
			TokenURL: address, ClientID: "{secret.shop_client_id}", ClientSecret: "{secret.shop_client_secret}", Scopes: []string{"read"},
		}}
	}
	for _, c := range []struct {
		name, scheme string
		want         policy.Inject
	}{
		{"bearer", `{"type": "http", "scheme": "Bearer"}`, policy.Inject{As: "bearer", Value: "{secret.shop_token}"}},
		{"basic", `{"type": "http", "scheme": "basic"}`, policy.Inject{As: "basic", Name: "{secret.shop_user}", Value: "{secret.shop_password}"}},
		{"a key in a header", `{"type": "apiKey", "in": "header", "name": "X-Api-Key"}`, policy.Inject{As: "header", Name: "X-Api-Key", Value: "{secret.shop_api_key}"}},
		{"a key in the query", `{"type": "apiKey", "in": "query", "name": "key"}`, policy.Inject{As: "query", Name: "key", Value: "{secret.shop_key}"}},
		{"a cookie", `{"type": "apiKey", "in": "cookie", "name": "sid"}`, policy.Inject{As: "header", Name: "Cookie", Value: "sid={secret.shop_sid}"}},
		{"client credentials", `{"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://login.example/t", "scopes": {}}}}`, oauth2("https://login.example/t")},
		{"a token endpoint of its own", `{"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token"}}}`, oauth2("https://shop.example/token")},
		{"no token endpoint", `{"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "ftp://x"}}}`, policy.Inject{As: "bearer", Value: "{secret.shop_token}"}},
		{"tokens of people", `{"type": "oauth2", "flows": {"authorizationCode": {"tokenUrl": "https://login.example/t"}}}`, policy.Inject{As: "bearer", Value: "{secret.shop_token}"}},
		{"OpenID Connect", `{"type": "openIdConnect", "openIdConnectUrl": "https://login.example"}`, policy.Inject{As: "bearer", Value: "{secret.shop_token}"}},
	} {
		d := imported(t, secured(`"s": `+c.scheme, `[{"s": ["read"]}]`, ""), openapi.Options{})
		if want := []policy.Inject{agent, c.want}; !reflect.DeepEqual(d.Policy.Inject, want) {
			t.Errorf("%s: got %s, want %s", c.name, asJSON(d.Policy.Inject), asJSON(want))
		}
		for _, s := range d.Secrets {
			if s.About == "" || !strings.Contains(asJSON(d.Policy.Inject), "{secret."+s.Name+"}") {
				t.Errorf("%s: the secret %+v is not used, or nobody knows what it is", c.name, s)
			}
		}
	}
}

func TestWhatCannotBeInjectedIsLeftOut(t *testing.T) {
	for _, scheme := range []string{
		`{"type": "mutualTLS"}`, `{"type": "http", "scheme": "digest"}`, `{"type": "apiKey", "in": "header", "name": "Host"}`,
		`{"type": "apiKey", "in": "header", "name": "a b"}`, `{"type": "apiKey", "in": "cookie", "name": "a;b"}`, `{"type": "apiKey"}`, `{}`,
	} {
		d := imported(t, secured(`"odd": `+scheme, `[{"odd": []}]`, ""), openapi.Options{})
		if len(d.Policy.Inject) != 1 || !strings.Contains(strings.Join(d.Warnings, "\n"), `"odd"`) {
			t.Errorf("%s: got %s and the warnings %q, want nothing and one of them", scheme, asJSON(d.Policy.Inject), d.Warnings)
		}
	}
}

func TestThePolicyHasTheCredentialsThatMostOperationsTake(t *testing.T) {
	const schemes = `"key": {"type": "apiKey", "in": "header", "name": "X-Key"}, "app": {"type": "apiKey", "in": "query", "name": "app"},
"token": {"type": "http", "scheme": "bearer"}, "login": {"type": "oauth2", "flows": {"implicit": {}}}`
	for _, c := range []struct {
		name   string
		all    string
		each   []string
		want   []string // what is injected beside the agent
		warned []string // the operations that ask for others
	}{
		{"of all", `[{"token": []}]`, []string{"", "", ""}, []string{"bearer"}, nil},
		{"but one", `[{"token": []}]`, []string{"", "", `[{"key": []}]`}, []string{"bearer"}, []string{"/c"}},
		{"one that needs none", `[{"token": []}]`, []string{"", `[]`, `[{}]`}, []string{"bearer"}, nil},
		{"two together", `[{"key": [], "app": []}]`, []string{"", `[{"key": []}]`}, []string{"query", "header"}, nil},
		{"one of two", `[{"token": []}, {"key": []}]`, []string{"", "", `[{"key": []}]`}, []string{"header"}, nil},
		{"what needs nobody", `[{"login": []}, {"key": []}]`, []string{""}, []string{"header"}, nil},
		{"none", `[]`, []string{""}, nil, nil},
		{"an unknown one", `[{"gone": []}]`, []string{""}, nil, []string{"/a"}},
	} {
		d := imported(t, secured(schemes, c.all, c.each...), openapi.Options{})
		var got []string
		for _, in := range d.Policy.Inject[1:] {
			got = append(got, in.As)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		all := strings.Join(d.Warnings, "\n")
		if len(c.warned) == 0 && strings.Contains(all, "asks for others") {
			t.Errorf("%s: the warnings are %s, want none", c.name, all)
		}
		for _, path := range c.warned {
			if !strings.Contains(all, path) {
				t.Errorf("%s: the warnings are %q, want one of %s", c.name, all, path)
			}
		}
	}
}

func TestTheOnlySchemeIsTakenThoughNobodyAsksForIt(t *testing.T) {
	d := imported(t, secured(`"token": {"type": "http", "scheme": "bearer"}`, `[]`, ""), openapi.Options{})
	want := []draft.Secret{{Name: "shop_token", About: "the bearer token"}}
	if !reflect.DeepEqual(d.Secrets, want) || !strings.Contains(strings.Join(d.Notes, "\n"), "the only one") {
		t.Errorf("got the secrets %+v and the notes %q", d.Secrets, d.Notes)
	}
	d = imported(t, secured(``, `[]`, ""), openapi.Options{})
	if !strings.Contains(strings.Join(d.Notes, "\n"), "inject bearer {secret.shop_token}") {
		t.Errorf("without schemes the notes are %q, want a line to take over", d.Notes)
	}
}

func TestWhatIsInjectedIsNoInput(t *testing.T) {
	source := strings.Replace(secured(`"key": {"type": "apiKey", "in": "header", "name": "X-Key"}, "app": {"type": "apiKey", "in": "query", "name": "app"}`,
		`[{"key": [], "app": []}]`, ""), `"operationId": "a"`, `"operationId": "a", "parameters": [
{"name": "x-key", "in": "header", "required": true, "schema": {}}, {"name": "app", "in": "query", "required": true, "schema": {}},
{"name": "user-agent", "in": "header", "required": true, "schema": {}}]`, 1)
	if got := operation(t, imported(t, source, openapi.Options{}), "a"); len(got.Header)+len(got.Query) > 0 {
		t.Errorf("got %s, want no field that the policy injects", asJSON(got))
	}
}

func TestASchemesNameMayHoldAnyCharacter(t *testing.T) {
	const zero = `\u0000`
	for _, c := range []struct {
		schemes, needs string
		want           int
	}{
		{`"` + zero + `": {"type": "http", "scheme": "bearer"}`, `[{"` + zero + `": []}]`, 1},
		{`"a": {"type": "apiKey", "in": "header", "name": "X-A"}, "b` + zero + `": {"type": "apiKey", "in": "query", "name": "b"}`, `[{"a": [], "b` + zero + `": []}]`, 2},
		{`"a": {"type": "http", "scheme": "bearer"}, "": {"type": "apiKey", "in": "query", "name": "b"}`, `[{"a": [], "": []}]`, 2},
		{`"__origin__": {"type": "http", "scheme": "bearer"}`, `[{"__origin__": []}]`, 1},
	} {
		d := imported(t, secured(c.schemes, c.needs, ""), openapi.Options{})
		if got := len(d.Policy.Inject) - 1; got != c.want {
			t.Errorf("of the schemes %s there are %d credentials, want %d: %s", c.schemes, got, c.want, asJSON(d.Policy.Inject))
		}
	}
}

func TestAKeyInUserAgentTakesThePlaceOfTheGatewaysName(t *testing.T) {
	d := imported(t, secured(`"s": {"type": "apiKey", "in": "header", "name": "user-agent"}`, `[{"s": []}]`, ""), openapi.Options{})
	want := []policy.Inject{{As: "header", Name: "user-agent", Value: "{secret.shop_user_agent}"}}
	if !reflect.DeepEqual(d.Policy.Inject, want) {
		t.Errorf("got %s, want the key alone", asJSON(d.Policy.Inject))
	}
}
