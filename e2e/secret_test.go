//go:build e2e

package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// token is a credential that no log may hold.
const token = "sesame-open-sesame-4711"

// TestACredentialEchoedBehindACompleteAnswerIsNowhereInTheLog has a third party
// send the credential that it got once more, where net/http expects nothing and
// logs what it finds.
func TestACredentialEchoedBehindACompleteAnswerIsNowhereInTheLog(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go echo(listener)
	port := freePort(t)
	g := start(t, []byte(`{
	admin off
	persist_config off
	debug
	signpost {
		secrets env TEST_SECRET_
		policy store http://`+listener.Addr().String()+` {
			inject bearer {secret.token}
		}
	}
}
:`+port+` {
	bind 127.0.0.1
	signpost
}
`), port, "TEST_SECRET_TOKEN="+token)
	if resp, _ := g.get(t, "acme", "/store/"); resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, want 200", resp.StatusCode)
	}
	for deadline := time.Now().Add(patience); !strings.Contains(g.log.String(), "belong to no answer"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the log does not tell of bytes that belong to no answer")
		}
	}
	if strings.Contains(g.log.String(), token) {
		t.Error("the log holds the credential")
	}
}

// echo answers each request, and sends its Authorization behind the answer.
func echo(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			requests := bufio.NewReader(conn)
			for {
				req, err := http.ReadRequest(requests)
				if err != nil {
					return
				}
				if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond) // Until the connection is idle.
				if _, err := io.WriteString(conn, req.Header.Get("Authorization")); err != nil {
					return
				}
			}
		}()
	}
}
