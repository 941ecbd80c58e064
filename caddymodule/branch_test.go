package caddymodule_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestHintsAreAskedOnEveryOutcome(t *testing.T) {
	url, _ := obeying(t)
	gone := thirdParty(t, nil)
	gone.Close()
	const hints = `
		hint busy outcome == "rate_limited"
		hint late outcome == "timeout" and status == 0 and not answered
		hint away outcome == "unreachable" and attempts == 1
		hint open outcome == "circuit_open" and attempts == 0
		hint refused outcome == "denied"
		hint garbled outcome == "bad_request"
		hint missing status == 404 and answered and not ok
		hint broken status >= 500
		hint fine ok
	`
	s := start(t, unlimited+`policy store `+url+` {
		methods GET
		breaker off
		rate_limit 6/h
		`+hints+`
	}
	policy gone `+gone.URL+` {
		breaker 1 consecutive
		`+hints+`
	}`)
	for _, tc := range []struct{ method, path, route string }{
		{"GET", "/store/200", "fine"},
		{"GET", "/store/404", "missing"},
		{"GET", "/store/503", "broken"},
		{"GET", "/store/hang", "late"},
		{"POST", "/store/200", "refused"},
		{"GET", "/store/%2e%2e/x", "garbled"},
		{"GET", "/gone/x", "away"},
		{"GET", "/gone/x", "open"},
		{"GET", "/store/200", "fine"},
		{"GET", "/store/200", "fine"},
		{"GET", "/store/200", "busy"},
	} {
		var header []string
		if tc.route == "late" {
			header = []string{"Signpost-Timeout", "50ms"}
		}
		a := s.send(tc.method, tc.path, "", header...)
		a.want(t, a.StatusCode, "Signpost-Route", tc.route, "Signpost-Next", "continue")
	}
}

func TestTheFirstHintThatHoldsNamesTheRouteAndTheOperationsComeFirst(t *testing.T) {
	s := start(t, unlimited+`policy store `+okParty(t)+` {
		hint policy_first ok
		hint policy_second ok
		otherwise policy_else
		operation order GET "/orders/{{number}}" {
			hint seven input.number == "7"
			hint eight input.number == "8"
		}
		operation other GET "/other/{{number}}" {
			otherwise operation_else
		}
	}`)
	for path, want := range map[string]string{
		"/store/orders/7": "seven", "/store/orders/8": "eight", "/store/orders/9": "policy_first", "/store/x": "policy_first",
	} {
		s.get(path).want(t, 200, "Signpost-Route", want)
	}
}

func TestOtherwiseNamesTheRouteWhereNoHintHolds(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, unlimited+`policy store `+url+` {
		hint never status == 999
		otherwise rest
		operation own GET "/own/{{status}}" {
			otherwise mine
		}
	}`)
	s.get("/store/200").want(t, 200, "Signpost-Route", "rest", "Signpost-Next", "continue")
	s.get("/store/500").want(t, 500, "Signpost-Route", "rest", "Signpost-Next", "continue")
	s.get("/store/own/404").want(t, 404, "Signpost-Route", "mine", "Signpost-Next", "continue")
}

func TestHintsReadAllThatTheContractNames(t *testing.T) {
	party := thirdParty(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Order-State", "Late")
		w.Header().Add("X-Many", "a")
		w.Header().Add("X-Many", "b")
		io.WriteString(w, `{"order":{"status":"shipped","lines":[{"n":1},{"n":5}],"note":null}}`)
	})
	for _, condition := range []string{
		`status == 200`, `outcome == "success"`, `ok`, `answered`, `attempts == 1`, `latency_ms >= 0 and latency_ms < 60000`,
		`vars.status == "shipped"`, `body.order.status == "shipped"`, `len(body.order.lines) == 2`, `text contains "shipped"`,
		`headers["x-order-state"] == "Late"`, `headers["x-many"] == "a, b"`, `headers["x-none"] == nil`,
		`tenant == "acme"`, `plan == "gold"`, `input.number == "7"`,
		`request.method == "GET"`, `request.path == "/orders/7"`, `request.query.lang == "de"`, `request.headers["x-channel"] == "web"`,
		`exists("$.order")`, `not exists("$.orders")`, `exists("$.order.note")`, `path("$.order.status") == "shipped"`,
		`path("$.order.lines[1].n") > 4`, `path("$.none") == nil`, `path("$.order.lines[*].n") == [1, 5]`,
	} {
		t.Run(condition, func(t *testing.T) {
			s := start(t, `plan gold {
				rate_limit off
				tenants acme
			}
			policy store `+party.URL+` {
				extract status $.order.status
				operation order GET "/orders/{{number}}" {
					hint holds `+"`"+condition+"`"+`
				}
			}`)
			a := s.get("/store/orders/7?lang=de&x=1", "X-Tenant-ID", "acme", "X-Channel", "web")
			a.want(t, 200, "Signpost-Route", "holds")
		})
	}
}

func TestAHintThatCannotBeEvaluatedDoesNotHoldAndIsCounted(t *testing.T) {
	name := fresh("unsure")
	s := startSite(t, unlimited+"policy "+name+" "+saying(t, "application/json", `{"eta":null}`)+` {
		extract eta $.eta
		hint soon vars.eta < 3
		hint later true
	}`, "metrics /metrics\nsignpost")
	for range 2 {
		s.get("/"+name+"/x").want(t, 200, "Signpost-Route", "later")
	}
	line := `signpost_hint_errors_total{operation="",policy="` + name + `",route="soon"} 2`
	if page := s.get("/metrics").body; !strings.Contains(page, line+"\n") {
		t.Errorf("the metrics lack %s", line)
	}
}

func TestHintsReadTheDefaultsOfVariablesWhereThereIsNoAnswer(t *testing.T) {
	gone := thirdParty(t, nil)
	gone.Close()
	s := start(t, unlimited+`policy store `+gone.URL+` {
		extract eta $.eta default "unknown"
		extract number $.number
		hint blind vars.eta == "unknown" and vars.number == nil and body == nil
	}`)
	s.get("/store/x").want(t, 502, "Signpost-Route", "blind", "Signpost-Var-Eta", "unknown", "Signpost-Var-Number", "")
}
