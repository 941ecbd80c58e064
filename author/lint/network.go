package lint

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// insideNames are the ends of names that lead to addresses inside.
var insideNames = []string{".local", ".localhost", ".internal", ".lan", ".home.arpa", ".svc", ".cluster.local", ".intranet", ".corp", ".private", ".test"}

// guardedHosts finds base URLs that the dial guard refuses, and guards that are let
// down for nothing.
func guardedHosts(c *checker, r *Rule) {
	for i := range c.Spec.Policies {
		p := &c.Spec.Policies[i]
		u, err := url.Parse(withoutTenant(p.BaseURL))
		if err != nil {
			continue
		}
		host := strings.ToLower(u.Hostname())
		_, noAddress := netip.ParseAddr(host)
		at, name := p.Places["policy"], "policy "+p.Name
		switch {
		case noAddress != nil && !strings.Contains(host, ".") && !p.AllowPrivate:
			c.add(r, at, name, p.BaseURL, "say `allow_private`, or name the address itself, such as http://127.0.0.1:9090",
				"every call is denied: a host without a dot leads inside, where the dial guard lets no policy that does not say so")
		case !p.AllowPrivate:
		case noAddress == nil:
			c.add(r, p.Places["allow_private"], name+": allow_private", "allow_private", "drop it", "is not needed: the base URL names its address itself").Severity = Note
		case !isInside(host):
			c.add(r, p.Places["allow_private"], name+": allow_private", "allow_private", "drop it where the third party is on the internet",
				"whoever answers for %s in the DNS can lead calls to addresses inside", host).Severity = Note
		}
	}
}

// isInside tells names that do not stand for addresses of the internet.
func isInside(host string) bool {
	return !strings.Contains(host, ".") || slices.ContainsFunc(insideNames, func(end string) bool { return strings.HasSuffix(host, end) })
}
