package curl

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// printed imports a command, and gives what is printed.
func printed(t testing.TB, command string) (*draft.Draft, string) {
	t.Helper()
	d, err := Import(command, Options{})
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	var out bytes.Buffer
	if err := d.Caddyfile(&out, false); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return d, out.String()
}

func TestACommandBecomesAPolicyWithItsReasons(t *testing.T) {
	_, got := printed(t, `$ curl -X POST 'https://api.store.example/v2/orders/1001/items?expand=price&limit=10' \
  -H "Authorization: Bearer $STORE_TOKEN" -H 'User-Agent: Mozilla/5.0' \
  --json '{"sku":"A-7","amount":2}' --max-time 2.5 --retry 1 -L`)
	const want = `# Made of a curl command.
# A guess: where the third party fails, the conversation goes on at handoff.
# Secrets to supply, and their variables with ` + "`secrets env SIGNPOST_SECRET_`" + `:
# - {secret.store_token}, the bearer token: SIGNPOST_SECRET_STORE_TOKEN
# Warning: -L: a redirect is an answer that the bot gets, and is not followed
# Warning: --retry: a POST is sent again only with an Idempotency-Key
policy store https://api.store.example/v2 {
	inject bearer {secret.store_token}
	inject header User-Agent signpost
	operations_only
	timeout 2.5s
	fallback {
		route handoff
		next continue
	}

	# Variables, and what stood in the command: order_id (1001), limit (10), sku (A-7), amount (2).
	# What the answer holds, a command does not tell: ` + "`caddy signpost call store.create_item`" + ` shows
	# it, with lines for extract and hint.
	# Left out, since it changes no answer: User-Agent.
	operation create_item POST "/orders/{{order_id}}/items" {
		input limit number default 10
		input sku string
		input amount number
		query expand price
		query limit "{{limit}}"
		header Accept application/json
		json ` + "`{\"sku\":{{sku}},\"amount\":{{amount}}}`" + `
	}
}
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatIsDataBecomesAVariableAndWhatIsNotStays(t *testing.T) {
	for address, want := range map[string]string{
		"/v2/orders/1001":                      `https://a.example/v2 get_order GET "/orders/{{order_id}}" {`,
		"/orders/ORD-17":                       `https://a.example get_order GET "/orders/{{order_id}}" {`,
		"/api/v1/users/ann%40b.example/orders": `https://a.example/api/v1 get_orders GET "/users/{{user_id}}/orders" {`,
		"/rest/api/3/issue/AB-1":               `https://a.example/rest/api/3 get_issue GET "/issue/{{issue_id}}" {`,
		"/api/v2":                              `https://a.example/api get_v2 GET /v2`,
		"/a/1/b/2":                             `https://a.example get_b GET "/a/{{a_id}}/b/{{b_id}}" {`,
		"/things/1b4e28ba-2fa1-11d2-883f-0016d3cca427": `https://a.example get_thing GET "/things/{{thing_id}}" {`,
		"/1/2":                   `https://a.example get GET "/{{id}}/{{id_2}}" {`,
		"/oauth2/token":          `https://a.example get_token GET /oauth2/token`,
		"/services/oauth2/token": `https://a.example/services get_token GET /oauth2/token`,
		"/a/empty2":              `https://a.example get_empty2 GET /a/empty2`,
		"/b/base64/s3/ec2/ipv4":  `https://a.example get_ipv4 GET /b/base64/s3/ec2/ipv4`,
		"/b2b/x509/sha-256/mp3":  `https://a.example get_mp3 GET /b2b/x509/sha-256/mp3`,
		"/i/deadbe3f/x":          `https://a.example get_x GET "/i/{{i_id}}/x" {`,
		"/i/a1b2/2026-11-20":     `https://a.example get_i GET "/i/{{i_id}}/{{id}}" {`,
		"/orders/$ORDER_ID/x":    `https://a.example get_x GET "/orders/{{order_id}}/x" {`,
		"/$A/$A-$B.json?a=$A":    `https://a.example get GET "/{{a}}/{{a_b_json}}" {`,
		"/x?since=$SINCE.x":      `query since "{{since}}.x"`,
		"/x?q=$API_TOKEN":        `inject query q {secret.api_token}`,
		"/x/$API_TOKEN":          `{{api_token}}, a part of the path, may be a credential`,
		"/x?sort=asc&fields=a,b": `query sort asc`,
		"/x?q=word":              `query q "{{q}}"`,
		"/x?since=2026-11-20":    `query since "{{since}}"`,
		"/x?userId=7":            `query userId "{{user_id}}"`,
		"/x?cursor=eyJsYXN0SWQiOjEyMzQ1Njc4OTAxMjM0NTY3ODk": `cursor (not shown)`,
		"/x?page_token=aaa111":                              `query page_token "{{page_token}}"`,
		"/x?author=tolkien":                                 `query author tolkien`,
	} {
		d, got := printed(t, `curl "https://a.example`+address+`"`)
		got = d.Policy.BaseURL + " " + strings.ReplaceAll(got, "operation ", "") + strings.TrimPrefix(got, "x")
		base, rest, found := strings.Cut(want, " ")
		if found && strings.HasPrefix(base, "https") && (d.Policy.BaseURL != base || !strings.Contains(got, rest)) || !strings.HasPrefix(base, "https") && !strings.Contains(got, want) {
			t.Errorf("%s: want %s in\n%s", address, want, got)
		}
	}
}

func TestWhatCannotBeTakenOverIsToldAndTheRestIsDone(t *testing.T) {
	for option, want := range map[string]string{
		"-k":                                    "certificates are always verified",
		"-L":                                    "a redirect is an answer that the bot gets",
		"-x proxy.example:3128":                 "the proxy is not taken over",
		"--cert a.pem --key b.pem":              "certificates of curl's",
		"--resolve a:1:1.2.3.4":                 "the address alone decides",
		"-n":                                    "a file with passwords is not read",
		"-m 90":                                 "a call takes at most 1m0s",
		"--retry 9":                             "at most 5 further attempts",
		"-H 'Host: other.example'":              "the header Host",
		"-H 'X-Tenant-ID: acme'":                "the header X-Tenant-Id",
		"-H 'X-Forwarded-For: ::1'":             "the header X-Forwarded-For",
		"-d password=hunter2secret":             "may be a credential",
		`--json '{"password":"hunter2secret"}'`: "{{password}}, a part of the body, may be a credential",
		`-H 'Content-Type: text/xml' -d '<password>hunter2secret</password>'`: "{{password}}, a part of the body, may be a credential",
		`-H 'Content-Type: text/plain' -d 'password=hunter2secret, {{x}}'`:    "{{body}}, a part of the body, may be a credential",
		`-d '{"a":1}'`:                "a Content-Type of JSON",
		"-H 'X-Key: a' -H 'X-Key: b'": "a second value for the header X-Key",
	} {
		d, _ := printed(t, "curl https://a.example/x "+option)
		if all := strings.Join(d.Warnings, "\n"); !strings.Contains(all, want) || strings.Contains(all, "hunter2") {
			t.Errorf("%s: the warnings are %q, want %q", option, all, want)
		}
	}
}

func TestBothFormsOfABrowsersCommandAreTheSame(t *testing.T) {
	const plain = `curl 'https://a.example/v2/x?a=1&b=%7B' -H 'x-y: "q" ^ %' --data-raw '{"a":"x","b":"c\nd"}'`
	bash := `curl 'https://a.example/v2/x?a=1&b=%7B' -H 'x-y: "q" ^ %' --data-raw '{"a":"x \"y\" & z","b":"c\nd"}'`
	old := "curl \"https://a.example/v2/x?a=1&b=%7B\" -H \"x-y: \\\"q\\\" ^ %\" ^\r\n --data-raw \"{\\\"a\\\":\\\"x\\\",\\\"b\\\":\\\"c\\nd\\\"}\""
	current := "curl ^\"https://a.example/v2/x?a=1^&b=^%^7B^\" ^\r\n  -H ^\"x-y: ^\\^\"q^\\^\" ^^ ^%^\" ^\r\n  --data-raw ^\"^{^\\^\"a^\\^\":^\\^\"x ^\\^\\^\\^\"y^\\^\\^\\^\" ^& z^\\^\",^\\^\"b^\\^\":^\\^\"c^\\nd^\\^\"^}^\""
	for windows, want := range map[string]string{old: plain, current: bash} {
		if got, want := textsOf(t, windows), textsOf(t, want); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", windows, got, want)
		}
	}
}

// textsOf gives the words of a command.
func textsOf(t *testing.T, command string) []string {
	t.Helper()
	words, err := split(command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	var texts []string
	for _, w := range words {
		texts = append(texts, w.text)
	}
	return texts
}

func TestAnOptionIsReadInEachOfItsForms(t *testing.T) {
	for _, c := range []struct{ command, method, header string }{
		{"curl -X PUT a.example/x", "PUT", ""},
		{"curl -XPUT a.example/x", "PUT", ""},
		{"curl -sXPUT a.example/x", "PUT", ""},
		{"curl --request PUT a.example/x", "PUT", ""},
		{"curl --request=PUT --url=a.example/x", "PUT", ""},
		{"curl -sSLX PUT -- a.example/x", "PUT", ""},
		{"/usr/bin/curl --no-progress-meter -H'X-A: b' a.example/x", "GET", "b"},
		{"curl.exe -H 'X-A:b' -H 'Accept:' -H 'X-B;' a.example/x", "GET", "b"},
		{"# a comment\ncurl \\\n -H \"X-A: b\" \\\n a.example/x", "GET", "b"},
		{`curl -H $'X-A: \x62' a.example/x`, "GET", "b"},
		{`curl -H X-A:\ b a.example/x?a`, "GET", "b"},
		{"curl -gG a.example/x/{y}", "GET", ""},
	} {
		d, out := printed(t, c.command)
		o := d.Policy.Operations[0]
		header := ""
		for _, h := range o.Header {
			if h.Name == "X-A" {
				header = h.Value
			}
		}
		if o.Method != c.method || header != c.header || d.Policy.BaseURL != "http://a.example" || policy.Check(&policy.Spec{Policies: []policy.PolicySpec{d.Policy}}) != nil {
			t.Errorf("%s gave\n%s", c.command, out)
		}
	}
}
