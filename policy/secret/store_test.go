package secret_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// fake is a provider with fixed secrets by "tenant/name", and errors where the value begins with "!".
type fake map[string]string

func (f fake) Lookup(tenant, name string) (secret.Secret, bool, error) {
	value, found := f[tenant+"/"+name]
	if strings.HasPrefix(value, "!") {
		return secret.Secret{}, false, errors.New(value[1:])
	}
	return secret.New(value), found, nil
}

func (f fake) HasAny(name string) (bool, error) {
	for key, value := range f {
		if strings.HasSuffix(key, "/"+name) {
			if strings.HasPrefix(value, "!") {
				return false, errors.New(value[1:])
			}
			return true, nil
		}
	}
	return false, nil
}

func (f fake) String() string { return "fake" }

func TestResolvePrefersTheTenantsSecretAndThenTheFirstProvider(t *testing.T) {
	store := secret.NewStore(
		fake{"/both": "shared 1", "/of_first": "shared 1", "/broken": "!no access", "acme/broken_for_acme": "!no access"},
		fake{"/both": "shared 2", "acme/both": "acme 2", "/of_second": "shared 2", "/broken": "reachable", "/broken_for_acme": "reachable"},
	)
	for _, c := range []struct {
		name, tenant string
		tenantOnly   bool
		want, says   string
	}{
		{"both", "", false, "shared 1", ""},
		{"both", "globex", false, "shared 1", ""},
		{"both", "acme", false, "acme 2", ""},
		{"both", "acme", true, "acme 2", ""},
		{"both", "globex", true, "", "{tenant_secret.both} for the tenant: secret not found"},
		{"both", "", true, "", "{tenant_secret.both} for the tenant: secret not found"},
		{"of_first", "acme", false, "shared 1", ""},
		{"of_first", "acme", true, "", "secret not found"},
		{"of_second", "acme", false, "shared 2", ""},
		{"absent", "acme", false, "", "{secret.absent}: secret not found"},
		{"broken", "", false, "", "looking up in fake: no access"},
		{"broken_for_acme", "acme", false, "", "looking up in fake: no access"},
		{"broken_for_acme", "globex", false, "reachable", ""},
	} {
		ref := secret.Ref{Name: c.name, TenantOnly: c.tenantOnly}
		got, err := store.Resolve(ref, c.tenant)
		if got.Expose() != c.want || (err == nil) != (c.says == "") {
			t.Errorf("Resolve(%v, %q) = %q, %v; want %q", ref, c.tenant, got.Expose(), err, c.want)
		}
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("Resolve(%v, %q) says %q, want %q in it", ref, c.tenant, err, c.says)
		}
		var notFound *secret.NotFoundError
		if isNotFound := strings.Contains(c.says, "not found"); errors.Is(err, secret.ErrNotFound) != isNotFound ||
			errors.As(err, &notFound) != isNotFound || isNotFound && notFound.Ref != ref {
			t.Errorf("Resolve(%v, %q) = %#v, want a NotFoundError of the reference: %v", ref, c.tenant, err, isNotFound)
		}
	}
	var none *secret.Store
	if _, err := none.Resolve(secret.Ref{Name: "x"}, "acme"); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("Resolve of a nil Store = %v, want ErrNotFound", err)
	}
}

func TestCheckWantsTheSecretForAnyone(t *testing.T) {
	store := secret.NewStore(fake{"acme/of_acme": "x", "/half_broken": "!no access"}, fake{"/shared": "x", "/half_broken": "x", "/broken": "!no access"})
	for name, says := range map[string]string{
		"of_acme": "", "shared": "", "half_broken": "", "broken": "no access", "absent": "{secret.absent}: secret not found in fake, fake",
	} {
		err := store.Check(secret.Ref{Name: name})
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("Check(%q) = %v, want %q", name, err, says)
		}
	}
	if err := secret.NewStore().Check(secret.Ref{Name: "x"}); !errors.Is(err, secret.ErrNotFound) || !strings.Contains(err.Error(), "no place") {
		t.Errorf("Check without providers = %v, want ErrNotFound that says so", err)
	}
}
