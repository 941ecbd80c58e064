//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// misuse is a request that an operator API must refuse.
type misuse struct {
	method, path, body string
	status             int
	detail             string // a part of it
}

// misuses are refused on the admin endpoint and by a console with allow_changes.
var misuses = []misuse{
	{"GET", "/calls/a/b", "", 404, "nothing at this path"},
	{"GET", "/calls/0123456789abcdef", "", 404, "no call of that id"},
	{"GET", "/calls/what", "", 404, "16 hexadecimal digits"},
	{"GET", "/drift/store/nothing", "", 404, `no operation "nothing"`},
	{"GET", "/drift/nothing/order_status", "", 404, `"nothing"`},
	{"POST", "/drift/store/nothing/accept", "", 404, "no such operation"},
	{"POST", "/drift/store/order_status/burn", "", 404, `"burn"`},
	{"POST", "/drift/store/order_status/accept", "", 409, "nothing to accept"},
	{"POST", "/drift/store/order_status/ignore", "", 409, "nothing to ignore"},
	{"POST", "/drift/store/order_status/pin", "", 409, "example"},
	{"POST", "/drift/store/order_status/pin", "{", 400, "cannot be pinned"},
	{"POST", "/drift/store/order_status/pin", strings.Repeat(" ", 2<<20), 413, "larger"},
	{"POST", "/drift/store/order_status/forget", `{"why":"so"}`, 400, "no body"},
	{"POST", "/breakers/nothing/reset", "", 404, `"nothing"`},
	{"POST", "/breakers/store/hold", `{"state":"ajar"}`, 400, "state"},
	{"POST", "/alerts/nothing/reset", "", 404, `"nothing"`},
	{"POST", "/policies", "", 405, "GET, HEAD"},
	{"DELETE", "/calls", "", 405, "GET, HEAD"},
	{"PUT", "/drift/store/order_status", "{}", 405, "GET, HEAD"},
	{"GET", "/test", "", 405, "POST"},
	{"GET", "/alerts/store/reset", "", 405, "POST"},
	{"GET", "/calls?limit=0", "", 400, "1 to 1000"},
	{"GET", "/calls?limit=1001", "", 400, "1 to 1000"},
	{"GET", "/calls?limit=9223372036854775808", "", 400, "1 to 1000"},
	{"GET", "/calls?outcome=lovely", "", 400, "server_error"},
	{"GET", "/calls?failed=perhaps", "", 400, "true or false"},
	{"GET", "/calls?before=now", "", 400, "before"},
	{"GET", "/calls?before=0123456789abcdef", "", 404, "no longer kept"},
	{"GET", "/calls?trace_id=1", "", 400, "32 hexadecimal digits"},
	{"GET", "/calls?colour=red", "", 400, `"colour"`},
	{"GET", "/calls?policy=a&policy=b", "", 400, "2 times"},
	{"GET", "/policies?x=1", "", 400, `"x"`},
	{"POST", "/test", "", 400, "not a JSON object"},
	{"POST", "/test", "[]", 400, "not a JSON object"},
	{"POST", "/test", `{"policy":`, 400, "cannot be read"},
	{"POST", "/test", `{"policy":"store","colour":"red"}`, 400, "colour"},
	{"POST", "/test", `{"policy":"store"}{}`, 400, "behind"},
	{"POST", "/test", `{"policy":"nothing"}`, 404, `"nothing"`},
	{"POST", "/test", `{"policy":"store","operation":"nothing"}`, 404, `"nothing"`},
	{"POST", "/test", `{"policy":"store","operation":"order_status","path":"/x"}`, 400, "path"},
	{"POST", "/test", `{"policy":"store","path":"http://elsewhere.example/"}`, 400, "path"},
	{"POST", "/test", `{"policy":"store","headers":{"Host":"elsewhere.example"}}`, 400, "Host"},
	{"POST", "/test", `{"policy":"store","headers":{"X":"a\r\nY: b"}}`, 400, "header"},
	{"POST", "/test", `{"policy":"store","timeout":"soon"}`, 400, "timeout"},
	{"POST", "/test", `{"policy":"store","body":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "larger"},
}

func TestOperatorAPIRefusesMisuseWhileCallsGoOn(t *testing.T) {
	g := build(t).operate(t)
	ctx, cancel := context.WithCancel(t.Context())
	wrong := make(chan []error, 1)
	go func() { wrong <- g.keepCalling(ctx) }()
	for _, api := range []string{g.admin, g.console} {
		for _, m := range misuses {
			resp, text := request(t, m.method, api+m.path, m.body, "Content-Type", "application/json")
			isProblem(t, fmt.Sprintf("%s %s%s %.80s", m.method, api, m.path, m.body), resp, text, m.status, m.detail)
			if m.status == http.StatusMethodNotAllowed && resp.Header.Get("Allow") != m.detail {
				t.Errorf("%s %s: Allow is %q, want %q", m.method, m.path, resp.Header.Get("Allow"), m.detail)
			}
		}
	}
	operatorMeetsStrangers(t, g)
	cancel()
	for _, err := range <-wrong {
		t.Errorf("a call beside: %v", err)
	}
	g.call(t, "/store/choices/1", "success")
}

// operatorMeetsStrangers asks as the page of another site could.
func operatorMeetsStrangers(t *testing.T, g operated) {
	t.Helper()
	const body = `{"policy":"store","path":"/choices/1"}`
	for _, test := range []struct {
		what, method, url string
		header            []string
		status            int
		detail            string
	}{
		{"a foreign host", "GET", g.console + "/policies", []string{"Host", "evil.example"}, 421, "host name"},
		{"a foreign host's page", "GET", strings.TrimSuffix(g.console, "signpost"), []string{"Host", "evil.example"}, 421, "host name"},
		{"a foreign origin", "POST", g.console + "/test", []string{"Origin", "https://evil.example", "Content-Type", "application/json"}, 403, "another site"},
		{"a foreign page", "POST", g.console + "/alerts/store/reset", []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		{"a plain form", "POST", g.console + "/test", []string{"Content-Type", "text/plain"}, 415, "application/json"},
		{"a window", "POST", g.window + "/drift/store/order_status/forget", nil, 403, "allow_changes"},
	} {
		sent := ""
		if strings.HasSuffix(test.url, "/test") {
			sent = body
		}
		resp, text := request(t, test.method, test.url, sent, test.header...)
		isProblem(t, test.what, resp, text, test.status, test.detail)
	}
	// Caddy itself guards its admin endpoint.
	for _, header := range [][]string{{"Host", "evil.example"}, {"Origin", "https://evil.example"}} {
		if resp, text := request(t, "POST", g.admin+"/test", body, header...); resp.StatusCode != http.StatusForbidden || strings.Contains(text, "values") {
			t.Errorf("the admin endpoint answers %v with %d %s, want 403", header, resp.StatusCode, text)
		}
	}
	if n := len(g.calls(t, "operation=choice").Calls); n != 0 {
		t.Errorf("strangers made %d calls", n)
	}
}

// isProblem wants a refusal as RFC 9457 says.
func isProblem(t *testing.T, what string, resp *http.Response, text string, status int, detail string) {
	t.Helper()
	var problem struct {
		Type, Title, Detail string
		Status              int
	}
	err := json.Unmarshal([]byte(text), &problem)
	if err != nil || resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" ||
		problem.Type != "about:blank" || problem.Status != status || problem.Title != http.StatusText(status) || !strings.Contains(problem.Detail, detail) {
		t.Errorf("%s: %d %s %.300s; want %d about %q", what, resp.StatusCode, resp.Header.Get("Content-Type"), text, status, detail)
	}
}

// keepCalling calls until the context ends, and gives what went wrong.
func (g *operated) keepCalling(ctx context.Context) (wrong []error) {
	for ctx.Err() == nil {
		if err := g.failOnce(ctx); err != nil && ctx.Err() == nil {
			wrong = append(wrong, err)
		}
	}
	return wrong
}

func TestOperatorLooksOnWithoutHoldingBackAStream(t *testing.T) {
	o := build(t)
	g := o.operate(t)
	for _, test := range []struct{ policy, kind string }{
		{"unwatched", "event-stream"}, {"watched", "event-stream"}, {"unwatched", "plain"}, {"watched", "plain"},
	} {
		path := "/" + test.policy + "/streams/" + test.kind
		if test.kind == "plain" {
			path += "/" // No operation reads this one.
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		lines := bufio.NewReader(resp.Body)
		// The store sends the rest only after this was read.
		if first, err := lines.ReadString('\n'); err != nil || first != "data: first\n" {
			t.Errorf("%s: %d, the first line is %q, %v", path, resp.StatusCode, first, err)
		}
		select {
		case o.store.rest <- struct{}{}:
		case <-ctx.Done():
			t.Errorf("%s: the store does not wait", path)
		}
		if rest, err := io.ReadAll(lines); err != nil || string(rest) != "\ndata: rest\n\n" {
			t.Errorf("%s: the rest is %q, %v", path, rest, err)
		}
		resp.Body.Close()
		cancel()
		if test.policy == "unwatched" {
			continue
		}
		if kept := g.find(t, resp); kept.Response.Body != "data: first\n\ndata: rest\n\n" || kept.Outcome != "success" {
			t.Errorf("%s: the log has %s with %q", path, kept.Outcome, kept.Response.Body)
		}
	}
	if kept := g.calls(t, "policy=unwatched"); len(kept.Calls) != 0 {
		t.Errorf("a policy that keeps no calls kept %+v", kept.Calls)
	}
}
