package caddymodule

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/signpost-gateway/signpost/policy"
)

var (
	// headerName is a field name (RFC 9110, section 5.1).
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

	// placeholder is one placeholder of Caddy's and nothing around it.
	placeholder = regexp.MustCompile(`^\{[^{}\s]+\}$`)
)

// notTheCalls are placeholders with a value of the process, which would make
// one tenant of all calls.
var notTheCalls = []string{"{env.", "{file.", "{system.", "{time.", "{$"}

// tenantForm is the line of `tenant`, in the global option and in sites.
var tenantForm = form{usage: "tenant header <Name> or tenant <placeholder>", min: 1, max: 2}

// readTenant reads `tenant header <Name>` or `tenant <placeholder>`.
func readTenant(s scope, l *line) *TenantSource {
	var t TenantSource
	switch {
	case l.arg(0) == "header" && len(l.args) == 2:
		t.Header = l.arg(1)
	case l.arg(0) != "header" && len(l.args) == 1:
		t.Placeholder = fullPlaceholder(l.arg(0))
	default:
		s.wrong(l.place, "wrong number of arguments: expected %s", tenantForm.usage)
		return nil
	}
	if err := checkTenant(t); err != nil {
		s.wrong(l.place, "%v", err)
		return nil
	}
	return &t
}

// headerPlaceholder is the placeholder of a request header.
var headerPlaceholder = regexp.MustCompile(`^\{http\.request\.header\.([^{}]+)\}$`)

// asHeader turns the placeholder of a header into the header, so that it does
// not go out, and two of them are not one.
func asHeader(t *TenantSource) *TenantSource {
	if found := headerPlaceholder.FindStringSubmatch(t.Placeholder); found != nil {
		return &TenantSource{Header: found[1]}
	}
	return t
}

// sendsTenant finds what would send the tenant's header out by writing it anew.
func (c *Config) sendsTenant(header string) policy.Mistakes {
	var found policy.Mistakes
	wrong := func(at policy.Place, name string) {
		found = append(found, policy.Mistake{Place: at, Name: name, Text: "the header " + header + " names the tenant, and never goes out"})
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		for _, in := range p.Inject {
			if in.As == "header" && strings.EqualFold(in.Name, header) || in.JWT != nil && strings.EqualFold(in.JWT.Header, header) {
				wrong(in.Place, "policy "+p.Name+": inject "+in.As)
			}
		}
		for _, o := range p.Operations {
			for _, f := range o.Header {
				if strings.EqualFold(f.Name, header) {
					wrong(f.Place, "policy "+p.Name+": operation "+o.Name+": header")
				}
			}
		}
	}
	return found
}

// tenantHeader is the header that names the tenant where a site does not say
// otherwise; empty where none does.
func (c *Config) tenantHeader() string {
	if c.Tenant == nil {
		return defaultTenantHeader
	}
	return asHeader(c.Tenant).Header
}

// checkTenant tells what is wrong with a source of tenants, from a Caddyfile
// or from JSON.
func checkTenant(t TenantSource) error {
	switch {
	case (t.Header == "") == (t.Placeholder == ""):
		return fmt.Errorf("expected a header or a placeholder, one of them")
	case t.Placeholder != "":
		return checkPlaceholder(t.Placeholder)
	case !headerName.MatchString(t.Header):
		return fmt.Errorf("%q is not a header's name: expected one such as X-Tenant-ID", t.Header)
	case strings.ContainsAny(t.Header, "_."):
		return fmt.Errorf("%s never arrives, since Caddy drops headers with _ or . in their name: expected one such as X-Tenant-ID", t.Header)
	case len(t.Header) >= 9 && strings.EqualFold(t.Header[:9], "Signpost-"):
		return fmt.Errorf("%s is Signpost's own: expected one such as X-Tenant-ID", t.Header)
	case strings.EqualFold(t.Header, "Host"):
		return fmt.Errorf("the host is no header to Caddy: expected the placeholder {http.request.host}")
	}
	return nil
}

// checkPlaceholder refuses what does not come from the call.
func checkPlaceholder(text string) error {
	if !placeholder.MatchString(text) {
		return fmt.Errorf("%q is not a placeholder: expected header <Name> or one such as {http.auth.user.id}", text)
	}
	for _, prefix := range notTheCalls {
		if strings.HasPrefix(text, prefix) {
			return fmt.Errorf("%s is not of the call, so it would be the same tenant always: expected one such as {http.auth.user.id}", text)
		}
	}
	return nil
}

// fullPlaceholder writes out Caddy's shorthands, such as {header.X}: Caddy does
// so in sites, but not in global options.
func fullPlaceholder(text string) string {
	if strings.HasPrefix(text, "{file.") && text != "{file.base}" && text != "{file.ext}" {
		// Caddy would make a part of the path of it, where a file is meant.
		return text
	}
	token := caddyfile.Segment{{Text: text}}
	httpcaddyfile.NewShorthandReplacer().ApplyToSegment(&token)
	return token[0].Text
}
