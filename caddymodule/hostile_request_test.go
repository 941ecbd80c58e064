package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestWhatIsOnlyForTheGatewayNeverGoesOut(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	t.Setenv("OUT_KEY", "abcdefghij0123456789")
	s := start(t, unlimited+"secrets env OUT_\npolicy api "+url+" {"+fragile+
		"inject header X-Api-Key {secret.key}\ninject query api_key {secret.key}\nstrip header X-Debug\n}")
	const request = "POST /api/x?a=1&api_key=mine&API%5Fkey=2&b;api_key=3&%61pi_key=4&api_key HTTP/1.1\r\nHost: sidecar.internal:8080\r\n"
	s.raw("POST", request+strings.Join([]string{
		"Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: 300", "Proxy-Authorization: Basic x", "Proxy-Connection: keep-alive",
		"X-Tenant-ID: acme", "Signpost-Timeout: 3s", "signpost-whatever: 1", "SIGNPOST-ROUTE: forged", "Signpost-Reply: headers",
		"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate: a=b", "Baggage: user=1",
		"Via: 1.1 inside", "Forwarded: for=10.0.0.1", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: inside", "X-Forwarded-Proto: http",
		"X-Forwarded-Port: 80", "X-Real-Ip: 10.0.0.1", "X-Api-Key: mine", "x_api_key: mine", "X-API_KEY: mine", "X-Debug: 1",
		"Cookie: session=bot", "Authorization: Bearer of-the-bot", "Accept-Language: de", "User-Agent: bot/1", "Content-Length: 2",
	}, "\r\n")+"\r\n\r\n{}").passed(t, 200, "success")
	r := await(t, heard, "request")
	want := http.Header{
		"Cookie": {"session=bot"}, "Authorization": {"Bearer of-the-bot"}, "Accept-Language": {"de"}, "User-Agent": {"bot/1"},
		"Content-Length": {"2"}, "X-Api-Key": {"abcdefghij0123456789"}, "Accept-Encoding": {"identity"},
	}
	for name, values := range r.Header {
		if strings.Join(values, "|") != strings.Join(want[name], "|") {
			t.Errorf("%s: %q went out, want %q", name, values, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("%v did not go out", want)
	}
	if got, want := r.RequestURI, "/x?a=1&API%5Fkey=2&api_key=abcdefghij0123456789"; got != want {
		t.Errorf("%s went out, want %s", got, want)
	}
	if "http://"+r.Host != url {
		t.Errorf("the host is %s, want that of %s", r.Host, url)
	}
	s.get("/api/x").passed(t, 200, "success")
	r = await(t, heard, "request")
	for name := range r.Header {
		if name != "X-Api-Key" && name != "Accept-Encoding" && name != "User-Agent" {
			t.Errorf("%s: %q was made up", name, r.Header[name])
		}
	}
}

func TestTrailersOfARequestCarryNothingThatHeadersMayNot(t *testing.T) {
	leaksNothing(t)
	trailers := make(chan http.Header, 1)
	third := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) {
		for buf := make([]byte, 64); ; {
			if _, err := r.Body.Read(buf); err != nil {
				break
			}
		}
		trailers <- r.Trailer
	}).URL
	t.Setenv("OUT_KEY", "abcdefghij0123456789")
	s := start(t, unlimited+"secrets env OUT_\npolicy api "+third+" {"+fragile+"inject header X-Api-Key {secret.key}\nstrip header X-Debug\n}")
	names := []string{"Signpost-Route", "X-Tenant-ID", "X-Api-Key", "X-Debug", "Traceparent", "X-Forwarded-For"}
	for _, announced := range []string{"Trailer: X-Checksum, " + strings.Join(names, ", ") + "\r\n", ""} {
		s.raw("POST", "POST /api/x HTTP/1.1\r\nHost: s\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"+announced+
			"\r\n2\r\n{}\r\n0\r\nX-Checksum: 7\r\n"+strings.Join(names, ": forged\r\n")+": forged\r\n\r\n").passed(t, 200, "success")
		for name, values := range await(t, trailers, "request") {
			if name != "X-Checksum" {
				t.Errorf("the trailer %s: %q went out", name, values)
			}
		}
	}
}

func TestPathsAndQueriesGoOutByteForByteOrNotAtAll(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	s := start(t, unlimited+"policy api "+url+"/v2 {"+fragile+"}")
	for target, want := range map[string]string{
		"/api":                        "/v2",
		"/api/":                       "/v2/",
		"/api/a%2Fb":                  "/v2/a%2Fb",
		"/api/a%2fb/%C3%BC/%E2%98%83": "/v2/a%2fb/%C3%BC/%E2%98%83",
		"/api//evil.example/x":        "/v2//evil.example/x",
		"/api/x//y///":                "/v2/x//y///",
		"/api/@evil.example":          "/v2/@evil.example",
		"/api/a:80/b":                 "/v2/a:80/b",
		"/api/...":                    "/v2/...",
		"/api/x?":                     "/v2/x?",
		"/api/x?a=1;b=2":              "/v2/x?a=1;b=2",
		"/api/x?%zz":                  "/v2/x?%zz",
		"/api/x?a=/../&b=%2e%2e":      "/v2/x?a=/../&b=%2e%2e",
		"/api/x?q=a+b%20c&&=&?":       "/v2/x?q=a+b%20c&&=&?",
		"/api/..":                     "",
		"/api/../admin":               "",
		"/api/./x":                    "",
		"/api/%2e%2e/admin":           "",
		"/api/%2E%2e":                 "",
		"/api/.%2e/admin":             "",
		"/api/x/..%2fadmin":           "",
		"/api/x%2f..%2f..%2fadmin":    "",
		"/api/..%5cadmin":             "",
		"/api/..;/admin":              "",
		"/api/x%00":                   "",
		"/api/x%0d%0aHost:%20evil":    "",
	} {
		got := s.raw("GET", "GET "+target+" HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
		if want == "" {
			got.refused(t, 400, "bad_request", "http_request_error")
			continue
		}
		got.passed(t, 200, "success")
		if out := await(t, heard, "request for "+target).RequestURI; out != want {
			t.Errorf("%s went out as %s, want %s", target, out, want)
		}
	}
	if len(heard) > 0 {
		t.Errorf("%s went out besides", (<-heard).RequestURI)
	}
}

func TestATimeoutThatIsNoneIsRefused(t *testing.T) {
	s := start(t, unlimited+"policy api "+wire(t, nil)+" {"+fragile+"}")
	for _, text := range []string{"soon", "3", "-1s", "0", "0s", "1e9h", "NaN", "Infinity", "9999999999h", "3s;", "3 s", strings.Repeat("9", 10_000) + "s"} {
		s.get("/api/good", "Signpost-Timeout", text).refused(t, 400, "bad_request", "http_request_error")
	}
	s.get("/api/good", "Signpost-Timeout", "2s").passed(t, 200, "success")
	s.get("/api/good", "Signpost-Timeout", "1000h").passed(t, 200, "success")
}

func TestStrangeRequestsAreAnsweredWithARoute(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	s := start(t, unlimited+"policy api "+url+"/v2 {"+fragile+"}\npolicy lists "+url+"/v2/lists {"+fragile+"}")
	const end = "\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct {
		request, out string // out: what the third party got, with the method
		status       int
		outcome      string
		token        string
	}{
		{"GET " + url + "/v2/x?a=1;b HTTP/1.1" + end, "GET /v2/x?a=1;b", 200, "success", ""},
		{"GET " + url + "/v2/lists/x HTTP/1.1" + end, "GET /v2/lists/x", 200, "success", ""},
		{"GET https://" + host + "/v2/x HTTP/1.1" + end, "GET /v2/x", 200, "success", ""},
		{"GET HTTP://" + host + "/v2 HTTP/1.1" + end, "GET /v2", 200, "success", ""},
		{"GET " + url + "/v2x HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"GET " + url + "/v2/../x HTTP/1.1" + end, "", 400, "bad_request", "http_request_error"},
		{"GET http://user:pass@" + host + "/v2/x HTTP/1.1" + end, "GET /v2/x", 200, "success", ""},
		{"GET http://169.254.169.254/latest/meta-data HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"GET http://elsewhere.example/api/x HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"GET http://elsewhere.example/health HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"CONNECT elsewhere.example:443 HTTP/1.1" + end, "", 403, "denied", "http_request_denied"},
		{"GET /api/x HTTP/1.0\r\n\r\n", "GET /v2/x", 200, "success", ""},
		{"OPTIONS /api/x HTTP/1.1" + end, "OPTIONS /v2/x", 200, "success", ""},
		{"TRACE /api/x HTTP/1.1" + end, "TRACE /v2/x", 200, "success", ""},
		{"get /api/x HTTP/1.1" + end, "get /v2/x", 200, "success", ""},
		{"GET / HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"GET //api/x HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"GET /API/x HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"GET /%61pi/x HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
		{"GET /" + strings.Repeat("a", 15_000) + " HTTP/1.1" + end, "", 404, "not_found", "destination_not_found"},
	} {
		t.Run(fmt.Sprintf("%.60s", tc.request), func(t *testing.T) {
			got := s.raw(tc.request[:strings.IndexByte(tc.request, ' ')], tc.request)
			if tc.out == "" {
				got.refused(t, tc.status, tc.outcome, tc.token)
			} else {
				got.passed(t, tc.status, tc.outcome)
				r := await(t, heard, "request")
				if out := r.Method + " " + r.RequestURI; out != tc.out || r.Host != host || r.Header.Get("Authorization") != "" {
					t.Errorf("%s went out to %s, want %s to %s", out, r.Host, tc.out, host)
				}
			}
			if strings.HasPrefix(tc.request, "CONNECT") && !strings.Contains(got.Header.Get("Signpost-Reason"), "base URL") {
				t.Errorf("the reason %q does not point to the base URL", got.Header.Get("Signpost-Reason"))
			}
		})
	}
	if len(heard) > 0 {
		t.Errorf("%s went out besides", (<-heard).RequestURI)
	}
}

func TestAStrangeMethodGoesOutOrIsRefusedByCaddy(t *testing.T) {
	url, heard := talkative(t)
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"}\npolicy reading "+url+" {\nmethods GET\n}")
	const rest = " HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"
	long := strings.Repeat("G", 32)
	s.raw(long, long+" /reading/x"+rest).refused(t, 405, "denied", "http_request_denied")
	s.raw(long, long+" /api/x"+rest).passed(t, 200, "success")
	if got := await(t, heard, "request").Method; got != long {
		t.Errorf("the method %s went out, want %s", got, long)
	}
	// None of these reaches a handler: Caddy answers the first, net/http the others.
	if got := s.raw("GET", strings.Repeat("G", 15_000)+" /api/x"+rest); got.StatusCode != 405 || got.body != "" {
		t.Errorf("a method of 15,000 letters: %d %q, want an empty 405", got.StatusCode, got.body)
	}
	if got := s.raw("GET", "G@T /api/x"+rest); got.StatusCode != 400 {
		t.Errorf("a method that is no token: %d, want 400", got.StatusCode)
	}
	if got := s.raw("OPTIONS", "OPTIONS *"+rest); got.StatusCode != 200 || got.body != "" {
		t.Errorf("OPTIONS *: %d %q, want an empty 200", got.StatusCode, got.body)
	}
	if len(heard) > 0 {
		t.Errorf("%s went out besides", (<-heard).Method)
	}
}
