// Package replay plays recorded calls through a changed configuration, and tells
// which of them it would route, answer or refuse otherwise.
//
// It exists because a change of a policy is judged best by the calls that bots
// really made. They go through the gateway's own engine in virtual time, at the
// times at which they were made: the third party does what was recorded of it, and
// everything else is decided anew. What a recording does not hold is never guessed.
// A call is then counted as not replayed, with the reason, or as sent with an answer
// that nobody knows.
//
// Files of strangers may be of any size: one is read as a stream, of which only a
// bounded piece is in memory, and calls are put into the order of time as far as
// that piece goes.
//
//	replay.go     from inputs to a report
//	source.go     an input, cut by one goroutine and parsed by some
//	split.go      where one call ends and the next one begins; follow.go, where a value
//	              does; syntax.go, what is wrong with it
//	call.go       a recorded call, and why it cannot be replayed
//	detail.go     one of the call log; answer.go, the answers in it
//	har.go        one of a HAR file; harverdict.go, what Signpost had said to it
//	order.go      calls in the order of time
//	calm.go       a configuration without limits, and without what costs time
//	perform.go    a call on its way through a configuration
//	party.go      the third party, which does what it did
//	compare.go    what is otherwise
//	report.go     all of it counted; print.go, told
package replay
