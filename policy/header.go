package policy

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The headers that Signpost writes or reads, in canonical form.
const (
	ownPrefix = "Signpost-"

	headerRoute    = "Signpost-Route"
	headerOutcome  = "Signpost-Outcome"
	headerNext     = "Signpost-Next"
	headerPolicy   = "Signpost-Policy"
	headerReason   = "Signpost-Reason"
	headerFallback = "Signpost-Fallback"
	headerOmitted  = "Signpost-Omitted"
	headerDrift    = "Signpost-Drift"
	headerTrace    = "Signpost-Trace"

	// What a bot may ask for.
	headerTimeout = "Signpost-Timeout"
	headerReply   = "Signpost-Reply"

	headerProxyStatus     = "Proxy-Status"     // RFC 9209
	headerRateLimitPolicy = "Ratelimit-Policy" // draft-ietf-httpapi-ratelimit-headers
	headerRateLimit       = "Ratelimit"
	headerServerTiming    = "Server-Timing"
	headerRetryAfter      = "Retry-After"

	headerIdempotencyKey = "Idempotency-Key" // draft-ietf-httpapi-idempotency-key-header
)

// Bounds of what variables take in the header, in bytes after encoding.
const (
	maxVariable  = 1 << 10
	maxVariables = 8 << 10
)

// maxReason bounds Signpost-Reason and the details of Proxy-Status.
const maxReason = 256

// cleanAnswer removes what a third party must not say: control headers of ours,
// and what tells the bot about a connection that is not its own.
func cleanAnswer(header, trailer http.Header) {
	for name := range header {
		if isForbidden(name) {
			delete(header, name)
		}
	}
	for name := range trailer {
		if isForbidden(http.CanonicalHeaderKey(name)) {
			delete(trailer, name)
		}
	}
}

// isForbidden tells the headers, in canonical form, of a third party that never
// reach the bot.
func isForbidden(name string) bool {
	return isOwnHeader(name) || name == "Server" || name == "Alt-Svc"
}

// isOwnHeader tells the headers that only Signpost may write.
func isOwnHeader(name string) bool {
	switch name {
	case headerProxyStatus, headerRateLimit, headerRateLimitPolicy:
		return true
	}
	return hasPrefixFold(name, ownPrefix)
}

// headerWriter sets headers of one value each. All values share one array,
// which is most of what setting a dozen headers costs.
type headerWriter struct {
	header http.Header
	names  []string // of values, for the call log
	values []string
}

func (w *headerWriter) set(name, value string) {
	w.names, w.values = append(w.names, name), append(w.values, value)
	n := len(w.values)
	w.header[name] = w.values[n-1 : n : n]
}

// setHeaders renders the verdict into the answer's header.
func (c *call) setHeaders(header http.Header) {
	r := &c.rec
	w := headerWriter{header: header, names: c.glimpse.names[:0], values: make([]string, 0, 16+len(r.Vars))}
	if r.Route != "" {
		w.set(headerRoute, r.Route)
	}
	w.set(headerOutcome, string(r.Outcome))
	w.set(headerNext, r.Next)
	w.set(headerTrace, r.Trace.TraceID().String())
	if c.op != nil {
		w.set(headerPolicy, c.op.label)
	}
	if r.Reason != "" {
		w.set(headerReason, plainText(r.Reason))
	}
	if r.Fallback != "" {
		w.set(headerFallback, r.Fallback)
	}
	if status := proxyStatus(r); status != "" {
		w.set(headerProxyStatus, status)
	}
	if len(r.Drift) > 0 {
		w.set(headerDrift, reasonDrift)
	}
	c.setVariables(&w)
	c.setRateLimits(&w)
	if r.RetryAfter > 0 && r.UpstreamStatus == 0 && r.Fallback == "" && c.envelope == 0 {
		w.set(headerRetryAfter, strconv.FormatInt(wholeSeconds(r.RetryAfter), 10))
	}
	timing := c.serverTiming()
	header[headerServerTiming] = append(header[headerServerTiming], timing)
	c.glimpse.names, c.glimpse.values = append(w.names, headerServerTiming), append(w.values, timing)
}

// wholeSeconds rounds up: coming back at that time is never too early.
func wholeSeconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// proxyStatus is the RFC 9209 member of an answer that the third party did not
// give; empty where it did.
func proxyStatus(r *Record) string {
	switch {
	case r.Fallback != "" && r.UpstreamStatus != 0:
		return "signpost; received-status=" + strconv.Itoa(r.UpstreamStatus)
	case r.ProxyError != "":
		return "signpost; error=" + r.ProxyError + "; details=" + quoted(r.Reason)
	}
	return ""
}

// quoted makes a structured field's string (RFC 9651, section 3.3.3).
func quoted(s string) string {
	s = strings.ReplaceAll(plainText(s), `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// plainText keeps printable ASCII, and bounds the length.
func plainText(s string) string {
	if len(s) > maxReason {
		s = s[:maxReason]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// setVariables writes each variable that fits.
func (c *call) setVariables(w *headerWriter) {
	if c.op == nil {
		return
	}
	total := 0
	var omitted []string
	var buf [maxVariable]byte
	for i := range c.rec.Vars {
		v := &c.rec.Vars[i]
		text := v.Value.AppendText(buf[:0])
		if c.scrubber != nil && bytes.IndexByte(text, '\\') >= 0 {
			c.scrubber.Bytes(text) // Undoing the escapes of JSON in JSON can bring one to light.
		}
		size := encodedLen(text)
		if size > maxVariable || total+size > maxVariables {
			v.Omitted = true
			omitted = append(omitted, v.Name)
			continue
		}
		total += size
		w.set(c.op.headerOf(v.Name), encodeValue(text, size))
	}
	if len(omitted) > 0 {
		w.set(headerOmitted, strings.Join(omitted, ", "))
	}
}

// headerOf is the header of a variable.
func (op *operation) headerOf(name string) string {
	for i := range op.variables {
		if op.variables[i].name == name {
			return op.variables[i].header
		}
	}
	return variableHeader(name)
}

// bare tells whether a byte at place i stands in a header as it is. Blanks at
// the ends do not: they would be lost on the way.
func bare(text []byte, i int) bool {
	b := text[i]
	if b == ' ' {
		return i > 0 && i < len(text)-1
	}
	return b > ' ' && b <= '~' && b != '%'
}

// encodedLen is how long encodeValue's result is.
func encodedLen(text []byte) int {
	n := len(text)
	for i := range text {
		if !bare(text, i) {
			n += 2
		}
	}
	return n
}

// encodeValue percent-encodes what cannot stand in a header, so that a client
// may always percent-decode.
func encodeValue(text []byte, size int) string {
	if size == len(text) {
		return string(text)
	}
	const hex = "0123456789ABCDEF"
	encoded := make([]byte, 0, size)
	for i, b := range text {
		if bare(text, i) {
			encoded = append(encoded, b)
			continue
		}
		encoded = append(encoded, '%', hex[b>>4], hex[b&15])
	}
	return string(encoded)
}

// setRateLimits writes the tenant's windows as the current draft of the RateLimit
// fields has them.
func (c *call) setRateLimits(w *headerWriter) {
	now := time.Now()
	c.limited = c.ticket.States(now, c.limited[:0])
	c.rec.Limits = c.limited
	c.seeLimits(now)
	if len(c.limited) == 0 {
		return
	}
	var policyText, leftText [192]byte // Enough for three windows.
	policies, left := policyText[:0], leftText[:0]
	for i, s := range c.limited {
		if i > 0 {
			policies, left = append(policies, ", "...), append(left, ", "...)
		}
		policies = append(append(append(policies, '"'), s.Name...), `";q=`...)
		policies = strconv.AppendInt(policies, int64(s.Rate.N), 10)
		policies = strconv.AppendInt(append(policies, ";w="...), wholeSeconds(s.Rate.Window), 10)
		left = append(append(append(left, '"'), s.Name...), `";r=`...)
		left = strconv.AppendInt(left, int64(s.Remaining), 10)
		if s.Reset > 0 {
			left = strconv.AppendInt(append(left, ";t="...), wholeSeconds(s.Reset), 10)
		}
	}
	w.set(headerRateLimitPolicy, string(policies))
	w.set(headerRateLimit, string(left))
}

// serverTiming tells how long the third party took and how long Signpost did,
// in milliseconds.
func (c *call) serverTiming() string {
	own := max(0, time.Since(c.rec.Start)-c.rec.Upstream)
	b := make([]byte, 0, 48)
	b = appendMillis(append(b, "upstream;dur="...), c.rec.Upstream)
	b = appendMillis(append(b, ", signpost;dur="...), own)
	return string(b)
}

// appendMillis writes milliseconds to the microsecond: "12.034".
func appendMillis(b []byte, d time.Duration) []byte {
	micros := d.Microseconds()
	b = append(strconv.AppendInt(b, micros/1e3, 10), '.')
	for unit := int64(100); unit > 0; unit /= 10 {
		b = append(b, byte('0'+micros/unit%10))
	}
	return b
}

// problem is the body of our own answers (RFC 9457).
type problem struct {
	Type    string  `json:"type"`
	Title   string  `json:"title"`
	Status  int     `json:"status"`
	Detail  string  `json:"detail,omitempty"`
	Outcome Outcome `json:"outcome"`
	Route   string  `json:"route"`
	Next    string  `json:"next"`
	TraceID string  `json:"trace_id"`
}

// appendProblem renders the verdict as problem+json.
func appendProblem(dst []byte, r *Record) []byte {
	body := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(problem{
		Type: "urn:signpost:" + string(r.Outcome), Title: outcomes[r.Outcome].title, Status: r.Status,
		Detail: r.Reason, Outcome: r.Outcome, Route: r.Route, Next: r.Next, TraceID: r.Trace.TraceID().String(),
	}); err != nil {
		return append(dst, "{}\n"...) // Not reached: a problem is strings and a number.
	}
	return body.Bytes()
}
