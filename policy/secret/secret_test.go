package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/secret"
)

const token = "sk_live_Zq7!xP2/v+9~Kd=4"

// holder keeps secrets where package fmt cannot call their methods.
type holder struct {
	private secret.Secret
	inMap   map[string]secret.Secret
	inSlice []secret.Secret
	pointer *secret.Secret
	Public  secret.Secret
}

func newHolder(s secret.Secret) holder {
	return holder{private: s, inMap: map[string]secret.Secret{"k": s}, inSlice: []secret.Secret{s}, pointer: &s, Public: s}
}

// traces are texts that give the token away.
func traces() []string {
	return []string{token, "sk_live", fmt.Sprintf("%x", token)[:8], fmt.Sprintf("%X", token)[:8], fmt.Sprint([]byte(token[:3]))[1:]}
}

func checkNoTrace(t *testing.T, how, printed string) {
	t.Helper()
	for _, trace := range traces() {
		if strings.Contains(printed, trace) {
			t.Errorf("%s printed %q, which holds %q", how, printed, trace)
		}
	}
}

func TestEveryVerbOfFmtPrintsRedacted(t *testing.T) {
	s := secret.New(token)
	for _, verb := range strings.Split("v +v #v s q x X #x d b o O c U t e f g p T 10v -20s 5.2q", " ") {
		for name, value := range map[string]any{"secret": s, "pointer": &s, "holder": newHolder(s), "slice": []secret.Secret{s}} {
			format := "%" + verb
			printed := fmt.Sprintf(format, value)
			checkNoTrace(t, format+" of a "+name, printed)
			if name == "secret" && !strings.ContainsAny(verb, "pT") && printed != "[redacted]" {
				t.Errorf("%s printed %q, want [redacted]", format, printed)
			}
		}
	}
}

func TestNoEncodingOrLoggerShowsASecret(t *testing.T) {
	s := secret.New(token)
	inJSON, err := json.Marshal(map[string]any{"a": s, "b": newHolder(s), "c": &s})
	if err != nil {
		t.Fatal(err)
	}
	inXML, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"call"`
		Token   secret.Secret
	}{Token: s})
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(handler).Info("call", "token", s, "holder", newHolder(s), "pointer", &s, "list", []secret.Secret{s})
	}
	for how, printed := range map[string]string{
		"JSON": string(inJSON), "XML": string(inXML), "slog": logged.String(), "String": s.String(), "GoString": s.GoString(),
	} {
		checkNoTrace(t, how, printed)
		if !strings.Contains(printed, "[redacted]") {
			t.Errorf("%s printed %q, which does not say [redacted]", how, printed)
		}
	}
}

func TestAPanicDoesNotShowASecret(t *testing.T) {
	defer func() {
		checkNoTrace(t, "recover", fmt.Sprintf("%v %+v %#v", recover(), secret.New(token), newHolder(secret.New(token))))
	}()
	panic(fmt.Errorf("calling with %v: %w", newHolder(secret.New(token)), secret.ErrNotFound))
}

func TestExposeReturnsTheValueAndOnlyTheEmptySecretIsZero(t *testing.T) {
	if got := secret.New(token).Expose(); got != token {
		t.Errorf("Expose() = %q, want %q", got, token)
	}
	if got := (secret.Secret{}).Expose(); got != "" {
		t.Errorf("Expose() of the zero Secret = %q, want none", got)
	}
	for value, want := range map[string]bool{"": true, "x": false, "\x00": false} {
		if got := secret.New(value).IsZero(); got != want {
			t.Errorf("New(%q).IsZero() = %v, want %v", value, got, want)
		}
	}
}

func TestSecretsAreEqualByValue(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"", "", true}, {"a", "a", true}, {"a", "b", false}, {"a", "", false}, {token, token, true}, {token, token[1:], false}} {
		if got := secret.New(c.a).Equal(secret.New(c.b)); got != c.want {
			t.Errorf("New(%q).Equal(New(%q)) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestScrubbersStoresAndProvidersPrintNoSecrets(t *testing.T) {
	s := secret.New(token)
	scrubbers := secret.NewScrubbers()
	scrubber := scrubbers.For([]secret.Secret{s})
	dir := newDir(t, map[string]string{"store_token": token})
	provider := secret.Dir(dir)
	store := secret.NewStore(provider)
	template := mustParse(t, "Bearer {secret.store_token}")
	if _, _, err := template.Expand(store, ""); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{scrubber, *scrubber, scrubbers, store, provider, template, struct{ p secret.Provider }{provider}} {
			checkNoTrace(t, fmt.Sprintf("%s of a %T", verb, value), fmt.Sprintf(verb, value))
		}
	}
}

func TestNamesOfSecrets(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "0": true, "store_token": true, "store.token-2": true, "a_": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "_a": false, ".": false, "..": false, "-a": false, "a__b": false, "a___b": false,
		"A": false, "a/b": false, "a b": false, "a\n": false, "a\x00": false, "ä": false, "a{": false, "../a": false,
	} {
		if err := secret.ParseName(name); (err == nil) != want {
			t.Errorf("ParseName(%q) = %v, want valid %v", name, err, want)
		}
	}
}
