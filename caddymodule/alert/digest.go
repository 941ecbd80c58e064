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

// Reason is why calls failed, or what changed in answers.
type Reason struct {
	// Operation, Outcome, Text and Route are those of a Failure, on one line and
	// at most 256 bytes each.
	Operation, Outcome, Text, Route string

	// Calls is how many calls had this reason, or how often this changed.
	Calls int

	// Last and TraceID are of the last of them.
	Last    time.Time
	TraceID string
}

// Digest is what happened to a policy in some span of time, in bounded memory.
type Digest struct {
	// Failed is about calls that failed.
	Failed Summary

	// Drifted is about answers whose structure changed. These calls are not among
	// those that failed.
	Drifted Summary
}

// of gives the part of a digest that a kind belongs to.
func (d *Digest) of(k kind) *Summary {
	if k == drifting {
		return &d.Drifted
	}
	return &d.Failed
}

// total is how much happened in all.
func (d *Digest) total() int { return d.Failed.Total + d.Drifted.Total }

// followedBy gives what d and a later digest come to together.
func (d Digest) followedBy(later Digest) Digest {
	return Digest{Failed: d.Failed.followedBy(later.Failed), Drifted: d.Drifted.followedBy(later.Drifted)}
}

// clone gives a digest that shares nothing with d.
func (d Digest) clone() Digest {
	return Digest{Failed: d.Failed.clone(), Drifted: d.Drifted.clone()}
}

// Summary sums up one kind of what happened.
type Summary struct {
	// Total is how many calls failed, or how often the structure changed.
	Total int

	// Since and Until are the first and the last of them.
	Since, Until time.Time

	// Outcomes counts the calls that failed, the most frequent first. It is empty
	// for changes.
	Outcomes []Count

	// Reasons are the last 5 different ones, the newest last. Calls that came
	// too fast to be noted are in Total and Outcomes only.
	Reasons []Reason
}

// add notes one failure, or one change.
func (s *Summary) add(f *Failure) {
	s.count(cleaned(f.Outcome), 1, f.Time)
	s.reason(Reason{
		Operation: cleaned(f.Operation),
		Outcome:   cleaned(f.Outcome),
		Text:      cleaned(f.Reason),
		Route:     cleaned(f.Route),
		Calls:     1,
		Last:      f.Time,
		TraceID:   cleaned(f.TraceID),
	})
}

// count adds n of an outcome at a time. Changes have none.
func (s *Summary) count(outcome string, n int, at time.Time) {
	s.Total += n
	if s.Since.IsZero() || at.Before(s.Since) {
		s.Since = at
	}
	if at.After(s.Until) {
		s.Until = at
	}
	i := slices.IndexFunc(s.Outcomes, func(c Count) bool { return c.What == outcome })
	switch {
	case outcome == "":
	case i >= 0:
		s.Outcomes[i].Calls += n
	case len(s.Outcomes) < maxOutcomes:
		s.Outcomes = append(s.Outcomes, Count{What: outcome, Calls: n})
	}
	slices.SortStableFunc(s.Outcomes, func(a, b Count) int { return cmp.Compare(b.Calls, a.Calls) })
}

// reason notes a reason as the newest.
func (s *Summary) reason(r Reason) {
	i := slices.IndexFunc(s.Reasons, func(known Reason) bool {
		return known.Text == r.Text && known.Operation == r.Operation && known.Outcome == r.Outcome
	})
	if i >= 0 {
		r.Calls += s.Reasons[i].Calls
		s.Reasons = slices.Delete(s.Reasons, i, i+1)
	} else if len(s.Reasons) == maxReasons {
		s.Reasons = slices.Delete(s.Reasons, 0, 1)
	}
	s.Reasons = append(s.Reasons, r)
}

// followedBy gives what s and a later summary come to together.
func (s Summary) followedBy(later Summary) Summary {
	if s.Total == 0 {
		return later.clone()
	}
	sum := s.clone()
	if later.Total == 0 {
		return sum
	}
	for _, c := range later.Outcomes {
		sum.count(c.What, c.Calls, later.Until)
	}
	// Changes, and outcomes beyond their bound, are in the totals alone.
	sum.Total = s.Total + later.Total
	if later.Since.Before(sum.Since) {
		sum.Since = later.Since
	}
	if later.Until.After(sum.Until) {
		sum.Until = later.Until
	}
	for _, r := range later.Reasons {
		sum.reason(r)
	}
	return sum
}

// clone gives a summary that shares nothing with s.
func (s Summary) clone() Summary {
	s.Outcomes = slices.Clone(s.Outcomes)
	s.Reasons = slices.Clone(s.Reasons)
	return s
}
