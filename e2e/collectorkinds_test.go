//go:build e2e

package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is a place for spans that may not be up to it.
type collector struct {
	url      string
	reached  atomic.Int64 // connections
	accepted atomic.Int64 // spans that it took
}

// collectors tells how a collector can be. Those that hold an export never end
// it by themselves.
var collectors = map[string]struct {
	start func(*testing.T, *collector)
	holds bool
}{
	"well":                    {start: collectsAll},
	"down":                    {start: collectsNowhere},
	"silent":                  {start: collectsSilently, holds: true},
	"silent over gRPC":        {start: collectsSilentlyOverGRPC, holds: true},
	"reading slowly":          {start: collectsSlowly, holds: true},
	"answering without end":   {start: collectsWithoutEnd, holds: true},
	"full, says 503":          {start: collectsNothing(http.StatusServiceUnavailable, "1")},
	"full, says 429":          {start: collectsNothing(http.StatusTooManyRequests, "1")},
	"full, to come back late": {start: collectsNothing(http.StatusServiceUnavailable, "3600")},
	"unwilling":               {start: collectsNothing(http.StatusForbidden, "")},
}

func collectsAll(t *testing.T, c *collector) {
	c.serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var batch collectorpb.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &batch)
		}
		if err != nil {
			t.Errorf("reading spans: %v", err)
		}
		for _, resource := range batch.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.accepted.Add(int64(len(scope.GetSpans())))
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
}

func collectsNowhere(t *testing.T, c *collector) { c.url = "http://127.0.0.1:" + freePort(t) }

func collectsSilently(t *testing.T, c *collector) {
	c.accept(t, func(_ net.Conn, over <-chan struct{}) { <-over })
}

func collectsSilentlyOverGRPC(t *testing.T, c *collector) {
	collectsSilently(t, c)
	c.url = strings.Replace(c.url, "http:", "grpc:", 1)
}

func collectsSlowly(t *testing.T, c *collector) {
	c.accept(t, func(conn net.Conn, over <-chan struct{}) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for one := make([]byte, 1); ; {
			select {
			case <-over:
				return
			case <-tick.C:
				if _, err := conn.Read(one); err != nil {
					return
				}
			}
		}
	})
}

func collectsWithoutEnd(t *testing.T, c *collector) {
	c.serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
}

// collectsNothing refuses with a status and, where it is not empty, Retry-After.
func collectsNothing(status int, retryAfter string) func(*testing.T, *collector) {
	return func(t *testing.T, c *collector) {
		c.serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(status)
		})
	}
}

// serve answers with a handler until the test ends.
func (c *collector) serve(t *testing.T, handle http.HandlerFunc) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.reached.Add(1)
		handle(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	c.url = server.URL
}

// accept takes connections until the test has ended, and the gateway with it.
// Each is closed when treat returns.
func (c *collector) accept(t *testing.T, treat func(conn net.Conn, over <-chan struct{})) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() { close(over); listener.Close() })
	c.url = "http://" + listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.reached.Add(1)
			go func() {
				defer conn.Close()
				treat(conn, over)
			}()
		}
	}()
}
