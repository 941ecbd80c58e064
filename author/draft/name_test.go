package draft

import (
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/secret"
)

func TestANameIsMadeOfAnyText(t *testing.T) {
	for text, want := range map[string]string{
		"getOrderById": "get_order_by_id", "X-Api-Key": "x_api_key", "Order Status": "order_status", "HTTPServer": "httpserver",
		"order2Status": "order2_status", "  a--b__c ": "a_b_c", "Bestellübersicht": "bestelluebersicht", "Café № 5": "cafe_5", "日本": "", "": "",
		"a\x00b\nc": "a_b_c", "{{x}}": "x", "ÉCOLE": "ecole", strings.Repeat("ab ", 100): strings.Repeat("ab_", 15) + "ab",
	} {
		if got := Word(text); got != strings.TrimSuffix(want[:min(len(want), maxName)], "_") {
			t.Errorf("Word(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	var n Names
	n.Take("status", "id_2")
	for _, c := range []struct{ text, otherwise, want string }{
		{"id", "x", "id"}, {"ID", "x", "id_3"}, {"id", "x", "id_4"}, {"status", "x", "status_2"}, {"", "call", "call"}, {"!", "call", "call_2"}, {"3d", "thing", "thing_3d"},
	} {
		if got := n.Of(c.text, c.otherwise); got != c.want {
			t.Errorf("Of(%q, %q) is %q, want %q", c.text, c.otherwise, got, c.want)
		}
	}
}

func TestAPolicyIsNamedAfterItsHostOrTitle(t *testing.T) {
	for host, want := range map[string]string{
		"api.store.example": "store", "api.store.example:8443": "store", "store.co.uk": "store", "www.api.store.com.br": "store", "x.com": "x", "co.com": "co",
		"acme.crm.example.": "crm", "127.0.0.1:9090": "api", "[::1]:80": "api", "localhost": "api", "": "api", "a.call.example": "call_api", "api.3d.example": "api", "münchen.example": "muenchen",
	} {
		if got := HostPolicyName(host); got != want {
			t.Errorf("HostPolicyName(%q) is %q, want %q", host, got, want)
		}
	}
	for title, want := range map[string]string{
		"The Store API 2.0": "store", "Swagger Petstore": "petstore", "Health": "health_api", "API": "api", "": "api", "A very long title of an API of many words": "a_very_long_title", "DVLA Vehicle Enquiry Service": "dvla_vehicle_enquiry",
	} {
		if got := PolicyName(title); got != want {
			t.Errorf("PolicyName(%q) is %q, want %q", title, got, want)
		}
	}
}

func TestManyBecomeOne(t *testing.T) {
	for many, want := range map[string]string{
		"orders": "order", "categories": "category", "addresses": "address", "boxes": "box", "branches": "branch", "status": "status", "address": "address", "analysis": "analysis", "gas": "gas", "": "",
	} {
		if got := Singular(many); got != want {
			t.Errorf("Singular(%q) is %q, want %q", many, got, want)
		}
	}
}

func TestASecretIsNamedAfterPolicyAndPlace(t *testing.T) {
	for _, c := range []struct{ policy, text, want, variable string }{
		{"store", "X-Api-Key", "store_api_key", "SIGNPOST_SECRET_STORE_API_KEY"},
		{"store", "X-Store-Token", "store_token", "SIGNPOST_SECRET_STORE_TOKEN"},
		{"my-store", "token", "my_store_token", "SIGNPOST_SECRET_MY_STORE_TOKEN"},
		{"store", "", "store_secret", "SIGNPOST_SECRET_STORE_SECRET"},
		{"", "a.b", "a_b", "SIGNPOST_SECRET_A_B"},
	} {
		got := SecretName(c.policy, c.text)
		if got != c.want || SecretVariable(got) != c.variable {
			t.Errorf("%q, %q: got %s in %s, want %s in %s", c.policy, c.text, got, SecretVariable(got), c.want, c.variable)
		}
	}
}

func TestNamesOfCredentialsAreToldFromOthers(t *testing.T) {
	for name, want := range map[string]bool{
		"Authorization": true, "X-Api-Key": true, "apikey": true, "access_token": true, "client_secret": true, "password": true, "Ocp-Apim-Subscription-Key": true, "X-Session-Id": true, "sig": true, "key": true,
		"authorId": false, "x-author-token": true, "author": false, "authors": false, "author_id": false, "Idempotency-Key": false, "sort_key": false, "page_token": false, "nextPageToken": false, "max_tokens": false, "code": false, "X-Shop": false, "order": false,
	} {
		if got := IsPrivate(name); got != want {
			t.Errorf("IsPrivate(%q) is %t, want %t", name, got, want)
		}
	}
	for value, want := range map[string]bool{
		"sk_live_abcdefghijklmnop1": true, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi": true, "ghp_0123456789abcdefABCDEF": true, "0123456789abcdef0123456789abcdef": true,
		"1001": false, "ORD-2026-11-20-000017": false, "1b4e28ba-2fa1-11d2-883f-0016d3cca427": false, "a text with more than 24 letters and 3 digits 123": false, "": false, "https://example.com/some/path": false,
	} {
		if got := LooksPrivate(value); got != want {
			t.Errorf("LooksPrivate(%q) is %t, want %t", value, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"getOrderById", "Über", "3d", "", "__", "a\xff", "İI", "ǅ"} {
		f.Add(s)
	}
	variable, policyName := regexp.MustCompile(`^[a-z][a-z0-9_]*$`), regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	f.Fuzz(func(t *testing.T, text string) {
		var n Names
		first, second := n.Of(text, "x"), n.Of(text, "x")
		if !variable.MatchString(first) || !variable.MatchString(second) || first == second || len(second) > maxName+8 {
			t.Errorf("%q gives %q and %q", text, first, second)
		}
		for _, name := range []string{PolicyName(text), HostPolicyName(text)} {
			if !policyName.MatchString(name) || name == "call" || name == "health" {
				t.Errorf("%q gives the policy %q", text, name)
			}
		}
		if err := secret.ParseName(SecretName("store", text)); err != nil {
			t.Errorf("%q gives a secret: %v", text, err)
		}
	})
}
