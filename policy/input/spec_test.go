package input_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/input"
)

// compile makes a Set that has to be good.
func compile(t testing.TB, specs ...input.Spec) *input.Set {
	t.Helper()
	set, err := input.Compile(specs)
	if err != nil {
		t.Fatalf("Compile(%+v) = %v", specs, err)
	}
	return set
}

// mistakes are the joined errors of Compile, one by one.
func mistakes(t testing.TB, err error) []*input.SpecError {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("the error is a %T: want one that joins others", err)
	}
	var all []*input.SpecError
	for _, e := range joined.Unwrap() {
		var mistake *input.SpecError
		if !errors.As(e, &mistake) {
			t.Fatalf("one error is a %T: want a *SpecError", e)
		}
		all = append(all, mistake)
	}
	return all
}

func TestAMistakeInADeclarationSaysWhatWasExpected(t *testing.T) {
	long := strings.Repeat("a", input.MaxPattern+1)
	for _, c := range []struct {
		spec input.Spec
		want string
	}{
		{input.Spec{Name: ""}, `"" is not a variable's name: expected [a-z][a-z0-9_]*`},
		{input.Spec{Name: "Order"}, `"Order" is not a variable's name: expected [a-z][a-z0-9_]*`},
		{input.Spec{Name: "1st"}, `"1st" is not a variable's name: expected [a-z][a-z0-9_]*`},
		{input.Spec{Name: "_x"}, `"_x" is not a variable's name: expected [a-z][a-z0-9_]*`},
		{input.Spec{Name: "a-b"}, `"a-b" is not a variable's name: expected [a-z][a-z0-9_]*`},
		{input.Spec{Name: "ü"}, `"\u00fc" is not a variable's name: expected [a-z][a-z0-9_]*`},
		{input.Spec{Name: strings.Repeat("Ü", 99)}, `"` + strings.Repeat(`\u00dc`, 30) + `\u2026" is not a variable's name: expected [a-z][a-z0-9_]*`},
		{input.Spec{Name: "x", Type: "integer"}, `"integer" is not a type: expected string, number, bool or json`},
		{input.Spec{Name: "x", Type: "String"}, `"String" is not a type: expected string, number, bool or json`},
		{input.Spec{Name: "x", Matches: "["}, "matches: expected a regular expression (RE2): error parsing regexp: missing closing ]: `[`"},
		{input.Spec{Name: "x", Matches: "a)|(b"}, "matches: expected a regular expression (RE2): error parsing regexp: unexpected ): `a)|(b`"},
		{input.Spec{Name: "x", Matches: "(?=a)"}, "matches: expected a regular expression (RE2): error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
		{input.Spec{Name: "x", Matches: `\Qa`}, `matches: expected a regular expression (RE2) that closes \Q by \E`},
		{input.Spec{Name: "x", Matches: long}, "matches: 1025 bytes are too long: expected at most 1024"},
		{input.Spec{Name: "x", Default: json.RawMessage(`[1]`)}, `default: "[1]" is a list or an object: expected a text, number or bool`},
		{input.Spec{Name: "x", Default: json.RawMessage(`null`)}, `default: "null" is no value: expected one, or the type json`},
		{input.Spec{Name: "x", Type: "number", Default: json.RawMessage(" null ")}, `default: " null " is no value: expected one, or the type json`},
		{input.Spec{Name: "x", Default: json.RawMessage(`red`)}, `default: "red" is not JSON: expected JSON`},
		{input.Spec{Name: "x", Default: json.RawMessage(`1 2`)}, `default: "1 2" is not JSON: expected JSON`},
		{input.Spec{Name: "x", Type: "string", Default: json.RawMessage(`5`)}, `default: "5" is not a string: expected a string`},
		{input.Spec{Name: "x", Type: "number", Default: json.RawMessage(`"five"`)}, `default: "\"five\"" is not a number: expected a number`},
		{input.Spec{Name: "x", Type: "number", Default: json.RawMessage(`1e400`)}, `default: "1e400" is out of range: expected numbers that a double can hold`},
		{input.Spec{Name: "x", Type: "bool", Default: json.RawMessage(`1`)}, `default: "1" is not a bool: expected true or false`},
		{input.Spec{Name: "x", Type: "json", Default: json.RawMessage(`{"a":1,"a":2}`)}, `default: "{\"a\":1,\"a\":2}" is not JSON: expected JSON`},
		{input.Spec{Name: "x", Matches: "[0-9]+", Default: json.RawMessage(`"12a"`)}, `default: "\"12a\"" does not match [0-9]+`},
		{input.Spec{Name: "x", In: []string{"red", "green"}, Default: json.RawMessage(`"blue"`)}, `default: "\"blue\"" is not one of red, green`},
		{input.Spec{Name: "x", Type: "number", In: []string{"1", "one", "2"}}, `in: "one" is not a number: expected a number`},
		{input.Spec{Name: "x", Type: "bool", In: []string{"TRUE"}}, `in: "TRUE" is not a bool: expected true or false`},
		{input.Spec{Name: "x", Type: "json", In: []string{"red"}}, `in: "red" is not JSON: expected JSON`},
		{input.Spec{Name: "x", Type: "string", In: []string{"\xff"}}, `in: "\xff" is not text: expected UTF-8`},
	} {
		_, err := input.Compile([]input.Spec{c.spec})
		if err == nil {
			t.Errorf("Compile(%+v) = nil, want %q", c.spec, c.want)
			continue
		}
		all := mistakes(t, err)
		if len(all) != 1 || all[0].Name != c.spec.Name || all[0].Text != c.want {
			t.Errorf("Compile(%+v):\n got %v\nwant %s", c.spec, err, c.want)
		}
	}
}

func TestAllMistakesAreFoundAtOnceAndInTheirOrder(t *testing.T) {
	set, err := input.Compile([]input.Spec{
		{Name: "good"},
		{Name: "Bad", Type: "int", Matches: "[", In: []string{"x"}, Default: json.RawMessage("?")},
		{Name: "good"},
		{Name: "color", Type: "number", Matches: "(", In: []string{"red", "1", "blue"}, Default: json.RawMessage("7")},
	})
	if set != nil {
		t.Error("there is a Set beside an error")
	}
	var got []string
	for _, mistake := range mistakes(t, err) {
		text, _, _ := strings.Cut(mistake.Text, ":")
		got = append(got, mistake.Name+" "+text)
	}
	want := []string{
		`Bad "Bad" is not a variable's name`,
		`Bad "int" is not a type`,
		`Bad matches`,
		`good the name is declared twice`,
		`color matches`,
		`color in`,
		`color in`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if first, _, _ := strings.Cut(err.Error(), "\n"); first != `input "Bad": "Bad" is not a variable's name: expected [a-z][a-z0-9_]*` {
		t.Errorf("the first line is %q", first)
	}
}

func TestASetHasNoMoreVariablesThanACallMaySend(t *testing.T) {
	var specs []input.Spec
	for i := range input.MaxMembers {
		specs = append(specs, input.Spec{Name: fmt.Sprintf("x%d", i)})
	}
	compile(t, specs...)
	_, err := input.Compile(append(specs, input.Spec{Name: "more"}))
	if want := `input "more": 257 inputs are too many: expected at most 256`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	specs[255].Name = "x0"
	if _, err := input.Compile(specs); err == nil {
		t.Error("a name among many is declared twice, and there is no error")
	}
}

func TestNamesAreThoseOfTheSpecsAndTheCallers(t *testing.T) {
	set := compile(t, input.Spec{Name: "b"}, input.Spec{Name: "a_1"})
	want := []string{"b", "a_1"}
	got := set.Names()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	got[0] = "changed"
	if again := set.Names(); !slices.Equal(again, want) {
		t.Errorf("after a caller changed its slice: got %q, want %q", again, want)
	}
	if names := compile(t).Names(); len(names) != 0 {
		t.Errorf("a Set of nothing names %q", names)
	}
}
