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
//
// A Registry may have Peers: sidecars that tell each other through Redis what
// they count, that a cell trips, and what people order. A trip has a record at
// Redis, with a name and an end; the first one wins, and all obey it. When its
// time is over, a probe needs one of the Places of that record, which the call
// claims beside its limits, so that probes are counted over all. While Redis is
// away each sidecar is by itself, and reads the records when it is back. But for
// that claim, no call waits for any of it.
//
//	registry.go  breakers over reloads; hand.go, what people order of them
//	breaker.go   the cells of a policy: table.go, cell.go, state.go, config.go
//	place.go     what a probe must claim where there are peers
//	peers.go     to tell them: tally.go, what is counted; script.go, all else
//	hear.go      what they tell: message.go, in what words; record.go, and what
//	             a cell does then; catchup.go, what was not heard
//
// gobreaker has a distributed form, which does not fit. It holds a lock in the
// store while the third party answers, so that calls go one by one, and sleeps
// 500 ms when it finds the lock taken; it reads the state before it has the lock,
// so that what others wrote meanwhile is lost; the lock of a process that was
// killed is the store's to end; and there are no two steps.
package breaker
