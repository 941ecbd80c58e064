package openapi

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// Bounds of what is asked for.
const (
	maxAlternatives = 50 // Ways to authenticate that are compared.
	maxTogether     = 10 // Schemes of one way.
	maxScopes       = 50 // Scopes of one way.
)

// keyring makes credentials of security schemes.
type keyring struct {
	draft   *draft.Draft
	schemes openapi3.SecuritySchemes
	notes   *warnings
}

// requirements gives the ways to authenticate of an operation, of which one will do.
func requirements(doc *openapi3.T, op *openapi3.Operation) openapi3.SecurityRequirements {
	all := doc.Security
	if op.Security != nil {
		all = *op.Security
	}
	return first(all, maxAlternatives)
}

// way is a set of schemes that some operations ask for together.
type way struct {
	schemes []string // in the order of their names
	scopes  []string
	used    int // by how many operations
}

// common gives the way to authenticate that most operations can be called with, the
// first of those that as many can; nil where none asks for one.
func (k *keyring) common(all []openapi3.SecurityRequirements) *way {
	var ways []*way
	for _, alternatives := range all {
		for _, r := range alternatives {
			if len(r) > 0 && k.known(r) {
				ways = count(ways, r)
			}
		}
	}
	var best *way
	for _, w := range ways {
		if best == nil || w.used > best.used || w.used == best.used && k.rank(w) < k.rank(best) {
			best = w
		}
	}
	return best
}

// known tells whether all schemes of a requirement are in the document.
func (k *keyring) known(r openapi3.SecurityRequirement) bool {
	if len(r) > maxTogether {
		return false
	}
	for name := range r {
		if ref := k.schemes[name]; ref == nil || ref.Value == nil {
			k.notes.add("the security scheme %s is asked for, but is not in the document", quote(name))
			return false
		}
	}
	return true
}

// count counts a requirement among the ways.
func count(ways []*way, r openapi3.SecurityRequirement) []*way {
	schemes := slices.Sorted(maps.Keys(r))
	at := slices.IndexFunc(ways, func(w *way) bool { return slices.Equal(w.schemes, schemes) })
	if at < 0 {
		if len(ways) == maxAlternatives {
			return ways
		}
		at = len(ways)
		ways = append(ways, &way{schemes: schemes})
	}
	ways[at].used++
	for _, name := range ways[at].schemes {
		for _, scope := range r[name] {
			if !slices.Contains(ways[at].scopes, scope) && len(ways[at].scopes) < maxScopes {
				ways[at].scopes = append(ways[at].scopes, scope)
			}
		}
	}
	return ways
}

// rank is lower for what a gateway can do on its own.
func (k *keyring) rank(w *way) int {
	rank := 0
	for _, name := range w.schemes {
		s := k.schemes[name].Value
		switch {
		case s.Type == "oauth2" && s.Flows != nil && s.Flows.ClientCredentials != nil:
			rank++
		case s.Type == "oauth2", s.Type == "openIdConnect", s.Type == "mutualTLS", s.In == "cookie":
			rank += 4
		}
	}
	return rank
}

// allows tells whether a call with these schemes is enough for an operation.
func (w *way) allows(alternatives openapi3.SecurityRequirements) bool {
	if len(alternatives) == 0 {
		return true
	}
	return slices.ContainsFunc(alternatives, func(r openapi3.SecurityRequirement) bool {
		for name := range r {
			if w == nil || !slices.Contains(w.schemes, name) {
				return false
			}
		}
		return true
	})
}

// inject gives the credentials of a way to authenticate.
func (k *keyring) inject(w *way) []policy.Inject {
	var all []policy.Inject
	for _, name := range w.schemes {
		if in, ok := k.scheme(name, k.schemes[name].Value, w.scopes); ok {
			all = append(all, in)
		}
	}
	return all
}

// secret gives a reference to a secret of the policy.
func (k *keyring) secret(what, about string) string {
	return k.draft.AddSecret(draft.SecretName(k.draft.Policy.Name, what), printable(about))
}

// scheme gives the credential of one scheme.
func (k *keyring) scheme(name string, s *openapi3.SecurityScheme, scopes []string) (policy.Inject, bool) {
	switch {
	case s.Type == "http" && strings.EqualFold(s.Scheme, "bearer"):
		return policy.Inject{As: "bearer", Value: k.secret("token", "the bearer token")}, true
	case s.Type == "http" && strings.EqualFold(s.Scheme, "basic"):
		user := k.secret("user", "the user's name")
		return policy.Inject{As: "basic", Name: user, Value: k.secret("password", "the user's password")}, true
	case s.Type == "apiKey":
		return k.apiKey(name, s)
	case s.Type == "oauth2" && s.Flows != nil && s.Flows.ClientCredentials != nil:
		return k.oauth2(s.Flows.ClientCredentials, scopes)
	case s.Type == "oauth2":
		k.notes.add("the security scheme %s gives tokens to people and not to programs: expected a token that lasts in the secret", quote(name))
		return policy.Inject{As: "bearer", Value: k.secret("token", "an access token")}, true
	case s.Type == "openIdConnect":
		k.notes.add("the security scheme %s is OpenID Connect: expected a token that lasts in the secret, or inject oauth2 with the token endpoint of %s", quote(name), quote(s.OpenIdConnectUrl))
		return policy.Inject{As: "bearer", Value: k.secret("token", "an access token")}, true
	}
	k.notes.add("the security scheme %s (%s) is none that a policy can inject: it is left out", quote(name), printable(strings.TrimSpace(s.Type+" "+s.Scheme)))
	return policy.Inject{}, false
}

// apiKey gives a key that stands in a header, a parameter or a cookie.
func (k *keyring) apiKey(name string, s *openapi3.SecurityScheme) (policy.Inject, bool) {
	in := policy.Inject{As: "header", Name: s.Name}
	switch {
	case s.In == "query" && s.Name != "" && holdable(s.Name):
		in.As = "query"
		in.Value = k.secret(s.Name, "the parameter "+s.Name)
	case s.In == "header" && injectable(s.Name):
		in.Value = k.secret(s.Name, "the whole value of the header "+s.Name)
	case s.In == "cookie" && injectable(s.Name): // A token, which cannot end a cookie.
		k.notes.add("the security scheme %s is a cookie: expected that the third party takes one that lasts", quote(name))
		in.Name = "Cookie"
		in.Value = s.Name + "=" + k.secret(s.Name, "the cookie "+s.Name)
	default:
		k.notes.add("the security scheme %s names nothing that can be injected: it is left out", quote(name))
		return in, false
	}
	return in, true
}

// oauth2 gives tokens by client credentials.
func (k *keyring) oauth2(flow *openapi3.OAuthFlow, scopes []string) (policy.Inject, bool) {
	address := flow.TokenURL
	if base, err := url.Parse(k.draft.Policy.BaseURL); err == nil {
		if at, err := base.Parse(address); err == nil && address != "" {
			address = at.String()
		}
	}
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !holdable(s) })
	in := policy.Inject{As: "oauth2", OAuth2: &policy.OAuth2{
		TokenURL: address, Scopes: scopes,
		ClientID:     "{secret." + draft.SecretName(k.draft.Policy.Name, "client id") + "}",
		ClientSecret: "{secret." + draft.SecretName(k.draft.Policy.Name, "client secret") + "}",
	}}
	if !holdable(address) || len(mistakesOf(policy.PolicySpec{BaseURL: "https://a.example", Inject: []policy.Inject{in}})) > 0 {
		k.notes.add("the token endpoint %s cannot be asked: expected https://host/path; the policy has a token that lasts instead", quote(flow.TokenURL))
		return policy.Inject{As: "bearer", Value: k.secret("token", "an access token")}, true
	}
	in.OAuth2.ClientID = k.secret("client id", "the id of the OAuth 2 client")
	in.OAuth2.ClientSecret = k.secret("client secret", "the secret of the OAuth 2 client")
	return in, true
}

// injectable tells whether a header can be set by a policy.
func injectable(name string) bool {
	in := policy.Inject{As: "header", Name: name, Value: "x"}
	return holdable(name) && len(mistakesOf(policy.PolicySpec{BaseURL: "https://a.example", Inject: []policy.Inject{in}})) == 0
}

// mistakesOf gives what is wrong with a policy, whatever it is called.
func mistakesOf(p policy.PolicySpec) policy.Mistakes {
	p.Name = "draft"
	return policy.Check(&policy.Spec{TenantsFile: "tenants.yaml", Policies: []policy.PolicySpec{p}})
}
