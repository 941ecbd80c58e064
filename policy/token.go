package policy

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
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
	fixed  map[string]any // claims without secrets
	filled []param        // claims with
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

// param is a claim, or a further parameter of a token request, with secrets in it.
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

// connect gives the source its transport: the policy's own where the token
// endpoint is on the host of the base URL, else one behind a guard of its own,
// since the policy's says what is special about that host.
func (g *granting) connect(p *Policy, make func(PolicySpec, *dialguard.Guard) (http.RoundTripper, error)) error {
	u, err := url.Parse(g.tokenURL)
	if err != nil {
		return fmt.Errorf("reading the token endpoint: %w", err)
	}
	transport := p.transport
	if hostPort(u) != p.host || !slices.Equal(g.hosts.vars, p.hosts.vars) {
		bare := *p.spec
		bare.Transport = nil
		guard := &dialguard.Guard{AllowPrivate: bare.AllowPrivate}
		guard.Named, _ = dialguard.Literal(u.Hostname())
		if transport, err = make(bare, guard); err != nil {
			return fmt.Errorf("making the transport to the token endpoint: %w", err)
		}
		p.tokenTransport = transport
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
		maps.Copy(claims, s.fixed)
		for _, claim := range s.filled {
			value, used, err := claim.value.Expand(store, tenant)
			if err != nil {
				return secret.Secret{}, nil, err
			}
			claims[claim.name], parts = value.Expose(), append(parts, used...)
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
	for _, claim := range s.filled {
		refs = append(refs, claim.value.Refs()...)
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

// getToken gets the token that the call goes out with, within its deadline, where
// it needs one and has none.
func (c *call) getToken() *ending {
	g := c.grant()
	if g == nil || g.grant.token != "" {
		return nil
	}
	began := time.Now()
	token, err := g.grant.source.Token(c.ctx, began, g.grant.credentials)
	c.rec.Upstream += time.Since(began)
	if err != nil {
		return c.noToken(err)
	}
	g.grant.token, g.value = token.Value, secret.New(bearer+token.Value)
	c.secrets = append(c.secrets, secret.New(token.Value))
	c.scrubber = c.gateway.state.scrubbers.For(c.secrets)
	return nil
}

// grant is the credential that is a token of an endpoint's, nil where there is
// none. There is at most one, since all would stand in Authorization.
func (c *call) grant() *credential {
	for i := range c.credentials {
		if c.credentials[i].grant != nil {
			return &c.credentials[i]
		}
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
		token, kind := fault.ProxyError(cause)
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

// renew gets a new token, once, where the third party refused the one that it was
// sent, which may have been revoked, and the request can be sent again: a 401
// says that it was not looked at. It tells whether a further attempt is due.
func (c *call) renew(last ending) bool {
	g := c.grant()
	if g == nil || c.renewed || last.answer == nil || last.answer.status != http.StatusUnauthorized || c.halted() != haltNone {
		return false
	}
	c.renewed = true
	refused, value := g.grant.token, g.value
	g.grant.source.Refuse(g.grant.credentials, refused)
	if !c.upload.repeatable() {
		return false // The next call gets a new one.
	}
	g.grant.token = ""
	if c.getToken() != nil {
		g.grant.token, g.value = refused, value
		return false // The third party's refusal stands.
	}
	return g.grant.token != refused // It would be refused again.
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
