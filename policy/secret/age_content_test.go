package secret

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n\n-----END PRIVATE KEY-----\n"

func TestADecryptedFileIsRead(t *testing.T) {
	content, err := parseAge([]byte(`# Ours.
secrets:
  store_token: s3cr3t
  quoted: "12"
  tagged: !!str 12
  007: "bond's"
  key: |
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIA==

    -----END PRIVATE KEY-----
tenants:
  acme: {store_token: acme-s3cr3t}
  "Café Zoë/eu": {store_token: zoe}
  12: {a.b-c: twelve}
  nobody: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ tenant, name, want string }{
		{"", "store_token", "s3cr3t"}, {"", "quoted", "12"}, {"", "tagged", "12"}, {"", "007", "bond's"}, {"", "key", pem},
		{"acme", "store_token", "acme-s3cr3t"}, {"Café Zoë/eu", "store_token", "zoe"}, {"12", "a.b-c", "twelve"},
		{"acme", "quoted", ""}, {"nobody", "store_token", ""}, {"Acme", "store_token", ""}, {"", "acme", ""},
	} {
		if got := content.of(c.tenant)[c.name].Expose(); got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.name, c.tenant, got, c.want)
		}
	}
}

func TestEveryMistakeOfADecryptedFileIsToldByItsPlace(t *testing.T) {
	const (
		key    = "expected a word as the key; null, merge keys, anchors, aliases and tags are not allowed"
		root   = "expected a mapping with the keys secrets and tenants; anchors, aliases and tags are not allowed"
		some   = "expected a mapping of secrets, {} for none; anchors, aliases and tags are not allowed"
		text   = "expected a string; quote it if it looks like something else"
		tenant = "expected a tenant's name of 1 to 128 bytes, printable and without spaces at the ends"
		syntax = "this is not YAML, near line 2; values with special characters need quotes"
		bad    = "this is not YAML; values with special characters need quotes"
		name   = `expected a name of [a-z0-9][a-z0-9_.-]*, at most 128 bytes and without "__"`
	)
	for source, want := range map[string]string{
		"":                                 `it is empty: expected "secrets:" or "tenants:"`,
		"# nothing":                        `it is empty: expected "secrets:" or "tenants:"`,
		"---\n":                            "line 2, column 1: " + root,
		"s3cr3t":                           "line 1, column 1: " + root,
		"[s3cr3t]":                         "line 1, column 1: " + root,
		"&s3cr3t {secrets: {}}":            "line 1, column 1: " + root,
		"!s3cr3t {secrets: {}}":            "line 1, column 1: " + root,
		"{}":                               "line 1, column 1: expected the key secrets or tenants",
		"s3cr3t: {}":                       "line 1, column 1: unknown key, expected secrets or tenants",
		"Secrets: {}":                      "line 1, column 1: unknown key, expected secrets or tenants",
		"secrets: {}\nsecrets: {}":         "line 2, column 1: the key occurs twice",
		"secrets:":                         "line 1, column 9: " + some,
		"secrets: s3cr3t":                  "line 1, column 10: " + some,
		"secrets: [s3cr3t]":                "line 1, column 10: " + some,
		"secrets: {a: s3cr3t, a: s3cr3t}":  "line 1, column 22: the key occurs twice",
		"secrets: {a: 12, b: true, c: 1.}": "line 1, column 14: " + text + "; line 1, column 21: " + text + "; line 1, column 30: " + text,
		"secrets: {a: }":                   "line 1, column 14: " + text,
		"secrets: {a: ''}":                 "line 1, column 14: the secret is empty",
		"secrets: {a: [s3cr3t]}":           "line 1, column 14: " + text,
		"secrets: {a: {b: s3cr3t}}":        "line 1, column 14: " + text,
		"secrets: {a: 2026-11-20}":         "line 1, column 14: " + text,
		"secrets: {a: !!binary czNjcjN0}":  "line 1, column 14: " + text,
		"secrets: {a: &s3cr3t x}":          "line 1, column 14: " + text,
		"secrets: {a: *s3cr3t}":            bad,
		"secrets: {b: &s3cr3t x, a: *s3cr3t}": "line 1, column 14: " + text +
			"; line 1, column 28: " + text,
		"secrets: &x {a: s3cr3t}\ntenants: {t: *x}":            "line 1, column 10: " + some + "; line 2, column 14: " + some,
		"secrets: {&x a: s3cr3t}":                              "line 1, column 11: " + key,
		"secrets: {<<: {a: s3cr3t}}":                           "line 1, column 11: " + key,
		"secrets: {~: s3cr3t}":                                 "line 1, column 11: " + key,
		"secrets: {[s3cr3t]: x}":                               "line 1, column 11: " + key,
		"secrets: {S3cr3t: x}":                                 "line 1, column 11: " + name,
		"secrets: {a__b: x, -a: x}":                            "line 1, column 11: " + name + "; line 1, column 20: " + name,
		"secrets: {" + strings.Repeat("n", 129) + ": x}":       "line 1, column 11: " + name,
		"secrets: {a: " + strings.Repeat("v", 64<<10+1) + "}":  "line 1, column 14: the secret is larger than 65536 bytes",
		"tenants: [acme]":                                      "line 1, column 10: expected a mapping of tenants, {} for none; anchors, aliases and tags are not allowed",
		"tenants: {acme: s3cr3t}":                              "line 1, column 17: " + some,
		"tenants: {acme: }":                                    "line 1, column 17: " + some,
		"tenants: {acme: {}, acme: {}}":                        "line 1, column 21: the key occurs twice",
		"tenants: {'': {}}":                                    "line 1, column 11: " + tenant,
		"tenants: {' a': {}}":                                  "line 1, column 11: " + tenant,
		`tenants: {"a\u200b": {}}`:                             "line 1, column 11: " + tenant,
		"tenants: {" + strings.Repeat("t", 129) + ": {}}":      "line 1, column 11: " + tenant,
		"secrets: {}\n---\nsecrets: {}":                        "line 2: expected one YAML document",
		"secrets: {}\n---\n[s3cr3t":                            syntax,
		"secrets:\n  a: %s3cr3t":                               syntax,
		"secrets:\n\ta: s3cr3t":                                syntax,
		"secrets: {\x00}":                                      bad,
		"secrets: {a: \xff}":                                   bad,
		strings.Repeat("-", 256<<10+1):                         "it holds more than 262144 of the characters ,:-?[{",
		"secrets: {" + strings.Repeat("A: s3cr3t, ", 12) + "}": "",
	} {
		content, err := parseAge([]byte(source))
		switch {
		case err == nil || content != nil:
			t.Errorf("%.80q: got %v, %v, want an error and nothing else", source, content, err)
		case want != "" && err.Error() != want:
			t.Errorf("%.80q:\n got %v\nwant %s", source, err, want)
		case strings.Contains(err.Error(), "3cr3t"):
			t.Errorf("%.80q: the error %q quotes the file", source, err)
		}
	}
}

func TestNoMoreThanTenMistakesAreTold(t *testing.T) {
	for mistakes, want := range map[int]int{10: 9, 11: 10, 5000: 10} { // Separators.
		_, err := parseAge([]byte("secrets: {" + strings.Repeat("A, ", mistakes) + "}"))
		if err == nil || strings.Count(err.Error(), "; line")+strings.Count(err.Error(), "; and more") != want {
			t.Errorf("%d mistakes: got %v, want %d separators", mistakes, err, want)
		}
	}
}

func TestAValueIsWrittenAsItCanBeReadByPeople(t *testing.T) {
	content := &ageContent{
		shared: map[string]Secret{"b": New("yes"), "a": New("12"), "key": New(pem)},
		tenants: map[string]map[string]Secret{
			"globex": {"a": New("tab\tbed")},
			"Acme":   {"a": New("#1: {x}")},
		},
	}
	got, err := content.encode()
	want := `secrets:
  a: "12"
  b: "yes"
  key: |
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIA==

    -----END PRIVATE KEY-----
tenants:
  "Acme":
    a: "#1: {x}"
  globex:
    a: "tab\tbed"
`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

// FuzzAgeContent looks for text that the reader accepts against its rules, that it gives away, or that changes when it
// is written again.
func FuzzAgeContent(f *testing.F) {
	for _, seed := range []string{
		"secrets: {a: x}", "tenants: {acme: {a: |\n  x\n  y\n}}", "secrets:\n  key: |\n    " + strings.ReplaceAll(pem, "\n", "\n    "),
		"secrets: {a: *b}", "secrets: &a {b: c}", "secrets: {a: 1}\n---\n{}", `tenants: {"a/b": {c: "\0\n\x85 \ufeff\u2028"}}`, "secrets: {a: >-\n  x\n\n  y}", "? secrets\n: {}",
		"secrets: {a: x, a: y}", "secrets: {<<: {a: b}}", "%YAML 1.1\n---\nsecrets: {}", "\ufeffsecrets: {}", "secrets: {a: \"\\xe9\"}",
	} {
		f.Add(seed)
	}
	told := regexp.MustCompile(`^[a-zA-Z0-9 ,;:'"_.\[\]{}*?()-]+$`)
	f.Fuzz(func(t *testing.T, source string) {
		content, err := parseAge([]byte(source))
		if err != nil {
			if content != nil || !told.MatchString(err.Error()) {
				t.Errorf("%q: got %v and the error %q", source, content, err)
			}
			return
		}
		for tenant, secrets := range content.tenants {
			if checkAgeTenant(tenant) != nil {
				t.Errorf("%q: accepted the tenant %q", source, tenant)
			}
			checkAgeSecrets(t, source, secrets)
		}
		checkAgeSecrets(t, source, content.shared)
		if _, err := content.encode(); err != nil { // It compares.
			t.Errorf("%q: %v", source, err)
		}
	})
}

func checkAgeSecrets(t *testing.T, source string, secrets map[string]Secret) {
	t.Helper()
	for name, value := range secrets {
		if text := value.Expose(); ParseName(name) != nil || text == "" || len(text) > maxValue || !utf8.ValidString(text) {
			t.Errorf("%q: accepted %q: %q", source, name, text)
		}
	}
}

// FuzzAgeValue looks for tenants and values that a file does not give back as they were set.
func FuzzAgeValue(f *testing.F) {
	for _, seed := range []string{"x", "12", "null", pem, "a\r\nb\r\n", " lead\nx", "\nx", "x\n\n\n", "a\n b\n  \n", "\u2028\n\u0085", "\ufeffx", "\x00", "'\"\\", "a: b\n- c\n# d", "x\n\ty", strings.Repeat("long words ", 50)} {
		f.Add("acme", seed)
		f.Add(seed, "x")
	}
	f.Fuzz(func(t *testing.T, tenant, value string) {
		if value == "" || len(value) > maxValue || !utf8.ValidString(value) || checkAgeTenant(tenant) != nil {
			return
		}
		secrets := map[string]Secret{"a": New(value), "b": New("after")}
		content := &ageContent{shared: secrets, tenants: map[string]map[string]Secret{tenant: secrets}}
		if encoded, err := content.encode(); err != nil {
			t.Errorf("the value %q of the tenant %q: %v\n%s", value, tenant, err, encoded)
		}
	})
}

func BenchmarkReadingAFileOfSecrets(b *testing.B) {
	var source strings.Builder
	source.WriteString("tenants:\n")
	for i := range 10_000 {
		fmt.Fprintf(&source, "  tenant%d:\n    store_token: sk_live_51HZq7xP2v9KdW4mTn8RbYc0L\n", i)
	}
	data := []byte(source.String())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseAge(data); err != nil {
			b.Fatal(err)
		}
	}
}
