package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// echoParty answers with method, escaped path and query in JSON.
func echoParty(t testing.TB) string {
	t.Helper()
	return thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"method": r.Method, "path": r.URL.EscapedPath(), "query": r.URL.RawQuery})
	}).URL
}

// saying is a party that answers 200 with a fixed body.
func saying(t testing.TB, kind, body string) string {
	t.Helper()
	return thirdParty(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}).URL
}

func TestMethodsThatThePolicyDoesNotNameAreDenied(t *testing.T) {
	s := start(t, unlimited+"policy store "+echoParty(t)+" {\nmethods GET POST\n}")
	s.get("/store/x").want(t, 200, "Allow", "")
	s.send("POST", "/store/x", "{}").want(t, 200)
	for _, method := range []string{"PUT", "HEAD", "OPTIONS", "PURGE"} {
		s.send(method, "/store/x", "").want(t, 405, "Allow", "GET, POST", "Signpost-Outcome", "denied", "Signpost-Route", "error",
			"Signpost-Next", "stop")
	}
}

func TestOperationsOnlyLetsNothingElseThrough(t *testing.T) {
	s := start(t, unlimited+`policy store `+echoParty(t)+`/v2 {
		operations_only
		operation order GET "/orders/{{number}}"
	}`)
	s.get("/store/orders/7").want(t, 200, "Signpost-Policy", "store.order")
	for method, path := range map[string]string{"GET": "/store/customers/7", "DELETE": "/store/orders/7", "PUT": "/store/orders/7/x", "POST": "/store"} {
		s.send(method, path, "").want(t, 403, "Signpost-Outcome", "denied", "Signpost-Policy", "store",
			"Signpost-Reason", "No operation of the policy allows this call.")
	}
	s.get("/store/orders/a%2Fb").want(t, 200, "Signpost-Policy", "store.order") // One segment.
	s.get("/store/orders/../customers").want(t, 400, "Signpost-Outcome", "bad_request")
}

func TestTheMostSpecificTemplateWinsAndThePathGoesOutAsItCame(t *testing.T) {
	s := start(t, unlimited+`policy store `+echoParty(t)+`/v2 {
		extract path $.path
		operation any GET "/orders/{{number}}"
		operation latest GET /orders/latest
		operation lines GET "/orders/{{number}}/lines"
		operation line GET "/orders/{{number}}/lines/{{line}}" {
			hint second input.line == "2" and input.number == "a/b"
		}
		operation cancel DELETE "/orders/{{number}}"
	}`)
	for _, tc := range []struct{ method, path, policy string }{
		{"GET", "/orders/7", "store.any"},
		{"GET", "/orders/latest", "store.latest"},
		{"GET", "/orders/7/lines", "store.lines"},
		{"GET", "/orders/latest/lines", "store.lines"},
		{"GET", "/orders/7/lines/2", "store.line"},
		{"DELETE", "/orders/latest", "store.cancel"},
		{"GET", "/orders", "store"},
		{"GET", "/orders/7/", "store"},
		{"PUT", "/orders/7", "store"},
		{"GET", "/orders/a%2Fb", "store.any"},
		{"GET", "/orders/a%20b;c=1", "store.any"},
	} {
		a := s.send(tc.method, "/store"+tc.path, "")
		a.want(t, 200, "Signpost-Policy", tc.policy)
		if got, err := url.PathUnescape(a.Header.Get("Signpost-Var-Path")); err != nil || got != "/v2"+tc.path {
			t.Errorf("%s %s went out to %q (%v), want %q", tc.method, tc.path, got, err, "/v2"+tc.path)
		}
	}
	s.get("/store/orders/a%2Fb/lines/2").want(t, 200, "Signpost-Route", "second")
}

func TestExtractedValuesStandInHeadersAsTheContractSays(t *testing.T) {
	url := saying(t, "application/json", `{
		"text": "shipped", "blank": "", "umlaut": "Zürich 100%", "lines": "a\nb", "edge": " x ",
		"whole": 42, "broken": 1.50, "big": 12345678901234567890, "yes": true, "none": null,
		"list": [1, "two", {"three": 3}], "object": {"b": 1, "a": [ ]}, "rows": [{"id": 1}, {"id": 2}, {}]
	}`)
	s := start(t, unlimited+`policy store `+url+` {
		extract text $.text
		extract blank $.blank
		extract umlaut $.umlaut
		extract lines $.lines
		extract edge $.edge
		extract whole $.whole
		extract broken $.broken
		extract big $.big
		extract yes $.yes
		extract none $.none default "unused"
		extract list $.list
		extract second $.list[1]
		extract last $.list[-1]
		extract object $.object
		extract order_ids $.rows[*].id
		extract nothing_found $.rows[*].name default `+"`[]`"+`
		extract missing $.missing
		extract absent $.missing.deeper default "unknown"
		extract number $.missing default 7
		hint null_is_found vars.none == nil and vars.text == "shipped"
	}`)
	a := s.get("/store/x")
	a.want(t, 200, "Signpost-Route", "null_is_found", "Signpost-Omitted", "", "Signpost-Var-Missing", "",
		"Signpost-Var-Text", "shipped", "Signpost-Var-Umlaut", "Z%C3%BCrich 100%25", "Signpost-Var-Lines", "a%0Ab",
		"Signpost-Var-Edge", "%20x%20", "Signpost-Var-Whole", "42", "Signpost-Var-Yes", "true", "Signpost-Var-None", "null",
		"Signpost-Var-Big", "12345678901234567890", "Signpost-Var-Broken", "1.50",
		"Signpost-Var-List", `[1,"two",{"three":3}]`, "Signpost-Var-Second", "two", "Signpost-Var-Last", `{"three":3}`,
		"Signpost-Var-Object", `{"b":1,"a":[]}`, "Signpost-Var-Order-Ids", "[1,2]", "Signpost-Var-Nothing-Found", "[]",
		"Signpost-Var-Absent", "unknown", "Signpost-Var-Number", "7")
	if got, found := a.Header["Signpost-Var-Blank"]; !found || got[0] != "" {
		t.Errorf("an empty text has the header %q, want one that is empty", got)
	}
}

func TestVariablesThatAreTooLargeAreNamedRatherThanCut(t *testing.T) {
	document := map[string]string{"fits": strings.Repeat("x", 1024), "over": strings.Repeat("x", 1025), "spread": strings.Repeat("ü", 171)}
	var extracts strings.Builder
	for i := range 9 {
		document[fmt.Sprint("part", i)] = strings.Repeat("y", 1000)
		fmt.Fprintf(&extracts, "extract part%d $.part%d\n", i, i)
	}
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	party := saying(t, "application/json", string(body))
	s := start(t, unlimited+`policy one `+party+` {
		extract over $.over
		extract fits $.fits
		extract spread $.spread
		hint whole len(vars.over) == 1025
	}
	policy many `+party+` {
		`+extracts.String()+`
	}`)
	a := s.get("/one/x")
	a.want(t, 200, "Signpost-Omitted", "over, spread", "Signpost-Var-Over", "", "Signpost-Var-Fits", document["fits"],
		"Signpost-Var-Spread", "", "Signpost-Route", "whole")
	if a.body != string(body) {
		t.Error("the body is not the third party's")
	}
	s.get("/many/x").want(t, 200, "Signpost-Omitted", "part8", "Signpost-Var-Part8", "", "Signpost-Var-Part7", document["part7"])
}

func TestAnAnswerThatCannotBeMappedSaysWhyAndIsPassedOnWhole(t *testing.T) {
	large := `{"status":"` + strings.Repeat("x", 5000) + `"}`
	for name, tc := range map[string]struct{ kind, body, outcome, reason string }{
		"html":               {"text/html", "<p>", "unmappable", "Response Mapping Not Done, Only JSON can be mapped as Response"},
		"broken":             {"application/json", `{"status":"x"`, "unmappable", "Response Mapping Not Done, Only JSON can be mapped as Response"},
		"empty":              {"application/json", "", "unmappable", "Response Mapping Not Done, Only JSON can be mapped as Response"},
		"too large":          {"application/json", large, "unmappable", "Response Mapping Not Done, the answer is larger than 4KiB"},
		"without required":   {"application/json", `{"ok":true}`, "unmappable", "Response Mapping Not Done, the answer lacks the required variable status"},
		"mislabelled":        {"text/plain", `{"status":"x"}`, "success", ""},
		"+json":              {"application/problem+json", `{"status":"x"}`, "success", ""},
		"required, but null": {"application/json", `{"status":null}`, "success", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, unlimited+"policy store "+saying(t, tc.kind, tc.body)+" {\npeek 4KiB\nextract status $.status required\n}")
			a := s.get("/store/x")
			a.want(t, 200, "Signpost-Outcome", tc.outcome, "Signpost-Reason", tc.reason, "Content-Type", tc.kind)
			if a.body != tc.body {
				t.Errorf("the body has %d bytes, want the third party's %d", len(a.body), len(tc.body))
			}
		})
	}
}

func TestAnAnswerThatNothingReadsIsNeverUnmappable(t *testing.T) {
	s := start(t, unlimited+"policy store "+saying(t, "text/html", "<p>")+" {\nhint fine status == 200\n}")
	s.get("/store/x").want(t, 200, "Signpost-Outcome", "success", "Signpost-Route", "fine")
}

func TestSuccessIsAskedBeforeRequiredVariables(t *testing.T) {
	s := start(t, unlimited+`policy store `+saying(t, "application/json", `{"ok":false,"error":"no such order"}`)+` {
		extract fine $.ok
		extract problem $.error default "none"
		extract status $.status required
		success vars.fine
		hint unknown outcome == "rejected" and vars.problem contains "no such"
	}
	policy plain `+saying(t, "application/json", `{"ok":false}`)+` {
		success body.ok == true
	}`)
	s.get("/store/x").want(t, 200, "Signpost-Outcome", "rejected", "Signpost-Route", "unknown", "Signpost-Next", "continue",
		"Signpost-Var-Problem", "no such order", "Proxy-Status", "")
	s.get("/plain/x").want(t, 200, "Signpost-Outcome", "rejected", "Signpost-Route", "failure", "Signpost-Next", "stop")
}
