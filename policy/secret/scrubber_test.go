package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/signpost-gateway/signpost/policy/secret"
)

func secretsOf(values ...string) []secret.Secret {
	secrets := make([]secret.Secret, len(values))
	for i, value := range values {
		secrets[i] = secret.New(value)
	}
	return secrets
}

func scrub(s *secret.Scrubber, text string) string {
	b := []byte(text)
	s.Bytes(b)
	return string(b)
}

func everyByte(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, format, s[i])
		}
		return b.String()
	}
}

func inJSON(escapeHTML bool) func(string) string {
	return func(s string) string {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(escapeHTML)
		if err := encoder.Encode(s); err != nil {
			panic(err)
		}
		return b.String()[1 : b.Len()-2]
	}
}

// someBytes escapes what need not be and leaves what need not be escaped, but what begins an escape.
func someBytes(s string) string {
	if strings.ContainsAny(s[:3], `%\`) {
		return url.QueryEscape(s)
	}
	return s[:3] + everyByte("%%%02X")(s[3:5]) + url.QueryEscape(s[5:])
}

// asciiJSON escapes everything beyond ASCII, as Python's encoder does.
func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range inJSON(false)(s) {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func slashJSON(s string) string { return strings.ReplaceAll(inJSON(false)(s), "/", `\/`) }

func inBase64(encoding *base64.Encoding) func(string) string {
	return func(s string) string { return encoding.EncodeToString([]byte(s)) }
}

// forms are the encodings that a secret is found in as a whole. They are made by other encoders than the package's.
var forms = map[string]func(string) string{
	"raw":                   func(s string) string { return s },
	"query":                 url.QueryEscape,
	"path":                  url.PathEscape,
	"query, lower case":     func(s string) string { return lowerEscapes(url.QueryEscape(s)) },
	"every byte":            everyByte("%%%02X"),
	"every byte lower case": everyByte("%%%02x"),
	"some bytes":            someBytes,
	"JSON":                  inJSON(false),
	"JSON for HTML":         inJSON(true),
	"JSON of PHP":           slashJSON,
	"JSON in ASCII":         asciiJSON,
	"path in JSON":          func(s string) string { return inJSON(true)(url.PathEscape(s)) },
	"base64":                inBase64(base64.StdEncoding),
	"base64 unpadded":       inBase64(base64.RawStdEncoding),
	"base64url":             inBase64(base64.URLEncoding),
	"base64url unpadded":    inBase64(base64.RawURLEncoding),
	"base64 in a query":     func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
	"base64 in PHP's JSON":  func(s string) string { return slashJSON(base64.StdEncoding.EncodeToString([]byte(s))) },
	"base64 all escaped":    func(s string) string { return everyByte("%%%02x")(base64.URLEncoding.EncodeToString([]byte(s))) },
}

func lowerEscapes(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '%' {
			copy(b[i:], strings.ToLower(s[i:i+3]))
		}
	}
	return string(b)
}

// long returns a secret of that many characters that does not repeat itself.
func long(n int, alphabet string) string {
	random := rand.New(rand.NewPCG(9, uint64(n)))
	runes := []rune(alphabet)
	var b strings.Builder
	for range n {
		b.WriteRune(runes[random.IntN(len(runes))])
	}
	return b.String()
}

var sampleSecrets = []string{
	token, "abcdefgh", "8bytes!!", "0123456789abcdef0123456789abcdef", "with space & <html> \"quotes\"", `back\slash/and\\more`,
	"100%sure%41%2Fnot", "pässwörd-日本語-😀!", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7", "a+b c+d e+f", "????>>>>~~~~", "line\nbreak\ttab\x00nul",
	long(300, "Zt9_"), long(3000, "abcdefghijklmnopqrstuvwxyz0123456789+/"), long(900, "äöüéèê"), strings.Repeat("Zt9_", 300), "%u0041%%%%\\\\u",
	"=========", "**********", "aaaaaaaaaa", "--------BEGIN KEY--------",
}

// jsonSafe reports whether JSON can carry the secret at all.
func jsonSafe(s string) bool { return strings.ToValidUTF8(s, "") == s }

func TestASecretIsOverwrittenInEveryForm(t *testing.T) {
	for _, value := range sampleSecrets {
		s := secret.NewScrubber(secretsOf(value))
		for name, form := range forms {
			if strings.Contains(name, "JSON") && !jsonSafe(value) {
				continue
			}
			echo := form(value)
			for _, around := range [][2]string{{"", ""}, {"(", ")"}, {`{"you sent":"`, `"}`}, {"q:", "&x:%20"}, {"ø", "ø"}} {
				got, want := scrub(s, around[0]+echo+around[1]), around[0]+strings.Repeat("*", len(echo))+around[1]
				if got != want {
					t.Errorf("%s of %.40q between %q: %.80q became %.80q, want %.80q", name, value, around, echo, got, want)
				}
			}
		}
	}
}

// TestWithinALongerBase64TextWhatTheSecretDeterminesIsOverwritten compares with the characters that stay the same whatever stands
// around the secret.
func TestWithinALongerBase64TextWhatTheSecretDeterminesIsOverwritten(t *testing.T) {
	for _, value := range sampleSecrets {
		s := secret.NewScrubber(secretsOf(value))
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 7 {
				for after := 1; after < 7; after++ {
					low := encoding.EncodeToString([]byte(strings.Repeat("U", before) + value + strings.Repeat("U", after)))
					high := encoding.EncodeToString([]byte(strings.Repeat("\xaa", before) + value + strings.Repeat("\xaa", after)))
					want := []byte(low)
					padding := len(strings.TrimRight(low, "="))
					for i := range padding {
						if low[i] == high[i] {
							want[i] = '*'
						}
					}
					if got := scrub(s, low); got != string(want) {
						t.Errorf("base64 of %q with %d bytes before and %d after, %q, became %q, want %q", value, before, after, low, got, want)
					}
				}
			}
		}
	}
}

func TestBasicAuthenticationIsOverwritten(t *testing.T) {
	s := secret.NewScrubber(secretsOf(token))
	for user := range 6 {
		r, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
		must(t, err)
		r.SetBasicAuth(strings.Repeat("u", user), token)
		echo := r.Header.Get("Authorization")
		r.Header.Set("Authorization", scrub(s, echo))
		_, _, _ = r.BasicAuth()
		stars := strings.Count(r.Header.Get("Authorization"), "*")
		if want := len(token)*4/3 - 1; stars < want {
			t.Errorf("%q became %q: %d characters are overwritten, want %d or more", echo, r.Header.Get("Authorization"), stars, want)
		}
	}
}

func TestShortSecretsAreNotLookedFor(t *testing.T) {
	for _, secrets := range [][]secret.Secret{nil, {}, secretsOf(""), secretsOf("1234567"), {{}, secret.New("x")}} {
		s := secret.NewScrubber(secrets)
		if s != nil || secret.NewScrubbers().For(secrets) != nil {
			t.Errorf("a Scrubber for %d secrets of less than 8 bytes is not nil", len(secrets))
		}
		text, header := []byte("1234567"), map[string][]string{"A": {"1234567"}}
		rc := &chunks{}
		if s.Bytes(text) != 0 || s.Header(header) != 0 || string(text) != "1234567" || s.Reader(rc) != rc {
			t.Errorf("a nil Scrubber changed %q or %q, or wrapped a reader", text, header)
		}
	}
	s := secret.NewScrubber(secretsOf("1234567", "12345678"))
	if got, want := scrub(s, "1234567 12345678"), "1234567 ********"; got != want {
		t.Errorf("scrubbed to %q, want %q", got, want)
	}
}

func TestOverlappingSecretsAreAllOverwritten(t *testing.T) {
	s := secret.NewScrubber(secretsOf("abcdefgh", "efghijkl", "hijklmnopq", "abcdefghabcd"))
	for text, want := range map[string]string{
		"-abcdefghijkl-":     "-************-",
		"-abcdefghijklmnopq": "-*****************",
		"abcdefghabcdefgh":   "****************",
		"abcdefgabcdefgh":    "abcdefg********",
		"abcdefg efghijk":    "abcdefg efghijk",
		"abcdefghabcd%65fgh": "******************",
		"aabcdefghh":         "a********h",
	} {
		if got := scrub(s, text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestWhatIsNotASecretStays(t *testing.T) {
	s := secret.NewScrubber(secretsOf(token, "with space", "pässwörd"))
	for _, text := range []string{
		"", "a", token[:len(token)-1], token[1:], strings.ToUpper(token), "with  space", "with%2 space", "with%2zspace", "with%", `with\u`,
		`with\u002`, `with\u00zzspace`, `with\space`, "with%252Bspace", "p\xc3sswörd", "with\\", strings.Repeat("%", 100), strings.Repeat(`\`, 100),
		strings.Repeat(`\u`, 100), strings.Repeat("+", 100), strings.Repeat("*", 100), base64.StdEncoding.EncodeToString([]byte(token))[1:12],
	} {
		b := []byte(text)
		if n := s.Bytes(b); n != 0 || string(b) != text {
			t.Errorf("%q became %q with %d bytes changed, want no change", text, b, n)
		}
	}
}

func TestHeaderValuesAreScrubbedAndCounted(t *testing.T) {
	s := secret.NewScrubber(secretsOf(token))
	long := strings.Repeat("x", 5000)
	h := http.Header{"X-Echo": {"fine", "you sent " + token + " twice " + token}, "Location": {"/?key=" + url.QueryEscape(token)}, token: {long + token}, "Empty": nil}
	n := s.Header(h)
	want := http.Header{
		"X-Echo":   {"fine", "you sent " + strings.Repeat("*", 24) + " twice " + strings.Repeat("*", 24)},
		"Location": {"/?key=" + strings.Repeat("*", len(url.QueryEscape(token)))}, token: {long + strings.Repeat("*", 24)}, "Empty": nil,
	}
	if fmt.Sprint(h) != fmt.Sprint(want) {
		t.Errorf("the header became %v, want %v", h, want)
	}
	if want := 3*24 + len(url.QueryEscape(token)); n != want {
		t.Errorf("Header reports %d bytes changed, want %d", n, want)
	}
	if n := s.Header(h); n != 0 {
		t.Errorf("Header reports %d bytes changed the second time, want 0", n)
	}
}

func TestScrubbersMakesOneScrubberForTheSameValues(t *testing.T) {
	c := secret.NewScrubbers()
	same := func(a, b []secret.Secret) bool { return c.For(a) == c.For(b) }
	for _, x := range []struct {
		a, b []string
		want bool
	}{
		{[]string{token}, []string{token}, true},
		{[]string{token, "short"}, []string{token}, true},
		{[]string{token, "abcdefgh"}, []string{token, "abcdefgh"}, true},
		{[]string{token}, []string{token + "x"}, false},
		{[]string{"abcdefgh", "abcdefghi"}, []string{"abcdefghi", "abcdefgh"}, false},
		{[]string{"abcdefgh", "abcdefgh"}, []string{"8:abcdefgh8:abcdefgh"}, false},
	} {
		if got := same(secretsOf(x.a...), secretsOf(x.b...)); got != x.want {
			t.Errorf("For(%q) and For(%q) are the same: %v, want %v", x.a, x.b, got, x.want)
		}
	}
	if got := scrub(c.For(secretsOf(token, "short", "abcdefgh")), token+" short abcdefgh"); got != strings.Repeat("*", 24)+" short ********" {
		t.Errorf("the Scrubber for three secrets gave %q", got)
	}
}

// composed is a text with and without its secrets.
type composed struct{ text, clean []byte }

// compose makes a text of noise and of secrets in all forms. The noise cannot be part of a secret in any form: it holds
// none of their bytes, but may look like escapes and their beginnings.
func compose(random *rand.Rand, secrets []string, pieces int) composed {
	noise := []string{" ", "\n", "##", ";;;;;;;;;;", "{}", "\"", ",", "ø", "&;", "%", "%2", "%zz", `\`, `\u`, `\u00`, "\x00", strings.Repeat("(", 700)}
	names := make([]string, 0, len(forms))
	for name := range forms {
		names = append(names, name)
	}
	var c composed
	for range pieces {
		if random.IntN(3) > 0 {
			n := noise[random.IntN(len(noise))]
			c.text, c.clean = append(c.text, n...), append(c.clean, n...)
			continue
		}
		value := secrets[random.IntN(len(secrets))]
		echo := forms[names[random.IntN(len(names))]](value)
		// A stray beginning of an escape would take in the secret's first characters.
		c.text, c.clean = append(append(c.text, ';'), echo...), append(append(c.clean, ';'), strings.Repeat("*", len(echo))...)
		c.text, c.clean = append(c.text, ';'), append(c.clean, ';')
	}
	return c
}

func TestSecretsAmongNoiseAreOverwrittenAndNothingElse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := []string{"sk_live_Zq7!xP2/v+9~Kd=4", "tok_0123456789", "päss+wörd/with?more", long(1600, "Zt9_QXab")}
	s := secret.NewScrubber(secretsOf(values...))
	for range 500 {
		c := compose(random, values, 1+random.IntN(60))
		got := bytes.Clone(c.text)
		s.Bytes(got)
		if !bytes.Equal(got, c.clean) {
			t.Fatalf("%q became\n%q, want\n%q", c.text, got, c.clean)
		}
	}
}
