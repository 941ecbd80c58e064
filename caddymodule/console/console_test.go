package console

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

var (
	loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8081}
	lan      = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8081}
)

// seen is what reached the API.
type seen struct{ method, path, escaped, uri, body string }

// recorder is an API that remembers the last request and answers 200.
type recorder struct{ last *seen }

func (a *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.last = &seen{r.Method, r.URL.Path, r.URL.EscapedPath(), r.RequestURI, string(body)}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "{}")
}

// request is a request as a server would hand it on: local is the address that
// its connection came to.
func request(method, target, host string, local net.Addr, body string, header ...string) *http.Request {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if local != nil {
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
	}
	return r
}

func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestTheEndOfAPathSaysWhatIsMeant(t *testing.T) {
	const page, script, api, none = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "application/json", "application/problem+json"
	tests := []struct {
		path   string
		status int
		kind   string
		inner  string // the path that the API saw
		goesTo string
	}{
		{path: "/", status: 200, kind: page},
		{path: "/ops/signpost/", status: 200, kind: page},
		{path: "//", status: 200, kind: page},
		{path: "/app.js", status: 200, kind: script},
		{path: "/ops/console/test.js", status: 200, kind: script},
		{path: "/index.html", status: 200, kind: page},
		{path: "/ops/style.css", status: 200, kind: "text/css; charset=utf-8"},
		{path: "/icon.svg", status: 200, kind: "image/svg+xml"},
		{path: "/signpost/info", status: 200, kind: api, inner: "/signpost/info"},
		{path: "/ops/signpost/calls?limit=5&policy=a%26b", status: 200, kind: api, inner: "/signpost/calls"},
		{path: "/signpost/signpost/breakers/store/reset", status: 200, kind: api, inner: "/signpost/breakers/store/reset"},
		{path: "/x/signpost/drift/signpost/calls/accept", status: 200, kind: api, inner: "/signpost/drift/signpost/calls/accept"},
		{path: "/x/signpost/tenants/a%2Fb%20c", status: 200, kind: api, inner: "/signpost/tenants/a%2Fb%20c"},
		{path: "/x/signpost/tenants/%252e%252e", status: 200, kind: api, inner: "/signpost/tenants/%252e%252e"},
		{path: "/signpost/calls/", status: 200, kind: api, inner: "/signpost/calls/"},
		{path: "/signpost/info/../../etc/passwd", status: 404, kind: none},
		{path: "/signpost/tenants/%2e%2E", status: 404, kind: none},
		{path: "/page/../app.js", status: 404, kind: none},
		{path: "/favicon.ico", status: 404, kind: none},
		{path: "/doc.go", status: 404, kind: none},
		{path: "/page%2Fapp.js", status: 404, kind: none},
		{path: "/ops/console", status: 302, goesTo: "/ops/console/"},
		{path: "/ops/signpost", status: 302, goesTo: "/ops/signpost/"},
		{path: "//evil", status: 302, goesTo: "//evil/"},
		{path: "/%2F%2Fevil", status: 302, goesTo: "/%2F%2Fevil/"},
		{path: "/%5Cevil", status: 302, goesTo: "/%5Cevil/"},
		{path: "/javascript:alert(1)", status: 302, goesTo: "/javascript:alert(1)/"},
	}
	for _, test := range tests {
		inner := &recorder{}
		r := request("GET", "http://localhost:8081"+test.path, "localhost:8081", loopback, "")
		got := serve(New(Options{API: inner}), r)
		if got.StatusCode != test.status || (test.status != 302 && got.Header.Get("Content-Type") != test.kind) {
			t.Errorf("%s: got %d %q, want %d %q", test.path, got.StatusCode, got.Header.Get("Content-Type"), test.status, test.kind)
		}
		if seen := inner.last; (seen == nil) != (test.inner == "") || (seen != nil && (seen.escaped != test.inner || !strings.HasPrefix(seen.uri, test.inner))) {
			t.Errorf("%s: the API saw %+v, want %q", test.path, seen, test.inner)
		}
		if test.goesTo == "" {
			continue
		}
		target, err := url.Parse("http://localhost:8081" + test.path)
		if err != nil {
			t.Fatal(err)
		}
		reference, err := url.Parse(got.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if goesTo := target.ResolveReference(reference); goesTo.Host != "localhost:8081" || goesTo.Scheme != "http" || goesTo.EscapedPath() != test.goesTo {
			t.Errorf("%s: leads to %s, want %s on the same host", test.path, goesTo, test.goesTo)
		}
	}
}

func TestTheAPISeesTheWholeRequest(t *testing.T) {
	inner := &recorder{}
	console := New(Options{API: inner, AllowChanges: true})
	r := request("POST", "/a/signpost/test?x=1", "localhost", loopback, `{"policy":"store"}`, "Content-Type", "application/json; charset=utf-8")
	serve(console, r)
	want := seen{"POST", "/signpost/test", "/signpost/test", "/signpost/test?x=1", `{"policy":"store"}`}
	if inner.last == nil || *inner.last != want {
		t.Errorf("got %+v, want %+v", inner.last, want)
	}
	if r.URL.Path != "/a/signpost/test" {
		t.Errorf("the request itself became %s", r.URL.Path)
	}
}

func TestEveryAnswerCarriesTheHeadersThatGuardThePage(t *testing.T) {
	console := New(Options{API: &recorder{}})
	want := map[string]string{
		"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	for _, r := range []*http.Request{
		request("GET", "/", "localhost", loopback, ""), request("GET", "/app.js", "localhost", loopback, ""), request("HEAD", "/style.css", "localhost", loopback, ""),
		request("GET", "/signpost/info", "localhost", loopback, ""), request("GET", "/none.js", "localhost", loopback, ""), request("GET", "/console", "localhost", loopback, ""),
		request("POST", "/", "localhost", loopback, ""), request("POST", "/signpost/test", "localhost", loopback, "{}"), request("GET", "/", "evil.example", loopback, ""),
	} {
		got := serve(console, r)
		for name, value := range want {
			if got.Header.Get(name) != value {
				t.Errorf("%s %s, %d: got %s %q, want %q", r.Method, r.URL, got.StatusCode, name, got.Header.Get(name), value)
			}
		}
		if got.Header.Get("Cache-Control") == "" || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: got headers %v", r.Method, r.URL, got.Header)
		}
	}
}

func TestFilesAreAskedForAgainAndSentOnce(t *testing.T) {
	console := New(Options{API: &recorder{}})
	first := serve(console, request("GET", "/app.js", "localhost", loopback, ""))
	tag := first.Header.Get("Etag")
	if len(tag) < 10 || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("got Etag %q, Cache-Control %q", tag, first.Header.Get("Cache-Control"))
	}
	again := serve(console, request("GET", "/app.js", "localhost", loopback, "", "If-None-Match", tag))
	if body, _ := io.ReadAll(again.Body); again.StatusCode != http.StatusNotModified || len(body) != 0 {
		t.Errorf("got %d with %d bytes, want 304 with none", again.StatusCode, len(body))
	}
	if other := serve(console, request("GET", "/dom.js", "localhost", loopback, "")).Header.Get("Etag"); other == tag {
		t.Errorf("two files have the tag %s", tag)
	}
}

func TestFilesCanOnlyBeRead(t *testing.T) {
	console := New(Options{API: &recorder{}, AllowChanges: true})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		got := serve(console, request(method, "/app.js", "localhost", loopback, ""))
		if got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: got %d, Allow %q", method, got.StatusCode, got.Header.Get("Allow"))
		}
	}
}

func TestTheFixtureServesWhatThePageAsksFor(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, f := range []flavour{realistic, empty, hostile} {
		s := newFixture(f, now)
		console := New(Options{API: s, AllowChanges: true})
		for _, word := range apiWords {
			if word == "test" {
				continue
			}
			got := serve(console, request("GET", "/signpost/"+word, "localhost", loopback, ""))
			var body obj
			if err := json.NewDecoder(got.Body).Decode(&body); err != nil || got.StatusCode != 200 || len(body) == 0 {
				t.Errorf("%s %s: got %d, %v, %v", f, word, got.StatusCode, body, err)
			}
		}
	}
	s := newFixture(realistic, now)
	id := s.call(now, "timeout", "error")
	console := New(Options{API: s, AllowChanges: true})
	for _, path := range []string{"/signpost/calls/" + id, "/signpost/drift/store/order_status"} {
		if got := serve(console, request("GET", path, "localhost", loopback, "")); got.StatusCode != 200 {
			t.Errorf("%s: got %d", path, got.StatusCode)
		}
	}
	for _, path := range []string{"/signpost/breakers/crm/hold", "/signpost/drift/store/order_status/accept", "/signpost/test"} {
		if got := serve(console, request("POST", path, "localhost", loopback, `{"state":"open","for":"10m"}`, "Content-Type", "application/json")); got.StatusCode != 200 {
			t.Errorf("%s: got %d", path, got.StatusCode)
		}
	}
	if want := `breakers/crm/hold {"for":"10m","state":"open"}`; len(s.posts) != 3 || s.posts[0] != want {
		t.Errorf("the fixture remembers %q, want three, the first %q", s.posts, want)
	}
}

func BenchmarkAFileOfThePage(b *testing.B) {
	console := New(Options{API: &recorder{}})
	r := request("GET", "/app.js", "localhost", loopback, "")
	b.ReportAllocs()
	for b.Loop() {
		console.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func BenchmarkACallOfTheAPI(b *testing.B) {
	console := New(Options{API: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	r := request("GET", "/ops/signpost/calls", "localhost", loopback, "")
	b.ReportAllocs()
	for b.Loop() {
		console.ServeHTTP(httptest.NewRecorder(), r)
	}
}
