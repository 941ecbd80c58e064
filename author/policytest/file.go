package policytest

import (
	"encoding/json"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// File is one file of policy tests.
type File struct {
	// Path is the file's own.
	Path string

	// Config is the configuration that is tested, relative to the file.
	// Default: the Caddyfile beside it.
	Config string

	// Adapter is the adapter that reads the configuration. Default: as Caddy
	// chooses by the file's name.
	Adapter string

	// Policy and Operation are what tests call that name nothing else. Without an
	// operation, tests make base-URL calls.
	Policy, Operation string

	// Tests are the tests, in order; their names are unique.
	Tests []Test
}

// Test is one test: a call, or several in a row that share limits, breakers and
// stale answers, with time between them that does not pass really.
type Test struct {
	// Name is what the test is called in reports.
	Name string

	// Policy and Operation are the file's, where the test names none.
	Policy, Operation string

	// Steps are the calls, at least one and at most MaxSteps.
	Steps []Step

	// Sequence tells that the calls are written under `steps`.
	Sequence bool

	Place policy.Place
}

// Step is one call, or the same one several times.
type Step struct {
	// Wait is how long after the step before the call is made. Default: at once.
	Wait time.Duration

	// Repeat is how often the call is made, each time with the same expectations.
	// Default: 1; at most MaxRepeat.
	Repeat int

	// Tenant is on whose behalf the call leaves. Default: nobody's in particular.
	Tenant string

	// Input are the variables of a named call, as JSON: these and no others. Where it
	// is nil, required ones have sample values that the operation allows.
	Input map[string]json.RawMessage

	// Request makes a base-URL call instead of a named one. Default: nil.
	Request *Request

	// Given is what the third party does, one for each attempt; the last one holds
	// for all further ones. Empty: it answers 200 without a body.
	Given []Given

	// Expect is what must come of it; at least one thing is expected.
	Expect Expect

	Place policy.Place
}

// Request is a base-URL call as a bot sends it.
type Request struct {
	// Method is the operation's where it is empty, GET where there is none.
	Method string

	// Path is escaped, below the policy's base URL. Default: the operation's
	// template with sample values, or /.
	Path string

	// Query is as sent, without the question mark.
	Query string

	Headers map[string]string

	// Body is sent as it is. One that is written as a mapping or list is JSON.
	Body []byte

	Place policy.Place
}

// Given is what the third party does with one attempt.
type Given struct {
	// Outcome stands for what is no answer. Timeout, unreachable and incomplete
	// happen to the attempt; rate_limited, overloaded, circuit_open, denied,
	// bad_request, not_found, canceled and internal decide the call without one.
	// Empty: there is an answer. server_error and client_error are answers with
	// status 500 and 400 where no status is written.
	Outcome policy.Outcome

	// Status is 200 where it is 0.
	Status int

	Headers map[string]string

	// Body is the answer's. One that is written as a mapping, list or any value but
	// a string is JSON, with that Content-Type unless Headers has one.
	Body []byte

	// File names a file beside the test with the body, and Call one with a recorded
	// call, whose answer it is: of the call log, as `call --json` prints it or the
	// admin API gives it. Both are read, into Body, Status and Headers, with the
	// tests.
	File, Call string

	// After is how long the third party takes. Default: nothing.
	After time.Duration

	Place policy.Place
}

// Expect is what must come of a call. What is nil or empty is not looked at.
type Expect struct {
	Route, Next, Fallback, Reason *string // Fallback is "stale", "static" or "none"
	Outcome                       policy.Outcome
	Status                        int
	Attempts                      *int

	// Vars are variables with their values as JSON; others may be there as well.
	Vars map[string]json.RawMessage

	// Missing are variables that must not be there.
	Missing []string

	// Body is what the bot gets: JSON that must be equal, or a text.
	Body *Body

	// Headers are headers of the bot's answer, with their values.
	Headers map[string]string

	// Sent is the request that goes out, of the last attempt that made a connection.
	Sent *Sent

	Place policy.Place
}

// Body is an expected body: JSON or text.
type Body struct {
	JSON json.RawMessage
	Text string // where JSON is nil
}

// Sent is the request that goes out. What is empty is not looked at.
type Sent struct {
	// Nothing tells that no request may go out.
	Nothing bool

	Method string

	// URL is the whole address; a value that begins with a slash is compared with
	// path and query alone.
	URL string

	// Headers are headers with their values. A credential reads as it is written in
	// the policy: Bearer {secret.store_token}.
	Headers map[string]string

	Body *Body

	Place policy.Place
}

// Bounds of a file.
const (
	// MaxFile bounds a file of tests, and each file that it names, in bytes.
	MaxFile = 16 << 20
	// MaxTests bounds the tests of a file.
	MaxTests = 10000
	// MaxSteps bounds the steps of a test, and MaxRepeat how often each is made.
	MaxSteps  = 1000
	MaxRepeat = 100000
)
