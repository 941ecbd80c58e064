// Package policy is the engine of Signpost: it sends a bot's call to a third
// party and always comes back with an answer that names the branch of the
// conversation to take next.
//
// A Gateway is compiled from a Spec and holds a Policy for each third-party
// API. Gateway and Policy are http.RoundTrippers: limits, credentials,
// deadline, attempts, breaker, reading of the answer, hints and fallback are
// all inside RoundTrip, so that no path can leave it without an outcome and a
// route.
//
//	spec.go      what an operator may say; spec_inject.go, of credentials;
//	             unit.go, its units
//	compile.go   from a Spec to a Gateway, or to all that is wrong with it;
//	             compile_mapping.go, compile_state.go, operation.go and inject.go,
//	             its parts
//	gateway.go   all policies and what they share; options.go, what they need
//	address.go   which policy and operation a request means
//	call.go      the story of one call, top to bottom
//	sharedstate.go what several sidecars know together, and sharedcall.go, how a
//	             call asks it
//	admission.go may it go out, and if not, why: tenant, limits, secrets
//	inputs.go    the variables that the bot sent; named.go, the request that
//	             a named call makes of them; tenanthost.go, a tenant's own host
//	token.go     credentials that are minted or asked for; missing.go, secrets
//	             that nobody has
//	attempt.go   one request sent to the third party, and what came of it
//	outgoing.go  what that request holds, and what never leaves; hop.go and
//	             upload.go, its connection and its body
//	retry.go     whether there is a further one
//	answer.go    the bounded look at what came back
//	mapping.go   variables and hints
//	outcome.go   the closed list of outcomes
//	verdict.go   the one place that decides outcome, route and next
//	conclude.go  the answer that the bot gets; lastgood.go, a stale one,
//	             envelope.go, one in an envelope, and stream.go, its body
//	header.go    every header that Signpost writes; envelope.go, the same as JSON
//	span.go      every span, attribute and event
//	record.go    what is known of a call when it is over
//	entry.go     what the call log keeps of it: glimpse.go, seen as it passed,
//	             packer.go, in one piece of memory, shown.go, in words;
//	             redact.go and finder.go, without what nobody is to see
//	structure.go whether answers still have the structure that they had;
//	             structure_store.go, over restarts
//	branch.go    the places at which calls go different ways, and which of them a
//	             call took
//	survey.go    what conditions can come to, found by supposing every ending that
//	             a call can have: survey_ending.go
//	extract_line.go the line that reads a place of an answer into a variable
//	inspect.go   what is configured, inspect_state.go, how breakers and tenants
//	             stand, and inspect_shared.go, the state that sidecars share, for
//	             those who operate the gateway
//
// The packages below this one are leaves: each does one thing, and none
// imports another. Nothing here imports Caddy.
package policy
