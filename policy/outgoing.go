package policy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// asked is what the third party is asked, before credentials: the bot's own
// request, or what an operation makes of a named call's variables.
type asked struct {
	method     string
	path       string // escaped, below the base URL
	query      string
	forceQuery bool
	header     http.Header // the bot's own, of which much stays inside; or a named call's
	body       []byte      // of a named call; a base-URL call streams the bot's
}

// outgoing makes the request that leaves: the bot's, less what is only for
// Signpost and what tells about the inside, plus the credentials. They stand
// on this clone alone.
func (c *call) outgoing(ctx context.Context, a *Attempt) *http.Request {
	u := c.target()
	header := c.outgoingHeader()
	for i := range c.credentials {
		if name := c.credentials[i].query; name != "" {
			u.RawQuery = withoutQuery(u.RawQuery, name)
		}
	}
	for i := range c.credentials {
		k := &c.credentials[i]
		if k.query != "" {
			u.RawQuery = withQuery(u.RawQuery, k.query, k.value.Expose())
		} else {
			header[k.header] = []string{k.value.Expose()}
		}
	}
	if c.policy.propagate {
		c.propagate(header, a)
	}
	c.glimpse.sent = header
	bare := http.Request{
		Method: c.asked.method, URL: &u, Host: u.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		// No trailers: they come when it is too late to look through them.
	}
	out := bare.WithContext(ctx)
	switch {
	case c.upload != nil:
		out.Body, out.ContentLength = c.upload.body(ctx.Done()), c.req.ContentLength
	case len(c.asked.body) > 0:
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(c.asked.body)), int64(len(c.asked.body))
	}
	return out
}

// target is the URL at the third party, without what is injected.
func (c *call) target() url.URL {
	u := *c.policy.base
	if c.host != "" {
		u.Host = c.host
	}
	setPath(&u, c.policy.basePath+c.asked.path)
	u.RawQuery, u.ForceQuery = c.asked.query, c.asked.forceQuery
	return u
}

// setPath sets an escaped path, so that it leaves as it was written.
func setPath(u *url.URL, escaped string) {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		path = escaped // Not reached: admission tested the path.
	}
	u.Path, u.RawPath = path, escaped
}

// overrides are the headers by which some servers take another method or path
// than the request's own, which no operation would have recognised.
var overrides = []string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url", "X-Original-Uri", "X-Override-Url",
}

// staysInside tells the headers that never go out: what is for Signpost alone,
// what tells about the sidecar's own network, and what belongs to the bot's
// connection.
func staysInside(name string) bool {
	switch name {
	case "Forwarded", "Via", "Traceparent", "Tracestate", "Baggage", "X-Real-Ip":
		return true
	}
	return isHopByHop(name) || hasPrefixFold(name, ownPrefix) || hasPrefixFold(name, "X-Forwarded-")
}

// hasPrefixFold is strings.HasPrefix for ASCII of any case.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// outgoingHeader is what is asked without what must not leave. The values
// are shared with it, and not changed.
func (c *call) outgoingHeader() http.Header {
	header := make(http.Header, len(c.asked.header)+len(c.credentials)+2)
	for name, values := range c.asked.header {
		if strings.IndexByte(name, '_') >= 0 && staysInside(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))) {
			continue // Some servers take underscores for hyphens.
		}
		// A Go program may have written the name in any case.
		if name := http.CanonicalHeaderKey(name); !staysInside(name) {
			if before := header[name]; len(before) > 0 {
				values = slices.Concat(before, values)
			}
			header[name] = values
		}
	}
	if !c.named { // Whose header is the operation's own.
		for _, name := range c.info.Consumed {
			dropHeader(header, http.CanonicalHeaderKey(name))
		}
		dropNamed(header, c.asked.header["Connection"])
		keepConnection(header, c.asked.header)
		if c.info.TenantHeader != "" {
			dropHeader(header, http.CanonicalHeaderKey(c.info.TenantHeader))
		}
	}
	for _, name := range c.op.strip {
		delete(header, name)
	}
	if c.policy.operationsOnly && !c.named {
		for _, name := range overrides {
			dropHeader(header, name)
		}
	}
	for i := range c.credentials {
		dropHeader(header, c.credentials[i].header)
	}
	if _, given := header["User-Agent"]; !given {
		header["User-Agent"] = nil // Otherwise net/http writes its own.
	}
	c.acceptEncoding(header)
	return header
}

// dropHeader removes a header under every spelling of its name, also that with
// underscores, which some servers take for the same.
func dropHeader(header http.Header, name string) {
	if name == "" {
		return
	}
	delete(header, name)
	if !strings.Contains(name, "-") {
		return
	}
	for other := range header {
		if strings.Contains(other, "_") && strings.EqualFold(strings.ReplaceAll(other, "_", "-"), name) {
			delete(header, other)
		}
	}
}

// acceptEncoding asks only for codings that we can undo, where the answer is
// read: identity where it is scrubbed as it streams by or goes into an envelope,
// gzip where the bot wants it and only a copy is read.
func (c *call) acceptEncoding(header http.Header) {
	switch {
	case c.scrubber != nil || c.op.keepStale > 0 || c.envelope > 0:
		// A stale answer may go to a bot that knows no codings.
		header["Accept-Encoding"] = []string{"identity"}
	case c.op.readsJSON || c.op.readsText:
		coding := "identity"
		if acceptsGzip(header["Accept-Encoding"]) {
			coding = "gzip"
		}
		header["Accept-Encoding"] = []string{coding}
	}
}

// acceptsGzip tells whether an Accept-Encoding names gzip with a weight above 0
// (RFC 9110, section 12.5.3).
func acceptsGzip(lines []string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			coding, weight, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(item, " ", "")), ";q=")
			if coding != "gzip" {
				continue
			}
			q, err := strconv.ParseFloat(weight, 64)
			return weight == "" || err == nil && q > 0
		}
	}
	return false
}

// isToken tells whether s can be a header's name (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	const others = "!#$%&'*+-.^_`|~"
	for _, r := range s {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !alnum && !strings.ContainsRune(others, r) {
			return false
		}
	}
	return s != ""
}
