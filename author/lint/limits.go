package lint

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/limit"
)

// holding is a rate limit with what it counts.
type holding struct {
	policy.RateLimit
	limit.Rate
	name  string
	outer bool // the policy's, for an operation's calls
}

// idleLimits finds limits that another one makes sure are never reached.
func idleLimits(c *checker, r *Rule) {
	for i := range c.Spec.Plans {
		p := &c.Spec.Plans[i]
		c.idle(r, holdings(p.RateLimits, "plan "+p.Name, false))
	}
	for _, p := range c.parts {
		all := holdings(p.rules.RateLimits, p.name, false)
		if p.op != nil {
			all = append(all, holdings(p.policy.RateLimits, "policy "+p.policy.Name, true)...)
		}
		c.idle(r, all)
	}
}

func holdings(limits []policy.RateLimit, name string, outer bool) []holding {
	var all []holding
	for _, l := range limits {
		if rate, err := limit.ParseRate(l.Rate); err == nil {
			all = append(all, holding{l, rate, name, outer})
		}
	}
	return all
}

// idle tells of the limits that are not outer ones.
func (c *checker) idle(r *Rule, all []holding) {
	for i, l := range all {
		by := slices.IndexFunc(all, func(o holding) bool { return o.covers(l) })
		if l.outer || by < 0 || !all[by].outer && l.covers(all[by]) && by > i {
			continue // Of two that say the same, the later one is idle.
		}
		other := all[by]
		where := ""
		if at := other.Place.String(); at != "" {
			where = " at " + at
		}
		c.add(r, l.Place, l.name+": rate_limit", cmp.Or(l.RateLimit.Rate, "rate_limit"), "drop it, or the other one",
			"is never reached: %s%s allows no more than %s in %s", other.RateLimit.Rate, where, counted(other.within(l.Window), "call"), l.Window)
	}
}

// covers tells whether o lets so few calls through that l is never reached.
func (o holding) covers(l holding) bool {
	same := o.Place == l.Place && o.RateLimit.Rate == l.RateLimit.Rate && o.Shared == l.Shared && o.outer == l.outer
	if same || l.Shared && !o.Shared {
		return false
	}
	return o.within(l.Window) <= l.N
}

// within is how many calls a limit allows in a span of time.
func (o holding) within(span time.Duration) int {
	spans := int((span + o.Window - 1) / o.Window)
	if o.N > limit.MaxCalls/spans {
		return limit.MaxCalls + 1
	}
	return o.N * spans
}

// counted writes a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
