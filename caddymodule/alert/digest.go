package alert

import (
	"cmp"
	"slices"
	"time"
)

const (
	// maxReasons is how many different reasons a message gives, the last ones.
	maxReasons = 5

	// maxOutcomes bounds the outcomes that are counted apart; their list is
	// closed and shorter.
	maxOutcomes = 32
)

// Count is how often something happened.
type Count struct {
	// What is an outcome.
	What string `json:"what"`
	// Calls is how many calls came to it.
	Calls int `json:"calls"`
}

// Reason is why calls failed, or what changed.
type Reason struct {
	// Operation, Outcome, Text and Route are those of a Failure, on one line and
	// at most 256 bytes each.
	Operation, Outcome, Text, Route string

	// Calls is how many calls had this reason.
	Calls int

	// Last and TraceID are of the last of them.
	Last    time.Time
	TraceID string
}

// Digest is what happened to a policy in some span of time, in bounded memory.
type Digest struct {
	// Total is how many calls failed, or how often the structure changed.
	Total int

	// Since and Until are the first and the last of them.
	Since, Until time.Time

	// Outcomes counts them, the most frequent first.
	Outcomes []Count

	// Reasons are the last 5 different ones, the newest last. Calls that came
	// too fast to be noted are in Total and Outcomes only.
	Reasons []Reason
}

// add notes one failure.
func (d *Digest) add(f *Failure) {
	d.count(cleaned(f.Outcome), 1, f.Time)
	d.reason(Reason{
		Operation: cleaned(f.Operation),
		Outcome:   cleaned(f.Outcome),
		Text:      cleaned(f.Reason),
		Route:     cleaned(f.Route),
		Calls:     1,
		Last:      f.Time,
		TraceID:   cleaned(f.TraceID),
	})
}

// count adds n of an outcome at a time.
func (d *Digest) count(outcome string, n int, at time.Time) {
	d.Total += n
	if d.Since.IsZero() || at.Before(d.Since) {
		d.Since = at
	}
	if at.After(d.Until) {
		d.Until = at
	}
	i := slices.IndexFunc(d.Outcomes, func(c Count) bool { return c.What == outcome })
	switch {
	case i >= 0:
		d.Outcomes[i].Calls += n
	case len(d.Outcomes) < maxOutcomes:
		d.Outcomes = append(d.Outcomes, Count{What: outcome, Calls: n})
	}
	slices.SortStableFunc(d.Outcomes, func(a, b Count) int { return cmp.Compare(b.Calls, a.Calls) })
}

// reason notes a reason as the newest.
func (d *Digest) reason(r Reason) {
	i := slices.IndexFunc(d.Reasons, func(known Reason) bool {
		return known.Text == r.Text && known.Operation == r.Operation && known.Outcome == r.Outcome
	})
	if i >= 0 {
		r.Calls += d.Reasons[i].Calls
		d.Reasons = slices.Delete(d.Reasons, i, i+1)
	} else if len(d.Reasons) == maxReasons {
		d.Reasons = slices.Delete(d.Reasons, 0, 1)
	}
	d.Reasons = append(d.Reasons, r)
}

// followedBy gives what d and a later digest come to together.
func (d Digest) followedBy(later Digest) Digest {
	if d.Total == 0 {
		return later.clone()
	}
	sum := d.clone()
	if later.Total == 0 {
		return sum
	}
	for _, c := range later.Outcomes {
		sum.count(c.What, c.Calls, later.Until)
	}
	sum.Total = d.Total + later.Total // Outcomes beyond their bound are in the totals alone.
	if later.Since.Before(sum.Since) {
		sum.Since = later.Since
	}
	for _, r := range later.Reasons {
		sum.reason(r)
	}
	return sum
}

// clone gives a digest that shares nothing with d.
func (d Digest) clone() Digest {
	d.Outcomes = slices.Clone(d.Outcomes)
	d.Reasons = slices.Clone(d.Reasons)
	return d
}
