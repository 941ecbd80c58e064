package oauth2_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/oauth2"
)

func TestALifetimeIsBelievedWithinBounds(t *testing.T) {
	for expires, want := range map[string]time.Duration{
		`3600`: time.Hour, `"3600"`: time.Hour, `1`: time.Second, `1.5`: 1500 * time.Millisecond, `3.6e3`: time.Hour, `3600.0`: time.Hour,
		`0`: 5 * time.Minute, `"0"`: 5 * time.Minute, `-0.0`: 5 * time.Minute, `null`: 5 * time.Minute, ``: 5 * time.Minute,
		`-1`: 0, `"-300"`: 0, `-1e400`: 0,
		`86400`: 24 * time.Hour, `86401`: 24 * time.Hour, `9223372036854775807`: 24 * time.Hour, `99999999999999999999999`: 24 * time.Hour, `1e400`: 24 * time.Hour,
		`4294967297`: 24 * time.Hour, `-4294967196`: 0,
	} {
		body := `{"access_token":"a","token_type":"bearer"}`
		if expires != "" {
			body = `{"access_token":"a","token_type":"bearer","expires_in":` + expires + `}`
		}
		token, got, err := oauth2.Judge(200, []byte(body))
		if token != "a" || got != want || err != nil {
			t.Errorf("expires_in %s: got %q for %s and %v, want %s", expires, token, got, err, want)
		}
	}
}

func TestAnAnswerThatHoldsNoUsableTokenIsNone(t *testing.T) {
	const (
		noNumber = "The token endpoint answered with a lifetime that is not a number."
		noToken  = "The token endpoint answered without a token."
		noHeader = "The token endpoint answered with a token that no header can carry."
		noBearer = "The token endpoint answered with a token of a kind that is not bearer."
	)
	withLifetime := func(v string) string { return `{"access_token":"a","token_type":"bearer","expires_in":` + v + `}` }
	withToken := func(v string) string { return `{"access_token":` + v + `,"token_type":"bearer"}` }
	withType := func(v string) string { return `{"access_token":"a","token_type":` + v + `}` }
	long := strings.Repeat("a", oauth2.MaxToken)
	for body, want := range map[string]string{
		withLifetime(`"soon"`): noNumber, withLifetime(`""`): noNumber, withLifetime(`" 1"`): noNumber, withLifetime(`"0x10"`): noNumber,
		withLifetime(`"inf"`): noNumber, withLifetime(`"NaN"`): noNumber, withLifetime(`[1]`): noNumber, withLifetime(`true`): noNumber,
		withToken(`""`): noToken, withToken(`null`): noToken, withToken(`7`): noToken, withToken(`["a"]`): noToken, `{}`: noToken, `null`: noToken,
		withToken(`"a b"`): noHeader, withToken(`"a\r\nX: y"`): noHeader, withToken(`"a\u0000"`): noHeader, withToken(`"é"`): noHeader,
		withToken(`"a\u007f"`): noHeader, withToken(`"` + "\xff" + `"`): noHeader, withToken(`"a` + long + `"`): noHeader,
		withType(`"mac"`): noBearer, withType(`""`): noBearer, withType(`"bearer "`): noBearer,
		withToken(`"` + long + `"`): "", withToken(`"AZaz09-._~+/=!\"\\"`): "", withType(`"BEARER"`): "",
	} {
		token, _, err := oauth2.Judge(200, []byte(body))
		switch {
		case want == "" && (err != nil || token == ""):
			t.Errorf("%.80s: got %q and %v, want a token", body, token, err)
		case want != "" && (err == nil || token != "" || err.Kind != oauth2.Unreachable || err.Reason() != want):
			t.Errorf("%.80s: got %q and %v, want %q", body, token, err, want)
		}
	}
}

func FuzzJudge(f *testing.F) {
	for _, body := range []string{
		bearer, `{"access_token":"a","token_type":"bearer","expires_in":"-1e999"}`, `{"error":"invalid_client","error_description":"x"}`,
		`{"error":"server_error"}`, `<html>`, ``, `null`, `[]`, `{"access_token":"a\nb","token_type":"bearer"}`, `{"Access_Token":1e999}`,
		strings.Repeat("[", 20000),
	} {
		for _, status := range []int{200, 302, 400, 401, 503} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		token, lifetime, err := oauth2.Judge(status, body)
		if err == nil {
			if status < 200 || status > 299 || !json.Valid(body) {
				t.Fatalf("%d %q is a token", status, body)
			}
			if token == "" || len(token) > oauth2.MaxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				t.Fatalf("%d %q: got the token %q", status, body, token)
			}
			if lifetime < 0 || lifetime > 24*time.Hour {
				t.Fatalf("%d %q: got the lifetime %s", status, body, lifetime)
			}
			return
		}
		if token != "" || (err.Kind != oauth2.Denied && err.Kind != oauth2.Unreachable) || err.Unwrap() != nil {
			t.Fatalf("%d %q: got %q and %#v", status, body, token, err)
		}
		for _, text := range []string{err.Reason(), err.Error()} {
			if len(text) > 120 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
				t.Fatalf("%d %q: got the error %q", status, body, text)
			}
		}
	})
}
