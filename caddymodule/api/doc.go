// Package api is the operator API: what the gateway does and did as JSON, and the
// few things about it that an operator can change. The same handler is served on
// Caddy's admin endpoint and beneath the console.
//
//	api.go        what it is made of, and which path is whose
//	problem.go    how a request is refused (RFC 9457), and how one is answered
//	query.go      parameters and bodies, read strictly
//	stamp.go      times and spans of time as JSON
//	info.go       GET  info
//	state.go      GET  state
//	policies.go   GET  policies, traffic
//	calls.go      GET  calls, calls/<id>
//	export.go     GET  calls/export
//	breakers.go   GET  breakers; POST reset, hold
//	tenants.go    GET  tenants, tenants/<tenant>
//	drift.go      GET  drift, drift/<policy>/<operation>; POST accept, ignore, forget, pin
//	alerts.go     GET  alerts; POST reset
//	testcall.go   POST test; what is told of the answer is author/explain's
//
// Nothing is guessed: a parameter or a member that is not known is a mistake that
// is told, since a filter with a typo would otherwise look like a good answer.
// Nothing of this is on the way of a bot's call. Who may ask is not decided here
// but by whoever serves it, save that changes can be switched off.
package api
