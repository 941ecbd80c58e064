package secret_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/secret"
)

func mustParse(t testing.TB, s string) *secret.Template {
	t.Helper()
	template, err := secret.ParseTemplate(s)
	if err != nil {
		t.Fatalf("ParseTemplate(%q): %v", s, err)
	}
	return template
}

func TestATemplateIsExpandedWithTheTenantsSecrets(t *testing.T) {
	store := secret.NewStore(fake{"/token": "shared-token", "acme/token": "acme-token", "acme/key": "acme-key", "/tab": "a\tb"})
	for _, c := range []struct {
		text, tenant, want string
		parts              []string
	}{
		{"", "", "", nil},
		{"plain", "", "plain", nil},
		{"{secret.token}", "", "shared-token", []string{"shared-token"}},
		{"{secret.token}", "acme", "acme-token", []string{"acme-token"}},
		{"Bearer {secret.token}", "globex", "Bearer shared-token", []string{"shared-token"}},
		{"{tenant_secret.key}:{secret.token}!", "acme", "acme-key:acme-token!", []string{"acme-key", "acme-token"}},
		{"{secret.token}{secret.token}", "", "shared-tokenshared-token", []string{"shared-token", "shared-token"}},
		{"{secret.tab}", "", "a\tb", []string{"a\tb"}},
	} {
		value, parts, err := mustParse(t, c.text).Expand(store, c.tenant)
		var exposed []string
		for _, part := range parts {
			exposed = append(exposed, part.Expose())
		}
		if value.Expose() != c.want || !slices.Equal(exposed, c.parts) || err != nil {
			t.Errorf("Expand of %q for %q = %q, %q, %v; want %q, %q", c.text, c.tenant, value.Expose(), exposed, err, c.want, c.parts)
		}
	}
}

func TestAMissingSecretOrOneThatWouldBreakAHeaderIsAnErrorWithoutItsValue(t *testing.T) {
	store := secret.NewStore(fake{
		"/cr": "hidden\r", "/lf": "hidden\nX-Admin: 1", "/nul": "hid\x00den", "/del": "hidden\x7f", "/esc": "hidden\x1b", "/ok": "hidden",
	})
	for _, name := range []string{"cr", "lf", "nul", "del", "esc"} {
		value, parts, err := mustParse(t, "x {secret.ok} {secret."+name+"}").Expand(store, "acme")
		if !errors.Is(err, secret.ErrControlCharacter) || !value.IsZero() || parts != nil {
			t.Errorf("Expand with %q = %q, %d parts, %v; want ErrControlCharacter and nothing else", name, value.Expose(), len(parts), err)
			continue
		}
		if !strings.Contains(err.Error(), "{secret."+name+"}") || strings.Contains(err.Error(), "hid") {
			t.Errorf("the error says %q, want the secret's name and not its value", err)
		}
	}
	_, _, err := mustParse(t, "{secret.ok}{tenant_secret.ok}").Expand(store, "acme")
	var notFound *secret.NotFoundError
	if !errors.As(err, &notFound) || !notFound.Ref.TenantOnly {
		t.Errorf("Expand without the tenant's secret = %v, want a NotFoundError of it", err)
	}
}

func TestRefsNamesEachSecretOnce(t *testing.T) {
	got := mustParse(t, "{secret.b}{secret.a}{tenant_secret.b}{secret.b}").Refs()
	want := []secret.Ref{{Name: "b"}, {Name: "a"}, {Name: "b", TenantOnly: true}}
	if !slices.Equal(got, want) {
		t.Errorf("Refs() = %v, want %v", got, want)
	}
	if got := mustParse(t, "plain").Refs(); len(got) != 0 {
		t.Errorf("Refs() of a plain text = %v, want none", got)
	}
}

func TestWhatIsWrongWithATemplateIsSaid(t *testing.T) {
	for text, says := range map[string]string{
		"{foo}":                          "at byte 1: unknown placeholder {foo}: allowed are {secret.NAME} or {tenant_secret.NAME}",
		"ab{}":                           "at byte 3: unknown placeholder {}",
		"{secret}":                       "unknown placeholder {secret}",
		"{secrets.a}":                    "unknown placeholder {secrets.a}",
		"{Secret.a}":                     "unknown placeholder {Secret.a}",
		"{env.HOME}":                     "unknown placeholder {env.HOME}",
		"{secret.}":                      "the name of a secret is empty",
		"{secret.A}":                     "does not match",
		"{secret.a__b}":                  "separates the tenant",
		"{secret.../x}":                  "does not match",
		"{tenant_secret. a}":             "does not match",
		"{":                              `lone '{' at byte 1`,
		"a}":                             `lone '}' at byte 2`,
		"{secret.a}}":                    `lone '}' at byte 11`,
		"{{x}}":                          `lone '{' at byte 1`,
		"{secret.a":                      `lone '{' at byte 1`,
		"{secret.{secret.a}}":            `lone '{' at byte 1`,
		"a\nb":                           `control character '\n' at byte 2`,
		"a\x00":                          "control character",
		strings.Repeat("{secret.a}", 17): "more than 16",
		strings.Repeat("a", 16<<10+1):    "at most 16384",
		"{secret." + strings.Repeat("a", 129) + "}": "at most 128",
	} {
		if template, err := secret.ParseTemplate(text); err == nil || template != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseTemplate(%.60q) = %v, want an error that says %q", text, err, says)
		}
	}
}

// echo is a provider that has every secret, whose value is its name in brackets.
type echo struct{}

func (echo) Lookup(tenant, name string) (secret.Secret, bool, error) {
	return secret.New("<" + tenant + "/" + name + ">"), true, nil
}
func (echo) HasAny(string) (bool, error) { return true, nil }
func (echo) String() string              { return "echo" }

func FuzzParseTemplate(f *testing.F) {
	for _, seed := range []string{"", "a", "{secret.a}", "Bearer {tenant_secret.a.b-c_d}", "{", "}", "{}", "{{x}}", "{secret.a}{secret.b}", "{secret.A}", "é{secret.0}\t"} {
		f.Add(seed)
	}
	placeholder := regexp.MustCompile(`\{(tenant_)?secret\.([^{}]*)\}`)
	f.Fuzz(func(t *testing.T, text string) {
		template, err := secret.ParseTemplate(text)
		rest := placeholder.ReplaceAllString(text, "")
		if err != nil {
			if !strings.ContainsAny(text, "{}") && len(text) <= 16<<10 && !regexp.MustCompile(`[\x00-\x08\x0a-\x1f\x7f]`).MatchString(text) {
				t.Fatalf("ParseTemplate(%q): %v, want no error", text, err)
			}
			return
		}
		if strings.ContainsAny(rest, "{}") {
			t.Fatalf("ParseTemplate(%q) took the lone brace in %q", text, rest)
		}
		for _, tenant := range []string{"", "acme"} {
			value, parts, err := template.Expand(secret.NewStore(echo{}), tenant)
			if tenant == "" && strings.Contains(text, "{tenant_") {
				if !errors.Is(err, secret.ErrNotFound) {
					t.Fatalf("Expand of %q without a tenant: %v, want ErrNotFound", text, err)
				}
				continue
			}
			want := placeholder.ReplaceAllString(text, "<"+tenant+"/$2>")
			if err != nil || value.Expose() != want || len(parts) != len(placeholder.FindAllString(text, -1)) {
				t.Fatalf("Expand of %q = %q, %d parts, %v; want %q", text, value.Expose(), len(parts), err, want)
			}
		}
	})
}
