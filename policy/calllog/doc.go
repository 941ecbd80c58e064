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
// Whoever ends a call stores a pointer and goes on: nothing here waits for a
// reader. Of a busy policy most calls are overtaken by later ones at once, so an
// entry is made when somebody looks, or a moment later; a call that was overtaken
// before costs next to nothing. What is kept has been redacted and does not change
// any more. Memory is bounded by the number of policies, times
// the calls of each, times MaxHead and the bodies' bound.
package calllog
