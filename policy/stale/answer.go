package stale

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxArrivalAge bounds what the Age header of an answer is believed to say, in
// seconds (RFC 9111, section 1.2.2).
const maxArrivalAge = 1 << 31

// Answer is an answer of a third party as far as a fallback needs it.
type Answer struct {
	// Status is the third party's.
	Status int
	// Header goes with Body: a length or a content coding in it is Body's.
	Header http.Header
	// Body is the whole body, at most as long as the store's bound for an
	// entry. It is shared by all who get it and must not be changed.
	Body []byte
	// Stored is when the answer was put into the store. Put sets it.
	Stored time.Time
}

// dropped are the headers that belong to one connection (RFC 9110, section
// 7.6.1) or to one exchange and mean nothing, or harm, in a later answer. Age
// is kept as a number of its own.
var dropped = []string{
	"Age", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
	"Proxy-Connection", "Set-Cookie", "Set-Cookie2", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// noStore reports whether Cache-Control says no-store (RFC 9111, section
// 5.2). The word inside a quoted argument counts too, which can only keep an
// answer out.
func noStore(h http.Header) bool {
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(directive, "=")
			if strings.EqualFold(textproto.TrimString(name), "no-store") {
				return true
			}
		}
	}
	return false
}

// varyNames gives the headers that Vary names, canonical, sorted and each once.
func varyNames(h http.Header) []string {
	var names []string
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.TrimString(name); name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// arrivalAge gives how old the answer was when it came, by its first Age
// header. What is no number of seconds is no age.
func arrivalAge(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(textproto.TrimString(h.Get("Age")), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(min(seconds, maxArrivalAge)) * time.Second
}

// lastingHeader copies the headers that may be repeated. It shares the strings
// with h, which net/http allocates one by one, so that none holds on to more
// than itself.
func lastingHeader(h http.Header) http.Header {
	lasting := h.Clone()
	if lasting == nil {
		return http.Header{}
	}
	for _, name := range dropped {
		delete(lasting, name)
	}
	for _, name := range connectionNames(h) {
		delete(lasting, name)
	}
	return lasting
}

// connectionNames gives the headers that Connection names.
func connectionNames(h http.Header) []string {
	var names []string
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			names = append(names, http.CanonicalHeaderKey(textproto.TrimString(name)))
		}
	}
	return names
}
