// Package explain tells people why a call took its branch, and what can be read of
// an answer.
//
// Everything is made of what the call log keeps of a call, so that a call of today
// and one that was saved a year ago are explained alike, and so that nothing is told
// that the log does not tell: secrets and redactions are gone before.
//
//	explanation.go a call in sections of sentences
//	asked.go       which call it was; happened.go, what became of it
//	guard.go       what limits, breaker and fallback had to say
//	branch.go      which hint held, and who named the route
//	because.go     why a condition held or not, from the values that it read;
//	               place.go, what these are called
//	words.go       numbers, times and values in words
//	called.go      a test call with all that can be read of its answer
//	tree.go        an answer as a tree with the JSONPath of each value
//	line.go        lines of a Caddyfile that read and judge an answer
//	name.go        names of variables for its values
//	recorder.go    when the parts of each request happened
//	timing.go      where the time of a call went; waterfall.go, as a picture
package explain
