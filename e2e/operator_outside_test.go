//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// changingStore is a third party whose answers change.
type changingStore struct {
	*httptest.Server
	rest  chan struct{} // a stream waits for it after its first bytes
	asked atomic.Int32  // for an order

	mu    sync.Mutex // a test that holds it keeps orders waiting
	order string
}

// shippedOrder is what the store answers at first.
const shippedOrder = `{"order":{"status":"shipped","eta":"2026-11-23","items":[{"name":"teapot"},{"name":"cups"}]}}`

// openStore starts a store that ends with the test.
func openStore(t *testing.T) *changingStore {
	t.Helper()
	s := &changingStore{order: shippedOrder, rest: make(chan struct{})}
	tell := func(w http.ResponseWriter, kind, text string) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, text)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/orders/{number}", func(w http.ResponseWriter, _ *http.Request) { tell(w, "application/json", s.answer()) })
	mux.HandleFunc("/v2/notes/{number}", func(w http.ResponseWriter, _ *http.Request) { tell(w, "text/plain", "All is well.") })
	mux.HandleFunc("/v2/receipts/{number}", func(w http.ResponseWriter, _ *http.Request) { tell(w, "application/json", `{"sum":5}`) })
	mux.HandleFunc("/v2/choices/{number}", func(w http.ResponseWriter, _ *http.Request) { tell(w, "application/json", `{"colour":"blue"}`) })
	mux.HandleFunc("/v2/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
		// A careless server tells what it was asked.
		fmt.Fprintf(w, "refused: %s", r.Header.Get("Authorization"))
	})
	stream := func(w http.ResponseWriter, r *http.Request) {
		tell(w, "text/"+r.PathValue("kind"), "data: first\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-s.rest:
			io.WriteString(w, "data: rest\n\n")
		case <-r.Context().Done():
		}
	}
	mux.HandleFunc("/v2/streams/{kind}", stream)
	mux.HandleFunc("/v2/streams/{kind}/{$}", stream)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+storeToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *changingStore) answer() string {
	s.asked.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order
}

// change changes what the store answers.
func (s *changingStore) change(order string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = order
}

// hooks is a receiver of webhooks.
type hooks struct {
	*httptest.Server
	asked atomic.Int32

	mu    sync.Mutex // a test that holds it keeps everybody waiting
	texts []string
}

// openHooks starts a receiver that ends with the test.
func openHooks(t *testing.T) *hooks {
	t.Helper()
	h := &hooks{}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil || r.URL.Path != "/"+hookSecret {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h.asked.Add(1)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.texts = append(h.texts, message.Text)
	}))
	// A reload calls off what is under way.
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.StartTLS()
	t.Cleanup(h.Close)
	return h
}

// received gives the texts, the first one first.
func (h *hooks) received() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.texts...)
}
