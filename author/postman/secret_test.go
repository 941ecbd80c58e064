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
