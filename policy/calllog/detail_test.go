package calllog_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

func TestABodyIsTextWhereItIsAndElseBase64(t *testing.T) {
	for _, test := range []struct {
		body           string
		cut            bool
		want, encoding string
	}{
		{"", false, "", "utf-8"},
		{"plain", false, "plain", "utf-8"},
		{"grün 😀", false, "grün 😀", "utf-8"},
		{"grün 😀"[:8], true, "grün ", "utf-8"},
		{"gr\xc3", true, "gr", "utf-8"},
		{"\xf0\x9f\x98", true, "", "utf-8"},
		{"gr\xc3", false, "Z3LD", "base64"},
		{"\xff\xfe\x00", true, "//4A", "base64"},
		{"\x80\x80\x80\x80\x80", true, "gICAgIA=", "base64"},
	} {
		e := calllog.Entry{Response: calllog.Message{Body: []byte(test.body), Size: int64(len(test.body)), Cut: test.cut}}
		got := e.Detail().Response
		if got.Body != test.want || got.BodyEncoding != test.encoding || got.BodyCut != test.cut || got.BodyBytes != int64(len(test.body)) {
			t.Errorf("%q (cut %v) is shown as %q in %s, %d bytes, cut %v; want %q in %s",
				test.body, test.cut, got.Body, got.BodyEncoding, got.BodyBytes, got.BodyCut, test.want, test.encoding)
		}
	}
}

func FuzzABodyIsShownAsItWas(f *testing.F) {
	f.Add([]byte("grün 😀"), 7)
	f.Add([]byte("\xff\x00"), 1)
	f.Fuzz(func(t *testing.T, body []byte, at int) {
		bound := max(0, min(len(body), at))
		e := (&calllog.Entry{Request: calllog.Message{Body: body, Size: int64(len(body))}}).Cut(bound)
		d := e.Detail().Request
		shown := []byte(d.Body)
		if d.BodyEncoding == "base64" {
			decoded, err := base64.StdEncoding.DecodeString(d.Body)
			if err != nil {
				t.Fatalf("%q is no base64: %v", d.Body, err)
			}
			shown = decoded
		} else if !utf8.ValidString(d.Body) {
			t.Fatalf("%q is no text", d.Body)
		}
		left := bound - len(shown) // Of a character that was cut.
		if !bytes.HasPrefix(body, shown) || left < 0 || left >= utf8.UTFMax || left > 0 && bound == len(body) {
			t.Errorf("the first %d bytes of %q are shown as %q in %s", bound, body, d.Body, d.BodyEncoding)
		}
		if d.BodyCut != (bound < len(body)) || d.BodyBytes != int64(len(body)) {
			t.Errorf("%d of %d bytes: cut %v of %d", bound, len(body), d.BodyCut, d.BodyBytes)
		}
	})
}

func TestAHeaderIsPackedWithinItsBound(t *testing.T) {
	packed := []byte("before")
	from, left := len(packed), 0
	for n := range 1000 {
		var more bool
		if packed, more = calllog.AppendHeader(packed, from, fmt.Sprint("X-", n), strings.Repeat("v", 40)); more {
			left++
		}
	}
	if size := len(packed) - from; size > calllog.MaxHead || size < calllog.MaxHead-50 || left == 0 {
		t.Errorf("%d bytes are packed of 1000 headers, and %d left out", size, left)
	}
	e := calllog.Entry{Request: calllog.Message{Head: packed[from:]}}
	if got, want := len(e.Detail().Request.Headers), 1000-left; got != want {
		t.Errorf("%d headers are shown, want %d", got, want)
	}
}

func TestHeadersAreUnpackedAsTheyWere(t *testing.T) {
	var head []byte
	for _, field := range [][2]string{{"X-B", "2"}, {"X-A", ""}, {"X-B", "1"}, {"X-Zero", "a\x00b\x00"}, {"X-C", "grün"}} {
		head, _ = calllog.AppendHeader(head, 0, field[0], field[1])
	}
	e := calllog.Entry{Response: calllog.Message{Head: head}}
	got := fmt.Sprint(e.Detail().Response.Headers)
	if want := "[[X-A ] [X-B 2] [X-B 1] [X-C grün] [X-Zero a?b?]]"; got != want {
		t.Errorf("the headers are %s, want %s", got, want)
	}
}

func TestAnEntryThatWasCutHoldsNoneOfTheOldMemory(t *testing.T) {
	whole := bytes.Repeat([]byte("x"), 1<<20)
	part := func(at, size int) []byte { return whole[at : at+size : at+size] }
	e := &calllog.Entry{
		Hints: []calllog.Hint{{Route: "r", Values: []calllog.Value{{Name: "v"}}}}, Attempts: []calllog.Attempt{{Status: 200}},
		Request: calllog.Message{Body: part(0, 1000), Head: part(1, 10), Size: 1000}, Response: calllog.Message{Body: part(2, 10), Size: 10},
		Sent: &calllog.Message{Body: part(3, 1000), Head: part(4, 10)}, Received: nil,
		Vars: []calllog.Var{{Name: "a", JSON: part(5, 10)}}, Inputs: []calllog.Var{{Name: "b", JSON: part(6, 10)}},
	}
	cut := e.Cut(100)
	for i := range whole {
		whole[i] = 'y'
	}
	for name, text := range map[string][]byte{
		"the request": cut.Request.Body, "its head": cut.Request.Head, "the response": cut.Response.Body, "what was sent": cut.Sent.Body,
		"its headers": cut.Sent.Head, "a variable": cut.Vars[0].JSON, "an input": cut.Inputs[0].JSON,
	} {
		if bytes.ContainsRune(text, 'y') || len(text) > 100 {
			t.Errorf("%s shares memory with what was cut, or is %d bytes", name, len(text))
		}
	}
	if &cut.Hints[0] == &e.Hints[0] || &cut.Hints[0].Values[0] == &e.Hints[0].Values[0] || &cut.Attempts[0] == &e.Attempts[0] {
		t.Error("hints or attempts share memory with what was cut") // It may be one piece with the bodies.
	}
	if !cut.Request.Cut || cut.Response.Cut || cut.Request.Size != 1000 || cut.Received != nil || len(e.Request.Body) != 1000 {
		t.Errorf("the entry was cut to %+v", cut)
	}
}

func TestADetailIsJSONWithoutNulls(t *testing.T) {
	for name, e := range map[string]*calllog.Entry{
		"empty": {},
		"full": {
			ID: "0123456789abcdef", Time: start, Duration: 1234567 * time.Nanosecond, Sent: &calllog.Message{}, Received: &calllog.Message{},
			Vars: []calllog.Var{{Name: "v", JSON: []byte("1e3")}}, Inputs: []calllog.Var{{Name: "i", JSON: []byte(`"x"`)}},
			Hints:  []calllog.Hint{{Route: "r", Values: []calllog.Value{{Name: "a", Value: 1.5}, {Name: "b", Value: nil}}}, {}},
			Faults: []calllog.Fault{{Where: "success"}}, Attempts: []calllog.Attempt{{Duration: time.Second}},
			Drift: []calllog.Change{{Path: "$.a", Vars: []string{}}},
		},
	} {
		text, err := json.Marshal(e.Detail())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, list := range []string{"vars", "input", "hints", "faults", "attempts", "drift"} {
			if strings.Contains(string(text), `"`+list+`":null`) {
				t.Errorf("%s: the list %s is null: %s", name, list, text)
			}
		}
	}
	d := (&calllog.Entry{Time: start.In(time.FixedZone("", 3600)), Duration: 1234567}).Listed()
	if d.Time != "2026-11-20T12:00:00.000Z" || math.Abs(d.LatencyMS-1.234) > 1e-9 {
		t.Errorf("the call is listed at %s, with %v ms", d.Time, d.LatencyMS)
	}
}

func TestWhoDecidedOnLimitsIsShownWhereSomebodyWasAsked(t *testing.T) {
	for _, test := range []struct {
		entry calllog.Entry
		want  string
	}{
		{calllog.Entry{}, `null`},
		{calllog.Entry{Decided: "redis", SharedWait: 412 * time.Microsecond}, `{"decided":"redis","wait_ms":0.412}`},
		{calllog.Entry{Decided: "local"}, `{"decided":"local","wait_ms":0}`},
		{calllog.Entry{SharedWait: 2 * time.Millisecond}, `{"decided":"","wait_ms":2}`}, // A stale answer of a call without limits.
	} {
		shown, err := json.Marshal(test.entry.Detail().State)
		if err != nil || string(shown) != test.want {
			t.Errorf("%q after %v is shown as %s, %v; want %s", test.entry.Decided, test.entry.SharedWait, shown, err, test.want)
		}
	}
}
