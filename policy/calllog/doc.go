// Package calllog keeps the last calls of each policy, and the last that failed,
// so that an operator can look at one in full: what the bot sent, what went out,
// what came back, and why the branch was taken that was taken.
//
//	entry.go    one call, as it is kept
//	message.go  a request or an answer, packed
//	log.go      the calls of one policy
//	logs.go     the logs of all policies
//	filter.go   finding calls
//	summary.go  a call in a list, as JSON
//	detail.go   a call in full, as JSON
//
// Whoever ends a call stores a pointer and goes on: nothing here waits, and
// whoever reads takes what is there. What is stored has been redacted before and
// does not change any more. Memory is bounded by the number of policies, times
// the calls of each, times MaxHead and the bodies' bound.
package calllog
