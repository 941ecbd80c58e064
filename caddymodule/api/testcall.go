package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Bounds of a test call.
const (
	// maxTest bounds the request, in bytes: a body and headers.
	maxTest = 1<<20 + 64<<10
	// maxTestAnswer bounds how much is told of the answer, in bytes, and
	// maxTestRead how much is read, to tell how long it is.
	maxTestAnswer = 1 << 20
	maxTestRead   = 16 << 20
	// maxTestTime bounds the whole call: the longest deadline there is, and a
	// while for an answer that streams on.
	maxTestTime = 65 * time.Second
)

// testUsage describes the body of a test call.
const testUsage = `{"policy", "operation", "tenant", "vars", "timeout"} or {"policy", "method", "path", "query", "headers", "body", "tenant", "timeout"}`

// testRequest is the body of POST test: a named call with variables, or, without
// an operation, a base-URL call.
type testRequest struct {
	Policy    string            `json:"policy"`
	Operation string            `json:"operation"`
	Tenant    string            `json:"tenant"`
	Timeout   string            `json:"timeout"`
	Vars      json.RawMessage   `json:"vars"`
	Method    string            `json:"method"`
	Path      string            `json:"path"`
	Query     string            `json:"query"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
}

// test sends a real call, and gives what became of it. It goes on when whoever
// asked goes away, as Caddy's admin endpoint gives up a request after 10 s,
// while a call may take longer; its own time is bounded.
func (a *api) test(run *Running, r *http.Request) (any, *problem) {
	if _, p := readQuery(r); p != nil {
		return nil, p
	}
	var asked testRequest
	if p := readJSON(r, maxTest, &asked, testUsage); p != nil {
		return nil, p
	}
	if p := asked.check(run.Gateway); p != nil {
		return nil, p
	}
	select {
	case a.tests <- struct{}{}:
		defer func() { <-a.tests }()
	default:
		return nil, wrong(http.StatusTooManyRequests, "%d test calls are under way: wait until one is over.", maxTests)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), maxTestTime)
	defer cancel()
	req, p := asked.request(ctx)
	if p != nil {
		return nil, p
	}
	var entry *calllog.Entry
	call := policy.Call{
		Policy: asked.Policy, Operation: asked.Operation, Tenant: asked.Tenant, TenantHeader: run.TenantHeader,
		KeptBodies: maxTestAnswer, Kept: func(e *calllog.Entry) { entry = e },
	}
	if asked.Operation == "" {
		call.Path = req.URL.EscapedPath()
		req.URL.Path, req.URL.RawPath = "/"+asked.Policy+req.URL.Path, "/"+asked.Policy+call.Path
	}
	resp := run.Gateway.Answer(req, &call)
	// What is beyond is not shown; where the body breaks off, the entry says why.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxTestRead))
	_ = resp.Body.Close()
	if entry == nil {
		return nil, unspeakable // Not reached: the entry is told before Close returns.
	}
	return explain.CalledWith(entry, false), nil
}

// check tells what of the request contradicts itself or names nothing.
func (t *testRequest) check(g *policy.Gateway) *problem {
	switch {
	case t.Policy == "":
		return bad("policy is missing: expected %s.", testUsage)
	case g.Policy(t.Policy) == nil:
		return missing("There is no policy %q.", t.Policy)
	case t.Operation == "" && t.Vars != nil:
		return bad("vars belong to an operation: expected %s.", testUsage)
	case t.Operation != "" && (t.Method != "" || t.Path != "" || t.Query != "" || t.Headers != nil || t.Body != ""):
		return bad("An operation says itself what is sent, so method, path, query, headers and body cannot be given beside it.")
	}
	if t.Operation == "" {
		return nil
	}
	for _, info := range g.Policies() {
		if info.Name == t.Policy && slices.ContainsFunc(info.Operations, func(o policy.OperationInfo) bool { return o.Name == t.Operation }) {
			return nil
		}
	}
	return missing("The policy %q has no operation %q.", t.Policy, t.Operation)
}

// request makes the bot's request of it.
func (t *testRequest) request(ctx context.Context) (*http.Request, *problem) {
	header := http.Header{"Signpost-Reply": {"headers"}} // The paths of values are those of the third party's document.
	if t.Timeout != "" {
		if span, err := time.ParseDuration(t.Timeout); err != nil || span <= 0 {
			return nil, bad("timeout is %q: expected a duration such as 3s.", t.Timeout)
		}
		header.Set("Signpost-Timeout", t.Timeout)
	}
	method, target, body := http.MethodPost, &url.URL{Path: "/call/" + t.Policy + "/" + t.Operation}, string(t.Vars)
	if t.Operation != "" {
		if body == "" || body == "null" {
			body = "{}"
		}
		if body[0] != '{' {
			return nil, bad(`vars is not an object: expected {"name": value, …}.`)
		}
		header.Set("Content-Type", "application/json")
	} else {
		var p *problem
		if method, target, p = t.target(); p != nil {
			return nil, p
		}
		if p := t.addHeaders(header); p != nil {
			return nil, p
		}
		body = t.Body
	}
	req, err := http.NewRequestWithContext(ctx, method, "/", strings.NewReader(body))
	if err != nil {
		return nil, bad("This is no request that can be sent: %v.", err) // Not reached: method and address are sound.
	}
	if body == "" {
		req.Body, req.GetBody = http.NoBody, nil
	}
	req.URL, req.Header = target, header
	return req, nil
}

// target gives method and path of a base-URL call.
func (t *testRequest) target() (method string, target *url.URL, p *problem) {
	if method = t.Method; method == "" {
		method = http.MethodGet
	}
	if !token.MatchString(method) || method == http.MethodConnect {
		return "", nil, bad("method is %q: expected such as GET or POST.", t.Method)
	}
	path := t.Path
	if path == "" {
		path = "/"
	}
	target, err := url.ParseRequestURI(path)
	if err != nil || path[0] != '/' || strings.ContainsAny(path, "?#") {
		return "", nil, bad("path is %q: expected an escaped path below the policy's base URL that begins with a slash; what follows a ? is the query.", t.Path)
	}
	if strings.ContainsFunc(t.Query, func(c rune) bool { return c <= ' ' || c > '~' || c == '#' }) {
		return "", nil, bad("query is %q: expected such as a=b&c=d, percent-encoded.", t.Query)
	}
	target.RawQuery = t.Query
	return method, target, nil
}

// token is the name of a method or a header (RFC 9110, section 5.6.2).
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// isControl tells the characters that cannot stand in a header (RFC 9110, section
// 5.5).
func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// connectionHeaders are those that the connection decides, and no bot.
var connectionHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// addHeaders adds the headers of a base-URL call.
func (t *testRequest) addHeaders(header http.Header) *problem {
	for name, value := range t.Headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !token.MatchString(name) || strings.ContainsFunc(value, isControl):
			return bad("%q is not a header that can be sent.", name)
		case slices.Contains(connectionHeaders, canonical) || strings.HasPrefix(canonical, "Signpost-"):
			return bad("The header %s cannot be given: it is decided by the connection, or by the other members of a test call.", canonical)
		case header[canonical] != nil:
			return bad("The header %s stands twice.", canonical)
		}
		header[canonical] = []string{value}
	}
	return nil
}
