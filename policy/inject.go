package policy

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// injection is one credential or fixed value that goes on outgoing requests,
// and nowhere else.
type injection struct {
	header string // canonical name, or empty for a query parameter
	query  string
	basic  bool
	user   *secret.Template // of basic
	value  *secret.Template // nil: jwt or oauth2
	jwt    *signing
	oauth2 *granting
}

// credential is an injection's value for one call.
type credential struct {
	header, query string
	value         secret.Secret // empty while there is no token
	grant         *grant        // of oauth2
}

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

// refs are the secrets that the injection reads.
func (in *injection) refs() []secret.Ref {
	switch {
	case in.jwt != nil:
		return in.jwt.refs()
	case in.oauth2 != nil:
		return in.oauth2.refs()
	case in.value == nil:
		return nil // It was refused.
	}
	refs := in.value.Refs()
	if in.user != nil {
		refs = append(in.user.Refs(), refs...)
	}
	return refs
}

// credential fills the injection for one tenant. parts are the secrets in it,
// for scrubbing.
func (in *injection) credential(store *secret.Store, tenant string, vars map[string]string) (credential, []secret.Secret, error) {
	switch {
	case in.jwt != nil:
		value, parts, err := in.jwt.mint(store, tenant)
		return credential{header: in.header, value: value}, parts, err
	case in.oauth2 != nil:
		grant, parts, err := in.oauth2.grant(store, tenant, vars)
		return credential{header: in.header, grant: grant}, parts, err
	}
	value, parts, err := in.value.Expand(store, tenant)
	if err != nil {
		return credential{}, nil, err
	}
	if in.basic {
		user, userParts, err := in.user.Expand(store, tenant)
		if err != nil {
			return credential{}, nil, err
		}
		// RFC 7617, section 2: user-id and password, joined by a colon.
		pair := user.Expose() + ":" + value.Expose()
		value = secret.New("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))
		parts = append(parts, userParts...)
	}
	return credential{header: in.header, query: in.query, value: value}, parts, nil
}

// withoutQuery removes the parameters of a name and leaves all others as they
// are, byte for byte.
func withoutQuery(query, name string) string {
	if query == "" {
		return query
	}
	kept := make([]string, 0, 8)
	for pair := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		decoded, err := url.QueryUnescape(key)
		// A parser that splits at semicolons too must not find the name either.
		if err == nil && decoded == name || namesAfterSemicolon(pair, name) {
			continue
		}
		kept = append(kept, pair)
	}
	return strings.Join(kept, "&")
}

// namesAfterSemicolon tells whether a parser that takes semicolons for
// separators would read the name in pair.
func namesAfterSemicolon(pair, name string) bool {
	if !strings.Contains(pair, ";") {
		return false
	}
	for part := range strings.SplitSeq(pair, ";") {
		key, _, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(key); err == nil && decoded == name {
			return true
		}
	}
	return false
}

// withQuery appends a parameter.
func withQuery(query, name, value string) string {
	if query != "" {
		query += "&"
	}
	return query + url.QueryEscape(name) + "=" + url.QueryEscape(value)
}
