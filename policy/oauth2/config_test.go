package oauth2_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/oauth2"
)

func TestAConfigurationIsToldAllItsMistakes(t *testing.T) {
	for _, c := range []struct{ scopes, want []string }{
		{nil, nil},
		{[]string{"orders.read", "https://api.example/.default", "a:b!#[]^~"}, nil},
		{[]string{"", "a b", "ok", `a"`, `a\`, "é", "a\x7f"}, []string{`scopes: "" is`, `scopes: "a b" is`, `scopes: "a\"" is`, `scopes: "a\\" is`, `scopes: "é" is`, `scopes: "a\x7f" is`}},
		{[]string{"a", "b", "a"}, []string{`scopes: "a" comes twice`}},
	} {
		compareLines(t, fmt.Sprintf("%q", c.scopes), oauth2.Config{Scopes: c.scopes}.Validate(), c.want)
	}
}

func TestNamesOfParametersAreToldAllTheirMistakes(t *testing.T) {
	for _, c := range []struct{ names, want []string }{
		{nil, nil},
		{[]string{"audience", "resource", "resource"}, nil},
		{[]string{"grant_type", "audience", "scope", "client_id", "client_secret", ""}, []string{
			`the parameter "grant_type" is set`, `the parameter "scope" is set`, `the parameter "client_id" is set`,
			`the parameter "client_secret" is set`, "a parameter without a name",
		}},
	} {
		compareLines(t, fmt.Sprintf("%q", c.names), oauth2.ValidateParams(c.names), c.want)
	}
}

func compareLines(t *testing.T, what string, err error, want []string) {
	t.Helper()
	var got []string
	if err != nil {
		got = strings.Split(err.Error(), "\n")
	}
	if len(got) != len(want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
		return
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s: got %q, want %q", what, got[i], want[i])
		}
	}
}

func TestOnlyEqualCredentialsShareAToken(t *testing.T) {
	all := []oauth2.Credentials{
		{}, {TokenURL: "ab"}, {ID: "ab"}, {Secret: "ab"}, {TokenURL: "a", ID: "b"}, {ID: "a", Secret: "b"}, {TokenURL: "a", Secret: "b"},
		{Params: url.Values{"a": {"b"}}}, {Params: url.Values{"b": {"a"}}}, {Params: url.Values{"ab": {""}}}, {Params: url.Values{"": {"ab"}}},
		{Params: url.Values{"a": {"b", "c"}}}, {Params: url.Values{"a": {"c", "b"}}}, {Params: url.Values{"a": {"b"}, "c": {}}},
		{Params: url.Values{"a": {}, "b": {"c"}}}, {Params: url.Values{"a": {"b"}, "c": {"d"}}}, {Params: url.Values{"a": {"b", "c", "d"}}},
	}
	for i, a := range all {
		for j, b := range all {
			if got := oauth2.Alike(a, b); got != (i == j) {
				t.Errorf("credentials %d and %d: alike is %v", i, j, got)
			}
		}
	}
	many := func() oauth2.Credentials {
		params := make(url.Values)
		for i := range 40 {
			params[fmt.Sprint("p", i)] = []string{"x"}
		}
		return oauth2.Credentials{Params: params}
	}
	if !oauth2.Alike(many(), many()) {
		t.Error("the order of a map matters")
	}
}
