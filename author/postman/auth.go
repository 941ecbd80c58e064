package postman

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// credential is what a request says who it is with. Values refer to the collection's
// variables, since secrets are named when it is known which are taken.
type credential struct {
	inject policy.Inject
	about  []string // what each value is, those of Values
}

// values gives the places of a credential that hold secrets.
func (c *credential) values() []*string {
	switch {
	case c.inject.OAuth2 != nil:
		return []*string{&c.inject.OAuth2.ClientID, &c.inject.OAuth2.ClientSecret}
	case c.inject.As == "basic":
		return []*string{&c.inject.Name, &c.inject.Value}
	}
	return []*string{&c.inject.Value}
}

// place is where a credential goes. Two cannot go to the same.
func (c *credential) place() string {
	switch c.inject.As {
	case "query":
		return "query " + c.inject.Name
	case "header":
		return "header " + c.inject.Name
	}
	return "header Authorization"
}

// identity is the same for credentials that are the same.
func (c *credential) identity() string {
	all, _ := json.Marshal(c.inject) // Plain data, of which JSON can be made.
	return string(all)
}

// credentials gives those of a request, each place once. What it says by a header
// comes before its scheme, as with Postman.
func (c *call) credentials(w *warnings) []credential {
	var all []credential
	add := func(one credential) {
		if !slices.ContainsFunc(all, func(other credential) bool { return other.place() == one.place() }) {
			all = append(all, one)
		}
	}
	for _, h := range c.header {
		if name := headerName(h); isCredential(name, string(h.Value)) && !isUnsendable(name) {
			add(headerCredential(name, string(h.Value)))
		}
	}
	for _, q := range c.query {
		if name := decoded(string(q.Key)); isCredential(name, string(q.Value)) {
			add(credential{policy.Inject{As: "query", Name: name, Value: orMark(string(q.Value), name)}, []string{"the parameter " + shown(name)}})
		}
	}
	if c.auth != nil {
		if one, ok := c.scheme(w); ok {
			add(one)
		}
	}
	return all
}

// headerName is the name of a header as HTTP writes it.
func headerName(h param) string { return http.CanonicalHeaderKey(strings.TrimSpace(string(h.Key))) }

// isCredential tells headers and parameters that hold a credential.
func isCredential(name, value string) bool {
	return draft.IsPrivate(name) || strings.Contains(value, "{{"+secretMark)
}

// orMark gives a variable for a credential that the collection has without a value.
func orMark(value, name string) string {
	if strings.TrimSpace(value) == "" {
		return "{{" + secretMark + name + "}}"
	}
	return value
}

// headerCredential is what a header says.
func headerCredential(name, value string) credential {
	word := scheme.FindString(value)
	if name == "Authorization" && strings.EqualFold(strings.TrimSpace(word), "bearer") {
		return credential{policy.Inject{As: "bearer", Value: orMark(value[len(word):], "token")}, []string{"the bearer token"}}
	}
	about := "the header " + shown(name)
	if word != "" {
		about = "what stands behind " + strings.TrimSpace(word) + " in " + about
	}
	return credential{policy.Inject{As: "header", Name: name, Value: word + orMark(value[len(word):], name)}, []string{about}}
}

// scheme is what the authorization of a request says.
func (c *call) scheme(w *warnings) (credential, bool) {
	p := c.auth.Params
	switch c.auth.Kind {
	case "bearer":
		return bearer(p["token"]), true
	case "basic":
		in := policy.Inject{As: "basic", Name: orMark(p["username"], "user"), Value: p["password"]}
		if p["username"] == "" {
			in.Value = orMark(in.Value, "password")
		}
		return credential{in, []string{"the user's name", "the user's password"}}, true
	case "apikey":
		name := c.scope.resolve(p["key"])
		switch {
		case name == "" || strings.Contains(name, "{{"):
			w.add("the API key of %s: the collection does not say where it goes", c.label())
			return credential{}, false
		case p["in"] == "query":
			return credential{policy.Inject{As: "query", Name: name, Value: orMark(p["value"], name)}, []string{"the parameter " + shown(name)}}, true
		}
		name = http.CanonicalHeaderKey(name)
		return headerCredential(name, orMark(p["value"], name)), true
	case "oauth2":
		return c.oauth2(p), true
	}
	w.add("the authorization %s of %s: a policy does not sign requests so", quote(c.auth.Kind), c.label())
	return credential{}, false
}

// bearer is a token in Authorization.
func bearer(value string) credential {
	return credential{policy.Inject{As: "bearer", Value: orMark(value, "token")}, []string{"the bearer token"}}
}

// oauth2 gets tokens by itself where the collection says how a program does, and has
// one that lasts as a secret otherwise.
func (c *call) oauth2(p map[string]string) credential {
	address := c.scope.resolve(p["accessTokenUrl"])
	if u, err := url.Parse(address); p["grant_type"] == "client_credentials" && err == nil && u.Host != "" && !strings.Contains(address, "{{") {
		grant := &policy.OAuth2{
			TokenURL: address, ClientID: orMark(p["clientId"], "client_id"), ClientSecret: orMark(p["clientSecret"], "client_secret"),
			Scopes: strings.Fields(c.scope.resolve(p["scope"])),
		}
		if p["client_authentication"] == "body" {
			grant.Auth = "body"
		}
		one := credential{policy.Inject{As: "oauth2", OAuth2: grant}, []string{"the id of the OAuth 2 client", "the secret of the OAuth 2 client"}}
		if isInjectable(one.inject) {
			return one
		}
	}
	token := orMark(p["accessToken"], "access_token")
	switch word, prefixed := p["headerPrefix"]; {
	case p["addTokenTo"] == "queryParams":
		return credential{policy.Inject{As: "query", Name: "access_token", Value: token}, []string{"an access token that lasts"}}
	case prefixed && !strings.EqualFold(strings.TrimSpace(word), "bearer") && scheme.MatchString(word+" "):
		return credential{policy.Inject{As: "header", Name: "Authorization", Value: strings.TrimSpace(word) + " " + token}, []string{"an access token that lasts"}}
	}
	return credential{policy.Inject{As: "bearer", Value: token}, []string{"an access token that lasts"}}
}

// isInjectable asks policy.Check, with secrets in the places of variables.
func isInjectable(in policy.Inject) bool {
	one := credential{inject: in}
	if in.OAuth2 != nil {
		grant := *in.OAuth2
		one.inject.OAuth2 = &grant
	}
	for _, value := range one.values() {
		*value = "{secret.x}"
	}
	return isGood(policy.PolicySpec{BaseURL: "https://a.example", Inject: []policy.Inject{one.inject}})
}

// inject puts a credential into the policy, and tells whether one can be put there.
func (d *drafting) inject(one credential) bool {
	literal := func(value *string) bool { return strings.ContainsAny(reference.ReplaceAllString(*value, ""), "{}") }
	if slices.ContainsFunc(one.values(), literal) || !isInjectable(one.inject) {
		d.warnings.add("the credential in the %s: a policy cannot put one there", shown(one.place()))
		return false
	}
	for i, value := range one.values() {
		about := one.about[min(i, len(one.about)-1)]
		*value = reference.ReplaceAllStringFunc(*value, func(ref string) string {
			name, _ := whole(ref)
			return d.draft.AddSecret(draft.SecretName(d.draft.Policy.Name, bare(name)), about)
		})
	}
	d.draft.Policy.Inject = append(d.draft.Policy.Inject, one.inject)
	return true
}
