// Package limit decides how many calls may go out: rate limits and calls in
// flight, for each tenant and for all tenants together, of one process or of many.
//
// A rate limit is a sliding log. Each admitted call leaves a mark that counts
// until it is one window old, so no span of the window's length ever holds more
// than the limit. Limits of at most 32 calls keep a mark for each call; larger
// ones merge the calls of one 32nd of the window into one mark that is as old
// as its youngest call. Merged calls count at most one 32nd of a window too
// long, never too short: the promise stays exact, constant demand still gets
// 32/33 of the limit, and a log has at most 33 marks whatever the limit is.
//
// A [Table] holds the counters of a process and outlives its configurations. A
// [Set] is what one plan, policy or operation asks for, compiled against the
// table: counters belong to a scope and a window, so a reload that changes only
// the number of calls keeps what was counted. [Table.Take] looks at every limit
// of a call before it counts the call anywhere, under the locks of all counters
// concerned: a call is taken by all of its limits or by none.
//
// A [Remote] does the same for all processes that share a Redis: take.lua keeps
// the same logs there and decides in one round trip, by Redis's clock. A call
// that Redis admits is then held against the table too, by the time at which it
// goes out. So when Redis was away, or has lost what it knew, no process lets out
// more than its limit all the same. While Redis knows everything this refuses few:
// calls that came to the table further apart, or to other slices of a window, than
// they came to Redis.
//
//	remote.go    Remote and what it needs; decide.go, the way of one call
//	question.go  what Redis is asked, reply.go, what it says, look.go, how that
//	             is told; undo.go, what is taken back
//	flight.go    calls in flight, whose places renew.go keeps and gives up
//	lease.go     permits taken in advance
//
// Lock order: a shard of tenants, the overflow, the shared counters; all leases,
// one lease. Nothing is called back and nothing waits while a lock is held.
package limit
