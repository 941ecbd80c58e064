package lint

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// Site is what is to know of a site of the server's configuration that serves
// policies or the console.
type Site struct {
	// Hosts are the host names that the site answers to; none: it answers to all.
	Hosts []string

	// Binds are the addresses that it listens on; none: all of the machine's.
	Binds []string

	// Directives are the words that begin its lines, nested ones as well, in
	// order.
	Directives []Directive

	Place policy.Place
}

// Directive is a word of a site.
type Directive struct {
	Name  string
	Place policy.Place
}

// The directives of the product.
const (
	serves   = "signpost"
	consoles = "signpost_console"
)

// guards are the directives that let not everybody in. mutual TLS stands in `tls`.
var guards = []string{"basic_auth", "basicauth", "forward_auth", "authenticate", "authorize", "authentication", "authorization", "client_auth", "jwtauth", "security"}

// has gives the first directive of one of the names, nil where there is none.
func (s *Site) has(names ...string) *Directive {
	i := slices.IndexFunc(s.Directives, func(d Directive) bool { return slices.Contains(names, d.Name) })
	if i < 0 {
		return nil
	}
	return &s.Directives[i]
}

// besideProxies finds sites in which another directive sends calls past the policies.
func besideProxies(c *checker, r *Rule) {
	for i := range c.Sites {
		s := &c.Sites[i]
		if proxy := s.has("reverse_proxy"); proxy != nil && s.has(serves) != nil {
			c.add(r, proxy.Place, "reverse_proxy", "reverse_proxy", "give it a site of its own, or make the third party a policy",
				"what it sends on has no limits, no deadline and no route; without a matcher, signpost before it leaves it nothing")
		}
	}
}

// openConsoles finds consoles that anybody on the network may use.
func openConsoles(c *checker, r *Rule) {
	for i := range c.Sites {
		s := &c.Sites[i]
		console := s.has(consoles)
		if console == nil || s.has(guards...) != nil || len(s.Binds) > 0 && !slices.ContainsFunc(s.Binds, reachable) {
			continue
		}
		c.add(r, console.Place, consoles, consoles, "say `bind 127.0.0.1`, or put `basic_auth` before it",
			"nothing authenticates whoever opens the console, and it does not listen on loopback alone")
	}
}

// reachable tells the addresses that others on the network reach.
func reachable(bind string) bool {
	if strings.HasPrefix(bind, "unix/") || isLoopback(bind) {
		return false
	}
	_, host, _ := strings.Cut(bind, "/") // Such as tcp4/127.0.0.1.
	address, err := netip.ParseAddr(host)
	return err != nil || !address.IsLoopback()
}

// hostedSites finds sites that leave calls to other hosts without an answer of ours.
func hostedSites(c *checker, r *Rule) {
	for i := range c.Sites {
		s := &c.Sites[i]
		if len(s.Hosts) > 0 && s.has(serves) != nil {
			c.add(r, s.Place, "site "+s.Hosts[0], s.Hosts[0], "name the port alone, such as `:8080`, and say `bind` for where it listens",
				"a call to any other host gets an empty 200 before a policy is asked, and the bot takes it for an answer")
		}
	}
}
