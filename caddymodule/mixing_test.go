package caddymodule_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// mixingStore answers with what it was asked, in the way that the path says.
func mixingStore(t testing.TB) string {
	t.Helper()
	var seen sync.Map
	return thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		kind, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		w.Header().Set("Content-Type", "application/json")
		switch kind {
		case "down":
			w.WriteHeader(500)
		case "hang", "gone":
			<-r.Context().Done()
		case "again":
			if _, again := seen.LoadOrStore(id, true); !again {
				w.WriteHeader(503)
				return
			}
			fallthrough
		default:
			fmt.Fprintf(w, `{"id":"%s","body":"%s","pad":"%s"}`, id, body, strings.Repeat("x", len(id)*17%900))
		}
	}).URL
}

// mixed is one call of the kind, and what its answer must say. The id is in
// everything, so that nothing of another call can pass for it.
func (s *sidecar) mixed(ctx context.Context, kind, id string) error {
	method, body := http.MethodGet, ""
	if kind == "again" {
		method, body = http.MethodPut, strings.Repeat(id, 1+len(id)%5)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if kind == "gone" {
		time.AfterFunc(5*time.Millisecond, cancel)
	}
	path, timeout := kind+"/"+id, "20s"
	if kind == "hang" {
		timeout = "30ms"
	}
	a, err := s.do(ctx, method, "/store/"+path+"?q="+id, body, "X-Tenant-ID", "t-"+id, "Signpost-Timeout", timeout)
	if kind == "gone" {
		return nil // Its answer is nobody's business.
	}
	if err != nil {
		return err
	}
	want := map[string]string{"Signpost-Var-Id": id, "Signpost-Route": "mine", "Signpost-Outcome": "success", "Signpost-Fallback": ""}
	switch kind {
	case "down", "hang":
		want = map[string]string{"Signpost-Var-Id": "", "Signpost-Fallback": "static", "Signpost-Next": "continue"}
		body = "sorry " + id
	default:
		body = `"id":"` + id + `","body":"` + body + `"`
	}
	for name, value := range want {
		if got := a.Header.Get(name); got != value {
			return fmt.Errorf("%s: %s is %q, want %q", path, name, got, value)
		}
	}
	if !strings.Contains(a.body, body) {
		return fmt.Errorf("%s: the body %q lacks %q", path, a.body, body)
	}
	return nil
}

func TestCallsAtTheSameTimeNeverSeeEachOther(t *testing.T) {
	sink := sinkTraces(t)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16384")
	s := start(t, tracing(sink, "")+`policy store `+mixingStore(t)+` {
		timeout 20s
		breaker off
		retry 1 {
			backoff 1ms 1ms
		}
		extract id $.id
		operation any GET "/{{kind}}/{{id}}" {
			hint mine vars.id == input.id and tenant == "t-" + input.id and request.query.q == input.id
			fallback {
				respond 200 text/plain "sorry {{input.id}}"
			}
		}
		operation again PUT "/again/{{id}}" {
			hint mine vars.id == input.id and attempts == 2
		}
	}`)
	const bots, calls = 16, 24
	kinds := []string{"plain", "again", "down", "plain", "hang", "plain", "gone", "plain"}
	var all sync.WaitGroup
	for bot := range bots {
		all.Go(func() {
			for n := range calls {
				id := fmt.Sprintf("%d-%d%s", bot, n, strings.Repeat("z", (bot*7+n)%40))
				if err := s.mixed(t.Context(), kinds[(bot+n)%len(kinds)], id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	// The record of each call, too, is of that call alone.
	for told := 0; told < bots*calls*7/8; {
		server := sink.next()
		kind, id, _ := strings.Cut(strings.TrimPrefix(server.attributes["url.path"], "/store/"), "/")
		if kind != "gone" { // Of these, some went away before they had come.
			told++
		}
		if value, given := server.attributes["signpost.var.id"]; server.attributes["signpost.tenant"] != "t-"+id || given && value != id {
			t.Errorf("the span of %s has tenant %q and id %q", server.attributes["url.path"], server.attributes["signpost.tenant"], value)
		}
	}
}

// next waits for the next SERVER span, whosever it is.
func (k *traceSink) next() sunkSpan {
	k.t.Helper()
	bound := time.After(patience)
	for {
		select {
		case s := <-k.spans:
			if s.isCall() {
				return s
			}
		case <-bound:
			k.t.Fatalf("no further SERVER span within %s", patience)
		}
	}
}
