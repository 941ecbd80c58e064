package curl

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
)

// everything gives all that comes out: the Caddyfile, the tests, and what is told.
func everything(t testing.TB, d *draft.Draft) string {
	t.Helper()
	var out bytes.Buffer
	for _, whole := range []bool{false, true} {
		if err := d.Caddyfile(&out, whole); err != nil {
			t.Fatal(err)
		}
	}
	return out.String() + fmt.Sprintf("%#v", *d)
}

// randomSecret makes a credential of the signs that some have.
func randomSecret(r *rand.Rand) string {
	const signs = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.~+/=!*{}#%$`"
	b := []byte("S3")
	for range 6 + r.IntN(40) {
		b = append(b, signs[r.IntN(len(signs))])
	}
	return string(b)
}

func TestNoCredentialOfACommandIsInWhatComesOut(t *testing.T) {
	const rounds = 40
	r := rand.New(rand.NewPCG(2, uint64(rand.Int64())))
	taken := 0
	for range rounds {
		s := make([]string, 16)
		for i := range s {
			s[i] = randomSecret(r)
		}
		q := func(i int) string { return url.QueryEscape(s[i]) }
		for _, command := range []string{
			"curl https://a.example/x -H 'Authorization: Bearer " + s[0] + "' -H 'X-Api-Key: " + s[1] + "' -b 'sid=" + s[2] + "'",
			"curl https://a.example/x -u '" + s[0] + ":" + s[1] + "'",
			"curl 'https://" + url.UserPassword(s[0], s[1]).String() + "@a.example/x?api_key=" + q(2) + "&x=1'",
			"curl https://a.example/x --oauth2-bearer '" + s[0] + "' -H 'Cookie: a=" + s[1] + "'",
			"curl https://a.example/x -H 'authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s[0]+":"+s[1])) + "'",
			"curl https://a.example/x -H 'Authorization: " + s[0] + "' -H 'X-Shop-Token: " + s[1] + "' -H 'Ocp-Apim-Subscription-Key: " + s[2] + "'",
			"curl https://a.example/x -H 'Authorization: Token " + s[0] + "' -G -d token=" + q(1),
			"curl https://a.example/x -d password=" + q(0) + " -d client_secret=" + q(1),
			"curl https://a.example/x --json '{\"auth\":{\"password\":\"" + s[0] + "\",\"token\":\"" + s[1] + "\"}}'",
			"curl https://a.example/x -H 'Content-Type: text/xml' -d '<a><password>" + strings.ReplaceAll(s[0], "]", "") + "</password></a>'",
			"curl https://a.example/x -H 'Content-Type: text/plain' -d 'token=" + url.QueryEscape(s[0]) + " x'",
			"curl https://a.example/x -d '<login user=\"a\" password=\"" + strings.NewReplacer("&", "", "%", "", "+", "").Replace(s[0]) + "\"/>'",
			"curl https://a.example/x -H 'X-Info: a; password=\"" + s[0] + "\"'",
			"curl https://a.example/x --json '{\"query\":\"mutation { login(password: \\\"" + s[0] + "\\\") }\"}'",
			"curl https://a.example/x -U a:'" + s[0] + "' --proxy-header 'X: " + s[1] + "' --pass '" + s[2] + "'",
			// A second time, in another place.
			"curl https://a.example/" + url.PathEscape(s[0]) + " -H 'X-Shop: " + s[0] + "' -u a:'" + s[0] + "' --json '{\"note\":\"" + s[0] + "\"}'",
		} {
			d, err := Import(command, Options{})
			told := fmt.Sprint(err)
			if err == nil {
				told = everything(t, d)
				taken++
			}
			for _, secret := range s {
				if strings.Contains(command, secret) || strings.Contains(command, url.QueryEscape(secret)) {
					for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
						if strings.Contains(told, form) {
							t.Fatalf("%s\nshows %s in\n%s", command, form, told)
						}
					}
				}
			}
		}
	}
	if taken < 8*rounds {
		t.Errorf("%d of %d commands were taken: expected most of them", taken, 11*rounds)
	}
}

func TestACredentialIsNamedByWhatItIs(t *testing.T) {
	for command, want := range map[string]string{
		`-H 'Authorization: Bearer abc'`:             "bearer {secret.store_token}",
		`-H "Authorization: Bearer $STORE_KEY"`:      "bearer {secret.store_key}",
		`-H "Authorization: Bearer ${T}"`:            "bearer {secret.t}",
		`-H 'Authorization: token ghp_1'`:            `header Authorization "token {secret.store_token}"`,
		`-H 'Authorization: ApiKey abc'`:             `header Authorization "ApiKey {secret.store_token}"`,
		`-H 'Authorization: abc'`:                    "header Authorization {secret.store_token}",
		`-H 'Authorization: two words'`:              "header Authorization {secret.store_token}",
		`-H 'Authorization: Basic !!'`:               `header Authorization "Basic {secret.store_basic}"`,
		`-H 'Authorization: Basic YTpi'`:             "basic {secret.store_user} {secret.store_password}",
		`-H 'X-Api-Key: abc'`:                        "header X-Api-Key {secret.store_api_key}",
		`-H 'x-store-token: abc'`:                    "header X-Store-Token {secret.store_token}",
		`-H 'X-Whatever: sk_live_abcdefghijklmnop1'`: "header X-Whatever {secret.store_whatever}",
		`-u a:b`:                     "basic {secret.store_user} {secret.store_password}",
		`-u a`:                       "basic {secret.store_user} {secret.store_password}",
		`-u sk_test_1:`:              `basic {secret.store_user} ""`,
		`-u ":$PASS"`:                `basic "" {secret.pass}`,
		`-u "$A:$B"`:                 "basic {secret.a} {secret.b}",
		`--oauth2-bearer abc -u a:b`: "bearer {secret.store_token}",
		`-b a=b`:                     "header Cookie {secret.store_cookie}",
		`--url-query apikey=abc`:     "query apikey {secret.store_apikey}",
		`-H "X-Shop: $SHOP_TOKEN"`:   "header X-Shop {secret.shop_token}",
		`-G -d "key=$K"`:             "query key {secret.k}",
	} {
		_, got := printed(t, "curl https://api.store.example/x "+command)
		if !strings.Contains(got, "\tinject "+want+"\n") {
			t.Errorf("%s: want inject %s in\n%s", command, want, got)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, c := range asCurlSends {
		f.Add(strings.ReplaceAll(c.command, "HOST", "http://a.example"))
	}
	for _, s := range []string{
		"curl ^\"https://a.example/x^\" ^\n -H ^\"a: b^\"", "curl $'https://a.example/\\x41\\u00e9'", "curl -d 'a={{b}}&{$c}=\\{' a.example", "curl -u 'a:b' \"http://c:d@[::1]:80/e/../f?g#h\"",
		"curl -g 'a.example/{x}/[1]'", "curl a.example -H 'X-Y: {{z}}' --json '[{\"a\":\"`\"}]'", "curl 'a.example/\u202e/%F0%9F' -H 'a: \u00a0'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, command string) {
		d, err := Import(command, Options{})
		if err != nil {
			return
		}
		for _, whole := range []bool{false, true} {
			var out bytes.Buffer
			if err := d.Caddyfile(&out, whole); err != nil {
				t.Fatalf("%q was taken, and cannot be printed: %v", command, err)
			}
		}
	})
}

func BenchmarkImport(b *testing.B) {
	command := strings.ReplaceAll(asCurlSends[6].command, "HOST", "https://a.example")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Import(command, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
