package caddymodule_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// key is an injected secret with what encodings change in it.
const key = "sk/live+4f9c & more=1"

// spellings are the ways in which a third party may say the key.
func spellings() map[string]string {
	return map[string]string{
		"as it is":          key,
		"in base64":         base64.StdEncoding.EncodeToString([]byte(key)),
		"in base64 for URL": base64.RawURLEncoding.EncodeToString([]byte(key)),
		"in Basic":          base64.StdEncoding.EncodeToString([]byte("shop:" + key)),
		"percent-encoded":   url.PathEscape(key),
		"as a form":         url.QueryEscape(key),
		"all percent":       "%" + strings.Trim(strings.ReplaceAll(fmt.Sprintf("% x", key), " ", "%"), "%"),
		"as JSON":           strings.ReplaceAll(strings.ReplaceAll(key, "/", `\/`), "&", `\u0026`),
	}
}

// leak is the middle of a spelling: what must not be seen even of one that is
// overwritten only in part.
func leak(spelling string) string {
	third := len(spelling) / 3
	return spelling[third : 2*third]
}

func TestAnInjectedSecretThatIsEchoedIsOverwrittenEverywhere(t *testing.T) {
	leaksNothing(t)
	echo := wire(t, func(conn *net.TCPConn, r *http.Request) {
		spelling := r.URL.Query().Get("say")
		text := `{"said":"` + spelling + `","ok":true}`
		half := len(`{"said":"`) + len(spelling)/2
		chunk := func(s string) { fmt.Fprintf(conn, "%x\r\n%s\r\n", len(s), s) }
		switch r.URL.Path {
		case "/header":
			io.WriteString(conn, header+"X-Echo: "+spelling+"\r\nSet-Cookie: k="+spelling+"\r\nLocation: /?k="+spelling+"\r\nContent-Length: 2\r\n\r\n{}")
		case "/length":
			fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", header, len(text), text)
		case "/chunks":
			io.WriteString(conn, header+"Transfer-Encoding: chunked\r\n\r\n")
			chunk(text[:half])
			chunk(text[half:])
			io.WriteString(conn, "0\r\n\r\n")
		case "/bytes":
			io.WriteString(conn, header+"Transfer-Encoding: chunked\r\n\r\n")
			for i := range len(text) {
				chunk(text[i : i+1])
			}
			io.WriteString(conn, "0\r\n\r\n")
		case "/trailer":
			io.WriteString(conn, header+"Transfer-Encoding: chunked\r\nTrailer: X-Echo\r\n\r\n2\r\n{}\r\n0\r\nX-Echo: "+spelling+"\r\n\r\n")
		case "/events":
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: "+text+"\n\ndata: "+text+"\n\n")
		case "/gzip":
			coded := gzipped(t, text)
			fmt.Fprintf(conn, "%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", header, len(coded), coded)
		case "/failure":
			fmt.Fprintf(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		case "/broken":
			fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", header, len(text)+1, text)
		}
	})
	t.Setenv("ECHO_KEY", key)
	s := start(t, unlimited+"secrets env ECHO_\npolicy plain "+echo+" {\nbreaker off\nconcurrency 1\ninject header X-Key {secret.key}\n}\n"+
		"policy mapped "+echo+" {\nbreaker off\nconcurrency 1\ninject basic shop {secret.key}\nextract said $.said\nextract ok $.ok\nfallback {\nrespond 503 \"down\"\n}\n}")
	for how, spelling := range spellings() {
		for _, path := range []string{"header", "length", "chunks", "bytes", "trailer", "events", "gzip", "failure", "broken"} {
			for _, policy := range []string{"plain", "mapped"} {
				t.Run(policy+"/"+path+"/"+how, func(t *testing.T) {
					s.recovers("/" + policy + "/good")
					got, _ := s.getBroken("/" + policy + "/" + path + "?say=" + url.QueryEscape(spelling))
					shown := fmt.Sprint(got.Header, got.Trailer, got.body)
					if strings.Contains(shown, leak(spelling)) || strings.Contains(shown, leak(key)) {
						t.Errorf("the bot saw of the key: %s", shown)
					}
					if !strings.Contains(shown, "*******") && !(path == "broken" && policy == "mapped") {
						t.Errorf("nothing was overwritten: %s", shown)
					}
					if path == "length" || path == "chunks" || path == "bytes" || path == "gzip" {
						if want := len(`{"said":"","ok":true}`) + len(spelling); len(got.body) != want {
							t.Errorf("the body is %q of %d bytes, want %d", got.body, len(got.body), want)
						}
					}
				})
			}
		}
	}
}

func TestACodingThatNobodyAskedForEndsACallWithASecret(t *testing.T) {
	leaksNothing(t)
	asked := make(chan string, 1)
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			io.WriteString(w, "{}")
			return
		}
		asked <- r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("X-Echo", "a header")
		io.WriteString(w, key)
	}).URL
	t.Setenv("ECHO_KEY", key)
	s := start(t, unlimited+"secrets env ECHO_\npolicy api "+third+" {"+fragile+"inject header X-Key {secret.key}\n}")
	for _, coding := range []string{"br", "zstd", "deflate", "gzip, br", "rot13", "GZIP,gzip"} {
		t.Run(coding, func(t *testing.T) {
			s.recovers("/api/good")
			got := s.get("/api/"+url.PathEscape(coding), "Accept-Encoding", "br, zstd, gzip")
			got.refused(t, 502, "incomplete", "http_response_content_coding")
			if got := <-asked; got != "identity" {
				t.Errorf("the third party was asked for %q, want identity", got)
			}
			if strings.Contains(got.body, leak(key)) || got.Header.Get("X-Echo") != "" {
				t.Errorf("the bot saw of the answer: %v %q", got.Header, got.body)
			}
			s.recovers("/api/good")
		})
	}
}

func TestAGzipBombIsDecodedOnlyAsFarAsSomebodyReadsIt(t *testing.T) {
	leaksNothing(t)
	bomb := []byte(strings.Repeat(gzipped(t, strings.Repeat("bomb", 1<<18)), 64))
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb)
		}
	}).URL
	t.Setenv("ECHO_KEY", key)
	s := start(t, unlimited+"secrets env ECHO_\npolicy plain "+third+" {"+fragile+"inject header X-Key {secret.key}\n}\n"+
		"policy mapped "+third+" {"+fragile+"inject header X-Key {secret.key}\nextract ok $.ok\nfallback {\nrespond 503 down\n}\n}")
	for policy, outcome := range map[string]string{"plain": "success", "mapped": "unmappable"} {
		before := heap()
		resp, err := s.bot.Get("http://sidecar/" + policy + "/bomb")
		if err != nil {
			t.Fatalf("calling: %v", err)
		}
		answer{Response: resp}.passed(t, 200, outcome)
		if n, err := io.CopyN(io.Discard, resp.Body, 8<<20); err != nil {
			t.Errorf("reading: %d bytes, %v", n, err)
		}
		if grown := heap() - before; grown > 16<<20 {
			t.Errorf("%s: the heap grew by %d bytes, want at most 16 MiB", policy, grown)
		}
		resp.Body.Close()
		shortly(t, func() bool { return s.get("/"+policy+"/x").Header.Get("Signpost-Outcome") != "overloaded" },
			func() string { return "the slot did not come back" })
	}
}
