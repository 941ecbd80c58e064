package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// exported asks for calls, and gives the answer and the calls in it.
func (g *gate) exported(method, query string) (*httptest.ResponseRecorder, []map[string]any) {
	g.t.Helper()
	recorder := httptest.NewRecorder()
	g.handler.ServeHTTP(recorder, httptest.NewRequestWithContext(context.Background(), method, "/signpost/calls/export"+query, nil))
	var calls []map[string]any
	lines := bufio.NewScanner(strings.NewReader(recorder.Body.String()))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		call := make(map[string]any)
		if err := json.Unmarshal(lines.Bytes(), &call); err != nil {
			g.t.Fatalf("%s: line %d is no JSON: %v: %s", query, len(calls)+1, err, lines.Text())
		}
		calls = append(calls, call)
	}
	return recorder, calls
}

func TestAnExportIsOneWholeCallALineTheOldestFirst(t *testing.T) {
	g := open(t, store(), says(200, `{"order":{"status":"<b>shipped</b>"}}`))
	for _, path := range []string{"/orders/1", "/orders/2", "/else"} {
		g.bot("acme", path)
	}
	g.bot("globex", "/orders/3")
	for query, want := range map[string]string{
		"": "/orders/1 /orders/2 /else /orders/3", "?tenant=acme&policy=": "/orders/1 /orders/2 /else",
		"?operation=order_status": "/orders/1 /orders/2 /orders/3", "?operation=_none": "/else", "?outcome=timeout": "", "?failed=false&tenant=globex": "/orders/3",
	} {
		recorder, calls := g.exported(http.MethodGet, query)
		for name, value := range map[string]string{
			"Content-Type": "application/x-ndjson", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Disposition": `attachment; filename="calls.ndjson"`,
		} {
			if got := recorder.Header().Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", query, name, got, value)
			}
		}
		var paths []string
		for _, call := range calls {
			paths = append(paths, strings.TrimPrefix(call["path"].(string), "/store"))
		}
		if got := strings.Join(paths, " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	recorder, calls := g.exported(http.MethodGet, "")
	if strings.ContainsAny(recorder.Body.String(), "<>&") {
		t.Errorf("the export may pass for HTML: %s", recorder.Body)
	}
	id := calls[0]["id"].(string)
	whole, err := json.Marshal(calls[0])
	if err != nil {
		t.Fatal(err)
	}
	g.get("calls/"+id).want(t, string(whole))
}

func TestAnExportRefusesWhatTheListOfCallsRefuses(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	for query, status := range map[string]int{
		"?outcome=lost": 400, "?failed=maybe": 400, "?trace_id=1": 400, "?limit=1": 400, "?tenant=a&tenant=b": 400, "": 200,
	} {
		if recorder, _ := g.exported(http.MethodGet, query); recorder.Code != status {
			t.Errorf("%s: %d, want %d: %s", query, recorder.Code, status, recorder.Body)
		}
	}
	if recorder, _ := g.exported(http.MethodPost, ""); recorder.Code != http.StatusMethodNotAllowed || recorder.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", recorder.Code, recorder.Header().Get("Allow"))
	}
}

// brokenPipe is a client that goes away after the first line.
type brokenPipe struct {
	*httptest.ResponseRecorder
	writes int
}

// Write takes one line.
func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.writes++; b.writes > 1 {
		return 0, http.ErrHandlerTimeout
	}
	return b.ResponseRecorder.Write(p)
}

func TestAnExportThatNobodyReadsEndsAtOnce(t *testing.T) {
	spec := store()
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 50}
	g := open(t, spec, says(200, shipped))
	for range 50 {
		g.bot("globex", "/orders/1")
	}
	gone := &brokenPipe{ResponseRecorder: httptest.NewRecorder()}
	g.handler.ServeHTTP(gone, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/signpost/calls/export", nil))
	if gone.writes != 2 {
		t.Errorf("%d lines were written to somebody who is gone, want 2", gone.writes)
	}
}
