// Package fault says what a failed round trip means: the error token of RFC
// 9209, section 2.3, and the kind of failure, which is the outcome of the
// attempt.
//
//	trail := new(fault.Trail)
//	resp, err := base.RoundTrip(req.WithContext(trail.Trace(ctx)))
//	if err != nil {
//		token, kind := trail.ProxyError(err)
//	}
//
// An error alone does not always tell what happened: when the context's
// deadline passes, net/http returns the context's error, whether it was
// resolving the name or waiting for the answer; and a reset looks the same
// before and in the middle of the answer. A Trail remembers how far the
// attempt came. ProxyError without a trail tells what the error alone can say.
//
// Where the standard library has a type or a sentinel, that decides. It has
// none for several failures of HTTP itself; those are told apart by their
// text, and the tests hold the texts against real failures.
package fault
