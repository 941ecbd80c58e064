package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/dialguard"
	"github.com/signpost-gateway/signpost/policy/fault"
	"github.com/signpost-gateway/signpost/policy/jwt"
	"github.com/signpost-gateway/signpost/policy/oauth2"
	"github.com/signpost-gateway/signpost/policy/secret"
)

// signing is what mints the token of `inject jwt`.
type signing struct {
	minter *jwt.Minter
	key    secret.Ref
	fixed  map[string]any              // claims without secrets
	filled map[string]*secret.Template // claims with
	bearer bool
}

// granting is what gets the token of `inject oauth2`.
type granting struct {
	source   *oauth2.Source // nil until the gateway has its transports
	config   oauth2.Config
	tokenURL string
	hosts    tenantHost
	id       *secret.Template
	secret   *secret.Template
	params   []param
}

// param is one further parameter of a token request.
type param struct {
	name  string
	value *secret.Template
}

// grant is one call's way to a token.
type grant struct {
	source      *oauth2.Source
	credentials oauth2.Credentials
	token       string // the one in use
}

// bearer is how both kinds of tokens stand in Authorization (RFC 6750).
const bearer = "Bearer "

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
	s := &signing{minter: jwt.NewMinter(config), fixed: map[string]any{}, filled: map[string]*secret.Template{}}
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
			s.filled[claim.Name] = template
		}
	}
}

// noSecretsInside refuses a list or an object that holds what would be a secret
// elsewhere, since it would be signed as it stands.
func (c *compiler) noSecretsInside(at Place, name, text string) {
	if strings.Contains(text, "{secret.") || strings.Contains(text, "{tenant_secret.") {
		c.wrong(at, name, "a secret is filled in where the claim is a text, not inside a list or an object")
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

// connect gives the source its transport: the policy's own where the token
// endpoint is on the host of the base URL, else one behind a guard of its own,
// since the policy's says what is special about that host.
func (g *granting) connect(p *Policy, make func(PolicySpec, *dialguard.Guard) (http.RoundTripper, error)) error {
	u, err := url.Parse(g.tokenURL)
	if err != nil {
		return fmt.Errorf("reading the token endpoint: %w", err)
	}
	transport := p.transport
	if hostPort(u) != p.host {
		bare := *p.spec
		bare.Transport = nil
		guard := &dialguard.Guard{AllowPrivate: bare.AllowPrivate}
		guard.Named, _ = dialguard.Literal(u.Hostname())
		if transport, err = make(bare, guard); err != nil {
			return fmt.Errorf("making the transport to the token endpoint: %w", err)
		}
		p.tokenTransports = append(p.tokenTransports, transport)
	}
	g.source = oauth2.NewSource(g.config, transport)
	return nil
}

// mint makes the call's token.
func (s *signing) mint(store *secret.Store, tenant string) (secret.Secret, []secret.Secret, error) {
	key, err := store.Resolve(s.key, tenant)
	if err != nil {
		return secret.Secret{}, nil, err
	}
	parts := []secret.Secret{key}
	claims := s.fixed
	if len(s.filled) > 0 {
		claims = make(map[string]any, len(s.fixed)+len(s.filled))
		for name, value := range s.fixed {
			claims[name] = value
		}
		for name, template := range s.filled {
			value, used, err := template.Expand(store, tenant)
			if err != nil {
				return secret.Secret{}, nil, err
			}
			claims[name], parts = value.Expose(), append(parts, used...)
		}
	}
	token, err := s.minter.Token(time.Now(), key.Expose(), claims)
	if err != nil {
		return secret.Secret{}, nil, fmt.Errorf("signing with %s: %w", s.key, err)
	}
	parts = append(parts, secret.New(token))
	if s.bearer {
		token = bearer + token
	}
	return secret.New(token), parts, nil
}

// refs are the secrets that a JWT needs.
func (s *signing) refs() []secret.Ref {
	refs := []secret.Ref{s.key}
	for _, template := range s.filled {
		refs = append(refs, template.Refs()...)
	}
	return refs
}

// refs are the secrets that a token request needs.
func (g *granting) refs() []secret.Ref {
	refs := append(g.id.Refs(), g.secret.Refs()...)
	for _, p := range g.params {
		refs = append(refs, p.value.Refs()...)
	}
	return refs
}

// grant finds the credentials for one tenant's token.
func (g *granting) grant(store *secret.Store, tenant string, vars map[string]string) (*grant, []secret.Secret, error) {
	id, parts, err := g.id.Expand(store, tenant)
	if err != nil {
		return nil, nil, err
	}
	key, used, err := g.secret.Expand(store, tenant)
	if err != nil {
		return nil, nil, err
	}
	parts = append(parts, used...)
	credentials := oauth2.Credentials{ID: id.Expose(), Secret: key.Expose()}
	if len(g.params) > 0 {
		credentials.Params = make(url.Values, len(g.params))
	}
	for _, p := range g.params {
		value, used, err := p.value.Expand(store, tenant)
		if err != nil {
			return nil, nil, err
		}
		credentials.Params.Add(p.name, value.Expose())
		parts = append(parts, used...)
	}
	address, missing := g.hosts.fill(g.tokenURL, vars)
	if missing != "" {
		return nil, nil, &noHostError{missing}
	}
	credentials.TokenURL = address
	return &grant{source: g.source, credentials: credentials}, parts, nil
}

// getTokens gets the tokens that the call's credentials lack, within its
// deadline.
func (c *call) getTokens() *ending {
	for i := range c.credentials {
		k := &c.credentials[i]
		if k.grant == nil || k.grant.token != "" {
			continue
		}
		asked := time.Now()
		token, err := k.grant.source.Token(c.ctx, asked, k.grant.credentials)
		c.rec.Upstream += time.Since(asked)
		if err != nil {
			return c.noToken(err)
		}
		k.grant.token, k.value = token.Value, secret.New(bearer+token.Value)
		c.secrets = append(c.secrets, secret.New(token.Value))
		c.scrubber = c.gateway.state.scrubbers.For(c.secrets)
	}
	return nil
}

// noToken is the ending of a call that has no token to go out with.
func (c *call) noToken(err error) *ending {
	var refused *oauth2.Error
	if !errors.As(err, &refused) {
		switch c.halted() {
		case haltGone:
			gone := c.vanished()
			return &gone
		case haltDeadline:
			return &ending{outcome: Unreachable, proxyError: "connection_timeout",
				reason: fmt.Sprintf("The token endpoint did not answer within %s.", c.deadline)}
		}
		c.logFault("getting a token", err)
		return &ending{outcome: Internal, reason: "The gateway failed to get a token."}
	}
	if refused.Kind == oauth2.Denied {
		return &ending{outcome: Denied, reason: refused.Reason()}
	}
	end := ending{outcome: Unreachable, reason: refused.Reason()}
	if cause := refused.Unwrap(); cause != nil {
		token, kind := new(fault.Trail).ProxyError(cause)
		if kind == fault.Denied {
			return &ending{outcome: Denied, status: http.StatusBadGateway, proxyError: token,
				reason: "The token endpoint's address is private or not allowed."}
		}
		if kind != fault.Internal && kind != fault.Canceled {
			end.proxyError = token
		}
	}
	return &end
}

// renew gets new tokens, once, where the third party refused the one it was
// sent: it may have been revoked. It tells whether a further attempt is due.
func (c *call) renew(last *ending) bool {
	if c.renewed || !c.mayRenew(*last) || c.halted() != haltNone {
		return false
	}
	c.renewed = true
	var before []string
	for i := range c.credentials {
		if g := c.credentials[i].grant; g != nil {
			before = append(before, g.token)
			g.source.Refuse(g.credentials, g.token)
			g.token = ""
		}
	}
	if c.getTokens() != nil {
		return false // The third party's refusal stands.
	}
	return !slices.Equal(before, c.tokens()) // The same ones would be refused again.
}

// tokens are those that the call goes out with.
func (c *call) tokens() []string {
	var all []string
	for i := range c.credentials {
		if g := c.credentials[i].grant; g != nil {
			all = append(all, g.token)
		}
	}
	return all
}

// mayRenew tells whether a token could be to blame for an answer, and the
// request can be sent again: a 401 says that it was not looked at.
func (c *call) mayRenew(last ending) bool {
	if c.renewed || last.answer == nil || last.answer.status != http.StatusUnauthorized || !c.upload.repeatable() {
		return false
	}
	return c.granted()
}

// granted tells whether the call goes out with a token that was asked for.
func (c *call) granted() bool {
	for i := range c.credentials {
		if c.credentials[i].grant != nil {
			return true
		}
	}
	return false
}

// cannotSign tries the shared key of a JWT, if there is one, so that a wrong one
// is found at load and not by the first call.
func (in *injection) cannotSign(store *secret.Store) error {
	if in.jwt == nil || in.jwt.key.TenantOnly {
		return nil
	}
	key, err := store.Resolve(in.jwt.key, "")
	if errors.Is(err, secret.ErrNotFound) {
		return nil // Tenants have their own, or it is missing, which is told by itself.
	}
	if err != nil {
		return err
	}
	if _, err := in.jwt.minter.Token(time.Now(), key.Expose(), nil); err != nil {
		return fmt.Errorf("signing with %s: %w", in.jwt.key, err)
	}
	return nil
}
