package policy_test

import (
	"net/url"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// tunnelSpec has a policy for each way to write a base URL.
func tunnelSpec() policy.Spec {
	return policy.Spec{Policies: []policy.PolicySpec{
		{Name: "tls", BaseURL: "https://api.store.example/v2"},
		{Name: "tls443", BaseURL: "https://said.example:443"},
		{Name: "tls8443", BaseURL: "https://shop.example:8443"},
		{Name: "plain", BaseURL: "http://plain.example/v1"},
		{Name: "plain443", BaseURL: "http://odd.example:443"},
		{Name: "six", BaseURL: "http://[2001:db8::1]:8080"},
		{Name: "also", BaseURL: "http://api.store.example:8080/v3"},
	}}
}

func TestATunnelLeadsToThePortsOnWhichPlainHTTPFindsAPolicy(t *testing.T) {
	g := open(t, tunnelSpec(), says(200, "{}"))
	for authority, want := range map[string]string{ // The policy that it leads to; empty: none.
		"api.store.example:80": "tls", "API.store.EXAMPLE:80": "tls", "api.store.example:8080": "also",
		"shop.example:8443": "tls8443", "plain.example:80": "plain", "odd.example:443": "plain443", "[2001:db8::1]:8080": "six",
		"api.store.example:443": "", "api.store.example": "", "api.store.example:": "", "api.store.example:0080": "", "api.store.example:81": "",
		"said.example:443": "", "said.example:80": "tls443", "plain.example:443": "", "shop.example:80": "", "elsewhere.example:80": "",
		"2001:db8::1:8080": "", "": "", ":80": "", "x@plain.example:80": "", "plain.example:80:80": "", "plain.example/:80": "", "plain.example:http": "",
	} {
		if got := g.LeadsTo(authority, ""); got != (want != "") {
			t.Errorf("LeadsTo(%q, any) is %t, want %t", authority, got, want != "")
		}
		for _, p := range tunnelSpec().Policies {
			if got := g.LeadsTo(authority, p.Name); got != (want == p.Name) {
				t.Errorf("LeadsTo(%q, %q) is %t, want it for %q alone", authority, p.Name, got, want)
			}
		}
	}
}

func FuzzWhereATunnelLeadsAnAbsoluteURLDoes(f *testing.F) {
	for _, authority := range []string{"api.store.example:80", "said.example:443", "[2001:db8::1]:8080", "plain.example", "a:b:c", "[::1", "2001:db8::1:8080", "%61pi.store.example:80", "PLAIN.example:80", "plain.example:http"} {
		f.Add(authority)
	}
	spec := tunnelSpec()
	g := open(f, spec, says(200, "{}"))
	f.Fuzz(func(t *testing.T, authority string) {
		for _, p := range spec.Policies {
			if !g.LeadsTo(authority, p.Name) {
				continue
			}
			base, err := url.Parse(p.BaseURL)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse("http://" + authority + base.EscapedPath())
			if err != nil {
				t.Fatalf("a tunnel to %q leads to %s, but it is no URL: %v", authority, p.Name, err)
			}
			if name, _ := g.Locate(u); name != p.Name {
				t.Errorf("a tunnel to %q leads to %s, but %s to %q", authority, p.Name, u, name)
			}
		}
	})
}
