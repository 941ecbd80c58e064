package caddymodule_test

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// forgeries are headers that a third party has no business to send, as it could
// write them.
var forgeries = []string{
	"Signpost-Route", "signpost-outcome", "SIGNPOST-NEXT", "Signpost-Policy", "Signpost-Var-Balance", "Signpost-Fallback",
	"Signpost-Reason", "Signpost-Omitted", "Signpost-Drift", "Signpost-Whatever",
	"Proxy-Status", "RateLimit", "ratelimit-policy", "Server", "Alt-Svc",
}

func TestNothingThatAThirdPartyForgesReachesTheBot(t *testing.T) {
	leaksNothing(t)
	var forged strings.Builder
	for _, name := range forgeries {
		forged.WriteString(name + ": forged\r\n" + name + ": twice\r\n")
	}
	trailers := "Trailer: " + strings.Join(forgeries, ", ") + ", X-Checksum\r\n"
	chunked := header + "Transfer-Encoding: chunked\r\nConnection: close\r\n"
	body := "\r\nb\r\n{\"ok\":true}\r\n0\r\n"
	url := wire(t, func(conn *net.TCPConn, r *http.Request) {
		switch r.URL.Path {
		case "/header":
			io.WriteString(conn, chunked+forged.String()+body+"\r\n")
		case "/trailer":
			io.WriteString(conn, chunked+trailers+body+forged.String()+"X-Checksum: 7\r\n\r\n")
		case "/unannounced":
			io.WriteString(conn, chunked+body+forged.String()+"X-Checksum: 7\r\n\r\n")
		case "/hint":
			io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n"+forged.String()+"\r\n"+chunked+body+"\r\n")
		}
	})
	s := start(t, unlimited+"policy plain "+url+" {"+fragile+"}\npolicy mapped "+url+" {"+fragile+"extract ok $.ok\n}")
	for _, policy := range []string{"plain", "mapped"} {
		for _, path := range []string{"header", "trailer", "unannounced", "hint"} {
			t.Run(policy+"/"+path, func(t *testing.T) {
				s.recovers("/" + policy + "/good")
				got := s.get("/" + policy + "/" + path)
				got.passed(t, 200, "success")
				got.want(t, 200, "Signpost-Policy", policy, "Signpost-Var-Balance", "", "Signpost-Reason", "", "Server", "Caddy")
				for _, from := range []http.Header{got.Header, got.Trailer} {
					for name, values := range from {
						if text := strings.Join(values, " "); strings.Contains(text, "forged") || strings.Contains(text, "twice") {
							t.Errorf("%s: %s reached the bot", name, text)
						}
					}
				}
				for name := range got.Trailer {
					if name != "X-Checksum" {
						t.Errorf("the trailer %s was announced to the bot", name)
					}
				}
				if want := map[bool]string{true: "7"}[path == "trailer" || path == "unannounced"]; got.Trailer.Get("X-Checksum") != want {
					t.Errorf("the trailer X-Checksum is %q, want %q", got.Trailer.Get("X-Checksum"), want)
				}
				if got.body != `{"ok":true}` {
					t.Errorf("the body is %q", got.body)
				}
			})
		}
	}
}

func TestAThirdPartyCannotHaveOurHeadersRemoved(t *testing.T) {
	url := wire(t, func(conn *net.TCPConn, _ *http.Request) {
		io.WriteString(conn, header+"Content-Length: 2\r\nX-Hop: 1\r\n"+
			"Connection: Signpost-Route, signpost-outcome, X-Hop\r\nConnection: Signpost-Next,Signpost-Trace,Proxy-Status\r\n\r\n{}")
	})
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"fallback `outcome == \"success\"` {\nroute r\n}\n}")
	got := s.get("/api/x")
	got.want(t, 200, "Signpost-Route", "r", "Signpost-Outcome", "success", "Signpost-Next", "continue", "X-Hop", "", "Connection", "")
	if got.Header.Get("Signpost-Trace") == "" {
		t.Error("Signpost-Trace is missing")
	}
}

func TestAFloodOfHeadersIsRefusedAtItsBound(t *testing.T) {
	leaksNothing(t)
	line := func(i int) string { return "X-" + strconv.Itoa(i) + ": y\r\n" }
	repeat := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
		}
		return b.String()
	}
	documents := map[string]string{
		"/many":      repeat(10_000),
		"/too_many":  repeat(50_000),
		"/large":     "X-Large: " + strings.Repeat("x", 200<<10) + "\r\n",
		"/too_large": "X-Large: " + strings.Repeat("x", 1<<20) + "\r\n",
		"/no_end":    "X-Large: " + strings.Repeat("x", 8<<20),
		"/hints":     "\r\n" + strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 100) + strings.TrimSuffix(header, "\r\n") + "\r\n",
		"/too_many_hints": "\r\n" + strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 20_000) +
			strings.TrimSuffix(header, "\r\n") + "\r\n",
		"/continues": "\r\n" + strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20_000) + strings.TrimSuffix(header, "\r\n") + "\r\n",
	}
	url := wire(t, func(conn *net.TCPConn, r *http.Request) {
		first := header
		if strings.HasPrefix(documents[r.URL.Path], "\r\n") {
			first = "HTTP/1.1 103 Early Hints\r\n"
		}
		io.WriteString(conn, first+documents[r.URL.Path]+"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
	})
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"extract ok $.ok\n}")
	for path := range documents {
		t.Run(path, func(t *testing.T) {
			s.recovers("/api/good")
			got := s.get("/api" + path)
			if path == "/many" || path == "/large" || path == "/hints" {
				got.passed(t, 200, "success")
			} else {
				got.refused(t, 502, "incomplete", "http_response_header_section_size")
			}
			s.recovers("/api/good")
		})
	}
}

func TestARedirectToAMetadataAddressIsPassedOnAndNeverFollowed(t *testing.T) {
	const metadata = "http://169.254.169.254/latest/meta-data/iam/"
	asked := make(chan string, 16)
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Location", metadata)
		w.WriteHeader(status)
	})
	t.Setenv("HOP_KEY", "abcdefghij0123456789")
	s := start(t, unlimited+"secrets env HOP_\npolicy api "+third.URL+" {\ninject bearer {secret.key}\nextract ok $.ok\nretry 2\n}")
	for _, status := range []int{301, 302, 303, 307, 308} {
		path := "/" + strconv.Itoa(status)
		s.get("/api"+path).want(t, status, "Signpost-Outcome", "success", "Signpost-Route", "success", "Location", metadata)
		if got := len(asked); got != 1 || <-asked != path {
			t.Errorf("after a %d the third party was asked %d times, want once", status, got)
		}
	}
}

func TestARedirectIsPassedOnWhateverItsBodySays(t *testing.T) {
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://login.example/", http.StatusFound)
	})
	s := start(t, unlimited+"policy api "+third.URL+" {\nextract ok $.ok required\nhint login status == 302\n}")
	got := s.get("/api/x")
	got.want(t, 302, "Signpost-Outcome", "success", "Signpost-Route", "login", "Signpost-Next", "continue", "Location", "https://login.example/")
	if !strings.Contains(got.body, "login.example") {
		t.Errorf("the body is %q, want the third party's", got.body)
	}
}
