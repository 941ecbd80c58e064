package lint

import (
	"slices"

	"github.com/signpost-gateway/signpost/policy"
)

// unreadExtracts finds variables that nobody is known to read. A bot gets each of them,
// so that only a test can tell that it is read there.
func unreadExtracts(c *checker, r *Rule) {
	for _, parts := range c.policies() {
		for _, p := range parts {
			for i := range p.rules.Extracts {
				c.unread(r, p, parts, &p.rules.Extracts[i])
			}
		}
	}
}

func (c *checker) unread(r *Rule, p part, parts []part, e *policy.Extract) {
	name := p.name + ": extract " + e.Var
	readers := []part{p}
	if p.op == nil {
		readers = slices.DeleteFunc(slices.Clone(parts), func(q part) bool {
			if q.op == nil {
				return q.policy.OperationsOnly
			}
			return slices.ContainsFunc(q.rules.Extracts, func(o policy.Extract) bool { return o.Var == e.Var })
		})
	}
	if len(readers) == 0 {
		f := c.add(r, e.Place, name, e.Var, "drop it", "no call has it: each operation extracts another %s", e.Var)
		f.Severity = Warning
		return
	}
	if slices.ContainsFunc(readers, func(q part) bool { return slices.Contains(q.survey.Reads, e.Var) }) {
		return
	}
	if c.Tested != nil && c.Tested(p.policy.Name, e.Var) {
		return
	}
	c.add(r, e.Place, name, e.Var, "drop it, or let a policy test expect it where the bot reads it",
		"no condition, no body of a fallback and no policy test reads %s", e.Var)
}
