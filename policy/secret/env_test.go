package secret_test

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/secret"
)

func TestEnvFindsSharedAndTenantsSecrets(t *testing.T) {
	t.Setenv("SPTEST_STORE_TOKEN", "shared")
	t.Setenv("SPTEST_ACME__STORE_TOKEN", "acme's")
	t.Setenv("SPTEST_ACME__A__B", "never")
	t.Setenv("SPTEST_EMPTY", "")
	t.Setenv("SPTEST_A_B_C", "dotted")
	t.Setenv("SPTEST___ACME", "never")
	t.Setenv("SPTEST_", "never")
	env := secret.Env("SPTEST_")
	for _, c := range []struct{ tenant, name, want string }{
		{"", "store_token", "shared"},
		{"", "store.token", "shared"},
		{"", "store-token", "shared"},
		{"", "a.b-c", "dotted"},
		{"acme", "store_token", "acme's"},
		{"globex", "store_token", ""},
		{"Acme", "store_token", ""},
		{"ACME", "store_token", ""},
		{"acme ", "store_token", ""},
		{"acme_", "store_token", ""},
		{"ac-me", "store_token", ""},
		{"acme__store", "token", ""},
		{"äcme", "store_token", ""},
		{"", "", ""},
		{"", "empty", ""},
		{"", "acme__store_token", ""},
		{"", "acme.-store_token", ""},
		{"", "acme-.store_token", ""},
		{"", "acme_.store_token", ""},
		{"acme", "a.-b", ""},
		{"acme", "a__b", ""},
		{"", "STORE_TOKEN", ""},
		{strings.Repeat("a", 129), "store_token", ""},
	} {
		got, found, err := env.Lookup(c.tenant, c.name)
		if got.Expose() != c.want || found != (c.want != "") || err != nil {
			t.Errorf("Lookup(%q, %q) = %q, %v, %v; want %q", c.tenant, c.name, got.Expose(), found, err, c.want)
		}
	}
}

func TestEnvSeesAChangedVariableAtOnce(t *testing.T) {
	env := secret.Env("SPTEST_")
	for _, want := range []string{"one", "two", ""} {
		t.Setenv("SPTEST_TOKEN", want)
		if got, _, _ := env.Lookup("", "token"); got.Expose() != want {
			t.Errorf("Lookup = %q after the variable became %q", got.Expose(), want)
		}
	}
}

func TestEnvHasAnyAsksForEveryTenant(t *testing.T) {
	t.Setenv("SPTEST_SHARED", "x")
	t.Setenv("SPTEST_ACME__OF_TENANT", "x")
	t.Setenv("SPTEST_acme__LOWER", "x")
	t.Setenv("SPTEST_A_B__UNDERSCORE", "x")
	t.Setenv("SPTEST___NOBODY", "x")
	t.Setenv("SPTEST_ACME__EMPTY", "")
	t.Setenv("OTHER_ACME__PREFIX", "x")
	env := secret.Env("SPTEST_")
	for name, want := range map[string]bool{
		"shared": true, "of_tenant": true, "of.tenant": true, "tenant": false, "lower": false, "underscore": false,
		"nobody": false, "empty": false, "prefix": false, "absent": false, "acme__of_tenant": false,
	} {
		if got, err := env.HasAny(name); got != want || err != nil {
			t.Errorf("HasAny(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestProvidersAreCalledWhatTheConfigurationCallsThem(t *testing.T) {
	for want, p := range map[string]secret.Provider{"env SPTEST_": secret.Env("SPTEST_"), "dir /run/secrets": secret.Dir("/run/secrets")} {
		if got := p.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}
