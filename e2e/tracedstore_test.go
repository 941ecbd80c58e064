//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// tracedSecret looks different in every encoding, and tracedBotKey is what
	// the bot itself sends: neither may be in a trace.
	tracedSecret = "jaeger/secret+4711=sesame?open"
	tracedBotKey = "bot-credential-0815"

	// slowCall is how long a call takes that `keep slow` keeps.
	slowCall = time.Second
)

// tracedPolicies are a Caddyfile in which each outcome can come about. TRACE is
// the inside of its block `trace`.
const tracedPolicies = `{
	admin off
	persist_config off
	signpost {
		trace {
			TRACE
		}
		plan gold {
			rate_limit off
			tenants acme
		}
		secrets env TRACED_
		policy store STORE/v2 {
			allow_private
			breaker off
			inject bearer {secret.token}
			inject query key {secret.token}
			operation order GET "/orders/{{order_number}}" {
				extract status $.status required
				extract items $.items
				extract echo $.echo
				success vars.status != "refused"
				hint known ` + "`request.headers[\"x-bot-key\"] == \"another\" or request.query[\"bot_key\"] == \"another\"`" + `
				hint leaked ` + "`text contains \"never there\" or headers[\"x-echo\"] == \"never there\"`" + `
				hint many ` + "`vars.items > 100 and status == 200`" + `
				hint shipped vars.status == "shipped"
				hint unasked vars.status == "shipped"
			}
		}
		policy login STORE {
			allow_private
			inject basic acme {secret.token}
			propagate trace
			extract echo $.echo
		}
		policy patient STORE {
			allow_private
			retry 2 {
				backoff 1ms 2ms
			}
		}
		policy backed STORE {
			allow_private
			fallback {
				respond 200 text/plain "later"
			}
		}
		policy limited STORE {
			allow_private
			methods GET
			rate_limit 1/h
		}
		policy narrow STORE {
			allow_private
			concurrency 1
			timeout 20s
		}
		policy fragile STORE {
			allow_private
			breaker 1 consecutive
		}
		policy gone GONE
		policy guarded STORE
		policy broken STORE {
			inject bearer {secret.broken}
		}
	}
}
:PORT {
	bind 127.0.0.1
	signpost
}
`

// tracedStore is a third party that does what the last segment of the path says,
// and echoes the credentials that it got in every form that it knows.
func tracedStore(t *testing.T) (address string, entered <-chan struct{}) {
	t.Helper()
	hanging := make(chan struct{}, 16)
	var flaky atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		switch what {
		case "html":
			io.WriteString(w, "<p>hello</p>")
			return
		case "hang":
			hanging <- struct{}{}
			<-r.Context().Done()
			return
		case "half":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "{")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: one\n\n")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "slow":
			<-time.After(slowCall)
		}
		credentials := []string{
			r.Header.Get("Authorization"), url.Values{"key": r.URL.Query()["key"]}.Encode(), tracedSecret, url.QueryEscape(tracedSecret), url.PathEscape(tracedSecret),
			base64.StdEncoding.EncodeToString([]byte(tracedSecret)), base64.RawURLEncoding.EncodeToString([]byte(tracedSecret)),
		}
		w.Header()["X-Echo"] = credentials
		w.Header().Set("Content-Type", "application/json")
		if status, err := strconv.Atoi(what); err == nil {
			w.WriteHeader(status)
		} else if what == "flaky" && flaky.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		json.NewEncoder(w).Encode(map[string]any{
			"echo": credentials, "items": 7, "status": what, "traceparent": r.Header.Get("Traceparent")})
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	// A name: that it is on this machine counts only where a policy allows it.
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), hanging
}

// startTraced runs a gateway with the policies of tracedPolicies.
func startTraced(t *testing.T, trace string) (gateway, <-chan struct{}) {
	t.Helper()
	store, entered := tracedStore(t)
	port := freePort(t)
	config := strings.NewReplacer("TRACE\n", trace+"\n", "STORE", store, "GONE", "http://127.0.0.1:"+freePort(t), "PORT", port).Replace(tracedPolicies)
	return start(t, []byte(config), port, "OTEL_BSP_SCHEDULE_DELAY=50",
		"TRACED_TOKEN="+tracedSecret, "TRACED_BROKEN=two\nlines"), entered
}
