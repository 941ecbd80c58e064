package tenant

import (
	"strings"
	"testing"
)

func TestATenantsNameIsPrintableText(t *testing.T) {
	for _, name := range []string{
		"a", "acme", "Acme Inc.", "007", "a/b", "../a", "ünï", "株式会社", "😀", "e\u0301", "a  b", "\ufffd", strings.Repeat("a", 128), strings.Repeat("ü", 64),
	} {
		if err := Check(name); err != nil {
			t.Errorf("Check(%q) = %v, want nil", name, err)
		}
	}
	for name, want := range map[string]string{
		"":                       "a tenant's name cannot be empty",
		strings.Repeat("a", 129): "a tenant's name has at most 128 bytes, not 129",
		strings.Repeat("ü", 65):  "a tenant's name has at most 128 bytes, not 130",
		" a":                     "a tenant's name cannot begin or end with a space",
		"a ":                     "a tenant's name cannot begin or end with a space",
		" ":                      "a tenant's name cannot begin or end with a space",
		"a\xff":                  "a tenant's name has to be UTF-8",
		"\xed\xa0\x80":           "a tenant's name has to be UTF-8", // A surrogate.
		"a\tb":                   "a tenant's name cannot hold U+0009, which is not printable",
		"a\n":                    "a tenant's name cannot hold U+000A, which is not printable",
		"\x00":                   "a tenant's name cannot hold U+0000, which is not printable",
		"\x7f":                   "a tenant's name cannot hold U+007F, which is not printable",
		"a\u0085":                "a tenant's name cannot hold U+0085, which is not printable",
		"a\u00a0":                "a tenant's name cannot hold U+00A0, which is not printable",
		"a\u2028b":               "a tenant's name cannot hold U+2028, which is not printable",
		"ac\u200bme":             "a tenant's name cannot hold U+200B, which is not printable",
		"ac\u200dme":             "a tenant's name cannot hold U+200D, which is not printable",
		"\u202eacme":             "a tenant's name cannot hold U+202E, which is not printable",
		"\ufeffacme":             "a tenant's name cannot hold U+FEFF, which is not printable",
		"\ue000":                 "a tenant's name cannot hold U+E000, which is not printable",
		"\u0378":                 "a tenant's name cannot hold U+0378, which is not printable",
		"\U0010ffff":             "a tenant's name cannot hold U+10FFFF, which is not printable",
	} {
		if err := Check(name); err == nil || err.Error() != want {
			t.Errorf("Check(%q) = %v, want %q", name, err, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"acme", " a", "\u200b", "\xff", strings.Repeat("a", 129)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if Check(name) != nil {
			return
		}
		if n := len(name); n < 1 || n > 128 || strings.TrimSpace(name) != name || strings.ContainsAny(name, "\r\n\x00\u2028\u200b\u202e") {
			t.Fatalf("Check(%q) = nil", name)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := Check("acme-production-7"); err != nil {
			b.Fatal(err)
		}
	}
}
