//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// turn is what the third party does with one request: over a socket, or written in
// a policy test.
type turn struct {
	Status  int               `json:"status,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`

	// Outcome is what is no answer: timeout, unreachable, which is the policy's own
	// doing here, or incomplete.
	Outcome string `json:"outcome,omitempty"`
}

// answers is an answer with JSON.
func answers(status int, body string) turn {
	return turn{Status: status, Headers: map[string]string{"Content-Type": "application/json"}, Body: body}
}

// arrived is a request as the third party got it.
type arrived struct{ method, uri, authorization, body string }

// actor is a third party that does what a test says, one turn after the other. The
// last one holds for all further requests.
type actor struct {
	*httptest.Server

	// entered hears of each request that is left without an answer.
	entered chan struct{}

	mu    sync.Mutex
	turns []turn
	last  *arrived // nil where nothing arrived since the turns were given
}

// openActor starts one, which ends with the test.
func openActor(t *testing.T) *actor {
	t.Helper()
	a := &actor{entered: make(chan struct{}, 100)}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

// plays says what comes next.
func (a *actor) plays(turns ...turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turns, a.last = turns, nil
	for len(a.entered) > 0 {
		<-a.entered
	}
}

// next notes a request and gives the turn for it.
func (a *actor) next(r *http.Request, body []byte) turn {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = &arrived{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), string(body)}
	if len(a.turns) == 0 {
		return turn{}
	}
	now := a.turns[0]
	if len(a.turns) > 1 {
		a.turns = a.turns[1:]
	}
	return now
}

// heard is the last request since the turns were given, nil where there was none.
func (a *actor) heard() *arrived {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

func (a *actor) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The gateway has gone away.
	}
	now := a.next(r, body)
	switch {
	case now.Outcome == "timeout":
		a.entered <- struct{}{}
		<-r.Context().Done() // Until the gateway has waited long enough.
		return
	case now.Outcome == "incomplete" && now.Body == "":
		panic(http.ErrAbortHandler) // The connection ends without an answer.
	case now.Outcome == "incomplete":
		w.Header().Set("Content-Length", strconv.Itoa(2*len(now.Body)))
	}
	for name, value := range now.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(cmp.Or(now.Status, http.StatusOK))
	if _, err := io.WriteString(w, now.Body); err == nil && now.Outcome != "" {
		panic(http.ErrAbortHandler) // It ends in the middle.
	}
}

// keptVerdict is what the log keeps of a call, as far as it is compared.
type keptVerdict struct {
	ID        string    `json:"id"`
	Policy    string    `json:"policy"`
	Operation string    `json:"operation"`
	Route     string    `json:"route"`
	Next      string    `json:"next"`
	Outcome   string    `json:"outcome"`
	Status    int       `json:"status"`
	Fallback  string    `json:"fallback"`
	TraceID   string    `json:"trace_id"`
	Failed    bool      `json:"failed"`
	Vars      []keptVar `json:"vars"`
	Attempts  []any     `json:"attempts"`
}

// compared is what must be the same whoever makes the call.
func (v keptVerdict) compared(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("%s, route %s, %s, fallback %q, status %d, %d attempts, %s",
		v.Outcome, v.Route, v.Next, v.Fallback, v.Status, len(v.Attempts), mustJSON(t, v.Vars))
}

// exports gives the calls that a gateway's log exports, by the ids of their traces.
func exports(t *testing.T, admin string) (text string, byTrace map[string]keptVerdict) {
	t.Helper()
	resp, text := request(t, http.MethodGet, admin+"/signpost/calls/export", "")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("exporting the log: %s: %s", resp.Status, text)
	}
	byTrace = make(map[string]keptVerdict)
	for line := range strings.Lines(text) {
		var v keptVerdict
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("exporting the log: %v in %s", err, line)
		}
		byTrace[v.TraceID] = v
	}
	return text, byTrace
}
