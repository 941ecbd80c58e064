package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

func TestEachMistakeOfASpecIsFoundAndNamed(t *testing.T) {
	good := func() policy.Spec {
		s := store(policy.Rules{Extracts: []policy.Extract{{Var: "status", Path: "$.status"}}})
		s.Policies[0].Operations = []policy.OperationSpec{{Name: "order", Method: "GET", Template: "/orders/{{id}}"}}
		return s
	}
	for want, spoil := range map[string]func(*policy.Spec){
		`max_timeout: 2m0s is over the ceiling`:                                func(s *policy.Spec) { s.MaxTimeout = seconds(120) },
		`policy store: timeout: 1m30s is over the ceiling`:                     func(s *policy.Spec) { s.Policies[0].Timeout = seconds(90) },
		`plan default: timeout: 1m1s is over the ceiling`:                      func(s *policy.Spec) { s.Plans[0].Timeout = seconds(61) },
		`plan default: rate_limit off stands beside`:                           func(s *policy.Spec) { s.Plans[0].RateLimits = []policy.RateLimit{{Rate: "1/m"}} },
		`plan default: rate_limit: a plan's limits are each tenant's own`:      func(s *policy.Spec) { s.Plans[0].RateLimits = []policy.RateLimit{{Rate: "1/m", Shared: true}} },
		`the name "default" is used twice`:                                     func(s *policy.Spec) { s.Plans = append(s.Plans, s.Plans[0]) },
		`tenant "acme" is on plan default already`:                             func(s *policy.Spec) { s.Plans[0].Tenants = []string{"acme", "acme"} },
		`plan default: tenants: `:                                              func(s *policy.Spec) { s.Plans[0].Tenants = []string{" acme"} },
		`secrets: "vault" is not a place of secrets`:                           func(s *policy.Spec) { s.Secrets = []policy.SecretSource{{From: "vault"}} },
		`"Store" is not a name`:                                                func(s *policy.Spec) { s.Policies[0].Name = "Store" },
		`the name "health" is reserved`:                                        func(s *policy.Spec) { s.Policies[0].Name = "health" },
		`the name "store" is used twice`:                                       func(s *policy.Spec) { s.Policies = append(s.Policies, s.Policies[0]) },
		`"ftp://x" is not a base URL`:                                          func(s *policy.Spec) { s.Policies[0].BaseURL = "ftp://x" },
		`"https:///x" is not a base URL`:                                       func(s *policy.Spec) { s.Policies[0].BaseURL = "https:///x" },
		`expected no query and no fragment`:                                    func(s *policy.Spec) { s.Policies[0].BaseURL = "https://x/?a" },
		`a base URL holds no user or password`:                                 func(s *policy.Spec) { s.Policies[0].BaseURL = "https://a:b@x" },
		`{tenant.shop} is read, but nothing gives it: expected a tenants_file`: func(s *policy.Spec) { s.Policies[0].BaseURL = "https://{tenant.shop}.x" },
		`methods: "get" is not a method`:                                       func(s *policy.Spec) { s.Policies[0].Methods = []string{"get"} },
		`methods: GET is named twice`:                                          func(s *policy.Spec) { s.Policies[0].Methods = []string{"GET", "GET"} },
		`operation order: the policy's methods do not allow GET`:               func(s *policy.Spec) { s.Policies[0].Methods = []string{"POST"} },
		`policy store: rate_limit: `:                                           func(s *policy.Spec) { s.Policies[0].RateLimits = []policy.RateLimit{{Rate: "often"}} },
		`two limits over the same window`:                                      func(s *policy.Spec) { s.Policies[0].RateLimits = []policy.RateLimit{{Rate: "1/m"}, {Rate: "2/60s"}} },
		`policy store: concurrency: `:                                          func(s *policy.Spec) { s.Policies[0].Concurrency = []policy.Concurrency{{Calls: 0}} },
		`inject header: "a b" is not a header name`:                            func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "header", Name: "a b"}} },
		`the header Host belongs to the connection`:                            func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "header", Name: "host", Value: "x"}} },
		`two values go to the same place`: func(s *policy.Spec) {
			s.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "x"}, {As: "basic", Name: "a", Value: "x"}}
		},
		`inject saml: expected header, query, bearer, basic, jwt or oauth2`: func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "saml"}} },
		`inject jwt: the block is missing`:                                  func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "jwt"}} },
		`inject jwt: alg: "none" is not an algorithm`:                       signedBy(policy.JWT{Key: "{secret.k}", Algorithm: "none"}),
		`inject jwt: ttl: 1s is out of range`:                               signedBy(policy.JWT{Key: "{secret.k}", Algorithm: "HS256", TTL: policy.Duration(time.Second)}),
		`inject jwt: key: expected one secret alone`:                        signedBy(policy.JWT{Key: "x{secret.k}", Algorithm: "HS256"}),
		`inject jwt: as: "X Y" is not a header name`:                        signedBy(policy.JWT{Key: "{secret.k}", Algorithm: "HS256", Header: "X Y"}),
		`inject jwt: the header Host belongs to the connection`:             signedBy(policy.JWT{Key: "{secret.k}", Algorithm: "HS256", Header: "host"}),
		`inject jwt: claim: the claim "exp" is set by the gateway`: signedBy(policy.JWT{Key: "{secret.k}", Algorithm: "HS256",
			Claims: []policy.Claim{{Name: "exp", Value: []byte("1")}}}),
		`inject jwt: claim a: the value is not JSON`: signedBy(policy.JWT{Key: "{secret.k}", Algorithm: "HS256",
			Claims: []policy.Claim{{Name: "a", Value: []byte("x")}}}),
		`inject jwt: claim a: a secret is filled in where the claim is a text`: signedBy(policy.JWT{Key: "{secret.k}", Algorithm: "HS256",
			Claims: []policy.Claim{{Name: "a", Value: []byte(`["{secret.k}"]`)}}}),
		`inject oauth2: the block is missing`:                 func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "oauth2"}} },
		`token_url: the value is not the address`:             grantedBy(policy.OAuth2{TokenURL: "ftp://x/", ClientID: "a", ClientSecret: "b"}),
		`token_url: {tenant.a} is read, but nothing gives it`: grantedBy(policy.OAuth2{TokenURL: "https://{tenant.a}.x/", ClientID: "a", ClientSecret: "b"}),
		`inject oauth2: client_id: the value is missing`:      grantedBy(policy.OAuth2{TokenURL: "https://x/", ClientSecret: "b"}),
		`inject oauth2: auth: "both" is not header or body`:   grantedBy(policy.OAuth2{TokenURL: "https://x/", ClientID: "a", ClientSecret: "b", Auth: "both"}),
		`inject oauth2: scopes: "a b" is not a scope`:         grantedBy(policy.OAuth2{TokenURL: "https://x/", ClientID: "a", ClientSecret: "b", Scopes: []string{"a b"}}),
		`the parameter "grant_type" is set by the gateway`:    grantedBy(policy.OAuth2{TokenURL: "https://x/", ClientID: "a", ClientSecret: "b", Params: []policy.Field{{Name: "grant_type", Value: "x"}}}),
		`inject bearer: `: func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "{env.X}"}} },
		`retry: 6 is not a number of further attempts`: func(s *policy.Spec) { s.Policies[0].Retry = &policy.Retry{Attempts: 6} },
		`retry: backoff: 2s is longer than 1s`: func(s *policy.Spec) {
			s.Policies[0].Retry = &policy.Retry{BackoffMin: seconds(2), BackoffMax: seconds(1)}
		},
		`retry: on: `:                                       func(s *policy.Spec) { s.Policies[0].Retry = &policy.Retry{On: "status ="} },
		`strip: "a:b" is not a header name`:                 func(s *policy.Spec) { s.Policies[0].Strip = []string{"a:b"} },
		`policy store: breaker: `:                           func(s *policy.Spec) { s.Policies[0].Breaker = &policy.BreakerSpec{Trip: "sometimes"} },
		`next: "go" is not continue or stop`:                func(s *policy.Spec) { s.Policies[0].Next = "go" },
		`peek: 17MiB is over the ceiling of 16MiB`:          func(s *policy.Spec) { s.Policies[0].Peek = 17 << 20 },
		`extract Status: "Status" is not a variable's name`: func(s *policy.Spec) { s.Policies[0].Extracts[0].Var = "Status" },
		`extract status: reading the path "$.["`:            func(s *policy.Spec) { s.Policies[0].Extracts[0].Path = "$.[" },
		`extract status: the variable is extracted twice`: func(s *policy.Spec) {
			s.Policies[0].Extracts = append(s.Policies[0].Extracts, s.Policies[0].Extracts[0])
		},
		`extract status: reading the default {`: func(s *policy.Spec) { s.Policies[0].Extracts[0].Default = []byte("{") },
		`a required variable has no default`: func(s *policy.Spec) {
			s.Policies[0].Extracts[0].Default, s.Policies[0].Extracts[0].Required = []byte("1"), true
		},
		`hint a b: `:                       func(s *policy.Spec) { s.Policies[0].Hints = []policy.Hint{{Route: "a b", When: "tru"}} },
		`"a b" is not a route`:             func(s *policy.Spec) { s.Policies[0].Hints = []policy.Hint{{Route: "a b", When: "true"}} },
		`hint a: the condition is missing`: func(s *policy.Spec) { s.Policies[0].Hints = []policy.Hint{{Route: "a"}} },
		`operation order: hint a: `: func(s *policy.Spec) {
			s.Policies[0].Operations[0].Hints = []policy.Hint{{Route: "a", When: "vars.eta == 1"}}
		},
		`fallback: the block says nothing`: func(s *policy.Spec) { s.Policies[0].Fallbacks = []policy.Fallback{{}} },
		`respond: 99 is not a status`: func(s *policy.Spec) {
			s.Policies[0].Fallbacks = []policy.Fallback{{Respond: &policy.Respond{Status: 99}}}
		},
		`an answer with status 204 has no body`: func(s *policy.Spec) {
			s.Policies[0].Fallbacks = []policy.Fallback{{Respond: &policy.Respond{Status: 204, Body: "x"}}}
		},
		`{{vars.eta}} is read, but nothing gives it`: func(s *policy.Spec) {
			s.Policies[0].Fallbacks = []policy.Fallback{{Respond: &policy.Respond{Status: 200, Body: "{{vars.eta}}"}}}
		},
		`respond: reading the body: `: func(s *policy.Spec) {
			s.Policies[0].Fallbacks = []policy.Fallback{{Respond: &policy.Respond{Status: 200, Type: "application/json", Body: "{"}}}
		},
		`operation order: reading the template "orders"`: func(s *policy.Spec) { s.Policies[0].Operations[0].Template = "orders" },
		`the name "order" is used twice`: func(s *policy.Spec) {
			s.Policies[0].Operations = append(s.Policies[0].Operations, policy.OperationSpec{Name: "order", Method: "GET", Template: "/x"})
		},
	} {
		spec := good()
		spoil(&spec)
		found := policy.Check(&spec)
		if !strings.Contains(found.Error(), want) {
			t.Errorf("want a mistake with %q, got %q", want, found.Error())
		}
	}
	spec := good()
	if found := policy.Check(&spec); len(found) > 0 {
		t.Errorf("a good Spec has mistakes: %v", found)
	}
}

func TestAMistakeOfAPolicyIsToldOnceHoweverManyOperationsInheritIt(t *testing.T) {
	spec := store(policy.Rules{
		Timeout: seconds(90), Next: "go", Peek: 17 << 20, Success: "tru", Otherwise: "a b", Strip: []string{":"},
		Retry:     &policy.Retry{Attempts: 9},
		Hints:     []policy.Hint{{Route: "x", When: "nothing"}},
		Extracts:  []policy.Extract{{Var: "X", Path: "$"}},
		Fallbacks: []policy.Fallback{{}},
	})
	for _, name := range []string{"a", "b", "c"} {
		spec.Policies[0].Operations = append(spec.Policies[0].Operations, policy.OperationSpec{Name: name, Method: "GET", Template: "/" + name})
	}
	seen := make(map[string]bool)
	for _, m := range policy.Check(&spec) {
		if strings.Contains(m.Name, "operation") {
			t.Errorf("told of an operation: %v", m)
		}
		if seen[m.Error()] {
			t.Errorf("told twice: %v", m)
		}
		seen[m.Error()] = true
	}
	if len(seen) != 10 {
		t.Errorf("%d mistakes, want 10: %v", len(seen), seen)
	}
}

func TestMistakesStandInTheOrderOfTheirLines(t *testing.T) {
	at := func(file string, line int) policy.Mistake {
		return policy.Mistake{Place: policy.Place{File: file, Line: line}, Text: "wrong"}
	}
	ms := policy.Mistakes{at("b", 2), at("", 0), at("a", 9), at("b", 1), at("a", 3)}
	ms.Sort()
	if got, want := ms.Error(), "b:1: wrong\nb:2: wrong\na:3: wrong\na:9: wrong\nwrong"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// signedBy and grantedBy put a block of `inject` into the policy.
func signedBy(j policy.JWT) func(*policy.Spec) {
	return func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "jwt", JWT: &j}} }
}

func grantedBy(o policy.OAuth2) func(*policy.Spec) {
	return func(s *policy.Spec) { s.Policies[0].Inject = []policy.Inject{{As: "oauth2", OAuth2: &o}} }
}
