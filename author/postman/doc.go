// Package postman makes a policy of a Postman collection (v2.1 and v2.0).
//
// A collection is a folder of requests that somebody tried by hand: what varies is
// a {{variable}} in one, and typed in as an example in the next; credentials stand
// in it as they were pasted. So two things come first. Every credential that the
// collection holds is found, and wherever its text stands it is replaced by a
// variable of its own, so that what follows never sees it. And every request gets
// one form, whatever version and habit wrote it.
//
// Then the requests to the most common host become operations: what is an address
// is resolved, what varies becomes an input, credentials are injected, and saved
// responses become hints, extractions and tests. What cannot be said in a policy is
// left out with a warning. What is left passes policy.Check, which is asked at the
// end. Scripts are never run.
//
//	import.go     the story, top to bottom; options.go, what can be chosen
//	scan.go       size and depth of the document, before anything is made of it;
//	              bound.go, of each request
//	collection.go what is in a collection; lenient.go, in how many ways it is written
//	request.go    all requests in one form: flatten.go, out of folders
//	variable.go   variables and what they stand for; named.go, which there are
//	cleanse.go    credentials that are found; scrub.go, wherever else they stand
//	address.go    where a request goes: base.go, what most of them have in common
//	auth.go       credentials that are put on requests; keyring.go, by the policy
//	operation.go, input.go, body.go
//	              an operation of each request
//	response.go   hints and extractions of saved responses; cases.go, their tests
//	settle.go     what policy.Check has against it, left out
//	warning.go    what could not be taken over
package postman
