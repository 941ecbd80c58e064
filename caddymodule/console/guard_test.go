package console

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestChangesAreMadeByTheConsolesOwnPageAlone(t *testing.T) {
	const own, json = "http://localhost:8081", "application/json"
	tests := []struct {
		name   string
		method string
		body   string
		header []string
		off    bool
		status int
	}{
		{name: "the page", body: "{}", header: []string{"Origin", own, "Sec-Fetch-Site", "same-origin", "Content-Type", json}, status: 200},
		{name: "the page without a body", header: []string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, status: 200},
		{name: "the page in an older browser", body: "{}", header: []string{"Origin", own, "Content-Type", json}, status: 200},
		{name: "curl", body: "{}", header: []string{"Content-Type", json}, status: 200},
		{name: "curl without a body", status: 200},
		{name: "curl with its own idea of the type", body: "{}", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415},
		{name: "no type", body: "{}", status: 415},
		{name: "a type with a parameter", body: "{}", header: []string{"Content-Type", "application/json; charset=utf-8"}, status: 200},
		{name: "a type that only begins so", body: "{}", header: []string{"Content-Type", "application/json-seq"}, status: 415},
		{name: "a broken type", body: "{}", header: []string{"Content-Type", "application/json; ="}, status: 415},
		{name: "another site", body: "{}", header: []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", json}, status: 403},
		{name: "another port", body: "{}", header: []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site", "Content-Type", json}, status: 403},
		{name: "another port in an older browser", body: "{}", header: []string{"Origin", "http://localhost:3000", "Content-Type", json}, status: 403},
		{name: "a plain form of another site", body: "a=b", header: []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"}, status: 403},
		{name: "a plain form of the page's", body: "a=b", header: []string{"Origin", own, "Sec-Fetch-Site", "same-origin", "Content-Type", "text/plain"}, status: 415},
		{name: "a page without an origin", body: "{}", header: []string{"Origin", "null", "Content-Type", json}, status: 403},
		{name: "a page without an origin that says so", header: []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, status: 403},
		{name: "an origin that is none", header: []string{"Origin", "::"}, status: 403},
		{name: "another site that deletes", method: "DELETE", header: []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, status: 403},
		{name: "changes off", body: "{}", header: []string{"Content-Type", json}, off: true, status: 403},
		{name: "changes off, and asked first", method: "OPTIONS", off: true, status: 403},
		{name: "reading with changes off", method: "GET", off: true, status: 200},
		{name: "reading the head with changes off", method: "HEAD", off: true, status: 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			method := test.method
			if method == "" {
				method = "POST"
			}
			inner := &recorder{}
			r := request(method, "/x/signpost/breakers/store/reset", "localhost:8081", loopback, test.body, test.header...)
			got := serve(New(Options{API: inner, AllowChanges: !test.off}), r)
			if got.StatusCode != test.status || (inner.last != nil) != (test.status == 200) {
				t.Errorf("got %d, and the API saw %v, want %d", got.StatusCode, inner.last, test.status)
			}
			if test.status != 200 && got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got type %q, want a problem", got.Header.Get("Content-Type"))
			}
		})
	}
}

func TestABodyOfUnknownLengthIsABody(t *testing.T) {
	inner := &recorder{}
	r := request("POST", "/signpost/test", "localhost", loopback, "{}", "Content-Type", "text/plain")
	r.ContentLength = -1
	if got := serve(New(Options{API: inner, AllowChanges: true}), r); got.StatusCode != http.StatusUnsupportedMediaType || inner.last != nil {
		t.Errorf("got %d, want 415", got.StatusCode)
	}
}

func TestANameThatAStrangerCanPointHereIsRefused(t *testing.T) {
	six := &net.TCPAddr{IP: net.IPv6loopback, Port: 8081}
	mapped := &net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.1"), Port: 8081}
	socket := &net.UnixAddr{Name: "/run/console.sock", Net: "unix"}
	named := []string{"Ops.Example.com", "console.internal:8443"}
	tests := []struct {
		host  string
		local net.Addr
		hosts []string
		ok    bool
	}{
		{"localhost", loopback, nil, true}, {"LOCALHOST:8081", loopback, nil, true}, {"localhost.", loopback, nil, true}, {"console.localhost:80", six, nil, true},
		{"127.0.0.1:8081", loopback, nil, true}, {"127.9.9.9", loopback, nil, true}, {"[::1]:8081", six, nil, true}, {"[::1]", six, nil, true},
		{"[::ffff:127.0.0.1]:8081", loopback, nil, true}, {"127.0.0.1", mapped, nil, true},
		{"evil.example", loopback, nil, false}, {"evil.example:8081", six, nil, false}, {"evil.example", mapped, nil, false}, {"localhost.evil.example", loopback, nil, false},
		{"evillocalhost", loopback, nil, false}, {"127.0.0.1.evil.example", loopback, nil, false}, {"127.0.0.1.nip.io", loopback, nil, false},
		{"192.0.2.7", loopback, nil, false}, {"0.0.0.0:8081", loopback, nil, false}, {"[::]:8081", six, nil, false}, {"0x7f000001", loopback, nil, false}, {"2130706433", loopback, nil, false},
		{"", loopback, nil, false}, {":8081", loopback, nil, false}, {"[", loopback, nil, false},
		{"ops.example.com", loopback, named, true}, {"ops.example.com:9000", loopback, named, true}, {"console.internal", loopback, named, true}, {"OPS.example.com.", lan, named, true},
		{"a.ops.example.com", loopback, named, false}, {"evil.example", lan, named, false},
		{"192.0.2.7:8081", lan, nil, true}, {"203.0.113.9", lan, nil, true}, {"[2001:db8::1]:8081", lan, named, true}, {"localhost:8081", lan, nil, true}, {"ops.example.com", lan, nil, false},
		{"localhost", socket, nil, true}, {"192.0.2.7", socket, nil, false}, {"ops.example.com", socket, named, true},
		{"192.0.2.7", nil, nil, false}, {"localhost", nil, nil, true},
	}
	for _, test := range tests {
		for _, path := range []string{"/", "/app.js", "/signpost/calls"} {
			inner := &recorder{}
			got := serve(New(Options{API: inner, Hosts: test.hosts}), request("GET", path, test.host, test.local, ""))
			want := http.StatusMisdirectedRequest
			if test.ok {
				want = http.StatusOK
			}
			if got.StatusCode != want || (!test.ok && inner.last != nil) {
				t.Errorf("Host %q over %v, hosts %q, %s: got %d, want %d", test.host, test.local, test.hosts, path, got.StatusCode, want)
			}
		}
	}
}

func TestAServerSaysWhereItsConnectionsEnd(t *testing.T) {
	server := httptest.NewServer(New(Options{API: &recorder{}}))
	defer server.Close()
	for host, want := range map[string]int{"localhost": 200, "evil.example": 421, "192.0.2.7": 421} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/signpost/info", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		got, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != want {
			t.Errorf("Host %s: got %d, want %d", host, got.StatusCode, want)
		}
	}
}

// FuzzAHostIsOneThatNoStrangerOwns asks that whatever gets through on a
// loopback connection is a name that cannot be made to resolve there.
func FuzzAHostIsOneThatNoStrangerOwns(f *testing.F) {
	for _, host := range []string{"localhost", "x.localhost:1", "127.0.0.1", "[::1]:80", "evil.example", "localhost:80:80", "[localhost]", "127.1", "::1%lo", "[::1%25lo]", "localhost..", " localhost", "a@localhost"} {
		f.Add(host)
	}
	g := newGuard(Options{})
	f.Fuzz(func(t *testing.T, host string) {
		r := (&http.Request{Host: host}).WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(loopback)))
		if g.host(r) != nil {
			return
		}
		name := hostname(host)
		address := net.ParseIP(strings.Split(name, "%")[0])
		if name != "localhost" && !strings.HasSuffix(name, ".localhost") && (address == nil || !address.IsLoopback()) {
			t.Errorf("%q got through as %q", host, name)
		}
	})
}
