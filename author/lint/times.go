package lint

import (
	"cmp"
	"slices"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

const (
	// botTimeout is when the usual bots give up.
	botTimeout = 5 * time.Second
	// longestStale is how old an answer may be told: a day.
	longestStale = 24 * time.Hour
)

// longTimeouts finds deadlines at which the bot has long given up, and policies that
// leave theirs to the default.
func longTimeouts(c *checker, r *Rule) {
	if c.ceiling() < botTimeout {
		return
	}
	const help = "write one below 5s, such as `timeout 4s`"
	for _, p := range c.parts {
		if d := p.rules.Timeout.Std(); d >= botTimeout && c.plansAllow() {
			c.add(r, p.places["timeout"], p.name+": timeout", "timeout", help, "bots give up after %s, before the deadline of %s", botTimeout, p.rules.Timeout)
		}
	}
	var unwritten []*part
	for _, parts := range c.policies() {
		missing := withoutTimeout(parts)
		if missing == nil {
			continue
		}
		unwritten = append(unwritten, missing)
		if !c.everybodyHasTimeout() {
			c.add(r, missing.place, missing.name, "", "write it, so that whoever reads the policy knows", "has no timeout: the deadline is %s", policy.DefaultTimeout).Severity = Note
		}
	}
	for i := range c.Spec.Plans {
		p := &c.Spec.Plans[i]
		if len(unwritten) > 0 && p.Timeout.Std() >= botTimeout {
			c.add(r, p.Places["timeout"], "plan "+p.Name+": timeout", "timeout", help,
				"bots give up after %s, and %s has no timeout but the plan's %s", botTimeout, unwritten[0].name, p.Timeout)
		}
	}
}

// everybodyHasTimeout tells whether the plan of those who are on no other has a
// timeout, which stands for the deadline of policies that have none.
func (c *checker) everybodyHasTimeout() bool {
	return slices.ContainsFunc(c.Spec.Plans, func(p policy.Plan) bool { return p.Name == "default" && p.Timeout != 0 })
}

// ceiling is the bound of every deadline.
func (c *checker) ceiling() time.Duration { return cmp.Or(c.Spec.MaxTimeout.Std(), policy.MaxTimeout) }

// plansAllow tells whether some plan leaves deadlines as long as bots wait.
func (c *checker) plansAllow() bool {
	standard := false
	for i := range c.Spec.Plans {
		p := &c.Spec.Plans[i]
		standard = standard || p.Name == "default"
		if p.Timeout == 0 || p.Timeout.Std() >= botTimeout {
			return true
		}
	}
	return !standard
}

// withoutTimeout gives the policy, or the first of its operations, that has no deadline
// of its own.
func withoutTimeout(parts []part) *part {
	if parts[0].rules.Timeout != 0 {
		return nil
	}
	if !parts[0].policy.OperationsOnly {
		return &parts[0]
	}
	for i := range parts[1:] {
		if p := &parts[1+i]; p.rules.Timeout == 0 {
			return p
		}
	}
	return nil
}

// deadline is how long a call of the part has, where neither plan nor header shortens
// it.
func (c *checker) deadline(p part) time.Duration {
	return min(cmp.Or(p.rules.Timeout.Std(), p.policy.Timeout.Std(), policy.DefaultTimeout), c.ceiling())
}

// Bounds of the back-off where none is written.
const (
	shortestWait = 100 * time.Millisecond
	longestWait  = time.Second
)

// lateRetries finds retries that wait for longer than the call may take.
func lateRetries(c *checker, r *Rule) {
	for _, parts := range c.policies() {
		for _, p := range parts {
			retry := p.rules.Retry
			if retry == nil {
				continue
			}
			wait := averageWait(retry)
			for _, q := range parts {
				if p.op != nil && q.op != p.op || p.op == nil && q.op != nil && q.rules.Retry != nil || wait < c.deadline(q) {
					continue
				}
				at := retry.Places["backoff"]
				if at == (policy.Place{}) {
					at = retry.Places["retry"]
				}
				c.add(r, at, q.name+": retry", "backoff", "wait less, try less often, or give the call more time",
					"%d further attempts wait %s in all, on average, and the deadline is %s", retry.Attempts, wait, c.deadline(q))
				break
			}
		}
	}
}

// averageWait is how long a call waits between all of its attempts, on average: the
// wait is drawn from nothing to a bound that doubles.
func averageWait(r *policy.Retry) time.Duration {
	low, high := r.BackoffMin.Std(), r.BackoffMax.Std()
	if low == 0 && high == 0 {
		low, high = shortestWait, longestWait
	}
	var sum time.Duration
	for n := range min(r.Attempts, policy.MaxRetries) {
		sum += min(low<<n, high) / 2
	}
	return sum
}
