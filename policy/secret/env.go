package secret

import (
	"os"
	"strings"
)

// Env looks secrets up in the environment: with the prefix SIGNPOST_SECRET_, the shared secret store_token is in
// SIGNPOST_SECRET_STORE_TOKEN and that of the tenant acme in SIGNPOST_SECRET_ACME__STORE_TOKEN. An empty variable
// counts as not set, as a compose file writes it for a variable that it was not given.
//
// Only tenants of [a-z0-9]+ have variables, so that no two tenants share one. In the name '.' and '-' become '_':
// store.token and store-token are the same variable, which the author of the configuration may intend and no tenant
// can bring about. A name that would so come to hold "__" ("a.-b") has no variable, as it could be that of a tenant.
func Env(prefix string) Provider { return env{prefix: prefix} }

type env struct{ prefix string }

// Lookup implements [Provider].
func (e env) Lookup(tenant, name string) (Secret, bool, error) {
	variable, ok := e.variable(tenant, name)
	if !ok {
		return Secret{}, false, nil
	}
	value := os.Getenv(variable)
	return New(value), value != "", nil
}

// HasAny implements [Provider].
func (e env) HasAny(name string) (bool, error) {
	shared, ok := e.variable("", name)
	if !ok {
		return false, nil
	}
	ofTenant := separator + strings.TrimPrefix(shared, e.prefix)
	for _, pair := range os.Environ() {
		variable, value, _ := strings.Cut(pair, "=")
		if value == "" {
			continue
		}
		if variable == shared {
			return true, nil
		}
		tenant, ours := strings.CutPrefix(variable, e.prefix)
		tenant, named := strings.CutSuffix(tenant, ofTenant)
		upper := tenant == strings.ToUpper(tenant)
		if ours && named && upper && isEnvTenant(strings.ToLower(tenant)) {
			return true, nil
		}
	}
	return false, nil
}

// String implements [Provider].
func (e env) String() string { return "env " + e.prefix }

// variable returns the name of the variable that holds the secret, or false if it cannot have one.
func (e env) variable(tenant, name string) (string, bool) {
	if tenant != "" && !isEnvTenant(tenant) || !validName(name) {
		return "", false
	}
	// Room for a usual prefix and the longest tenant and name, so that only the string itself is allocated.
	b := make([]byte, 0, 64+maxTenant+len(separator)+maxName)
	b = append(b, e.prefix...)
	if tenant != "" {
		b = appendUpper(b, tenant)
		b = append(b, separator...)
	}
	start := len(b)
	b = appendUpper(b, name)
	for i := start + 1; i < len(b); i++ {
		if b[i] == '_' && b[i-1] == '_' {
			return "", false
		}
	}
	return string(b), true
}

// appendUpper appends s in upper case, with '_' for everything but letters and digits.
func appendUpper(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z':
			b = append(b, c-'a'+'A')
		case '0' <= c && c <= '9':
			b = append(b, c)
		default:
			b = append(b, '_')
		}
	}
	return b
}

func isEnvTenant(s string) bool {
	if s == "" || len(s) > maxTenant {
		return false
	}
	for i := range len(s) {
		if !isLowerAlnum(s[i]) {
			return false
		}
	}
	return true
}
