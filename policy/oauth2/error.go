package oauth2

import (
	"slices"
	"strconv"
	"strings"
)

// Kind says whose trouble it is that there is no token.
type Kind uint8

// The kinds of errors.
const (
	// Unreachable is an endpoint that gave no answer to rely on: the network,
	// TLS, no answer within 10 s, a redirect, 408, 429, 5xx and other statuses
	// that say nothing about the client, and anything that is not a bearer
	// token in JSON. To ask again later can help.
	Unreachable Kind = iota + 1
	// Denied is an endpoint that refuses these credentials or what they ask
	// for: 401, 403, 400 with an error code, also one of its own, and other 4xx
	// with one of RFC 6749, section 5.2. To ask again does not help until
	// somebody changes them.
	Denied
)

// String gives "unreachable" or "denied".
func (k Kind) String() string {
	switch k {
	case Unreachable:
		return "unreachable"
	case Denied:
		return "denied"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Error is why there is no token. It holds neither credentials nor text of the
// endpoint's beyond the codes of RFC 6749. It is immutable, and the calls that
// waited for the same request get the same one.
type Error struct {
	// Kind says whose trouble it is.
	Kind Kind
	// Status is that of the endpoint's answer, or 0 where there was none.
	Status int
	// Code is the error code that the endpoint gave, if RFC 6749 knows it.
	Code string

	reason string
	cause  error
}

// Error gives Reason as errors are written.
func (e *Error) Error() string {
	reason := e.Reason()
	return "getting an access token: " + strings.ToLower(reason[:1]) + strings.TrimSuffix(reason[1:], ".")
}

// Reason gives a short sentence for people.
func (e *Error) Reason() string {
	switch {
	case e.reason != "":
		return e.reason
	case e.Kind == Denied && e.Code != "":
		return "The token endpoint refused the credentials: " + e.Code + "."
	case e.Kind == Denied:
		return "The token endpoint refused the credentials with status " + strconv.Itoa(e.Status) + "."
	case e.Code != "":
		return "The token endpoint answered with the error " + e.Code + "."
	}
	return "The token endpoint answered with status " + strconv.Itoa(e.Status) + "."
}

// Unwrap gives the network's error, or nil where there was an answer. It tells
// what happened and is not for people: its text can quote the endpoint. It can
// be a context.DeadlineExceeded of the request for the token, so a caller asks
// for an *Error before it takes that for its own.
func (e *Error) Unwrap() error { return e.cause }

// denials are the codes of RFC 6749, section 5.2, and of section 4.1.2.1, which
// some endpoints use here too, that blame the client.
var denials = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"access_denied",
}

// troubles are those of section 4.1.2.1 that blame the endpoint.
var troubles = []string{"server_error", "temporarily_unavailable"}

// knownCode gives the code, or "" where RFC 6749 does not know it.
func knownCode(code string) string {
	if slices.Contains(denials, code) || slices.Contains(troubles, code) {
		return code
	}
	return ""
}
