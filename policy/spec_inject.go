package policy

import "encoding/json"

// Inject is one credential or fixed value put on the outgoing request only.
// Values may hold {secret.NAME} and {tenant_secret.NAME}.
type Inject struct {
	// As is "header", "query", "bearer", "basic", "jwt" or "oauth2".
	As string `json:"as"`

	// Name is the header's or query parameter's name, or the user of "basic".
	Name string `json:"name,omitempty"`

	// Value is what goes there. "jwt" and "oauth2" have none.
	Value string `json:"value,omitempty"`

	// JWT is what "jwt" mints, and OAuth2 where "oauth2" gets its token.
	JWT    *JWT    `json:"jwt,omitempty"`
	OAuth2 *OAuth2 `json:"oauth2,omitempty"`

	// Place is where the line stands.
	Place Place `json:"-"`
}

// JWT is `inject jwt { … }`: a signed token (RFC 7519), minted by the gateway
// and used until shortly before it expires. It holds the claims iat and exp.
type JWT struct {
	// Key is the secret to sign with: a PEM private key, or the shared key of
	// HS256.
	Key string `json:"key"`

	// Algorithm is RS256, ES256, EdDSA or HS256 (RFC 7518, RFC 8037).
	Algorithm string `json:"alg"`

	// KeyID is the header parameter kid. Default: none.
	KeyID string `json:"kid,omitempty"`

	// Claims are added to iat and exp, and may not name them.
	Claims []Claim `json:"claims,omitempty"`

	// TTL is how long a token is good: 10s to 24h. Default: 5m.
	TTL Duration `json:"ttl,omitempty"`

	// Header is where the token goes as it is. Default: Authorization, behind
	// "Bearer".
	Header string `json:"header,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}

// Claim is one claim of a JWT.
type Claim struct {
	// Name is the claim's.
	Name string `json:"name"`

	// Value is JSON; where it is a string, it may hold secrets.
	Value json.RawMessage `json:"value"`

	// Place is where the claim stands.
	Place Place `json:"-"`
}

// OAuth2 is `inject oauth2 { … }`: an access token by client credentials
// (RFC 6749, section 4.4), sent as Authorization: Bearer. It is kept until
// shortly before it expires; a 401 of the third party's forces a new one.
type OAuth2 struct {
	// TokenURL is the token endpoint, guarded like the base URL. Its host may
	// hold {tenant.NAME} like that of the base URL.
	TokenURL string `json:"token_url"`

	// ClientID and ClientSecret are the client's credentials; both may hold
	// secrets.
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`

	// Scopes are asked for, in order. Default: none.
	Scopes []string `json:"scopes,omitempty"`

	// Auth is how the client authenticates: "header" (RFC 6749, section 2.3.1,
	// HTTP Basic) or "body". Default: header.
	Auth string `json:"auth,omitempty"`

	// Params are further parameters of the token request, such as audience.
	// Their values may hold secrets.
	Params []Field `json:"params,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}
