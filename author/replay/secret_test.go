package replay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

// bank is a configuration with secrets, whose third party says them again, and with
// a card number that the log does not keep.
func bank(t *testing.T) policy.Spec {
	t.Helper()
	t.Setenv("BANK_SECRET_TOKEN", "a-token-of-somebody")
	t.Setenv("BANK_SECRET_KEY", "a-key-of-somebody")
	tokens := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/token":
			tokens++
			_, _ = io.WriteString(w, `{"access_token":"token-number-`+strconv.Itoa(tokens)+`","token_type":"bearer","expires_in":3600}`)
			return
		case r.URL.Path == "/renewed" && r.Header.Get("Authorization") == "Bearer token-number-1":
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"you":"`+r.Header.Get("Authorization")+`","card":"4111111111111111","digits":"ends with 1111","code":7,"asked":"`+r.URL.RawQuery+`"}`)
	}))
	t.Cleanup(server.Close)
	return policy.Spec{
		Plans:   []policy.Plan{{Name: "default", RateLimitOff: true}},
		Secrets: []policy.SecretSource{{From: "env", Where: "BANK_SECRET_"}},
		Policies: []policy.PolicySpec{{
			Name: "bank", BaseURL: server.URL, AllowPrivate: true, Inject: []policy.Inject{
				{As: "bearer", Value: "{secret.token}"}, {As: "query", Name: "k", Value: "{secret.key}"},
			},
			Record: &policy.RecordSpec{Calls: 20, Redact: []string{"$.card", "$.code", "$.pin"}},
			Operations: []policy.OperationSpec{{Name: "cards", Method: "GET", Template: "/cards/{{id}}", Rules: policy.Rules{
				Extracts: []policy.Extract{{Var: "card", Path: "$.card"}, {Var: "digits", Path: "$.digits"}, {Var: "you", Path: "$.you"}},
				Hints:    []policy.Hint{{Route: "ours", When: `input.id == "1"`}, {Route: "secret", When: `body.code == 7`}},
			}}, {Name: "pay", Method: "POST", Template: "/pay", Body: &policy.BodySpec{As: "json", Template: `{"pin": {{pin}}}`}}},
		}, {
			Name: "granted", BaseURL: server.URL, AllowPrivate: true,
			Inject: []policy.Inject{{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: server.URL + "/token", ClientID: "bot", ClientSecret: "{secret.key}"}}},
			Rules:  policy.Rules{Extracts: []policy.Extract{{Var: "digits", Path: "$.digits"}}},
		}, {
			Name: "tenants", BaseURL: server.URL, AllowPrivate: true, Inject: []policy.Inject{{As: "bearer", Value: "{tenant_secret.token}"}},
			Rules: policy.Rules{Hints: []policy.Hint{{Route: "held", When: `outcome == "denied"`}}},
		}},
	}
}

func TestSecretsAndRedactionsAreNoDifferences(t *testing.T) {
	spec := bank(t)
	w := newWorld(t, spec)
	w.bot("GET /bank/cards/1?verbose=1", "X-Tenant-ID: acme", "Authorization: Bearer of-the-bot")
	w.bot("POST /call/bank/pay", `{"pin":"1234"}`)
	w.bot("GET /tenants/x", "X-Tenant-ID: acme")
	w.bot("GET /bank/cards/1", "X-Tenant-ID: "+strings.Repeat("x", 200))
	w.bot("GET /bank/cards/2")
	for _, hidden := range []string{"a-token-of-somebody", "a-key-of-somebody", "4111111111111111", "1234"} {
		if strings.Contains(w.log.String(), hidden) {
			t.Fatalf("the log holds %s", hidden)
		}
	}
	w.bot("GET /granted/x")
	if d := w.bot("GET /granted/renewed"); d.Outcome != "success" || len(d.Attempts) != 2 {
		t.Fatalf("a renewed token came to %+v", d)
	}
	r := w.replay(spec, replay.Options{})
	want(t, "nothing changed", r, 6, nil, nil, []string{"| bank.cards: " + string(replay.WhyRedacted)})
	spec.Policies[0].Operations[0].Hints[1].When = `body.code == 8`
	spec.Policies[0].Operations[0].Hints[0].Route = "mine"
	spec.Policies[2].Hints[0].Route = "kept"
	r = w.replay(spec, replay.Options{})
	want(t, "routes", r, 3, []string{"|| bank.cards: route ours → mine", "| tenants: route held → kept"}, nil, []string{"| bank.cards: " + string(replay.WhyRedacted)})
}
