package policytest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

func TestAllThatAFileMaySayIsRead(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, folder, "Caddyfile", "")
	writeFile(t, folder, "order.json", `{"order":1}`)
	path := writeFile(t, folder, "store_test.yaml", `# What a person would write.
config: Caddyfile
adapter: caddyfile
policy: store
operation: order_status
tests:
  - name: a shipped order
    tenant: acme
    input: {number: 0012a, count: 12345678901234567890, at: 2026-11-20, late: yes, sure: True, none: null}
    given: {status: 201, headers: {x-count: 007, Retry-After: 5}, body: {b: 1.10, a: [~, "1"]}, after: 1.5s}
    expect:
      route: shipped
      next: continue
      outcome: success
      status: 201
      vars: {eta: unknown, count: 1.0}
      missing: [gone]
      body: {b: 1.1}
      fallback: none
      reason: ""
      headers: {content-type: application/json}
      attempts: 1
      sent: {method: GET, url: /orders/7, headers: {authorization: "Bearer {secret.store_token}"}, body: ""}
  - name: down, then up
    policy: crm
    operation: lookup
    steps:
      - repeat: 20
        given: [{outcome: timeout}, {outcome: incomplete, status: 206, body: half}]
        expect: {fallback: stale, sent: nothing}
      - wait: 1d
        given: {file: order.json}
        expect: {status: 200, body: text}
  - name: any path
    operation: null
    request: {method: POST, path: /a%2Fb, query: a=1, headers: {X-A: b}, body: [1]}
    given: {outcome: client_error}
    expect: {attempts: 0}
`)
	route, next, none, stale, reason, one, zero := "shipped", "continue", "none", "stale", "", 1, 0
	jsonHeader := map[string]string{"Content-Type": "application/json"}
	want := policytest.File{
		Path: path, Config: "Caddyfile", Adapter: "caddyfile", Policy: "store", Operation: "order_status",
		Tests: []policytest.Test{
			{Name: "a shipped order", Policy: "store", Operation: "order_status", Steps: []policytest.Step{{
				Repeat: 1, Tenant: "acme",
				Input: map[string]json.RawMessage{
					"number": []byte(`"0012a"`), "count": []byte("12345678901234567890"), "at": []byte(`"2026-11-20"`),
					"late": []byte(`"yes"`), "sure": []byte("true"), "none": []byte("null"),
				},
				Given: []policytest.Given{{
					Status: 201, Headers: map[string]string{"X-Count": "007", "Retry-After": "5", "Content-Type": "application/json"},
					Body: []byte(`{"b":1.10,"a":[null,"1"]}`), After: 1500 * time.Millisecond,
				}},
				Expect: policytest.Expect{
					Route: &route, Next: &next, Outcome: policy.Success, Status: 201, Fallback: &none, Reason: &reason, Attempts: &one,
					Vars:    map[string]json.RawMessage{"eta": []byte(`"unknown"`), "count": []byte("1.0")},
					Missing: []string{"gone"}, Body: &policytest.Body{JSON: []byte(`{"b":1.1}`)}, Headers: jsonHeader,
					Sent: &policytest.Sent{
						Method: "GET", URL: "/orders/7", Headers: map[string]string{"Authorization": "Bearer {secret.store_token}"}, Body: &policytest.Body{},
					},
				},
			}}},
			{Name: "down, then up", Policy: "crm", Operation: "lookup", Sequence: true, Steps: []policytest.Step{
				{
					Repeat: 20,
					Given:  []policytest.Given{{Outcome: policy.Timeout}, {Outcome: policy.Incomplete, Status: 206, Body: []byte("half")}},
					Expect: policytest.Expect{Fallback: &stale, Sent: &policytest.Sent{Nothing: true}},
				},
				{
					Repeat: 1, Wait: 24 * time.Hour,
					Given:  []policytest.Given{{File: "order.json", Body: []byte(`{"order":1}`), Headers: jsonHeader}},
					Expect: policytest.Expect{Status: 200, Body: &policytest.Body{Text: "text"}},
				},
			}},
			{Name: "any path", Policy: "store", Steps: []policytest.Step{{
				Repeat: 1,
				Request: &policytest.Request{
					Method: "POST", Path: "/a%2Fb", Query: "a=1", Body: []byte("[1]"),
					Headers: map[string]string{"X-A": "b", "Content-Type": "application/json"},
				},
				Given:  []policytest.Given{{Outcome: policy.ClientError}},
				Expect: policytest.Expect{Attempts: &zero},
			}}},
		},
	}
	got, err := policytest.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []struct {
		what string
		got  policy.Place
		line int
	}{
		{"the test", got.Tests[1].Place, 24}, {"its first step", got.Tests[1].Steps[0].Place, 28}, {"its expectation", got.Tests[1].Steps[0].Expect.Place, 30},
		{"what is given", got.Tests[1].Steps[1].Given[0].Place, 32}, {"a request", got.Tests[2].Steps[0].Request.Place, 36}, {"what is sent", got.Tests[0].Steps[0].Expect.Sent.Place, 23},
	} {
		if place.got != (policy.Place{File: path, Line: place.line}) {
			t.Errorf("%s stands at %v, want line %d", place.what, place.got, place.line)
		}
	}
	if forgetPlaces(got); !reflect.DeepEqual(*got, want) {
		t.Errorf("got\n%s\nwant\n%s", asJSON(t, got), asJSON(t, want))
	}
}

func TestAliasesStandForWhatTheyName(t *testing.T) {
	path := writeFile(t, t.TempDir(), "a_test.yaml", `policy: store
operation: o
tests:
  - name: a
    given: &down {status: 503, body: &body {a: 1}}
    expect: &error {route: error}
  - name: b
    given: *down
    expect: *error
  - name: c
    given: {body: [*body, *body]}
    expect: {body: *body}
`)
	f, err := policytest.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Tests[1].Steps[0]; got.Given[0].Status != 503 || string(got.Given[0].Body) != `{"a":1}` || *got.Expect.Route != "error" {
		t.Errorf("got %+v, want what the first test has", got)
	}
	if got := f.Tests[2].Steps[0]; string(got.Given[0].Body) != `[{"a":1},{"a":1}]` || string(got.Expect.Body.JSON) != `{"a":1}` {
		t.Errorf("got %s and %s, want the body twice and once", got.Given[0].Body, got.Expect.Body.JSON)
	}
}

func TestTheAnswerOfARecordedCallIsGiven(t *testing.T) {
	packed := "\x1f\x8b\x08rest"
	detail := func(received string) string {
		return `{"id":"0011223344556677","outcome":"success","further":1,"received":` + received + `}`
	}
	for name, c := range map[string]struct {
		recorded string
		want     policytest.Given
	}{
		"of the call log": {
			detail(`{"status":404,"headers":[["Content-Length","9"],["Content-Type","application/json"],["X-A","1"],["X-A","2"]],"body":"{\"a\": 1}","body_encoding":"utf-8"}`),
			policytest.Given{Status: 404, Headers: map[string]string{"Content-Type": "application/json", "X-A": "1, 2"}, Body: []byte(`{"a": 1}`)},
		},
		"of a test call": {
			`{"call":` + detail(`{"status":200,"headers":[],"body":"a","body_encoding":"utf-8"}`) + `,"answer":{"status":1}}`,
			policytest.Given{Status: 200, Headers: map[string]string{}, Body: []byte("a")},
		},
		"packed": {
			detail(`{"status":200,"headers":[["Content-Encoding","gzip"]],"body":"` + base64.StdEncoding.EncodeToString([]byte(packed)) + `","body_encoding":"base64"}`),
			policytest.Given{Status: 200, Headers: map[string]string{"Content-Encoding": "gzip"}, Body: []byte(packed)},
		},
		"unpacked by the call log": {
			detail(`{"status":200,"headers":[["Content-Encoding","gzip"]],"body":"{}","body_encoding":"utf-8"}`),
			policytest.Given{Status: 200, Headers: map[string]string{}, Body: []byte("{}")},
		},
	} {
		folder := t.TempDir()
		writeFile(t, folder, "call.json", c.recorded)
		path := writeFile(t, folder, "a_test.yaml", "policy: p\ntests:\n- {name: a, given: {call: call.json, after: 1s}, expect: {status: 200}}\n")
		f, err := policytest.Read(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		forgetPlaces(f)
		c.want.Call, c.want.After = "call.json", time.Second
		if got := f.Tests[0].Steps[0].Given[0]; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestARecordedCallThatGivesNoAnswerIsAMistake(t *testing.T) {
	for recorded, want := range map[string]string{
		`{"id":"1","outcome":"timeout","received":null}`:                                                             "write outcome: timeout instead",
		`{"id":"1","outcome":"success","received":{"status":200,"body":"{","body_cut":true,"body_bytes":70000}}`:     "only the beginning of a body of 70000 bytes",
		`{"id":"1","outcome":"success","received":{"status":200,"body_note":"The body was not read."}}`:              "holds no body: The body was not read.",
		`{"id":"1","outcome":"success","received":{"status":101}}`:                                                   "the status 101",
		`{"id":"1","outcome":"success","received":{"status":200,"headers":[],"body":"%%","body_encoding":"base64"}}`: "reading the body of the recorded call",
		`{"name":"something else"}`: "this is no recorded call",
		`{`:                         "reading the recorded call",
	} {
		folder := t.TempDir()
		writeFile(t, folder, "call.json", recorded)
		_, err := policytest.Read(writeFile(t, folder, "a_test.yaml", "policy: p\ntests:\n- {name: a, given: {call: call.json}, expect: {status: 200}}\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `a_test.yaml:3: test "a": given: call: "call.json": `) {
			t.Errorf("%s: got %v, want %q with its place", recorded, err, want)
		}
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large_test.yaml")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, policytest.MaxFile+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "none_test.yaml"): "none_test.yaml: no such file or directory",
		folder:                                  "expected a regular file",
		large:                                   fmt.Sprintf("the file has more than %d bytes", policytest.MaxFile),
	} {
		if _, err := policytest.Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}
