package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

// repeated gives one call of the log many times, each with an id and a time of its
// own, and never holds more than one of them.
type repeated struct {
	line  map[string]any
	left  int
	at    time.Time
	ready bytes.Buffer
}

// manyCalls repeats a call with an answer of 1 KiB.
func manyCalls(tb testing.TB, n int) (io.Reader, policy.Spec) {
	tb.Helper()
	w := newWorld(tb, storeSpec(thirdParty(tb).URL))
	w.bot("GET /store/orders/shipped", "X-Tenant-ID: acme", "User-Agent: bot/1.0", "Accept: application/json")
	line := make(map[string]any)
	if err := json.Unmarshal(w.log.Bytes(), &line); err != nil {
		tb.Fatal(err)
	}
	body := fmt.Sprintf(`{"order":{"status":"shipped","note":%q}}`, strings.Repeat("x", 1000))
	for _, answer := range []string{"received", "response"} {
		line[answer].(map[string]any)["body"] = body
		line[answer].(map[string]any)["body_bytes"] = len(body)
	}
	line["vars"] = []any{map[string]any{"name": "status", "value": "shipped"}, map[string]any{"name": "eta", "value": "unknown"}}
	return &repeated{line: line, left: n, at: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}, w.spec
}

// Read gives the next bytes.
func (r *repeated) Read(p []byte) (int, error) {
	for r.ready.Len() == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.line["id"], r.line["time"] = fmt.Sprintf("%016x", r.left), r.at.Format("2006-01-02T15:04:05.000Z07:00")
		r.left, r.at = r.left-1, r.at.Add(7*time.Millisecond)
		if err := json.NewEncoder(&r.ready).Encode(r.line); err != nil {
			return 0, err
		}
	}
	return r.ready.Read(p)
}

func BenchmarkReplay(b *testing.B) {
	const calls = 1000
	from, spec := manyCalls(b, calls)
	text, err := io.ReadAll(from)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r, err := replay.Run(&spec, replay.Options{}, replay.Input{Name: "calls", From: bytes.NewReader(text)})
		if err != nil || r.Same != calls {
			b.Fatalf("%v: %+v", err, r)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*calls), "µs/call")
}
