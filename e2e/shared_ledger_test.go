//go:build e2e || soak

package e2e

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// arrival is a call that reached the third party. A gateway let it go at some moment
// between the two times, which are of one clock: since the ledger was opened.
type arrival struct {
	policy, tenant string
	sidecar        int
	sent           time.Duration // by the bot
	came           time.Duration // to the third party
}

// What a bot tells the third party of a call, beside its path: the number of the sidecar,
// and the microseconds when it was sent.
const (
	sidecarHeader = "X-Sidecar"
	sentHeader    = "X-Sent"
)

// ledger is a third party that keeps who reached it, and when. What it is to do stands in
// the path: /<policy>/<kind>/<tenant>.
type ledger struct {
	*httptest.Server
	opened time.Time
	down   atomic.Bool // whether the kind "shaky" fails

	mu       sync.Mutex
	arrivals []arrival
	held     int           // calls of the kind "hold" that wait
	free     chan struct{} // closed to let them go
}

// openLedger runs a ledger until the test ends.
func openLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{opened: time.Now(), free: make(chan struct{})}
	l.Server = httptest.NewServer(l)
	t.Cleanup(func() {
		l.release()
		l.CloseClientConnections()
		l.Close()
	})
	return l
}

// now is the time on the ledger's clock.
func (l *ledger) now() time.Duration { return time.Since(l.opened) }

// ServeHTTP notes the call and does what its kind says.
func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := l.now()
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	sidecar, wrong := strconv.Atoi(r.Header.Get(sidecarHeader))
	sent, alsoWrong := strconv.ParseInt(r.Header.Get(sentHeader), 10, 64)
	if len(part) != 3 || wrong != nil || alsoWrong != nil {
		http.NotFound(w, r)
		return
	}
	l.mu.Lock()
	l.arrivals = append(l.arrivals, arrival{part[0], part[2], sidecar, time.Duration(sent) * time.Microsecond, came})
	l.mu.Unlock()
	switch kind := part[1]; {
	case kind == "hold":
		l.hold(r)
	case kind == "fail" || kind == "shaky" && l.down.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status":"fine","tenant":%q,"sidecar":%d}`, part[2], sidecar)
}

// hold keeps a call until it is released, or nobody waits for it any longer.
func (l *ledger) hold(r *http.Request) {
	l.mu.Lock()
	l.held++
	free := l.free
	l.mu.Unlock()
	select {
	case <-free:
	case <-r.Context().Done():
	}
	l.mu.Lock()
	l.held--
	l.mu.Unlock()
}

// holding is how many calls are held.
func (l *ledger) holding() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// release lets the calls go that are held.
func (l *ledger) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.free)
	l.free = make(chan struct{})
}

// calls are the arrivals of a policy, for a tenant, or for all: "".
func (l *ledger) calls(policy, tenant string) (found []arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.arrivals {
		if a.policy == policy && (tenant == "" || a.tenant == tenant) {
			found = append(found, a)
		}
	}
	return found
}

// of are the calls of one sidecar.
func of(sidecar int, calls []arrival) []arrival {
	return slices.DeleteFunc(slices.Clone(calls), func(a arrival) bool { return a.sidecar != sidecar })
}

// within are the calls that were sent, and came, between two times.
func within(from, to time.Duration, calls []arrival) []arrival {
	return slices.DeleteFunc(slices.Clone(calls), func(a arrival) bool { return a.sent < from || a.came > to })
}

// most is how many of the calls surely left in one span that is shorter than a window,
// wherever it lies: however long each took on its way, the first was sent, and the last
// came, within it. Where calls take no time this is the fullest span exactly.
func most(window time.Duration, calls []arrival) (fullest int) {
	sorted := slices.SortedFunc(slices.Values(calls), func(a, b arrival) int { return cmp.Compare(a.sent, b.sent) })
	for i, first := range sorted {
		n := 0
		for _, a := range sorted[i:] {
			if a.sent >= first.sent+window {
				break
			}
			if a.came < first.sent+window {
				n++
			}
		}
		fullest = max(fullest, n)
	}
	return fullest
}

// read empties and closes a body, and gives it.
func read(body io.ReadCloser) (string, error) {
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}
