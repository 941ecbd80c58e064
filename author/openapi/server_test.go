package openapi_test

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
)

// at is a document with servers.
func at(servers string) string {
	return `{"openapi": "3.1.0", "info": {"title": "Shop"}, "servers": ` + servers + `, "paths": {"/a": {"get": {"operationId": "a"}}}}`
}

func TestTheBaseURLIsThatOfAServer(t *testing.T) {
	variable := `[{"url": "https://{region}.shop.example:{port}/v1/", "variables": {"region": {"default": "eu", "enum": ["eu", "us"]}, "port": {"default": "8443"}}}]`
	for _, c := range []struct {
		name, servers string
		o             openapi.Options
		want          string
	}{
		{"the only one", `[{"url": "https://shop.example/v1"}]`, openapi.Options{}, "https://shop.example/v1"},
		{"without its last slash", `[{"url": "https://shop.example/v1/"}]`, openapi.Options{}, "https://shop.example/v1"},
		{"the encrypted one", `[{"url": "http://localhost:3000"}, {"url": "https://shop.example"}]`, openapi.Options{}, "https://shop.example"},
		{"the first one", `[{"url": "http://a.example"}, {"url": "http://b.example"}]`, openapi.Options{}, "http://a.example"},
		{"without a scheme", `[{"url": "//shop.example/v1"}]`, openapi.Options{}, "https://shop.example/v1"},
		{"by number", `[{"url": "https://a.example"}, {"url": "https://b.example"}]`, openapi.Options{Server: "1"}, "https://b.example"},
		{"by address", `[{"url": "/v1"}]`, openapi.Options{Server: "https://b.example/v1"}, "https://b.example/v1"},
		{"by address where there is none", `[]`, openapi.Options{Server: "http://127.0.0.1:8000"}, "http://127.0.0.1:8000"},
		{"with defaults", variable, openapi.Options{}, "https://eu.shop.example:8443/v1"},
		{"with variables", variable, openapi.Options{Variables: map[string]string{"region": "us"}}, "https://us.shop.example:8443/v1"},
		{"with each tenant's own host", `[{"url": "https://{shop}.example", "variables": {"shop": {"default": "x"}}}]`,
			openapi.Options{Variables: map[string]string{"shop": "{tenant.shop}"}}, "https://{tenant.shop}.example"},
	} {
		if d := imported(t, at(c.servers), c.o); d.Policy.BaseURL != c.want {
			t.Errorf("%s: the base URL is %q, want %q", c.name, d.Policy.BaseURL, c.want)
		}
	}
}

func TestAServerThatIsNoAddressIsAMistakeWithTheRemedy(t *testing.T) {
	for _, c := range []struct {
		servers string
		o       openapi.Options
		says    string
	}{
		{`[]`, openapi.Options{}, "--server https://"},
		{`[{"url": "/api/v3"}]`, openapi.Options{}, "--server https://api.example.com/api/v3"},
		{`[{"url": "ftp://shop.example"}]`, openapi.Options{}, "--server https://"},
		{`[{"url": "https://ada:secret@shop.example"}]`, openapi.Options{}, "password"},
		{`[{"url": "https://shop.example?key=1"}]`, openapi.Options{}, "query"},
		{`[{"url": "https://shop.example"}]`, openapi.Options{Server: "1"}, "the document has 1"},
		{`[{"url": "https://shop.example"}]`, openapi.Options{Server: "shop"}, "no address"},
		{`[{"url": "https://{r}.example", "variables": {"r": {"default": "eu", "enum": ["eu", "us"]}}}]`, openapi.Options{Variables: map[string]string{"r": "mars"}}, `expected one of eu, us`},
		{`[{"url": "https://{r}.example/{v}", "variables": {"v": {"default": "1"}}}]`, openapi.Options{Variables: map[string]string{"region": "eu"}}, `"region": it has r, v`},
		{`[{"url": "https://shop.example"}]`, openapi.Options{Variables: map[string]string{"region": "eu"}}, `"region": it has none`},
		{`[{"url": "https://{$HOME}.example"}]`, openapi.Options{Variables: map[string]string{"$HOME": "{$HOME}"}}, "--server https://"},
	} {
		m := refused(t, at(c.servers), c.o)
		if !strings.Contains(m.Error(), c.says) || strings.Contains(m.Error(), "secret") {
			t.Errorf("%s %+v gives %q, want one that says %q", c.servers, c.o, m.Error(), c.says)
		}
	}
}

func TestChosenServersAndVariablesAreTold(t *testing.T) {
	for _, c := range []struct{ servers, says string }{
		{`[{"url": "https://a.example"}, {"url": "https://b.example"}]`, `2 servers: "https://a.example" was taken`},
		{`[{"url": "https://{r}.example", "variables": {"r": {"default": "eu"}}}]`, `--variable r=`},
		{`[{"url": "https://{r}.example"}]`, `has no default`},
	} {
		d := imported(t, at(c.servers), openapi.Options{})
		if all := strings.Join(d.Notes, "\n"); !strings.Contains(all, c.says) {
			t.Errorf("%s: the notes are\n%s\nwant one that says %q", c.servers, all, c.says)
		}
	}
}

func TestThePolicyIsNamedAfterTheDocument(t *testing.T) {
	for _, c := range []struct {
		title string
		o     openapi.Options
		want  string
	}{
		{"Corner Shop API", openapi.Options{}, "corner_shop"},
		{"All that there is to know about our shop", openapi.Options{}, "store"},
		{"", openapi.Options{}, "api"},
		{"Health", openapi.Options{}, "health_api"},
		{"Shop", openapi.Options{Name: "mine"}, "mine"},
	} {
		c.o.Server = "https://api.store.example"
		source := `{"openapi": "3.1.0", "info": {"title": "` + c.title + `"}, "paths": {"/a": {"get": {}}}}`
		if d := imported(t, source, c.o); d.Policy.Name != c.want {
			t.Errorf("the policy of %q is called %q, want %q", c.title, d.Policy.Name, c.want)
		}
	}
	if m := refused(t, at(`[{"url": "https://a.example"}]`), openapi.Options{Name: "No Name"}); !strings.Contains(m.Error(), "not a name") {
		t.Errorf("a name that is none gives %v", m)
	}
}

func TestAPrivateHostIsAllowed(t *testing.T) {
	for address, want := range map[string]bool{
		"http://localhost:3000": true, "http://shop:8080": true, "https://shop.internal": true, "http://printer.local": true, "http://a.localhost": true,
		"http://127.0.0.1:8000": false, "http://[::1]:8000": false, "https://shop.example": false, "https://localhost.example": false,
	} {
		d := imported(t, at(`[{"url": "`+address+`"}]`), openapi.Options{})
		said := strings.Contains(strings.Join(d.Notes, "\n"), "The host is of a private network, which `allow_private` lets calls reach.")
		if d.Policy.AllowPrivate != want || said != want {
			t.Errorf("%s: allow_private is %v and told of %v, want %v", address, d.Policy.AllowPrivate, said, want)
		}
	}
	d := imported(t, at(`[{"url": "https://{shop}"}]`), openapi.Options{Variables: map[string]string{"shop": "{tenant.host}"}})
	if d.Policy.AllowPrivate {
		t.Error("a host that each tenant has of its own is taken for a private one")
	}
}
