// Package breaker stops calls to a third party that fails, and lets a few
// probes find out when it is well again.
//
// A policy has a cell for each host. A cell is closed (calls pass and their
// results are counted), open (calls are refused), or half-open (a few probes
// pass). A tenant with trouble of its own, such as a revoked key, gets a cell
// of its own beside the host's, so that its trouble refuses nobody else.
//
//	permit, refusal := b.Allow(host, tenant, lease)
//	if refusal != nil {
//		return refused(refusal.RetryAfter)
//	}
//	result := breaker.Ignored
//	defer func() { permit.Done(result) }()
//
// The state machine is github.com/sony/gobreaker's. This package adds what a
// gateway needs around it:
//
//   - A probe is a lease: one that never reports gives its place back when the
//     lease has passed, so that it cannot keep a cell half-open for ever.
//   - An attempt is counted when it finishes. Those in flight weigh nothing,
//     and one that ran longer than the window is counted all the same.
//   - The threshold is looked at after every counted attempt, the good ones
//     too, because a good one can be the one that makes the number full.
//   - Transitions are told in order and outside every lock, so that the
//     observer may ask the breaker.
//   - State is polled: an open cell whose time has passed says so when asked,
//     also when no call comes.
//   - People may reset a breaker, or hold it open or closed for a while, whatever
//     its cells count.
//
// Cells live in a Registry, which outlives configurations: an unchanged
// breaker keeps its state over a reload. No goroutines and no timers.
package breaker
