package policy

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// tenantVariable finds a variable of the tenant in a base URL.
var tenantVariable = regexp.MustCompile(`\{tenant\.([^}]*)\}`)

// dnsLabel is what such a variable may be.
var dnsLabel = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// tenantHost is a host with variables of the tenants file in it: shops and help
// desks have a subdomain for each customer. The zero value has none.
type tenantHost struct {
	vars    []string       // by the number of their mark
	pattern *regexp.Regexp // what hosts it can be
}

// mark stands for a variable while the base URL is parsed. It is no DNS label, so
// that no variable can pass for another's mark.
func mark(i int) string { return "tenant_variable_" + strconv.Itoa(i) + "_x" }

// tenantHost puts marks in place of the variables of a base URL.
func (c *compiler) tenantHost(source string, at Place, name string) (marked string, h tenantHost) {
	marked = tenantVariable.ReplaceAllStringFunc(source, func(found string) string {
		variable := tenantVariable.FindStringSubmatch(found)[1]
		if !variableName.MatchString(variable) {
			c.wrong(at, name, "%s: %q is not a variable's name: expected [a-z][a-z0-9_]*", found, variable)
		}
		h.vars = append(h.vars, variable)
		return mark(len(h.vars) - 1)
	})
	if h.vars != nil && c.gateway.tenantsFile == "" {
		c.wrong(at, name, "{tenant.%s} is read, but nothing gives it: expected a tenants_file", h.vars[0])
	}
	return marked, h
}

// within tells whether all variables stand in the host, and makes the pattern.
func (h *tenantHost) within(host string) bool {
	pattern := regexp.QuoteMeta(strings.ToLower(host))
	for i := range h.vars {
		if !strings.Contains(host, mark(i)) {
			return false
		}
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta(mark(i)), "[a-z0-9-]{1,63}")
	}
	if h.vars != nil {
		hostname, _, _ := strings.Cut(pattern, ":")
		h.pattern = regexp.MustCompile("^" + hostname + "$")
	}
	return true
}

// matches tells whether some tenant could have the host.
func (h *tenantHost) matches(host string) bool { return h.pattern.MatchString(host) }

// fill puts a tenant's variables in place of the marks. missing is the first one
// that the tenant does not have, or that is no DNS label.
func (h *tenantHost) fill(marked string, vars map[string]string) (filled, missing string) {
	for i, variable := range h.vars {
		label := vars[variable]
		if !dnsLabel.MatchString(label) {
			return "", variable
		}
		marked = strings.Replace(marked, mark(i), label, 1)
	}
	return marked, ""
}

// noHostError is a tenant that lacks a variable of a host.
type noHostError struct{ variable string }

// Error names the variable.
func (e *noHostError) Error() string { return "the tenant has no {tenant." + e.variable + "}" }

// reason is the same for people.
func (e *noHostError) reason() string {
	return "The tenant has no {tenant." + e.variable + "} that could stand in the third party's host."
}

// admitHost finds the tenant's own host. Nothing of it comes from the request:
// where the bot named a host, it has to be that one.
func (c *call) admitHost() *ending {
	p := c.policy
	if p.needsVars {
		entry, _ := c.gateway.tenants.File().Lookup(c.namedTenant())
		c.tenantVars = entry.Vars
	}
	named := c.host
	c.host = ""
	if p.hosts.vars == nil {
		return nil
	}
	host, missing := p.hosts.fill(p.base.Host, c.tenantVars)
	if missing != "" {
		return &ending{outcome: Denied, reason: (&noHostError{missing}).reason()}
	}
	c.host = host
	if named != "" && !strings.EqualFold((&url.URL{Host: named}).Hostname(), (&url.URL{Host: host}).Hostname()) {
		return &ending{outcome: Denied, reason: "The host is not the tenant's own."}
	}
	return nil
}

// hostPort is the host and port that the call goes to.
func (c *call) hostPort() string {
	if c.host == "" {
		return c.policy.host
	}
	u := *c.policy.base
	u.Host = c.host
	return hostPort(&u)
}
