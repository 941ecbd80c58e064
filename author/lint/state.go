package lint

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/redislink"
)

const (
	stateName = "state redis"

	// leasable is how many calls each window of a call allows at least, where permits
	// are taken ahead: of smaller ones each call has a mark of its own.
	leasable = 33
)

// wordPlace is where a word of the block stands; what the address says stands on its
// first line.
func wordPlace(s *policy.StateSpec, word string) policy.Place {
	if at, known := s.Places[word]; known {
		return at
	}
	return s.Places["state"]
}

// plainStatePasswords finds passwords of a shared state that are no references.
func plainStatePasswords(c *checker, r *Rule) {
	s := c.Spec.State
	if s == nil {
		return
	}
	address, _ := redislink.ParseURL(s.Redis) // Wrong ones are mistakes.
	for _, p := range []struct{ word, value string }{
		{"redis", address.Password}, {"password", s.Password}, {"sentinel_password", s.SentinelPassword},
	} {
		if p.value == "" || refers(p.value) {
			continue
		}
		name := stateName
		if p.word != "redis" {
			name += ": " + p.word
		}
		c.add(r, wordPlace(s, p.word), name, p.word, "keep it in a file or variable of `secrets`, and write {secret.NAME}",
			"the password stands here for everybody who reads the configuration")
	}
}

// stateWithoutTLS finds shared states that are reached unencrypted over a network
// that need not be one's own.
func stateWithoutTLS(c *checker, r *Rule) {
	s := c.Spec.State
	if s == nil {
		return
	}
	address, err := redislink.ParseURL(s.Redis)
	if err != nil || address.TLS {
		return
	}
	if i := slices.IndexFunc(address.Hosts, func(host string) bool { return !isOwnHost(host) }); i >= 0 {
		c.add(r, s.Places["state"], stateName, "redis", "use rediss://, or silence this where the network is yours",
			"%s is reached unencrypted, and anybody on the way can read and change what is there", address.Hosts[i])
	}
}

// isOwnHost tells the hosts, with or without a port, that are this machine or in a
// network of its own.
func isOwnHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]."))
	if address, err := netip.ParseAddr(host); err == nil {
		address = address.Unmap()
		return address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast()
	}
	return isLoopback(host) || isInside(host)
}

// cutStateTimeouts finds calls that may wait for Redis for more than half of their
// deadline.
func cutStateTimeouts(c *checker, r *Rule) {
	s := c.Spec.State
	if s == nil || s.Fail != "closed" || len(c.parts) == 0 {
		return
	}
	shortest := slices.MinFunc(c.parts, func(a, b part) int { return int(c.deadline(a) - c.deadline(b)) })
	if half := c.deadline(shortest) / 2; s.Timeout.Std() > half {
		c.add(r, wordPlace(s, "timeout"), stateName+": timeout", "timeout", "wait for at most "+half.String()+", or give the calls more time",
			"a call of %s may wait for Redis for %s, more than half of its deadline of %s", shortest.name, s.Timeout, c.deadline(shortest))
	}
}

// leasesInVain finds leases that no call can use.
func leasesInVain(c *checker, r *Rule) {
	s := c.Spec.State
	if s == nil || !s.Leases {
		return
	}
	for _, plan := range c.plans() {
		for _, p := range c.parts {
			if leases(&plan, p) {
				return
			}
		}
	}
	c.add(r, wordPlace(s, "leases"), stateName+": leases", "leases", "drop it: every call asks Redis",
		"no call can use it: each has a window of at most %d calls, a limit on calls in flight, or no limit at all", leasable-1)
}

// plans are those that tenants may be on, the one that nobody wrote included.
func (c *checker) plans() []policy.Plan {
	if slices.ContainsFunc(c.Spec.Plans, func(p policy.Plan) bool { return p.Name == "default" }) {
		return c.Spec.Plans
	}
	return append(slices.Clone(c.Spec.Plans), policy.Plan{RateLimits: []policy.RateLimit{{Rate: policy.DefaultRate}}})
}

// leases tells whether permits are taken ahead for calls of the part by tenants on
// the plan.
func leases(plan *policy.Plan, p part) bool {
	if len(plan.Concurrency)+len(p.policy.Concurrency) > 0 {
		return false
	}
	all := slices.Concat(plan.RateLimits, p.policy.RateLimits)
	if p.op != nil {
		all = append(all, p.rules.RateLimits...)
	}
	small := func(l policy.RateLimit) bool {
		rate, err := limit.ParseRate(l.Rate)
		return err != nil || rate.N < leasable
	}
	return len(all) > 0 && !slices.ContainsFunc(all, small)
}
