package oauth2

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 1 << 20
	// maxToken bounds a token, in bytes: it goes into a header.
	maxToken = 16 << 10

	// unsaidLifetime is how long a token lasts when the endpoint does not say
	// or says 0, which some mean by "I do not know".
	unsaidLifetime = 5 * time.Minute
	// maxLifetime bounds what an endpoint can say.
	maxLifetime = 24 * time.Hour
)

// grant is a token that an endpoint gave, and for how long. It serves once where
// that is 0.
type grant struct {
	value    string
	lifetime time.Duration
}

// answer holds the members of RFC 6749, sections 5.1 and 5.2. An endpoint that
// is in trouble can put anything there.
type answer struct {
	AccessToken any             `json:"access_token"`
	TokenType   any             `json:"token_type"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	Error       any             `json:"error"`
}

// judge tells what an answer is worth. What it is labelled as does not matter:
// some label JSON as text, and others label a web page as JSON.
func judge(status int, body []byte) (grant, *Error) {
	var a answer
	isObject := json.Unmarshal(body, &a) == nil
	code, _ := a.Error.(string)

	switch {
	case status < 200 || status > 299:
		return grant{}, refusal(status, code)
	case !isObject:
		return grant{}, &Error{Kind: Unreachable, Status: status, reason: "The token endpoint did not answer with a JSON object."}
	case code != "":
		// Some say so in place of the 400 of section 5.2.
		e := refusal(http.StatusBadRequest, code)
		e.Status = status
		return grant{}, e
	}
	return a.grant(status)
}

// refusal gives the error for an answer that says that there is no token. code
// is what the endpoint says, or empty.
func refusal(status int, code string) *Error {
	e := &Error{Kind: Unreachable, Status: status, Code: knownCode(code)}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Kind = Denied
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || slices.Contains(troubles, code):
	case status == http.StatusBadRequest && code != "", status >= 400 && status < 500 && slices.Contains(denials, code):
		e.Kind = Denied
	case status >= 300 && status < 400:
		e.reason = "The token endpoint answered with a redirect."
	}
	return e
}

// grant gives the token that the answer holds.
func (a answer) grant(status int) (grant, *Error) {
	unusable := func(reason string) (grant, *Error) {
		return grant{}, &Error{Kind: Unreachable, Status: status, reason: reason}
	}
	value, _ := a.AccessToken.(string)
	kind, _ := a.TokenType.(string)
	lifetime, ok := parseLifetime(a.ExpiresIn)
	switch {
	case value == "":
		return unusable("The token endpoint answered without a token.")
	case len(value) > maxToken || strings.ContainsFunc(value, func(r rune) bool { return !visible(r) }):
		return unusable("The token endpoint answered with a token that no header can carry.")
	case a.TokenType != nil && !strings.EqualFold(kind, "bearer"): // Some endpoints leave it out.
		return unusable("The token endpoint answered with a token of a kind that is not bearer.")
	case !ok:
		return unusable("The token endpoint answered with a lifetime that is not a number.")
	}
	return grant{value: value, lifetime: lifetime}, nil
}

// parseLifetime reads expires_in: seconds, as a number or, against section 5.1,
// as a string that holds one. It is 0 to 24 h; 0 is what a negative one counts
// as.
func parseLifetime(raw json.RawMessage) (d time.Duration, ok bool) {
	var number json.Number // Takes strings, too.
	if len(raw) > 0 && json.Unmarshal(raw, &number) != nil {
		return 0, false
	}
	if number == "" { // Missing, or null.
		return unsaidLifetime, true
	}
	// What is out of range comes as an infinity and, as it should, an error.
	seconds, err := strconv.ParseFloat(number.String(), 64)
	switch {
	case err != nil && !math.IsInf(seconds, 0):
		return 0, false
	case seconds == 0:
		return unsaidLifetime, true
	}
	seconds = min(max(seconds, 0), maxLifetime.Seconds())
	return time.Duration(seconds * float64(time.Second)), true
}
