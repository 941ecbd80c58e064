//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// loadCalls are made over loadBots connections.
	loadCalls = 2_000
	loadBots  = 16

	// spansPerCall are the SERVER span and that of its one attempt.
	spansPerCall = 2

	// spanQueue is how many spans may wait for a collector in these tests.
	spanQueue = 64

	// exportTimeout is how long OpenTelemetry waits for a collector by itself:
	// no call and no reload may take nearly as long. A reload or a stop gives
	// the collector 3 s; what is more is for a machine that is busy.
	exportTimeout = 10 * time.Second
	callBound     = exportTimeout / 5
	stopBound     = exportTimeout * 8 / 10

	// collectorPassword is in the collector's address.
	collectorPassword = "collector-credential-31337"
)

// loadedCaddyfile has what a call needs to make two spans.
const loadedCaddyfile = `{
	admin 127.0.0.1:ADMIN
	persist_config off
	signpost {
		TRACE
		plan default {
			rate_limit off
		}
		policy store STORE {
			operation order GET "/orders/{{number}}" {
				extract status $.status
				hint shipped vars.status == "shipped"
			}
		}
	}
}
:PORT {
	bind 127.0.0.1
	metrics /metrics
	signpost
}
`

// loaded is a gateway under load.
type loaded struct {
	gateway
	admin  string
	config string
	client *http.Client
	calls  atomic.Int64 // that were begun
}

// startLoaded runs a gateway that sends its spans to c, or makes none without it.
// That it ends in time, whatever the collector does, is tested when the test ends.
func startLoaded(t *testing.T, c *collector) *loaded {
	t.Helper()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"status":"shipped"}`)
	}))
	t.Cleanup(store.Close)
	trace := ""
	if c != nil {
		trace = "trace {\nendpoint " + strings.Replace(c.url, "://", "://signpost:"+collectorPassword+"@", 1) + "\n}"
	}
	port, admin := freePort(t), freePort(t)
	config := strings.NewReplacer("TRACE", trace, "STORE", store.URL, "PORT", port, "ADMIN", admin).Replace(loadedCaddyfile)
	var ending time.Time
	t.Cleanup(func() {
		if took := time.Since(ending); !ending.IsZero() && took > stopBound {
			t.Errorf("the gateway ended after %s, want at most %s", took, stopBound)
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: loadBots, MaxConnsPerHost: loadBots}
	client := &http.Client{Transport: transport, Timeout: exportTimeout}
	g := &loaded{admin: admin, config: config, client: client}
	g.gateway = start(t, []byte(config), port, "OTEL_BSP_SCHEDULE_DELAY=20",
		"OTEL_BSP_MAX_QUEUE_SIZE="+strconv.Itoa(spanQueue), "OTEL_BSP_MAX_EXPORT_BATCH_SIZE="+strconv.Itoa(spanQueue/2))
	t.Cleanup(func() { transport.CloseIdleConnections(); ending = time.Now() })
	return g
}

// call makes one call, and says what is wrong with its answer. While
// configurations change, net/http closes connections on which a request has just
// come that nobody looked at; it is sent again (RFC 9110, section 9.2.2).
func (g *loaded) call(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/store/orders/1", nil)
	if err != nil {
		return err
	}
	g.calls.Add(1)
	resp, err := g.client.Do(req)
	for tries := 0; tries < 3 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)); tries++ {
		resp, err = g.client.Do(req)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if route := resp.Header.Get("Signpost-Route"); resp.StatusCode != http.StatusOK || route != "shipped" {
		return fmt.Errorf("got %d with the route %q: %s", resp.StatusCode, route, resp.Header.Get("Signpost-Reason"))
	}
	return nil
}

// load makes n calls, which must all succeed, and gives how long each took, the
// quickest first. A bot whose call fails makes no more.
func (g *loaded) load(t *testing.T, n int) []time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	var next atomic.Int64
	var bots sync.WaitGroup
	for range loadBots {
		bots.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				began := time.Now()
				if err := g.call(t.Context()); err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	bots.Wait()
	slices.Sort(took)
	return took
}

// spansDropped matches the metric of spans that were not exported.
var spansDropped = regexp.MustCompile(`(?m)^signpost_spans_dropped_total\{reason="(\w+)"\} (\S+)$`)

// dropped reads from the metrics how many spans were not exported, and how many
// of them because their configuration ended.
func (g *loaded) dropped(t *testing.T) (all, ended int64) {
	t.Helper()
	status, body, err := fetch(t, g.url+"/metrics")
	if err != nil || status != http.StatusOK {
		t.Fatalf("reading the metrics: %d, %v", status, err)
	}
	for _, found := range spansDropped.FindAllSubmatch(body, -1) {
		n, err := strconv.ParseFloat(string(found[2]), 64)
		if err != nil {
			t.Fatalf("reading the metrics: %v", err)
		}
		all += int64(n)
		if string(found[1]) == "shutdown" {
			ended = int64(n)
		}
	}
	if bytes.Contains(body, []byte(collectorPassword)) {
		t.Error("the metrics hold the collector's password")
	}
	return all, ended
}

// account waits until at least so many spans were exported or counted as
// dropped, and tests that it was not more than were made.
func (g *loaded) account(t *testing.T, c *collector, atLeast int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		accepted := c.accepted.Load()
		dropped, _ := g.dropped(t)
		made := g.calls.Load() * spansPerCall
		if accepted+dropped > made {
			t.Fatalf("%d spans were exported and %d dropped of %d", accepted, dropped, made)
		}
		if accepted+dropped >= atLeast {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d spans %d were exported and %d are counted as dropped, want %d of either: at most %d may wait",
				made, accepted, dropped, atLeast, spanQueue)
		}
	}
}

// reload loads the configuration once more, which ends the one that runs, and
// gives how long that took. Bots call meanwhile.
func (g *loaded) reload(t *testing.T) time.Duration {
	t.Helper()
	over, stop := context.WithCancel(t.Context())
	var bots sync.WaitGroup
	for range 2 {
		bots.Go(func() {
			for over.Err() == nil {
				if err := g.call(t.Context()); err != nil {
					t.Errorf("a call during a reload: %v", err)
					return
				}
			}
		})
	}
	defer bots.Wait()
	defer stop()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+g.admin+"/load", strings.NewReader(g.config))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/caddyfile")
	req.Header.Set("Cache-Control", "must-revalidate") // Although nothing has changed.
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("reloading: %v", err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("reloading: %s: %s", resp.Status, text)
	}
	return time.Since(began)
}

func TestACollectorThatIsDownSlowOrFullCostsNoCallAnything(t *testing.T) {
	t.Run("no collector", func(t *testing.T) { // For comparison.
		report(t, startLoaded(t, nil).load(t, loadCalls))
	})
	for name, kind := range collectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c collector
			kind.start(t, &c)
			g := startLoaded(t, &c)

			// The export is under way, and stays so, when the load begins.
			if err := g.call(t.Context()); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(patience); kind.holds && c.reached.Load() == 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("no span is sent to the collector")
				}
			}
			took := g.load(t, loadCalls)
			report(t, took)
			if late := took[len(took)*99/100]; late > callBound {
				t.Errorf("one call in a hundred takes %s, want none to wait for the collector", late)
			}
			made := g.calls.Load() * spansPerCall
			g.account(t, &c, made-spanQueue)
			if name != "well" && c.accepted.Load() > 0 {
				t.Errorf("the collector took %d spans, want none", c.accepted.Load())
			}

			// What still waits is given up, and counted, when its configuration ends.
			if length := g.reload(t); length > stopBound {
				t.Errorf("a reload takes %s, want at most %s", length, stopBound)
			} else {
				t.Logf("a reload takes %s", length)
			}
			g.account(t, &c, made)
			if _, ended := g.dropped(t); kind.holds && ended == 0 {
				t.Error("no span is counted as dropped because its configuration ended")
			}
			g.load(t, loadCalls/20) // So that spans wait when the gateway ends.
			log := g.log.String()
			if strings.Contains(log, collectorPassword) {
				t.Error("the log holds the collector's password")
			}
			if lines := strings.Count(log, `"exporting spans"`); lines > 2 {
				t.Errorf("the log tells %d times of spans that were not exported, want once a minute for each configuration", lines)
			}
		})
	}
}

// report logs how long calls took.
func report(t *testing.T, took []time.Duration) {
	t.Logf("%d calls took %s in the middle, %s with one in a hundred later, %s at most",
		len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}
