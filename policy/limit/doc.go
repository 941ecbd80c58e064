// Package limit decides how many calls may go out: rate limits and calls in
// flight, for each tenant and for all tenants together.
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
// Lock order: a shard of tenants, the overflow, the shared counters. Nothing is
// called back and nothing waits while a lock is held.
package limit
