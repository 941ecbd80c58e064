package input_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/input"
)

func TestMatchesLooksAtTheWholeText(t *testing.T) {
	for _, c := range []struct {
		typ, pattern, value string
		want                bool
	}{
		{"", "[0-9]{4,10}", `"1234"`, true},
		{"", "[0-9]{4,10}", `1234`, true},
		{"", "[0-9]{4,10}", `"123"`, false},
		{"", "[0-9]{4,10}", `"x1234"`, false},
		{"", "[0-9]{4,10}", `"1234\n"`, false},
		{"", "(?m)^[0-9]+$", `"1\nx"`, false},
		{"", "a|b", `"ab"`, false},
		{"", "a|ab", `"ab"`, true},
		{"", "^a$", `"a"`, true},
		{"", "(?i)abc", `"ABC"`, true},
		{"", `\Qa.b\E`, `"a.b"`, true},
		{"", `\Qa.b\E`, `"axb"`, false},
		{"", ".*", `"a\nb"`, false},
		{"", "(?s).*", `"a\nb"`, true},
		{"", "a?", `""`, true},
		{"", "a+", `""`, false},
		{"", "é.", `"é😀"`, true},
		{"number", `[0-9]+\.[0-9]{2}`, `1.50`, true},
		{"number", `[0-9]+\.[0-9]{2}`, `1.5`, false},
		{"bool", "true", `true`, true},
		{"bool", "true", `"false"`, false},
		{"json", `\[.*\]`, `[ 1, 2 ]`, true},
		{"json", `[a-z]+`, `"abc"`, true},
	} {
		set := compile(t, input.Spec{Name: "x", Type: c.typ, Matches: c.pattern})
		_, problems := set.Read(sent(t, true, c.value), nil)
		want := []input.Problem{{Name: "x", Text: "does not match " + c.pattern}}
		if c.want {
			want = nil
		}
		if !reflect.DeepEqual(problems, want) {
			t.Errorf("%s against %s: got %v, want %v", c.value, c.pattern, problems, want)
		}
	}
}

func TestInComparesTextsByBytesAndNumbersByValue(t *testing.T) {
	for _, c := range []struct {
		typ    string
		in     []string
		asJSON bool
		value  string
		want   bool
	}{
		{"", []string{"red", "green"}, true, `"red"`, true},
		{"", []string{"red", "green"}, true, `"gre\u0065n"`, true},
		{"", []string{"red", "green"}, true, `"Red"`, false},
		{"", []string{"red", "green"}, true, `"red, green"`, false},
		{"", []string{"red", "green"}, true, `""`, false},
		{"", []string{"red", ""}, true, `""`, true},
		{"", []string{"1", "true"}, true, `1.0`, true},
		{"", []string{"1", "true"}, true, `"1"`, true},
		{"", []string{"1", "true"}, true, `"1.0"`, false},
		{"", []string{"1", "true"}, false, `1.0`, false},
		{"", []string{"1", "true"}, true, `true`, true},
		{"", []string{"1", "true"}, true, `false`, false},
		{"string", []string{"1"}, true, `"1.0"`, false},
		{"number", []string{"1"}, true, `1`, true},
		{"number", []string{"1"}, true, `"1.0"`, true},
		{"number", []string{"1"}, false, `10e-1`, true},
		{"number", []string{"1.0"}, true, `1`, true},
		{"number", []string{"100"}, true, `1E2`, true},
		{"number", []string{"100"}, true, `0.0100e+4`, true},
		{"number", []string{"100"}, true, `10`, false},
		{"number", []string{"100"}, true, `-100`, false},
		{"number", []string{"0"}, true, `-0.0`, true},
		{"number", []string{"0"}, true, `0e99999999999999999999`, true},
		{"number", []string{"0"}, true, `1e-999`, false},
		{"number", []string{"0"}, true, `1e-99999999999999999999`, false},
		{"number", []string{"1e-99999999999999999999"}, true, `1e-99999999999999999998`, false},
		{"number", []string{"1e-99999999999999999999"}, true, `1e-99999999999999999999`, true},
		{"number", []string{"12345678901234567890"}, true, `12345678901234567891`, false},
		{"number", []string{"12345678901234567890"}, true, `1234567890123456789e1`, true},
		{"bool", []string{"true"}, true, `"true"`, true},
		{"bool", []string{"true"}, true, `false`, false},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `[ 1,2 ]`, true},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `[1,2.0]`, false},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `"red"`, true},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `1.0`, true},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `"1"`, false},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `2`, false},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `2.0`, false},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `null`, true},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `"null"`, false},
		{"json", []string{`[1, 2]`, `"red"`, `1`, `"2"`, `null`}, true, `"[1,2]"`, false},
	} {
		set := compile(t, input.Spec{Name: "x", Type: c.typ, In: c.in})
		_, problems := set.Read(sent(t, c.asJSON, c.value), nil)
		want := []input.Problem{{Name: "x", Text: "is not one of " + strings.Join(c.in, ", ")}}
		if c.want {
			want = nil
		}
		if !reflect.DeepEqual(problems, want) {
			t.Errorf("type %q, %s in %q: got %v, want %v", c.typ, c.value, c.in, problems, want)
		}
	}
}

func TestATextThatIsTooLongToBeMatchedIsRefused(t *testing.T) {
	s, err := input.Compile([]input.Spec{{Name: "x", Matches: "a*"}})
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]int{input.MaxMatched: 0, input.MaxMatched + 1: 1} {
		raw, err := input.ParseForm("x=" + strings.Repeat("a", size))
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := s.Read(raw, nil); len(problems) != want {
			t.Errorf("%d bytes have the problems %v, want %d", size, problems, want)
		}
	}
}
