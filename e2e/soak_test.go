//go:build soak

package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var soakTime = flag.Duration("soak", 2*time.Minute, "how long the gateway is under load")

const (
	// soakBots call at the same time.
	soakBots = 32

	// soakTenants is how many tenants the bots work for.
	soakTenants = 20_000
)

// soakCaddyfile has everything on that holds something for the time of a call:
// limits, breaker, retries, stale answers, mapping.
const soakCaddyfile = `{
	admin 127.0.0.1:{$ADMIN}
	persist_config off
	signpost {
		plan default {
			rate_limit 600/m
			concurrency 20
		}
		policy store {$STORE} {
			record 200 bodies 64KiB redact $.order.card
			timeout 300ms
			breaker 50% of 20 in 1s {
				open 200ms
			}
			retry 1 {
				backoff 5ms 20ms
			}
			fallback {
				stale 1m
				respond 200 text/plain "later"
			}
			operation order GET "/orders/{{kind}}" {
				extract status $.order.status
				hint shipped vars.status == "shipped"
			}
		}
	}
}

:{$PORT} {
	bind 127.0.0.1
	signpost
}
`

// kinds are the orders that the bots ask for, and what each makes the store do.
var kinds = map[string]http.HandlerFunc{
	"fine": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"order":{"status":"shipped"}}`)
	},
	"large": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"order":{"status":"`+strings.Repeat("x", 64<<10)+`"}}`)
	},
	"broken":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	"missing": http.NotFound,
	"hanging": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"cut": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"order":`)
		panic(http.ErrAbortHandler)
	},
}

// newSoakStore is a third party that does what the order asks for.
func newSoakStore(t *testing.T) *httptest.Server {
	t.Helper()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kinds[strings.TrimPrefix(r.URL.Path, "/orders/")](w, r)
	}))
	t.Cleanup(func() {
		store.CloseClientConnections()
		store.Close()
	})
	return store
}

func TestSoakLeaksNothingAndAlwaysNamesABranch(t *testing.T) {
	store, port, admin := newSoakStore(t), freePort(t), freePort(t)
	g := start(t, []byte(soakCaddyfile), port, "PORT="+port, "ADMIN="+admin, "STORE="+store.URL)

	// What a third of the time has filled is the measure for the rest.
	g.soak(t, *soakTime/3)
	goroutines, heap := measure(t, admin)
	g.soak(t, *soakTime-*soakTime/3)
	goroutinesAfter, heapAfter := measure(t, admin)

	t.Logf("goroutines: %d, then %d; heap: %d KiB, then %d KiB", goroutines, goroutinesAfter, heap>>10, heapAfter>>10)
	if goroutinesAfter > goroutines+goroutineSlack {
		t.Errorf("%d goroutines became %d", goroutines, goroutinesAfter)
	}
	if heapAfter > heap+heap/2+heapSlack {
		t.Errorf("%d KiB of heap became %d KiB", heap>>10, heapAfter>>10)
	}
}

// soak loads the gateway. One bot in ten hangs up before it has its answer.
func (g gateway) soak(t *testing.T, length time.Duration) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: soakBots}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var bots sync.WaitGroup
	var calls, wrong atomic.Int64
	for range soakBots {
		bots.Go(func() {
			for ctx.Err() == nil {
				calls.Add(1)
				if err := g.soakCall(ctx, transport); err != nil && ctx.Err() == nil && wrong.Add(1) <= 10 {
					t.Error(err)
				}
			}
		})
	}
	bots.Wait()
	t.Logf("%d calls in %s, %d with a wrong answer", calls.Load(), length, wrong.Load())
}

// soakCall makes one call and says what is wrong with its answer.
func (g gateway) soakCall(ctx context.Context, transport http.RoundTripper) error {
	impatient := rand.IntN(10) == 0
	if impatient {
		short, cancel := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(50*time.Millisecond))))
		defer cancel()
		ctx = short
	}
	kind := randomKind()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/store/orders/"+kind, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Tenant-ID", "tenant-"+strconv.Itoa(rand.IntN(soakTenants)))
	resp, err := transport.RoundTrip(req)
	if impatient && err != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // The third party may cut it short.
	for _, name := range []string{"Signpost-Route", "Signpost-Outcome", "Signpost-Next"} {
		if values := resp.Header.Values(name); len(values) != 1 || values[0] == "" {
			return fmt.Errorf("%s: %s is %q, want one value", kind, name, values)
		}
	}
	if outcome := resp.Header.Get("Signpost-Outcome"); outcome == "internal" {
		return fmt.Errorf("%s: the gateway failed: %s", kind, resp.Header.Get("Signpost-Reason"))
	}
	return nil
}

// randomKind is mostly fine, so that the breaker closes again.
func randomKind() string {
	if rand.IntN(4) > 0 {
		return "fine"
	}
	for kind := range kinds { // In no particular order.
		return kind
	}
	return ""
}
