package lint

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// refers tells whether a value takes a secret from where secrets are kept.
func refers(value string) bool {
	return strings.Contains(value, "{secret.") || strings.Contains(value, "{tenant_secret.")
}

// credentialName finds the names of headers and parameters that hold credentials.
var credentialName = regexp.MustCompile(`(?i)(^|[-_.])(authorization|auth|token|secret|password|passwd|(api|access|secret|private|subscription)[-_]?key|signature)($|[-_.])|^key$`)

// isCredential tells whether an injection is one, and not a fixed value.
func isCredential(in policy.Inject) bool {
	switch in.As {
	case "header", "query":
		return refers(in.Value) || credentialName.MatchString(in.Name)
	}
	return true
}

// injectsCredential tells whether a policy sends any.
func injectsCredential(p *policy.PolicySpec) bool { return slices.ContainsFunc(p.Inject, isCredential) }

// secretsOverHTTP finds credentials that leave unencrypted.
func secretsOverHTTP(c *checker, r *Rule) {
	for i := range c.Spec.Policies {
		p := &c.Spec.Policies[i]
		name := "policy " + p.Name
		const help = "use https://, or silence this where the network is yours"
		if injectsCredential(p) && isPlain(p.BaseURL) {
			c.add(r, p.Places["policy"], name, p.BaseURL, help, "what inject adds goes out unencrypted, and anybody on the way can read it")
		}
		for _, in := range p.Inject {
			if in.OAuth2 != nil && isPlain(in.OAuth2.TokenURL) {
				c.add(r, in.OAuth2.Places["token_url"], name+": inject oauth2: token_url", in.OAuth2.TokenURL, help,
					"the client's secret goes out unencrypted, and anybody on the way can read it")
			}
		}
	}
}

// isPlain tells the addresses that are reached unencrypted over a network.
func isPlain(address string) bool {
	u, err := url.Parse(withoutTenant(address))
	return err == nil && strings.EqualFold(u.Scheme, "http") && !isLoopback(u.Hostname())
}

// tenantVariable finds a variable of the tenant in a host.
var tenantVariable = regexp.MustCompile(`\{tenant\.[^}]*\}`)

// withoutTenant puts a label in the place of a tenant's variable.
func withoutTenant(address string) string { return tenantVariable.ReplaceAllString(address, "tenant") }

// isLoopback tells the hosts that are this machine.
func isLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// plainCredentials finds credentials that are written into the configuration.
func plainCredentials(c *checker, r *Rule) {
	const help = "keep it in a file or variable of `secrets`, and write {secret.NAME}"
	for _, p := range c.parts {
		if p.op == nil {
			for _, in := range p.policy.Inject {
				if at, what := plainInjection(in); what != "" {
					c.add(r, at, p.name+": inject", what, help, "the credential stands here for everybody who reads the configuration")
				}
			}
			continue
		}
		for _, f := range slices.Concat(p.op.Query, p.op.Header) {
			if credentialName.MatchString(f.Name) && f.Value != "" && !strings.Contains(f.Value, "{{") {
				c.add(r, f.Place, p.name, f.Name, "put it into `inject` of the policy as {secret.NAME}", "%s looks like a credential that everybody who reads the configuration sees", f.Name)
			}
		}
	}
}

// plainInjection tells where an injection holds a credential that is no reference,
// and by which word.
func plainInjection(in policy.Inject) (at policy.Place, word string) {
	switch {
	case in.JWT != nil && !refers(in.JWT.Key):
		return in.JWT.Places["key"], "key"
	case in.OAuth2 != nil && !refers(in.OAuth2.ClientSecret):
		return in.OAuth2.Places["client_secret"], "client_secret"
	case in.As == "basic" && in.Value == "" && refers(in.Name): // The name is the key, as some third parties have it.
	case in.JWT == nil && in.OAuth2 == nil && isCredential(in) && !refers(in.Value):
		return in.Place, "inject"
	}
	return at, ""
}

// openPolicies finds policies whose credential opens more than what is written.
func openPolicies(c *checker, r *Rule) {
	for i := range c.Spec.Policies {
		p := &c.Spec.Policies[i]
		if p.OperationsOnly || len(p.Operations) == 0 || len(p.Methods) > 0 || !injectsCredential(p) {
			continue
		}
		c.add(r, p.Places["policy"], "policy "+p.Name, "policy", "say `operations_only`, or `methods GET` where bots only read",
			"a bot can call any path of the API with the credential that is injected, not only the operations")
	}
}
