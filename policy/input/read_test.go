package input_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/input"
)

// sent is the Raw of a JSON value for x, or of a text for it.
func sent(t testing.TB, asJSON bool, value string) input.Raw {
	t.Helper()
	if !asJSON {
		return input.Texts([]string{"x"}, []string{value})
	}
	raw, err := input.ParseJSON([]byte(`{"before": 1e999, "x" : ` + value + ` , "after":{"x":[]}}`))
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return raw
}

// show is all that a value says.
func show(v input.Value) string {
	if !v.Exists() {
		return "missing"
	}
	return fmt.Sprintf("%s | %s | %T %v", v.Text(), v.JSON(), v.Any(), v.Any())
}

func TestAValueIsTakenOrRefusedByItsType(t *testing.T) {
	const (
		notAny    = "is a list or an object: expected a text, number or bool"
		notString = "is not a string: expected a string"
		notNumber = "is not a number: expected a number"
		notBool   = "is not a bool: expected true or false"
		notJSON   = "is not JSON: expected JSON"
		tooLarge  = "is out of range: expected numbers that a double can hold"
		notUTF8   = "is not text: expected UTF-8"
		missing   = "is missing"
	)
	const json, text = true, false
	for _, c := range []struct {
		typ    string
		asJSON bool
		value  string
		want   string // What show gives, or the Problem.
	}{
		{"", json, `"a\u00e9\"\n\u0000"`, "aé\"\n\x00 | \"aé\\\"\\n\\u0000\" | string aé\"\n\x00"},
		{"", json, `""`, ` | "" | string `},
		{"", json, `"\/\b\f\r\t\\"`, "/\b\f\r\t\\ | \"/\\u0008\\u000c\\r\\t\\\\\" | string /\b\f\r\t\\"},
		{"", json, `"<&>\u2028"`, "<&>\u2028 | \"<&>\u2028\" | string <&>\u2028"},
		{"", json, `12345678901234567890`, `12345678901234567890 | 12345678901234567890 | float64 1.2345678901234567e+19`},
		{"", json, `-0.10E+2`, `-0.10E+2 | -0.10E+2 | float64 -10`},
		{"", json, `1e-999`, `1e-999 | 1e-999 | float64 0`},
		{"", json, `1e400`, tooLarge},
		{"", json, `true`, `true | true | bool true`},
		{"", json, `false`, `false | false | bool false`},
		{"", json, `null`, missing},
		{"", json, `[]`, notAny},
		{"", json, `{}`, notAny},
		{"", json, `[1e400]`, notAny},
		{"", text, "a b", `a b | "a b" | string a b`},
		{"", text, "", ` | "" | string `},
		{"", text, "5", `5 | "5" | string 5`},
		{"", text, "null", `null | "null" | string null`},
		{"", text, "a\xff", notUTF8},

		{"string", json, `"5"`, `5 | "5" | string 5`},
		{"string", json, `5`, notString},
		{"string", json, `1e400`, notString},
		{"string", json, `true`, notString},
		{"string", json, `null`, missing},
		{"string", json, `{}`, notString},
		{"string", text, "5", `5 | "5" | string 5`},
		{"string", text, "true", `true | "true" | string true`},
		{"string", text, "\xff", notUTF8},

		{"number", json, `5`, `5 | 5 | float64 5`},
		{"number", json, `"5"`, `5 | 5 | float64 5`},
		{"number", json, `"\u0035"`, `5 | 5 | float64 5`},
		{"number", json, `"12345678901234567890"`, `12345678901234567890 | 12345678901234567890 | float64 1.2345678901234567e+19`},
		{"number", json, `""`, notNumber},
		{"number", json, `" 5"`, notNumber},
		{"number", json, `"5 "`, notNumber},
		{"number", json, `"+5"`, notNumber},
		{"number", json, `"05"`, notNumber},
		{"number", json, `".5"`, notNumber},
		{"number", json, `"5."`, notNumber},
		{"number", json, `"0x5"`, notNumber},
		{"number", json, `"1_000"`, notNumber},
		{"number", json, `"NaN"`, notNumber},
		{"number", json, `"-Infinity"`, notNumber},
		{"number", json, `"five"`, notNumber},
		{"number", json, `true`, notNumber},
		{"number", json, `null`, missing},
		{"number", json, `[5]`, notNumber},
		{"number", json, `1e309`, tooLarge},
		{"number", json, `-1e309`, tooLarge},
		{"number", json, `"1e309"`, tooLarge},
		{"number", json, `1e308`, `1e308 | 1e308 | float64 1e+308`},
		{"number", json, strings.Repeat("9", 310), tooLarge},
		{"number", text, "-0.5e1", `-0.5e1 | -0.5e1 | float64 -5`},
		{"number", text, "", notNumber},
		{"number", text, `"5"`, notNumber},

		{"bool", json, `true`, `true | true | bool true`},
		{"bool", json, `"false"`, `false | false | bool false`},
		{"bool", json, `"True"`, notBool},
		{"bool", json, `" true"`, notBool},
		{"bool", json, `""`, notBool},
		{"bool", json, `1`, notBool},
		{"bool", json, `null`, missing},
		{"bool", json, `[]`, notBool},
		{"bool", text, "true", `true | true | bool true`},
		{"bool", text, "on", notBool},

		{"json", json, `null`, `null | null | <nil> <nil>`},
		{"json", json, `"a\u0062"`, `ab | "ab" | string ab`},
		{"json", json, `"5"`, `5 | "5" | string 5`},
		{"json", json, `5.0`, `5.0 | 5.0 | float64 5`},
		{"json", json, `true`, `true | true | bool true`},
		{"json", json, `[ ]`, `[] | [] | []interface {} []`},
		{"json", json, "{ \"b\" : [ 1.0 ,\t\" \\\" \\\\\" , null ] , \"a\":\n{ } }", `{"b":[1.0," \" \\",null],"a":{}} | {"b":[1.0," \" \\",null],"a":{}} | map[string]interface {} map[a:map[] b:[1 ` + ` " \ <nil>]]`},
		{"json", json, `[1e400]`, tooLarge},
		{"json", json, `1e400`, tooLarge},
		{"json", json, `"1e400"`, `1e400 | "1e400" | string 1e400`},
		{"json", text, ` [ 1 , 2 ] `, `[1,2] | [1,2] | []interface {} [1 2]`},
		{"json", text, "\n\"a\"\t", `a | "a" | string a`},
		{"json", text, "null", `null | null | <nil> <nil>`},
		{"json", text, "5", `5 | 5 | float64 5`},
		{"json", text, "", notJSON},
		{"json", text, "red", notJSON},
		{"json", text, "1 2", notJSON},
		{"json", text, `{"a":1,"a":2}`, notJSON},
		{"json", text, `"\ud800"`, notJSON},
		{"json", text, strings.Repeat("[", 31) + strings.Repeat("]", 31), ""},
		{"json", text, strings.Repeat("[", 32) + strings.Repeat("]", 32), notJSON},
		{"json", text, `[1e400]`, tooLarge},
		{"json", text, "\"\xff\"", notUTF8},
	} {
		set := compile(t, input.Spec{Name: "x", Type: c.typ})
		values, problems := set.Read(sent(t, c.asJSON, c.value), nil)
		got := show(values[0])
		if len(problems) > 0 {
			if values[0].Exists() {
				t.Errorf("type %q, JSON %v, %q: a value beside %v", c.typ, c.asJSON, c.value, problems)
			}
			got = problems[0].Text
		}
		if c.want != "" && got != c.want || c.want == "" && !values[0].Exists() {
			t.Errorf("type %q, JSON %v, %q:\n got %q\nwant %q", c.typ, c.asJSON, c.value, got, c.want)
		}
	}
}

func TestADefaultStandsInForNothingAndForNull(t *testing.T) {
	for _, c := range []struct{ typ, fallback, body, want string }{
		{"", `"none"`, `{}`, "none"},
		{"", `"none"`, `{"x":null}`, "none"},
		{"", `"none"`, `{"x": null }`, "none"},
		{"", `"none"`, `{"x":""}`, ""},
		{"", `"none"`, `{"x":"null"}`, "null"},
		{"", `"none"`, `{"X":"other"}`, "none"},
		{"", ` "\u0061" `, `{}`, "a"},
		{"string", `""`, `{}`, ""},
		{"number", `1.50`, `{}`, "1.50"},
		{"number", `"7"`, `{"x":null}`, "7"},
		{"bool", `false`, `{}`, "false"},
		{"json", `{"a": 1}`, `{}`, `{"a":1}`},
		{"json", `[1]`, `{"x":null}`, "null"},
		{"json", `null`, `{}`, "null"},
	} {
		set := compile(t, input.Spec{Name: "x", Type: c.typ, Default: json.RawMessage(c.fallback)})
		raw, err := input.ParseJSON([]byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func(input.Raw, []input.Value) ([]input.Value, []input.Problem){"Read": set.Read, "ReadGiven": set.ReadGiven} {
			values, problems := read(raw, nil)
			if len(problems) > 0 || !values[0].Exists() || values[0].Text() != c.want {
				t.Errorf("%s of %s, type %q, default %s: got %s and %v, want %q", name, c.body, c.typ, c.fallback, show(values[0]), problems, c.want)
			}
		}
	}
}

func TestADefaultNeverHidesAnIllFormedValue(t *testing.T) {
	set := compile(t, input.Spec{Name: "x", Type: "number", Default: json.RawMessage("1")})
	values, problems := set.Read(sent(t, true, `"one"`), nil)
	if values[0].Exists() || len(problems) != 1 {
		t.Errorf("got %s and %v, want no value and one problem", show(values[0]), problems)
	}
}

func TestEveryVariableThatIsWrongIsNamed(t *testing.T) {
	set := compile(t,
		input.Spec{Name: "a"},
		input.Spec{Name: "b", Type: "number"},
		input.Spec{Name: "c", Default: json.RawMessage("1")},
		input.Spec{Name: "d", In: []string{"red", "green"}},
		input.Spec{Name: "e"},
	)
	raw, err := input.ParseJSON([]byte(`{"e":"here","d":"blue","b":"two","surplus":[{}]}`))
	if err != nil {
		t.Fatal(err)
	}
	kept := compile(t, input.Spec{Name: "e"})
	before, _ := kept.Read(raw, nil)
	values, problems := set.Read(raw, before)
	want := []input.Problem{
		{Name: "a", Text: "is missing"},
		{Name: "b", Text: "is not a number: expected a number"},
		{Name: "d", Text: "is not one of red, green"},
	}
	if !reflect.DeepEqual(problems, want) {
		t.Errorf("Read: got problems %v, want %v", problems, want)
	}
	var texts []string
	for _, v := range values {
		texts = append(texts, v.Text())
	}
	if got := strings.Join(texts, ","); got != "here,,,1,,here" || len(values) != 6 {
		t.Errorf("Read: got values %q, want them appended in the order of the Set", texts)
	}

	if _, problems = set.ReadGiven(raw, nil); !reflect.DeepEqual(problems, want[1:]) {
		t.Errorf("ReadGiven: got problems %v, want %v", problems, want[1:])
	}
	if values, problems = set.ReadGiven(input.Raw{}, nil); len(problems) > 0 || len(values) != 5 || values[0].Exists() || !values[2].Exists() {
		t.Errorf("ReadGiven of nothing: got %v and %v, want the default alone", values, problems)
	}
}

func TestOfTextsWithOneNameTheFirstCounts(t *testing.T) {
	set := compile(t, input.Spec{Name: "x"})
	values, _ := set.Read(input.Texts([]string{"x", "x"}, []string{"first", "second"}), nil)
	if got := values[0].Text(); got != "first" {
		t.Errorf("got %q, want %q", got, "first")
	}
}

func TestAProblemIsShort(t *testing.T) {
	set := compile(t,
		input.Spec{Name: "a", In: strings.Split(strings.Repeat("grün,", 200), ",")},
		input.Spec{Name: "b", Matches: strings.Repeat("é", 500)},
	)
	_, problems := set.Read(input.Texts([]string{"a", "b"}, []string{"blue", "blue"}), nil)
	if len(problems) != 2 {
		t.Fatalf("got %v, want two problems", problems)
	}
	for _, p := range problems {
		if len(p.Text) > 128 || !utf8.ValidString(p.Text) || !strings.HasSuffix(p.Text, "…") {
			t.Errorf("%d bytes: %q, want at most 128 bytes of UTF-8 that end with an ellipsis", len(p.Text), p.Text)
		}
	}
}

func TestAMissingValueHasNothing(t *testing.T) {
	var v input.Value
	if v.Exists() || v.Text() != "" || v.JSON() != nil || v.Any() != nil || len(v.AppendJSON(nil)) != 0 {
		t.Errorf("got %v, %q, %q, %v: want nothing at all", v.Exists(), v.Text(), v.JSON(), v.Any())
	}
}

// anyJSON draws a JSON value.
func anyJSON(r *rand.Rand, depth int) any {
	pick := r.IntN(7)
	if depth == 0 {
		pick %= 5
	}
	switch pick {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return r.NormFloat64() * 1e6
	case 3, 4:
		runes := make([]rune, r.IntN(12))
		for i := range runes {
			runes[i] = [...]rune{'a', '"', '\\', '\n', 0, 0x1f, 0x7f, 'é', 0x2028, 0xffff, '😀', ' '}[r.IntN(12)]
		}
		return string(runes)
	case 5:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = anyJSON(r, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for range r.IntN(20) {
		object[fmt.Sprint("k", r.IntN(100))] = anyJSON(r, depth-1)
	}
	return object
}

func TestWhatIsSentAsJSONIsWhatIsRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	set := compile(t, input.Spec{Name: "x", Type: "json"})
	for range 3000 {
		want := anyJSON(r, 4)
		body, err := json.MarshalIndent(map[string]any{"x": want}, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := input.ParseJSON(body)
		if err != nil {
			t.Fatalf("ParseJSON(%s) = %v", body, err)
		}
		values, problems := set.Read(raw, nil)
		if len(problems) > 0 || !reflect.DeepEqual(values[0].Any(), want) {
			t.Fatalf("%s gives %v and %v", body, values[0].Any(), problems)
		}
		// What goes out is the same again.
		var again any
		if err := json.Unmarshal(values[0].JSON(), &again); err != nil || !reflect.DeepEqual(again, want) {
			t.Fatalf("%s goes out as %s: %v", body, values[0].JSON(), err)
		}
		if s, ok := want.(string); ok && values[0].Text() != s {
			t.Fatalf("%s has the text %q", body, values[0].Text())
		}
	}
}
