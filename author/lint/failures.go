package lint

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// plan is what to do about an unplanned failure.
const plan = "add `fallback { respond … }`, `otherwise <route>`, or a hint such as `hint handoff not answered`"

// maxTold is how many operations of a policy are told of one by one for the same
// failures; of more, the policy is.
const maxTold = 3

// unplannedFailures finds failures for which nothing names a branch. What a policy and
// all its operations lack is told once.
func unplannedFailures(c *checker, r *Rule) {
	for _, parts := range c.policies() {
		own, operations := parts[0], parts[1:]
		if own.policy.OperationsOnly {
			parts = operations
		}
		if len(parts) > 0 && !slices.ContainsFunc(parts, func(p part) bool { return failures(p) != failures(parts[0]) }) {
			if failures(parts[0]) != "" {
				c.add(r, own.place, own.name, "policy", plan, "nothing names a branch for %s: the bot is told %s", failures(parts[0]), own.told())
			}
			continue
		}
		if len(parts) > len(operations) && failures(own) != "" {
			c.add(r, own.place, own.name, "policy", plan+", or allow no other calls with `operations_only`",
				"nothing names a branch for %s of the calls that no operation recognises", failures(own)).Severity = Note
		}
		c.unplannedOperations(r, own, operations)
	}
}

// unplannedOperations tells of the operations that lack a branch.
func (c *checker) unplannedOperations(r *Rule, own part, operations []part) {
	var told []string
	for _, p := range operations {
		of := failures(p)
		if of == "" || slices.Contains(told, of) {
			continue
		}
		var same []part
		for _, q := range operations {
			if failures(q) == of {
				same = append(same, q)
			}
		}
		if len(same) <= maxTold {
			c.add(r, p.place, p.name, "operation", plan, "nothing names a branch for %s: the bot is told %s", of, p.told())
			continue
		}
		told = append(told, of)
		c.add(r, own.place, own.name, "policy", plan, "nothing names a branch for %s in %d operations, %s among them: the bot is told %s", of, len(same), p.op.Name, p.told())
	}
}

// failures are those of a part that nobody planned for, in words.
func failures(p part) string { return words(p.survey.Unplanned) }

// told is what a bot is told where nobody planned for a call.
func (p part) told() string {
	if cmp.Or(p.rules.Next, p.policy.Next) == "continue" {
		return "`error`"
	}
	return "`error` and `stop`"
}

// words lists outcomes.
func words(outcomes []policy.Outcome) string {
	all := make([]string, len(outcomes))
	for i, o := range outcomes {
		all[i] = string(o)
	}
	return strings.Join(all, ", ")
}

// idempotent are the methods that may be sent again (RFC 9110, section 9.2.2).
var idempotent = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodTrace}

// resends tells whether a retry sends an operation's request again. Of calls that no
// operation recognises, any may be.
func resends(retry *policy.Retry, p part) bool {
	may := func(method string) bool {
		if retry.Methods != nil {
			return slices.Contains(retry.Methods, method)
		}
		return slices.Contains(idempotent, method)
	}
	if p.op == nil {
		return !p.policy.OperationsOnly && (p.policy.Methods == nil || retry.Methods == nil || slices.ContainsFunc(p.policy.Methods, may))
	}
	return may(p.op.Method) || retry.Methods == nil && slices.ContainsFunc(p.op.Header, func(f policy.Field) bool {
		return http.CanonicalHeaderKey(f.Name) == "Idempotency-Key"
	})
}

// uselessRetries finds retries that send nothing again.
func uselessRetries(c *checker, r *Rule) {
	for _, parts := range c.policies() {
		for _, p := range parts {
			retry := p.rules.Retry
			if retry == nil || retry.Attempts == 0 {
				continue
			}
			affected := []part{p}
			if p.op == nil {
				affected = slices.DeleteFunc(slices.Clone(parts), func(q part) bool { return q.op != nil && q.rules.Retry != nil })
			}
			if slices.ContainsFunc(affected, func(q part) bool { return resends(retry, q) }) {
				continue
			}
			says := "is for none of the methods that go out"
			if p.op != nil && retry.Methods == nil {
				says = p.op.Method + " is sent again only with an Idempotency-Key, which the operation does not send"
			}
			c.add(r, retry.Places["retry"], p.name+": retry", "retry", "add `header Idempotency-Key` with a variable, or `methods` where a second request does no harm", "%s", says)
		}
	}
}

// staleInVain finds stale answers that are too old to help, or that are never kept.
func staleInVain(c *checker, r *Rule) {
	for _, parts := range c.policies() {
		for _, p := range parts {
			for i := range p.rules.Fallbacks {
				f := &p.rules.Fallbacks[i]
				if f.Stale == 0 {
					continue
				}
				at, name := f.Places["stale"], p.name+": fallback: stale"
				switch {
				case f.Stale.Std() > longestStale:
					c.add(r, at, name, "stale", "say how long an answer is worth telling, such as 10m", "an answer of up to %s ago is told as though it were today's", f.Stale)
				case !keeps(p, parts):
					c.add(r, at, name, "stale", "drop it: only answers to GET and HEAD are kept", "no answer is ever kept: no GET or HEAD goes out")
				case !c.Spec.TenantRequired && !injectsCredential(p.policy):
					c.add(r, at, name, "stale", "say `tenant_required` where each call names its tenant",
						"answers are kept for calls with a tenant alone, since the policy injects no credential").Severity = Note
				}
			}
		}
	}
}

// keeps tells whether any answer is kept for a fallback of p.
func keeps(p part, parts []part) bool {
	kept := func(method string) bool { return method == http.MethodGet || method == http.MethodHead }
	if p.op != nil {
		return kept(p.op.Method)
	}
	if !p.policy.OperationsOnly && (p.policy.Methods == nil || slices.ContainsFunc(p.policy.Methods, kept)) {
		return true
	}
	return slices.ContainsFunc(parts, func(q part) bool { return q.op != nil && kept(q.op.Method) })
}

// unguarded finds policies that go on calling a third party that is down, and have
// nothing to say meanwhile.
func unguarded(c *checker, r *Rule) {
	for _, p := range c.parts {
		b := p.rules.Breaker
		if b == nil || b.Trip != "off" || len(p.rules.Fallbacks)+len(p.policy.Fallbacks) > 0 || p.rules.Otherwise+p.policy.Otherwise != "" {
			continue
		}
		c.add(r, b.Places["breaker"], p.name+": breaker", "off", "let the breaker on, or add a fallback",
			"each call waits for its whole deadline while the third party is down, and then has no answer")
	}
}
