// Package console is the web page for those who operate the gateway: policies
// with their traffic, every recorded call with the explanation of its route,
// changes of structure to accept, and a form for a test call.
//
// The page is plain HTML, CSS and JavaScript modules, embedded in the binary
// as they stand in page/: nothing is built, and nothing is loaded from
// another host. All that it shows it reads from the operator API, which is
// served beneath the same path, so that one mount serves both.
//
// What the page shows was written by strangers: bots and third parties. The
// page therefore never makes HTML of text, and the handler's Content Security
// Policy would not let such HTML act. What the page can change, another site
// must not: the guard asks whose host and whose page a request comes from.
//
//	console.go  what a path means: page, asset or API
//	asset.go    the embedded files and their answers
//	guard.go    which requests are let through to the API
//	problem.go  how a request is refused
//	page/       the page; app.js is where it begins, dom.js what keeps text text
//
// It imports no Caddy.
package console
