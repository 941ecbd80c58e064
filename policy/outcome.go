package policy

import "net/http"

// Outcome says in one word what became of a call. The list is closed.
type Outcome string

// The outcomes, as they stand in Signpost-Outcome, spans, metrics and the
// problem's type.
const (
	// Success is a 2xx or 3xx answer that can be used, and 101.
	Success Outcome = "success"
	// ClientError is a 4xx answer of the third party, its 429 included.
	ClientError Outcome = "client_error"
	// ServerError is a 5xx answer of the third party.
	ServerError Outcome = "server_error"
	// Rejected is a 2xx answer for which the success expression is false.
	Rejected Outcome = "rejected"
	// Unmappable is a 2xx answer that mapping needs and cannot read.
	Unmappable Outcome = "unmappable"
	// RateLimited is a call over one of Signpost's own rate limits.
	RateLimited Outcome = "rate_limited"
	// Overloaded is a call over a concurrency limit.
	Overloaded Outcome = "overloaded"
	// CircuitOpen is a call that an open breaker kept back.
	CircuitOpen Outcome = "circuit_open"
	// Timeout is a call that reached its deadline.
	Timeout Outcome = "timeout"
	// Unreachable is a third party that could not be connected to: DNS, TCP, TLS.
	Unreachable Outcome = "unreachable"
	// Incomplete is an answer that was reset, truncated or not HTTP.
	Incomplete Outcome = "incomplete"
	// Denied is a call that the policy does not allow.
	Denied Outcome = "denied"
	// BadRequest is a call that is itself ill-formed.
	BadRequest Outcome = "bad_request"
	// NotFound is a call to a policy or operation that does not exist.
	NotFound Outcome = "not_found"
	// Canceled is a call whose bot went away.
	Canceled Outcome = "canceled"
	// Internal is a fault of Signpost's own.
	Internal Outcome = "internal"
)

// outcomeFacts are what follows from an outcome where nothing more special is
// known.
type outcomeFacts struct {
	route      string // the default route
	status     int    // of an answer that Signpost makes; 0 where it is the upstream's
	proxyError string // RFC 9209, section 2.3
	title      string // of the problem
}

// outcomes is the closed list with its defaults. Canceled alone has no route:
// nobody is left to take it.
var outcomes = map[Outcome]outcomeFacts{
	Success:     {route: "success", title: "Success"},
	ClientError: {route: "failure", title: "Refused By Third Party"},
	ServerError: {route: "error", title: "Third Party Failed"},
	Rejected:    {route: "failure", title: "Rejected"},
	Unmappable:  {route: "error", title: "Response Mapping Not Done"},
	RateLimited: {route: "error", status: http.StatusTooManyRequests, proxyError: "http_request_error", title: "Rate Limit Exceeded"},
	Overloaded:  {route: "error", status: http.StatusServiceUnavailable, proxyError: "connection_limit_reached", title: "No Room For The Call"},
	CircuitOpen: {route: "error", status: http.StatusServiceUnavailable, proxyError: "destination_unavailable", title: "Circuit Open"},
	Timeout:     {route: "error", status: http.StatusGatewayTimeout, proxyError: "http_response_timeout", title: "Timeout"},
	Unreachable: {route: "error", status: http.StatusBadGateway, proxyError: "destination_unavailable", title: "Third Party Unreachable"},
	Incomplete:  {route: "error", status: http.StatusBadGateway, proxyError: "http_response_incomplete", title: "Incomplete Answer"},
	Denied:      {route: "error", status: http.StatusForbidden, proxyError: "http_request_denied", title: "Denied"},
	BadRequest:  {route: "error", status: http.StatusBadRequest, proxyError: "http_request_error", title: "Bad Request"},
	NotFound:    {route: "error", status: http.StatusNotFound, proxyError: "destination_not_found", title: "Not Found"},
	Canceled:    {status: StatusClientClosedRequest, proxyError: "http_request_error", title: "Canceled"},
	Internal:    {route: "error", status: http.StatusInternalServerError, proxyError: "proxy_internal_error", title: "Internal Error"},
}

// StatusClientClosedRequest is what access logs call a request whose client
// went away before the answer. It is never sent.
const StatusClientClosedRequest = 499

// Outcomes gives the closed list, for documentation and its tests.
func Outcomes() []Outcome {
	return []Outcome{
		Success, ClientError, ServerError, Rejected, Unmappable, RateLimited, Overloaded, CircuitOpen,
		Timeout, Unreachable, Incomplete, Denied, BadRequest, NotFound, Canceled, Internal,
	}
}

// Answered tells whether the outcome means that the third party answered.
func (o Outcome) Answered() bool {
	switch o {
	case Success, ClientError, ServerError, Rejected, Unmappable:
		return true
	default:
		return false
	}
}

// DefaultRoute is the branch of an outcome for which nothing names another.
func (o Outcome) DefaultRoute() string { return outcomes[o].route }
