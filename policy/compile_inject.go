package policy

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/signpost-gateway/signpost/policy/jwt"
	"github.com/signpost-gateway/signpost/policy/oauth2"
	"github.com/signpost-gateway/signpost/policy/secret"
)

func (c *compiler) injections(p *Policy, spec *PolicySpec, name string) {
	taken := make(map[string]bool, len(spec.Inject))
	for _, in := range spec.Inject {
		label := name + ": inject " + in.As
		compiled := injection{}
		text := in.Value
		switch in.As {
		case "header":
			if !isToken(in.Name) {
				c.wrong(in.Place, label, "%q is not a header name", in.Name)
			}
			compiled.header = http.CanonicalHeaderKey(in.Name)
		case "query":
			if in.Name == "" {
				c.wrong(in.Place, label, "the parameter's name is missing")
			}
			compiled.query = in.Name
		case "bearer":
			compiled.header, text = "Authorization", "Bearer "+text
		case "basic":
			compiled.header, compiled.basic = "Authorization", true
			compiled.user = c.secretText(in.Name, in.Place, label)
		case "jwt":
			c.jwt(&compiled, in.JWT, in.Place, label)
		case "oauth2":
			c.oauth2(&compiled, in.OAuth2, in.Place, label)
		default:
			c.wrong(in.Place, label, "expected header, query, bearer, basic, jwt or oauth2")
			continue
		}
		if in.As != "jwt" && in.As != "oauth2" {
			compiled.value = c.secretText(text, in.Place, label)
		}
		c.uninjectable(compiled.header, in.Place, label)
		key := compiled.header + "?" + compiled.query
		if taken[key] {
			c.wrong(in.Place, label, "two values go to the same place")
		}
		taken[key] = true
		p.inject = append(p.inject, compiled)
		p.injectsSecret = p.injectsSecret || len(compiled.refs()) > 0
	}
}

// uninjectable refuses headers that belong to the connection: with them an
// injected value could change where a request ends.
func (c *compiler) uninjectable(header string, at Place, name string) {
	switch header {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Keep-Alive", "Accept-Encoding":
		c.wrong(at, name, "the header %s belongs to the connection and cannot be injected", header)
	}
	if isOwnHeader(header) {
		c.wrong(at, name, "the header %s is Signpost's own, and never goes out", header)
	}
}

func (c *compiler) secretText(source string, at Place, name string) *secret.Template {
	t, err := secret.ParseTemplate(source)
	if err != nil {
		c.wrong(at, name, "%v", err)
		t, _ = secret.ParseTemplate("") // So that the others can be looked at.
	}
	return t
}

// jwt compiles `inject jwt`.
func (c *compiler) jwt(in *injection, spec *JWT, at Place, name string) {
	if spec == nil {
		c.wrong(at, name, "the block is missing: expected key and alg")
		return
	}
	config := jwt.Config{Algorithm: spec.Algorithm, KeyID: spec.KeyID, TTL: spec.TTL.Std()}
	if err := config.Validate(); err != nil {
		c.wrongWords(spec.Places, at, name, err)
		config = jwt.Config{Algorithm: "HS256"} // So that the rest can be looked at.
	}
	c.notFilled(orElse(spec.Places["kid"], at), name+": kid", spec.KeyID)
	s := &signing{minter: jwt.NewMinter(config), fixed: map[string]any{}}
	key, err := secret.ParseTemplate(spec.Key)
	switch {
	case err != nil:
		c.wrong(orElse(spec.Places["key"], at), name+": key", "%v", err)
	case len(key.Refs()) != 1 || key.Refs()[0].String() != spec.Key:
		c.wrong(orElse(spec.Places["key"], at), name+": key", "expected one secret alone, such as {secret.signing_key}")
	default:
		s.key = key.Refs()[0]
	}
	c.claims(s, spec.Claims, at, name)
	in.header, s.bearer = http.CanonicalHeaderKey(spec.Header), spec.Header == ""
	if s.bearer {
		in.header = "Authorization"
	} else if !isToken(spec.Header) {
		c.wrong(orElse(spec.Places["as"], at), name+": as", "%q is not a header name", spec.Header)
	}
	in.jwt = s
}

// wrongWords notes each of the errors that are joined in one where the word
// stands that it begins with.
func (c *compiler) wrongWords(places Places, at Place, name string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			c.wrongWords(places, at, name, one)
		}
		return
	}
	word, _, _ := strings.Cut(err.Error(), ":")
	c.wrong(orElse(places[word], at), name, "%v", err)
}

// orElse is the first place that is known.
func orElse(at, otherwise Place) Place {
	if at == (Place{}) {
		return otherwise
	}
	return at
}

// claims compiles the claims of a JWT: strings may hold secrets.
func (c *compiler) claims(s *signing, claims []Claim, at Place, name string) {
	names := make([]string, 0, len(claims))
	for _, claim := range claims {
		place, label := orElse(claim.Place, at), name+": claim "+claim.Name
		if err := jwt.ValidateClaims(append(names, claim.Name)); err != nil {
			c.wrongAll(place, name+": claim", err)
			continue
		}
		names = append(names, claim.Name)
		var value any
		if err := json.Unmarshal(claim.Value, &value); err != nil {
			c.wrong(place, label, "the value is not JSON") // It is not repeated: it may hold a credential.
			continue
		}
		s.fixed[claim.Name] = claim.Value
		text, isText := value.(string)
		if !isText {
			c.noSecretsInside(place, label, string(claim.Value))
			continue
		}
		s.fixed[claim.Name] = text
		if !strings.ContainsAny(text, "{}") {
			continue
		}
		if template := c.secretText(text, place, label); len(template.Refs()) > 0 {
			delete(s.fixed, claim.Name)
			s.filled = append(s.filled, param{claim.Name, template})
		}
	}
}

// noSecretsInside refuses a list or an object that holds what would be a secret
// elsewhere, since it would be signed as it stands.
func (c *compiler) noSecretsInside(at Place, name, text string) {
	if mentionsSecret(text) {
		c.wrong(at, name, "a secret is filled in where the claim is a text, not inside a list or an object")
	}
}

// notFilled refuses a secret where none is filled in: the words would be sent as
// they stand.
func (c *compiler) notFilled(at Place, name, text string) {
	if mentionsSecret(text) {
		c.wrong(at, name, "a secret is not filled in here")
	}
}

// oauth2 compiles `inject oauth2`.
func (c *compiler) oauth2(in *injection, spec *OAuth2, at Place, name string) {
	if spec == nil {
		c.wrong(at, name, "the block is missing: expected token_url, client_id and client_secret")
		return
	}
	g := &granting{config: oauth2.Config{AuthInBody: spec.Auth == "body", Scopes: spec.Scopes}}
	if spec.Auth != "" && spec.Auth != "header" && spec.Auth != "body" {
		c.wrong(orElse(spec.Places["auth"], at), name+": auth", "%q is not header or body", spec.Auth)
	}
	c.notFilled(orElse(spec.Places["scopes"], at), name+": scopes", strings.Join(spec.Scopes, " "))
	if err := g.config.Validate(); err != nil {
		c.wrongWords(spec.Places, at, name, err)
	}
	c.tokenURL(g, spec.TokenURL, orElse(spec.Places["token_url"], at), name+": token_url")
	g.id = c.credentialText(spec.ClientID, orElse(spec.Places["client_id"], at), name+": client_id")
	g.secret = c.credentialText(spec.ClientSecret, orElse(spec.Places["client_secret"], at), name+": client_secret")
	for _, p := range spec.Params {
		if err := oauth2.ValidateParams([]string{p.Name}); err != nil {
			c.wrongAll(orElse(p.Place, at), name+": param", err)
		}
		g.params = append(g.params, param{p.Name, c.secretText(p.Value, orElse(p.Place, at), name+": param "+p.Name)})
	}
	in.header, in.oauth2 = "Authorization", g
}

// credentialText is secretText for what cannot be empty.
func (c *compiler) credentialText(source string, at Place, name string) *secret.Template {
	if source == "" {
		c.wrong(at, name, "the value is missing")
	}
	return c.secretText(source, at, name)
}

// tokenURL reads the address of a token endpoint.
func (c *compiler) tokenURL(g *granting, source string, at Place, name string) {
	c.noSecrets(at, name, source)
	marked, hosts := c.tenantHost(source, at, name)
	u, err := url.Parse(marked)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || !isPort(u.Port()) {
		// It is not repeated: somebody may have written a password into it.
		c.wrong(at, name, "the value is not the address of a token endpoint: expected https://host/path")
		return
	}
	if !hosts.within(u.Host) {
		c.wrong(at, name, "{tenant.NAME} stands in the host alone")
	}
	g.tokenURL, g.hosts = marked, hosts
}
