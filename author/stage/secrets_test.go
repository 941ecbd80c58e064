package stage_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
)

// injecting is a configuration that injects credentials.
func injecting(inject ...policy.Inject) *policy.Spec {
	return &policy.Spec{Plans: []policy.Plan{{Name: "default", RateLimitOff: true}}, Policies: []policy.PolicySpec{{
		Name: "store", BaseURL: "https://store.example/v2", Inject: inject, Rules: policy.Rules{Breaker: &policy.BreakerSpec{Trip: "off"}},
	}}}
}

// sendAll makes base-URL calls of the policy store.
func sendAll(t *testing.T, spec *policy.Spec, calls ...stage.Call) []stage.Played {
	t.Helper()
	var all []stage.Played
	err := stage.Run(func() {
		s, err := stage.New(spec, stage.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		for _, c := range calls {
			c.Policy = "store"
			all = append(all, s.Play(c))
		}
	})
	if err != nil || len(all) != len(calls) {
		t.Fatalf("got %d calls and %v, want %d", len(all), err, len(calls))
	}
	return all
}

func TestACredentialReadsAsThePolicyWritesIt(t *testing.T) {
	jwt := func(algorithm, header string) policy.Inject {
		return policy.Inject{As: "jwt", JWT: &policy.JWT{Key: "{secret.key}", Algorithm: algorithm, Header: header, Claims: []policy.Claim{{Name: "sub", Value: json.RawMessage(`"{secret.sub}"`)}}}}
	}
	for name, c := range map[string]struct {
		inject        policy.Inject
		tenant        string
		header, value string
		url           string
	}{
		"bearer":       {inject: policy.Inject{As: "bearer", Value: "{secret.token}"}, header: "Authorization", value: "Bearer {secret.token}"},
		"header":       {inject: policy.Inject{As: "header", Name: "x-api-key", Value: "v1 {secret.a.b-c}"}, header: "X-Api-Key", value: "v1 {secret.a.b-c}"},
		"fixed header": {inject: policy.Inject{As: "header", Name: "X-Version", Value: "7"}, header: "X-Version", value: "7"},
		"basic":        {inject: policy.Inject{As: "basic", Name: "{secret.user}", Value: "{secret.password}"}, header: "Authorization", value: "Basic {secret.user}:{secret.password}"},
		"query":        {inject: policy.Inject{As: "query", Name: "key", Value: "a {secret.key}"}, url: "https://store.example/v2/x?a=%7Bb%7D&key=a+{secret.key}"},
		"a tenant's":   {inject: policy.Inject{As: "bearer", Value: "{tenant_secret.token}"}, tenant: "acme", header: "Authorization", value: "Bearer {tenant_secret.token}"},
		"a shared one": {inject: policy.Inject{As: "bearer", Value: "{secret.token}"}, tenant: "acme", header: "Authorization", value: "Bearer {secret.token}"},
		"RS256":        {inject: jwt("RS256", ""), header: "Authorization", value: "Bearer {jwt}"},
		"ES256":        {inject: jwt("ES256", "x-token"), header: "X-Token", value: "{jwt}"},
		"EdDSA":        {inject: jwt("EdDSA", ""), header: "Authorization", value: "Bearer {jwt}"},
		"HS256":        {inject: jwt("HS256", ""), header: "Authorization", value: "Bearer {jwt}"},
		"oauth2": {
			inject: policy.Inject{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: "https://id.example", ClientID: "{secret.id}", ClientSecret: "{secret.secret}"}},
			header: "Authorization", value: "Bearer {oauth2}",
		},
	} {
		p := sendAll(t, injecting(c.inject), stage.Call{Path: "/x", Query: "a=%7Bb%7D", Tenant: c.tenant})[0]
		if len(p.Sent) != 1 {
			t.Errorf("%s: the call came to %+v, want that it went out", name, p.Verdict)
			continue
		}
		if got := p.Sent[0].Header[c.header]; c.header != "" && !slices.Equal(got, []string{c.value}) {
			t.Errorf("%s: %s is %q, want %q", name, c.header, got, c.value)
		}
		if got := p.Sent[0].URL; c.url != "" && got != c.url {
			t.Errorf("%s: got %s, want %s", name, got, c.url)
		}
	}
}

func TestATenantsSecretIsNobodyElses(t *testing.T) {
	for _, key := range []policy.Inject{
		{As: "bearer", Value: "{tenant_secret.token}"},
		{As: "jwt", JWT: &policy.JWT{Key: "{tenant_secret.key}", Algorithm: "EdDSA"}},
	} {
		played := sendAll(t, injecting(key), stage.Call{Path: "/x"}, stage.Call{Path: "/x", Tenant: "acme"})
		if got := played[0].Verdict; got.Outcome != policy.Denied || !strings.Contains(got.Reason, "{tenant_secret.") {
			t.Errorf("%s without a tenant came to %+v, want that it is denied", key.As, got)
		}
		if got := played[1].Verdict; got.Outcome != policy.Success {
			t.Errorf("%s for a tenant came to %+v, want success", key.As, got)
		}
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	spec := injecting(policy.Inject{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: "https://store.example/v2/token", ClientID: "x", ClientSecret: "{secret.s}"}})
	played := sendAll(t, spec, stage.Call{Path: "/x", Turns: []stage.Turn{{Status: http.StatusUnauthorized}, {}}})[0]
	if played.Verdict.Outcome != policy.Success || played.Attempts != 2 || len(played.Sent) != 2 {
		t.Fatalf("got %+v after %d attempts, want success after 2", played.Verdict, played.Attempts)
	}
	if got := played.Sent[1].Header.Get("Authorization"); got != "Bearer {oauth2}" {
		t.Errorf("the second attempt has the token %q, want {oauth2}", got)
	}
}

func TestAThirdPartyWithThePathOfTheTokenEndpointIsNone(t *testing.T) {
	spec := injecting(policy.Inject{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: "https://id.example/v2/rpc", ClientID: "x", ClientSecret: "{secret.s}"}})
	played := sendAll(t, spec, stage.Call{Method: http.MethodPost, Path: "/rpc", Turns: []stage.Turn{{Status: http.StatusTeapot}}})[0]
	if played.Status != http.StatusTeapot || len(played.Sent) != 1 || played.Sent[0].URL != "https://store.example/v2/rpc" {
		t.Errorf("got %+v and sent %+v, want the third party's own answer", played.Verdict, played.Sent)
	}
}

func TestAnAnswerIsReadToItsEndUpToABound(t *testing.T) {
	for size, want := range map[int]string{stage.MaxAnswer: "", stage.MaxAnswer + 2: "the bot went away"} {
		turn := stage.Turn{Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: make([]byte, size)}
		p := sendAll(t, injecting(), stage.Call{Path: "/x", Turns: []stage.Turn{turn}})[0]
		if len(p.Body) != stage.MaxAnswer || p.Entry.Broken != want {
			t.Errorf("of %d bytes the bot got %d, broken by %q, want %d and %q", size, len(p.Body), p.Entry.Broken, stage.MaxAnswer, want)
		}
	}
}

func TestAnUpgradedConnectionIsPlayed(t *testing.T) {
	played := sendAll(t, injecting(), stage.Call{
		Path: "/x", Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}},
		Turns: []stage.Turn{{Status: http.StatusSwitchingProtocols, Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, Body: []byte("hello")}},
	})[0]
	if played.Status != http.StatusSwitchingProtocols || string(played.Body) != "hello" {
		t.Errorf("got %d with %q, want 101 with hello", played.Status, played.Body)
	}
}
