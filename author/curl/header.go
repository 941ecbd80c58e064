package curl

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// takeHeaders sorts the headers: credentials, what each call says anew, what stays,
// and what goes.
func (t *taking) takeHeaders() error {
	for _, h := range t.request.headers {
		var err error
		switch {
		case h.name == "Cookie", h.name == "Content-Type":
			continue // All together, and with the body.
		case h.name == "Authorization":
			err = t.authorize(h.value)
		case isNoise(h), t.isSameHost(h):
			t.request.dropped = append(t.request.dropped, h.name)
		case inside.MatchString(h.name):
			t.request.warn("the header %s: it belongs to a connection, or never leaves the gateway", h.name)
		case callHeaders.MatchString(h.name):
			err = t.callHeader(h)
		case isPrivateHeader(h):
			t.privateHeader(h)
		default:
			err = t.fixedHeader(h.name, h.value)
		}
		if err != nil {
			return err
		}
	}
	t.cookies()
	return nil
}

// noise are headers that browsers and curl add, and that do not change what an API
// answers.
var noise = regexp.MustCompile(`^(?:Sec-.*|User-Agent|Accept-Encoding|Accept-Language|Accept-Charset|Origin|Referer|Priority|Dnt|Cache-Control|Pragma|Upgrade-Insecure-Requests|If-None-Match|If-Modified-Since|X-Client-Data|Save-Data|Content-Length|Expect)$`)

// inside are headers that never leave the gateway, such as the one that names the
// tenant where nothing else is configured, or belong to a connection.
var inside = regexp.MustCompile(`^(?:X-Tenant-Id|Host|Forwarded|Via|Traceparent|Tracestate|Baggage|X-Real-Ip|X-Forwarded-.*|Signpost-.*|Connection|Keep-Alive|Proxy-.*|Te|Trailer|Transfer-Encoding|Upgrade)$`)

// isNoise tells headers that are dropped without harm. A name that somebody gave
// with care is none: some third parties want one.
func isNoise(h header) bool {
	switch {
	case h.name == "User-Agent":
		return h.value.text == "" || strings.HasPrefix(h.value.text, "Mozilla/") || strings.HasPrefix(h.value.text, "curl/")
	case h.name == "Accept":
		return h.value.text == "" || h.value.text == "*/*" || strings.Contains(h.value.text, "text/html")
	case h.name == "Host":
		return false
	}
	return noise.MatchString(h.name) || h.value.text == ""
}

// isSameHost tells whether a header Host says what the address does.
func (t *taking) isSameHost(h header) bool {
	return h.name == "Host" && strings.EqualFold(h.value.text, t.address.host)
}

// callHeader makes a variable of a header's value.
func (t *taking) callHeader(h header) error {
	if h.value.hasVariable() {
		return t.fixedHeader(h.name, h.value)
	}
	name := t.variable(draft.Word(h.name), h.value.text, false)
	t.setHeader(h.name, "{{"+name+"}}")
	return nil
}

// fixedHeader keeps a header as it is, but for variables of the shell in it.
func (t *taking) fixedHeader(name string, value word) error {
	if !value.hasVariable() {
		t.setHeader(name, t.literal(name, value.text))
		return nil
	}
	template, err := t.template(value)
	if err == nil {
		t.setHeader(name, template)
	}
	return err
}

// setHeader sets a header of the operation. What is set twice becomes one list, which
// means the same (RFC 9110, section 5.3).
func (t *taking) setHeader(name, template string) {
	for i := range t.operation.Header {
		if f := &t.operation.Header[i]; f.Name == name {
			f.Value += ", " + template
			return
		}
	}
	t.operation.Header = append(t.operation.Header, policy.Field{Name: name, Value: template})
}

// contentType is the header Content-Type that the command sets, or empty.
func (r *request) contentType() string {
	for _, h := range r.headers {
		if h.name == "Content-Type" {
			return h.value.text
		}
	}
	return ""
}

// accepts tells whether the command sets the header Accept.
func (r *request) accepts() bool {
	for _, h := range r.headers {
		if h.name == "Accept" {
			return true
		}
	}
	return false
}

// unescapedUser undoes the escapes of the user in an address.
func unescapedUser(s string) string {
	user, password, found := strings.Cut(s, ":")
	decode := func(s string) string {
		if plain, err := url.PathUnescape(s); err == nil {
			return plain
		}
		return s
	}
	if !found {
		return decode(user)
	}
	return decode(user) + ":" + decode(password)
}
