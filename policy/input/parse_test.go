package input_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unsafe"

	"github.com/signpost-gateway/signpost/policy/input"
)

// members is a JSON object with n members.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"x%d":%d`, i, i)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// nested is a JSON object whose brackets nest that deep.
func nested(depth int) string {
	return `{"x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
}

func TestJSONThatIsNoObjectOfVariablesIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		"":                      "it ends too early: expected an object with the variables",
		" \n":                   "it ends too early: expected an object with the variables",
		"null":                  "at byte 0: expected an object with the variables",
		"[]":                    "at byte 0: expected an object with the variables",
		` "x"`:                  "at byte 1: expected an object with the variables",
		"1":                     "at byte 0: expected an object with the variables",
		"\ufeff{}":              "at byte 0: expected an object with the variables",
		"{":                     "it ends too early: expected a name in quotes",
		"{]":                    "at byte 1: expected a name in quotes",
		"{a:1}":                 "at byte 1: expected a name in quotes",
		`{"a":1,}`:              "at byte 7: expected a name in quotes",
		`{"a"`:                  "it ends too early: expected :",
		`{"a" 1}`:               "at byte 5: expected :",
		`{"a":}`:                "at byte 5: expected a value",
		`{"a":`:                 "it ends too early: expected a value",
		`{"a":1`:                "it ends too early: expected , or }",
		`{"a":1 "b":2}`:         "at byte 7: expected , or }",
		`{"a":[1}`:              "at byte 7: expected , or ]",
		`{"a":[1,]}`:            "at byte 8: expected a value",
		`{"a":tru}`:             "at byte 5: expected a value",
		`{"a":nul`:              "at byte 5: expected a value",
		`{"a":NaN}`:             "at byte 5: expected a value",
		`{"a":+1}`:              "at byte 5: expected a value",
		`{"a":-}`:               "at byte 6: expected a value",
		`{"a":.5}`:              "at byte 5: expected a value",
		`{"a":01}`:              "at byte 6: expected , or }",
		`{"a":1.}`:              "at byte 7: expected a digit",
		`{"a":1e}`:              "at byte 7: expected a digit",
		`{"a":1e+}`:             "at byte 8: expected a digit",
		`{"a":'x'}`:             "at byte 5: expected a value",
		`{"a":"x}`:              "it ends too early: expected a quote",
		"{\"a\":\"\n\"}":        "at byte 6: expected an escape instead of a control character",
		"{\"a\":\"\x00\"}":      "at byte 6: expected an escape instead of a control character",
		`{"a":"\x"}`:            "at byte 6: expected an escape of JSON",
		`{"a":"\u12g4"}`:        "at byte 6: expected an escape of JSON",
		`{"a":"\u+123"}`:        "at byte 6: expected an escape of JSON",
		`{"a":"\`:               "at byte 6: expected an escape of JSON",
		"{} {}":                 "at byte 3: expected the end",
		"{}x":                   "at byte 2: expected the end",
		"{}\x00":                "at byte 2: expected the end",
		"{\"a\":\"\xff\"}":      "expected UTF-8",
		"{\"a\xed\xa0\x80\":1}": "expected UTF-8", // A surrogate.
		"{}\xc0":                "expected UTF-8",

		// A name twice, whatever the escapes, the value and the depth.
		`{"a":1,"a":1}`:            `the variable "a" is given twice`,
		`{"a":1,"b":2,"\u0061":3}`: `the variable "a" is given twice`,
		`{"é":1,"\u00e9":2}`:       `the variable "\u00e9" is given twice`,
		`{"":1,"":2}`:              `the variable "" is given twice`,
		`{"😀":1,"\ud83d\ude00":2}`: `the variable "\U0001f600" is given twice`,
		`{"a":{"b":1,"\u0062":2}}`: "at byte 12: expected no name twice in one object",
		`{"a":[[{"b":1,"b":2}]]}`:  "at byte 14: expected no name twice in one object",

		strings.Replace(members(200), `"x199"`, `"x0"`, 1): `the variable "x0" is given twice`,
		members(257):                             "expected at most 256 variables",
		nested(33):                               "at byte 36: expected at most 32 levels",
		`{"a":` + strings.Repeat(`{"a":`, 32):    "at byte 160: expected at most 32 levels",
		`{"a":` + strings.Repeat("[", 1_000_000): "at byte 36: expected at most 32 levels",
	} {
		_, err := input.ParseJSON([]byte(body))
		if want = "reading JSON: " + want; err == nil || err.Error() != want {
			t.Errorf("ParseJSON(%.60q) = %v, want %s", body, err, want)
		}
	}
}

func TestJSONWithinTheBoundsIsTaken(t *testing.T) {
	for _, body := range []string{
		"{}", " \t\r\n{ } \n", `{"":""}`, `{"a":{"a":{"a":1}},"b":{"a":1}}`, `{"a":[{"b":1},{"b":2}]}`,
		`{"a":-0,"b":1E+5,"c":0.10,"d":1e400,"e":[]}`, `{"A":1,"a":2}`, `{"a\u0000":"\u0000"}`,
		members(256), nested(32), `{"a":` + members(1000) + `}`,
	} {
		if _, err := input.ParseJSON([]byte(body)); err != nil {
			t.Errorf("ParseJSON(%.60q) = %v", body, err)
		}
	}
}

func TestSurrogatesAreTakenInPairsOnly(t *testing.T) {
	set := compile(t, input.Spec{Name: "x"})
	for escaped, want := range map[string]string{
		`\ud83d\ude00`: "😀", `\uD83D\uDE00`: "😀", `\ud800\udc00`: "\U00010000", `\udbff\udfff`: "\U0010ffff",
		`a\ud83d\ude00b\ud83d\ude00`: "a😀b😀", `\\ud800`: `\ud800`, `\ud7ff\ue000`: "\ud7ff\ue000", `\ufffd`: "\ufffd", `\uffff`: "\uffff",
	} {
		raw, err := input.ParseJSON([]byte(`{"x":"` + escaped + `"}`))
		if err != nil {
			t.Errorf("%s: %v", escaped, err)
			continue
		}
		if values, _ := set.Read(raw, nil); values[0].Text() != want {
			t.Errorf("%s gives %+q, want %+q", escaped, values[0].Text(), want)
		}
	}
	for _, escaped := range []string{
		`\ud800`, `\udbff`, `\udc00`, `\udfff`, `\ud800x`, `\ud800\n`, `\ud800\\udc00`, `\ud800\u0041`, `\ud800\ud800`,
		`\ud800\udbff`, `\ud800\ue000`, `\udc00\ud800`, `\udc00\udc00`, `\udfff\udc00`, `\ud83d\ude00\ude00`, `\ud83d\ud83d\ude00`, `\ud800\udc0`, `\ud800\u`, `\\\ud800`,
	} {
		for _, body := range []string{`{"x":"` + escaped + `"}`, `{"` + escaped + `":1}`, `{"surplus":[{"` + escaped + `":1}]}`} {
			if _, err := input.ParseJSON([]byte(body)); err == nil {
				t.Errorf("ParseJSON(%s) = nil, want an error", body)
			}
		}
	}
}

func TestAValueDoesNotChangeWithTheBodyItCameFrom(t *testing.T) {
	set := compile(t, input.Spec{Name: "x", Type: "json"})
	body := []byte(`{"x":"order"}`)
	raw, err := input.ParseJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	values, _ := set.Read(raw, nil)
	if got := values[0].Text(); got != "order" {
		t.Errorf("got %q, want %q", got, "order")
	}
}

func TestAValueKeepsNothingElseThatWasSentAlive(t *testing.T) {
	set := compile(t, input.Spec{Name: "x"})
	form := "x=order&y=" + strings.Repeat("y", 1000)
	raw, err := input.ParseForm(form)
	if err != nil {
		t.Fatal(err)
	}
	values, _ := set.Read(raw, nil)
	start := uintptr(unsafe.Pointer(unsafe.StringData(form)))
	if at := uintptr(unsafe.Pointer(unsafe.StringData(values[0].Text()))); start <= at && at < start+uintptr(len(form)) {
		t.Error("the value is a piece of the form")
	}
}

func TestControlCharactersAreEscapedInJSONOnly(t *testing.T) {
	set := compile(t, input.Spec{Name: "x"})
	for c := range rune(0x20) {
		if _, err := input.ParseJSON([]byte(`{"x":"` + string(c) + `"}`)); err == nil {
			t.Errorf("%U is taken as it is", c)
		}
		raw, err := input.ParseJSON(fmt.Appendf(nil, `{"x":"\u%04x"}`, c))
		if err != nil {
			t.Errorf("%U: %v", c, err)
			continue
		}
		if values, _ := set.Read(raw, nil); values[0].Text() != string(c) {
			t.Errorf("%U gives %q", c, values[0].Text())
		}
	}
}

func TestFormsAreReadStrictly(t *testing.T) {
	set := compile(t, input.Spec{Name: "x"}, input.Spec{Name: "y", Default: []byte(`"none"`)})
	for form, want := range map[string][2]string{
		"x=1":                  {"1", "none"},
		"x=1&y=2":              {"1", "2"},
		"y=2&x=1&z=3":          {"1", "2"},
		"&&x=1&&":              {"1", "none"},
		"x":                    {"", "none"},
		"x=":                   {"", "none"},
		"x=a=b":                {"a=b", "none"},
		"%78=%20+%2B":          {"  +", "none"},
		"x=a;y=b":              {"a;y=b", "none"},
		"x=%F0%9F%98%80ü":      {"😀ü", "none"},
		"x=%00%0d%0A":          {"\x00\r\n", "none"},
		"x=null&y=true":        {"null", "true"},
		"=empty+name&x=%25zz":  {"%zz", "none"},
		"X=upper&x=lower":      {"lower", "none"},
		"x=" + "a%26b%3Dc&y=%": {},
	} {
		raw, err := input.ParseForm(form)
		if want == [2]string{} {
			if err == nil {
				t.Errorf("ParseForm(%q) = nil, want an error", form)
			}
			continue
		}
		if err != nil {
			t.Errorf("ParseForm(%q) = %v", form, err)
			continue
		}
		values, problems := set.Read(raw, nil)
		if got := [2]string{values[0].Text(), values[1].Text()}; got != want || problems != nil {
			t.Errorf("%q gives %q and %v, want %q", form, got, problems, want)
		}
	}
}

func TestFormsThatAreNotOneAreRefused(t *testing.T) {
	many := func(n int) string {
		form := url.Values{}
		for i := range n {
			form.Set(fmt.Sprint("x", i), "1")
		}
		return form.Encode()
	}
	if _, err := input.ParseForm(many(256)); err != nil {
		t.Errorf("256 variables: %v", err)
	}
	for form, want := range map[string]string{
		"x=%":                          `decoding the variable "x": expected two hexadecimal digits behind %`,
		"x=%2":                         `decoding the variable "x": expected two hexadecimal digits behind %`,
		"x=secret%zz":                  `decoding the variable "x": expected two hexadecimal digits behind %`,
		"%zz=1":                        `decoding the name of a variable: expected two hexadecimal digits behind %`,
		"x=%ff":                        `decoding the variable "x": expected UTF-8`,
		"x=\xff":                       `decoding the variable "x": expected UTF-8`,
		"%ed%a0%80=1":                  `decoding the name of a variable: expected UTF-8`,
		"x=1&y=2&x=1":                  `the variable "x" is given twice`,
		"x=1&%78":                      `the variable "x" is given twice`,
		"a+b=1&a%20b":                  `the variable "a b" is given twice`,
		"%0a=1&%0a=":                   `the variable "\n" is given twice`,
		many(257):                      "expected at most 256 variables",
		strings.Repeat("x&", 300):      `the variable "x" is given twice`,
		strings.Repeat("n", 99) + "=%": `decoding the variable "` + strings.Repeat("n", 61) + `\u2026": expected two hexadecimal digits behind %`,
	} {
		_, err := input.ParseForm(form)
		if want = "reading form: " + want; err == nil || err.Error() != want {
			t.Errorf("ParseForm(%.60q) = %v, want %s", form, err, want)
		}
	}
}
