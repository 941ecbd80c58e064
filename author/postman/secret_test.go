package postman

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// hiding makes a collection that holds a credential in each of many places, in one
// of the forms that people leave them in.
func hiding(r *rand.Rand) (source string, credentials []string) {
	next := func() string {
		alphabets := []string{"abcdefghijklmnopqrstuvwxyz0123456789", "ABCdef0189-_", `ab"\/<é 9`, "xyz+/=&%? 7"}
		alphabet := []rune(alphabets[r.IntN(len(alphabets))])
		var b strings.Builder
		for range minHidden + r.IntN(40) {
			b.WriteRune(alphabet[r.IntN(len(alphabet))])
		}
		s := strings.TrimSpace(b.String() + "q7")
		credentials = append(credentials, s)
		return s
	}
	text := func(s string) string {
		raw, _ := json.Marshal(s)
		return string(raw)
	}
	again := func() string { return credentials[r.IntN(len(credentials))] } // Where it does not belong.
	schemes := []string{
		`"auth":{"type":"bearer","bearer":[{"key":"token","value":$}]}`,
		`"auth":{"type":"basic","basic":{"username":$,"password":$}}`,
		`"auth":{"type":"apikey","apikey":[{"key":"key","value":"X-Api-Key"},{"key":"value","value":$}]}`,
		`"auth":{"type":"oauth2","oauth2":[{"key":"grant_type","value":"client_credentials"},{"key":"accessTokenUrl","value":"https://login.store.example/t"},{"key":"clientId","value":$},{"key":"clientSecret","value":$}]}`,
		`"auth":{"type":"awsv4","awsv4":[{"key":"secretKey","value":$}]}`,
	}
	scheme := func() string {
		parts := strings.Split(schemes[r.IntN(len(schemes))], "$")
		for i := range parts[1:] {
			parts[i] += text(next())
		}
		return strings.Join(parts, "")
	}
	auth := scheme()
	secret := next()
	body := `{"user":"ada","password":` + text(next()) + `,"note":` + text("see "+again()) + `}`
	request := `{"method":"POST","description":` + text("Use "+again()) + `,` + scheme() +
		`,"header":[{"key":"Authorization","value":` + text("Token "+next()) + `},{"key":"X-Session","value":` + text(next()) + `},{"key":"X-Note","value":` + text(again()) + `}]` +
		`,"url":{"raw":` + text("https://store.example/orders/"+url.PathEscape(again())+"?api_key="+url.QueryEscape(next())+"&q="+url.QueryEscape(again())) + `}` +
		`,"body":{"mode":"raw","raw":` + text(body) + `}}`
	answer := `{"name":` + text(again()) + `,"code":200,"header":[{"key":"Set-Cookie","value":` + text(again()) + `}],"body":` +
		text(`{"state":"ok","token":"$TOKEN","echo":`+text(again())+`,"basic":`+text(base64.StdEncoding.EncodeToString([]byte(secret)))+`}`) + `}`
	variables := `{"key":"store_token","value":` + text(secret) + `},{"key":"vault","type":"secret","value":` + text(next()) + `},{"key":"hint","value":` + text(again()) + `}`
	folder := text("Orders " + again())
	source = `{"info":{"name":"Store","description":` + text(again()) + `,` + schema + `},` + auth + `,"variable":[` + variables + `],"item":[` +
		`{"name":` + folder + `,"item":[{"name":"Order","request":` + request + `,"response":[` + answer + `]}]},` +
		asking("Get", `{"url":"https://store.example/{{hint}}/{{store_token}}?token={{vault}}&x={{hint}}"}`) + `,` +
		asking("Form", `{"method":"POST","url":"https://store.example/login","body":{"mode":"urlencoded","urlencoded":[{"key":"client_secret","value":`+text(next())+`},{"key":"user","value":`+text(again())+`}]}}`) + `]}`
	return strings.ReplaceAll(source, "$TOKEN", "short-lived"), append(credentials, "short-lived")
}

func TestNoCredentialOfACollectionComesOut(t *testing.T) {
	for seed := range uint64(150) {
		source, credentials := hiding(rand.New(rand.NewPCG(seed, 1)))
		d, err := Import([]byte(source), Options{})
		if err != nil {
			t.Fatalf("seed %d: importing: %v\n%s", seed, err, source)
		}
		caddyfile, tests := printed(t, d)
		all, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		out := caddyfile + tests + string(all) + fmt.Sprintf("%+v", d)
		for _, c := range credentials {
			quoted, _ := json.Marshal(c)
			for _, form := range []string{c, url.QueryEscape(c), url.PathEscape(c), string(quoted[1 : len(quoted)-1])} {
				if strings.Contains(out, form) {
					t.Fatalf("seed %d: the credential %q came out:\n%s\nof\n%s", seed, c, out, source)
				}
			}
		}
	}
}

func TestAShortCredentialDoesNotComeOutOfItsOwnPlace(t *testing.T) {
	d := imported(t, `{"info":{"name":"Store",`+schema+`},"auth":{"type":"basic","basic":[{"key":"username","value":"bob7"},{"key":"password","value":"pw9"}]},
		"item":[`+asking("a", `{"method":"POST","url":"https://store.example/a?api_key=k3y","header":[{"key":"X-Token","value":"t0k"}],
			"body":{"mode":"raw","raw":"{\"password\":\"h7r\"}"}}`)+`]}`, Options{})
	caddyfile, tests := printed(t, d)
	for _, short := range []string{"bob7", "pw9", "k3y", "t0k", "h7r"} {
		if strings.Contains(caddyfile+tests, short) {
			t.Errorf("the credential %s came out:\n%s%s", short, caddyfile, tests)
		}
	}
	if len(d.Secrets) != 4 {
		t.Errorf("there are %d secrets, want those of user, password, parameter and header: %+v", len(d.Secrets), d.Secrets)
	}
}

func TestCredentialsOfAnswersAreOverwritten(t *testing.T) {
	d := imported(t, collecting(`{"name":"Login","request":{"method":"POST","url":"https://store.example/login"},"response":[
		{"name":"ok","code":200,"body":"{\"user\":\"ada\",\"access_token\":\"short\",\"pin\":{\"secret\":1234},\"id\":\"0123456789abcdef01234567\"}"}]}`), Options{})
	_, tests := printed(t, d)
	for _, gone := range []string{"short", "1234}"} {
		if strings.Contains(tests, gone) {
			t.Errorf("%s came out:\n%s", gone, tests)
		}
	}
	for _, kept := range []string{"ada", "0123456789abcdef01234567"} {
		if !strings.Contains(tests, kept) {
			t.Errorf("%s is lost:\n%s", kept, tests)
		}
	}
	run(t, d, d.Tests)
}

func TestACredentialInTheAddressOfATokenEndpointDoesNotComeOut(t *testing.T) {
	d := imported(t, collecting(asking("a", `{"url":"https://store.example/a","auth":{"type":"oauth2","oauth2":[{"key":"grant_type","value":"client_credentials"},
		{"key":"accessTokenUrl","value":"https://login.store.example/t?api_key=k8f0aa91&x=1"},{"key":"clientId","value":"bot"},{"key":"clientSecret","value":"s"}]}}`)), Options{})
	caddyfile, _ := printed(t, d)
	if strings.Contains(caddyfile, "k8f0aa91") || len(d.Policy.Inject) != 1 || d.Policy.Inject[0].As != "bearer" {
		t.Errorf("got\n%s\nwant a bearer token, as no token can be had without the key", caddyfile)
	}
}

func TestAKnownCredentialStandsInNoText(t *testing.T) {
	const bearer = `"auth":{"type":"bearer","bearer":[{"key":"token","value":"{{t}}"}]}`
	for _, c := range []struct {
		name, source, gone string
		options            Options
	}{
		{"of a variable that a scheme names", `"variable":[{"key":"t","value":"PmVarTok42"}],` + bearer, "PmVarTok42", Options{}},
		{"by another variable", `"variable":[{"key":"t","value":"{{u}}"},{"key":"u","value":"PmVarTok42"}],` + bearer, "PmVarTok42", Options{}},
		{"short", `"variable":[{"key":"t","value":"pw9x"}],` + bearer, "pw9x", Options{}},
		{"given", bearer, "PmVarTok42", Options{Variables: map[string]string{"t": "PmVarTok42"}}},
		{"a short password", `"auth":{"type":"basic","basic":[{"key":"username","value":"user"},{"key":"password","value":"p-w9"}]}`, "p-w9", Options{}},
	} {
		text := "Call it with " + c.gone + "."
		d := imported(t, `{"info":{"name":"Store `+c.gone+`","description":"`+text+`",`+schema+`},`+c.source+`,"item":[{"name":"Folder `+c.gone+`","item":[
			{"name":"Get user `+c.gone+`","request":{"method":"POST","url":"https://store.example/a?x=`+c.gone+`","description":"`+text+`",
			"header":[{"key":"X-Note","value":"a `+c.gone+`"}],"body":{"mode":"raw","raw":"{\"note\":\"`+c.gone+`\"}"}},
			"response":[{"name":"`+text+`","code":200,"body":"{\"note\":\"`+c.gone+`\"}"}]}]}]}`, c.options)
		caddyfile, tests := printed(t, d)
		all, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if out := caddyfile + tests + string(all); strings.Contains(out, c.gone) || !strings.Contains(strings.ToLower(out), "get_user") {
			t.Errorf("%s: %s came out, or the word user is lost:\n%s%s", c.name, c.gone, caddyfile, tests)
		}
	}
}

func TestAShortCredentialIsNoPartOfAWord(t *testing.T) {
	d := imported(t, `{"info":{"name":"Store",`+schema+`},"auth":{"type":"bearer","bearer":[{"key":"token","value":"stor"}]},
		"item":[`+asking("a", `{"url":"https://stor.example/stor/store","description":"The store, not stor."}`)+`]}`, Options{})
	caddyfile, _ := printed(t, d)
	if !strings.Contains(caddyfile, "https://stor.example") || !strings.Contains(caddyfile, "The store, not [redacted].") {
		t.Errorf("got\n%s\nwant the address and words as they are", caddyfile)
	}
}

func TestACredentialInABodyIsWarnedOf(t *testing.T) {
	for _, body := range []string{
		`{"mode":"raw","raw":"{\"user\":\"ada\",\"password\":\"h7rx-22\",\"page_token\":\"7\"}"}`,
		`{"mode":"raw","raw":"{\"user\":\"{{user}}\",\"password\":\"{{pw}}\"}"}`,
		`{"mode":"urlencoded","urlencoded":[{"key":"user","value":"ada"},{"key":"password","value":"h7rx-22"}]}`,
	} {
		d := imported(t, collecting(asking("Log in", `{"method":"POST","url":"https://store.example/login","body":`+body+`}`)), Options{})
		all := strings.Join(d.Warnings, "\n")
		if len(d.Warnings) != 1 || !strings.Contains(all, `"Log in": {{p`) || !strings.Contains(all, "a part of the body, may be a credential: Signpost injects those into headers and queries alone, so the bot has to send it") {
			t.Errorf("%s: the warnings are\n%s\nwant one of the password", body, all)
		}
	}
}

func TestACredentialInATextDoesNotComeOut(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		kept       bool // the operation is made
	}{
		{"text/xml", `<a><password>PmPw5</password></a>`, false}, // No value is put into XML.
		{"text/xml", `<a><password>PmPass5678</password></a>`, false},
		{"text/plain", `user=ada password=PmPw5`, true},
		{"text/plain", `api_key: PmKey99999, {{note}}`, true},
	} {
		source := `{"name":"One","request":{"method":"POST","url":"https://store.example/o","description":"Send PmPass5678 or PmKey99999.","header":[{"key":"Content-Type","value":"` + c.kind + `"}],
			"body":{"mode":"raw","raw":"` + c.body + `"}},"response":[{"name":"x","code":400,"body":"` + c.body + `"}]}`
		d := imported(t, collecting(asking("a", `{"url":"https://store.example/a"}`)+","+source), Options{})
		caddyfile, tests := printed(t, d)
		for _, gone := range []string{"PmPw5", "PmPass5678", "PmKey99999"} {
			if strings.Contains(c.body, gone) && strings.Contains(caddyfile+tests+strings.Join(d.Warnings, ""), gone) {
				t.Errorf("%s: %s came out:\n%s%s", c.body, gone, caddyfile, tests)
			}
		}
		if kept := len(d.Policy.Operations) == 2; kept != c.kept || len(d.Warnings) != 1 {
			t.Errorf("%s: the operations are %+v and the warnings %q", c.body, d.Policy.Operations, d.Warnings)
		}
	}
}
