package policytest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

func TestWhatIsWrittenIsReadBackEqual(t *testing.T) {
	folder := t.TempDir()
	writeNamed(t, folder)
	path := filepath.Join(folder, "some_test.yaml")
	for seed := range uint64(200) {
		want := generator{rand.New(rand.NewPCG(seed, 1)), folder}.file(path)
		var text bytes.Buffer
		if err := policytest.Encode(&text, want); err != nil {
			t.Fatalf("seed %d: writing %+v: %v", seed, want, err)
		}
		writeFile(t, folder, "some_test.yaml", text.String())
		got, err := policytest.Read(path)
		if err != nil {
			t.Fatalf("seed %d: reading\n%s\n%v", seed, text.String(), err)
		}
		forgetPlaces(got)
		if !reflect.DeepEqual(*got, want) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s\nwritten as\n%s", seed, asJSON(t, got), asJSON(t, want), text.String())
		}
	}
}

func TestAFileIsWrittenAsAPersonWould(t *testing.T) {
	route, next, fallback := "shipped", "continue", "static"
	f := policytest.File{Config: "../Caddyfile", Policy: "store", Operation: "order_status", Tests: []policytest.Test{
		{Name: "a shipped order", Policy: "store", Operation: "order_status", Steps: []policytest.Step{{
			Repeat: 1,
			Given: []policytest.Given{{
				Headers: map[string]string{"Content-Type": "application/json"}, Body: []byte(`{"order":{"status":"shipped","at":"2026-11-20","lines":[1,2.50]}}`),
			}},
			Expect: policytest.Expect{Route: &route, Next: &next, Vars: map[string]json.RawMessage{"status": []byte(`"shipped"`), "eta": []byte(`"yes"`)}},
		}}},
		{Name: "the store is down: then it's up", Policy: "store", Operation: "order_status", Sequence: true, Steps: []policytest.Step{
			{Repeat: 1, Given: []policytest.Given{{Outcome: policy.Timeout}}, Expect: policytest.Expect{Fallback: &fallback, Outcome: policy.Timeout}},
			{Repeat: 20, Wait: 90 * time.Second, Given: []policytest.Given{{Status: 503}, {Body: []byte("one\ntwo\n")}}, Expect: policytest.Expect{
				Status: 200, Body: &policytest.Body{Text: strings.Repeat("long ", 20)},
			}},
		}},
	}}
	const want = `config: ../Caddyfile
policy: store
operation: order_status
tests:
  - name: a shipped order
    given: {body: {order: {status: shipped, at: "2026-11-20", lines: [1, 2.50]}}}
    expect: {route: shipped, next: continue, vars: {eta: "yes", status: shipped}}
  - name: 'the store is down: then it''s up'
    steps:
      - given: {outcome: timeout}
        expect: {outcome: timeout, fallback: static}
      - wait: 1m30s
        repeat: 20
        given:
          - {status: 503}
          - body: |
              one
              two
        expect:
          status: 200
          body: 'long long long long long long long long long long long long long long long long long long long long '
`
	var got bytes.Buffer
	if err := policytest.Encode(&got, f); err != nil || got.String() != want {
		t.Errorf("got\n%s\nand %v, want\n%s", got.String(), err, want)
	}
}

func TestWhatYAMLCannotHoldIsNotWritten(t *testing.T) {
	for want, spoil := range map[string]func(*policytest.Step){
		"a body is not UTF-8":                      func(s *policytest.Step) { s.Given = []policytest.Given{{Body: []byte{0xff}}} },
		"the value of x is no JSON":                func(s *policytest.Step) { s.Input = map[string]json.RawMessage{"x": []byte("{")} },
		"the value of big is no JSON":              func(s *policytest.Step) { s.Expect.Vars = map[string]json.RawMessage{"big": []byte("1e999")} },
		`the value of twice is no JSON that YAML `: func(s *policytest.Step) { s.Expect.Vars = map[string]json.RawMessage{"twice": []byte(`{"a":1,"a":2}`)} },
	} {
		step := policytest.Step{Repeat: 1, Expect: policytest.Expect{Status: 200}}
		spoil(&step)
		f := policytest.File{Policy: "p", Tests: []policytest.Test{{Name: "a", Policy: "p", Operation: "o", Steps: []policytest.Step{step}}}}
		var text bytes.Buffer
		if err := policytest.Encode(&text, f); err == nil || !strings.Contains(err.Error(), want) || text.Len() > 0 {
			t.Errorf("got %v and %q, want %q and nothing written", err, text.String(), want)
		}
	}
}

func writeFile(t testing.TB, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(text)
}

// forgetPlaces leaves what a file says, without where.
func forgetPlaces(f *policytest.File) {
	none := policy.Place{}
	for i := range f.Tests {
		test := &f.Tests[i]
		test.Place = none
		for j := range test.Steps {
			step := &test.Steps[j]
			step.Place, step.Expect.Place = none, none
			if step.Request != nil {
				step.Request.Place = none
			}
			if step.Expect.Sent != nil {
				step.Expect.Sent.Place = none
			}
			for k := range step.Given {
				step.Given[k].Place = none
			}
		}
	}
}
