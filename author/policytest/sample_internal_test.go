package policytest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/input"
)

func TestASampleIsWhatAnInputAllows(t *testing.T) {
	for _, c := range []struct {
		in     policy.InputInfo
		inPath bool
		want   string
	}{
		{policy.InputInfo{}, false, `"sample"`},
		{policy.InputInfo{}, true, `"sample"`},
		{policy.InputInfo{Type: "string"}, false, `"sample"`},
		{policy.InputInfo{Type: "number"}, false, `1`},
		{policy.InputInfo{Type: "bool"}, false, `true`},
		{policy.InputInfo{Type: "json"}, false, `{}`},
		{policy.InputInfo{In: []string{"red", "green"}}, false, `"red"`},
		{policy.InputInfo{Type: "number", In: []string{"7", "8"}}, false, `7`},
		{policy.InputInfo{Type: "bool", In: []string{"false"}}, false, `false`},
		{policy.InputInfo{Type: "json", In: []string{`[1, "x"]`}}, false, `[1, "x"]`},
		{policy.InputInfo{In: []string{"red", "green"}, Matches: "g.*"}, false, `"green"`},
		{policy.InputInfo{In: []string{"..", "a"}}, true, `"a"`},
		{policy.InputInfo{In: []string{"..", "a"}}, false, `".."`},
		{policy.InputInfo{Matches: "[0-9]{4,10}"}, true, `"12345"`},
		{policy.InputInfo{Type: "number", Matches: "[0-9]{4,10}"}, true, `12345`},
		{policy.InputInfo{Type: "number", Matches: "9{3}"}, true, `999`},
		{policy.InputInfo{Matches: "[A-Z]{2}-[0-9]{7}"}, true, `"AA-1111111"`},
		{policy.InputInfo{Matches: `\d{4}-\d{2}-\d{2}`}, true, `"2026-01-31"`},
		{policy.InputInfo{Matches: `[^@]+@[^@]+\.[a-z]+`}, false, `"user@example.com"`},
		{policy.InputInfo{Matches: `(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`}, true, `"6f1c2a3b-4d5e-4f60-8a7b-9c0d1e2f3a4b"`},
		{policy.InputInfo{Matches: "(first|second|nth)!"}, false, `"nth!"`},
		{policy.InputInfo{Matches: "(x?y*)"}, true, `"xy"`},
		{policy.InputInfo{Matches: "#*"}, true, `"#"`},
		{policy.InputInfo{Matches: "(#*)"}, false, `""`},
		{policy.InputInfo{Matches: "[.]{1,3}"}, true, `"..."`},
		{policy.InputInfo{Matches: "^Ω{2}$"}, false, `"ΩΩ"`},
		{policy.InputInfo{Type: "json", Matches: `\[.*\]`}, false, `[]`},
		{policy.InputInfo{Matches: `.\b..\b.`}, false, ``},
		{policy.InputInfo{Matches: `a\Bb\bc`}, false, ``},
		{policy.InputInfo{Type: "bool", Matches: "maybe"}, false, ``},
		{policy.InputInfo{Matches: `\.\.`}, true, ``},
		{policy.InputInfo{Matches: `[a-z]{1000}`}, false, `"` + strings.Repeat("a", 1000) + `"`},
	} {
		c.in.Var = "x"
		got, err := sampleOf(c.in, c.inPath)
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v, in a path %v: got %.60s and %v, want %.60s", c.in, c.inPath, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "the required input x") {
			t.Errorf("%+v: the error %q does not name the input", c.in, err)
		}
	}
}

func TestANestedPatternCostsLittle(t *testing.T) {
	began := time.Now()
	for _, pattern := range []string{
		strings.Repeat("(", 300) + "^" + strings.Repeat("*)", 300),
		strings.Repeat("(", 200) + "x" + strings.Repeat("+)", 200),
		strings.Repeat("(a|", 200) + "b" + strings.Repeat(")", 200),
		strings.Repeat("(?:.?", 150) + strings.Repeat(")+", 150),
	} {
		matching(pattern)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func FuzzMatching(f *testing.F) {
	for _, pattern := range []string{"", "a", "[0-9]{4,10}", "(a|b)*c?", `\d+-\w{2}`, "^x$", "[^a]", "(?i)abc", `\pL+`, "a{0}", "[[:^ascii:]]", `\x00`, "(?s).", `\Qa.b\E`} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if len(pattern) > input.MaxPattern {
			return
		}
		whole, err := regexp.Compile(`^(?:` + pattern + `)$`)
		if err != nil {
			return
		}
		began := time.Now()
		texts := matching(pattern)
		if took := time.Since(began); took > 3*time.Second {
			t.Fatalf("%q took %s", pattern, took)
		}
		looks := strings.ContainsAny(pattern, `^$\(`) // Anchors inside, which are not looked at.
		for _, text := range texts {
			if len(text) > maxMatching {
				t.Fatalf("%q gave %d bytes", pattern, len(text))
			}
			if !looks && !whole.MatchString(text) {
				t.Fatalf("%q gave %q, which it does not match", pattern, text)
			}
		}
	})
}

func TestJSONIsComparedByValue(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1e2`, `100`, true}, {`-0`, `0`, true}, {`0.10`, `1E-1`, true}, {`12345678901234567890`, `12345678901234567891`, false},
		{`1e99999999999999999999`, `1e99999999999999999999`, true}, {`1e99999999999999999999`, `1e99999999999999999998`, false}, {`0e99999999999999999999`, `0`, true},
		{`-1`, `1`, false}, {`"1"`, `1`, false}, {`true`, `"true"`, false}, {`null`, `null`, true}, {`null`, `false`, false},
		{`"\u0061"`, `"a"`, true}, {`[1,2]`, `[2,1]`, false}, {`[1,[2]]`, ` [ 1.0 , [ 2 ] ] `, true}, {`[1]`, `[1,2]`, false},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true}, {`{"a":1}`, `{"a":1,"b":2}`, false}, {`{"a":null}`, `{"b":null}`, false},
		{`1`, `1 2`, false}, {``, ``, false}, {`x`, `x`, false},
	} {
		if got := sameJSON([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%s and %s: got %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func FuzzSameJSON(f *testing.F) {
	for _, text := range []string{`1`, `1.50e-3`, `{"a":[1,2,{"b":null}]}`, `"x"`, `[]`, `-0.0`, `1e400`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		line, ok := canonical(text)
		if ok != json.Valid(text) {
			t.Fatalf("%q is JSON: %v, want %v", text, ok, !ok)
		}
		if ok && (!sameJSON(text, []byte(line)) || strings.Contains(line, "\n")) {
			t.Fatalf("%q in one line is %q, which is not the same", text, line)
		}
	})
}
