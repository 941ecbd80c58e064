package policy

import (
	"encoding/base64"
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
