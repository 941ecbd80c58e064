package input_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/input"
)

// isGood says by encoding/json, and by rules of its own for what that lets
// through, whether a body holds variables.
func isGood(body []byte) bool {
	return utf8.Valid(body) && json.Valid(body) && bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) &&
		!hasLoneSurrogate(body) && isWithinBounds(json.NewDecoder(bytes.NewReader(body)))
}

var escapes = regexp.MustCompile(`\\u([0-9a-fA-F]{4})|\\.|.`)

// hasLoneSurrogate looks at valid JSON as a row of escapes and bytes.
func hasLoneSurrogate(body []byte) bool {
	high := false
	for _, m := range escapes.FindAllSubmatch(bytes.ReplaceAll(body, []byte("\n"), []byte(" ")), -1) {
		unit, err := strconv.ParseUint(string(m[1]), 16, 16)
		isHigh := err == nil && unit>>10 == 0xD800>>10
		isLow := err == nil && unit>>10 == 0xDC00>>10
		if high != isLow {
			return true
		}
		high = isHigh
	}
	return high
}

// isWithinBounds reads valid JSON token by token.
func isWithinBounds(d *json.Decoder) bool {
	d.UseNumber()
	type level struct {
		object, isName bool
		names          map[string]bool
	}
	var open []*level
	for {
		token, err := d.Token()
		if err == io.EOF {
			return true
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			object := token == json.Delim('{')
			open = append(open, &level{object: object, isName: object, names: map[string]bool{}})
			if len(open) > input.MaxDepth {
				return false
			}
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			continue
		}
		in := open[len(open)-1]
		if name, ok := token.(string); ok && in.object && in.isName {
			if in.names[name] {
				return false
			}
			in.names[name] = true
			in.isName = false
			if len(open) == 1 && len(in.names) > input.MaxMembers {
				return false
			}
			continue
		}
		in.isName = in.object
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"a":1,"b":"x","c":[true,null,{"d":-1.5e3}]}`, `{"a":1,"\u0061":2}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`,
		`{"a":{"b":1,"b":2}}`, "{\"a\":\"\xff\"}", `null`, `[]`, `{} x`, `{"a":01}`, `{"a":1e400}`, `{"a":"\n\"\\"}`, "{\"a\":\"\n\"}", " { \"a\" : [ 1 , 2 ] } \r\n",
		nested(32), nested(33), members(256), members(257), members(20), `{"a":"\ufffd","b":"�"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		raw, err := input.ParseJSON(body)
		if good := isGood(body); good != (err == nil) {
			t.Fatalf("ParseJSON(%q) = %v, want an error: %v", body, err, !good)
		}
		if err != nil {
			if len(err.Error()) > 1000 || !utf8.ValidString(err.Error()) {
				t.Fatalf("ParseJSON(%q) = %q, want a short text", body, err)
			}
			return
		}
		var want map[string]any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			set, err := input.Compile([]input.Spec{{Name: name, Type: "json"}})
			if err != nil {
				continue
			}
			values, problems := set.Read(raw, nil)
			if len(problems) > 0 {
				if fits(value) {
					t.Fatalf("%q of %q: %v", name, body, problems)
				}
				continue
			}
			d := json.NewDecoder(bytes.NewReader(values[0].JSON()))
			d.UseNumber()
			var got any
			if err := d.Decode(&got); err != nil || !reflect.DeepEqual(got, value) {
				t.Fatalf("%q of %q is %s: %v", name, body, values[0].JSON(), err)
			}
		}
	})
}

// fits reports whether all numbers in a value are in the range of doubles.
func fits(value any) bool {
	switch v := value.(type) {
	case json.Number:
		f, err := v.Float64()
		return err == nil && !math.IsInf(f, 0)
	case []any:
		for _, element := range v {
			if !fits(element) {
				return false
			}
		}
	case map[string]any:
		for _, member := range v {
			if !fits(member) {
				return false
			}
		}
	}
	return true
}

func FuzzParseForm(f *testing.F) {
	for _, form := range []string{
		"", "a=1", "a=1&b=2", "a=1&a=2", "a=1&%61=2", "a=%zz", "a=%ff", "a=%F0%9F%98%80+b", "&&", "a", "=", "a=b=c", "a;b=c", "a=\xff", "a=%00", "a=%",
	} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, form string) {
		raw, err := input.ParseForm(form)
		// What net/url says of it, but for semicolons, which are characters.
		want, wantErr := url.ParseQuery(strings.ReplaceAll(form, ";", "%3B"))
		good := wantErr == nil && len(want) <= input.MaxMembers
		for name, values := range want {
			good = good && len(values) == 1 && utf8.ValidString(name) && utf8.ValidString(values[0])
		}
		if good != (err == nil) {
			t.Fatalf("ParseForm(%q) = %v, want an error: %v", form, err, !good)
		}
		if err != nil {
			return
		}
		for name, values := range want {
			set, err := input.Compile([]input.Spec{{Name: name}})
			if err != nil {
				continue
			}
			got, problems := set.Read(raw, nil)
			if len(problems) > 0 || got[0].Text() != values[0] {
				t.Fatalf("%q of %q is %q, %v: want %q", name, form, got[0].Text(), problems, values[0])
			}
		}
	})
}

// FuzzRead reads one variable, whose declaration is fuzzed as well.
func FuzzRead(f *testing.F) {
	for _, value := range []string{`1`, `"1"`, `1.0`, `"true"`, `null`, `[1, 2]`, `{"a" : null}`, `"\u0000\ud83d\ude00"`, `1e400`, `""`, "\xff", `-0e5`} {
		f.Add(value, "number", "", "[0-9.]+", "1")
		f.Add(value, "", `"red"`, "", "")
		f.Add(value, "json", "[1]", "", value)
		f.Add(value, "bool", "true", "", "true")
		f.Add(value, "string", `"x"`, "x|1", "")
	}
	f.Fuzz(func(t *testing.T, value, typ, fallback, matches, in string) {
		spec := input.Spec{Name: "x", Type: typ, Default: json.RawMessage(fallback), Matches: matches}
		if in != "" {
			spec.In = []string{in}
		}
		set, err := input.Compile([]input.Spec{spec})
		if err != nil {
			return
		}
		raws := []input.Raw{input.Texts([]string{"x"}, []string{value}), {}}
		if raw, err := input.ParseJSON([]byte(`{"x":` + value + `}`)); err == nil {
			raws = append(raws, raw)
		}
		if raw, err := input.ParseForm("x=" + value); err == nil {
			raws = append(raws, raw)
		}
		for _, raw := range raws {
			values, problems := set.Read(raw, nil)
			if len(values) != 1 || values[0].Exists() != (len(problems) == 0) {
				t.Fatalf("%+v of %q: got %d values and %v", spec, value, len(values), problems)
			}
			if len(problems) > 0 {
				if p := problems[0]; p.Name != "x" || p.Text == "" || len(p.Text) > 128 {
					t.Fatalf("%+v of %q: got %+v", spec, value, p)
				}
				continue
			}
			checkValue(t, spec, values[0])
			if spec.Matches != "" && !regexp.MustCompile(`^(?:`+spec.Matches+`)$`).MatchString(values[0].Text()) {
				t.Fatalf("%q does not match %s", values[0].Text(), spec.Matches)
			}
			// What was taken once is taken again, and is the same.
			again, err := input.ParseJSON([]byte(`{"x":` + string(values[0].JSON()) + `}`))
			if err != nil {
				t.Fatalf("%+v gives %s: %v", spec, values[0].JSON(), err)
			}
			if twice, problems := set.Read(again, nil); len(problems) > 0 || twice[0] != values[0] {
				t.Fatalf("%+v: %s becomes %s, %v", spec, show(values[0]), show(twice[0]), problems)
			}
		}
	})
}

// checkValue tests that all views of a value agree, and that it has its type.
func checkValue(t *testing.T, spec input.Spec, v input.Value) {
	t.Helper()
	var decoded any
	if err := json.Unmarshal(v.JSON(), &decoded); err != nil {
		t.Fatalf("%+v gives %q, which is no JSON: %v", spec, v.JSON(), err)
	}
	if !reflect.DeepEqual(decoded, v.Any()) {
		t.Fatalf("%+v: JSON is %s, Any is %#v", spec, v.JSON(), v.Any())
	}
	if !utf8.ValidString(v.Text()) || strings.ContainsFunc(v.Text(), utf16.IsSurrogate) {
		t.Fatalf("%+v has the text %q, which is no UTF-8", spec, v.Text())
	}
	good := spec.Type == "json"
	switch a := v.Any().(type) {
	case string:
		good = good || spec.Type == "" || spec.Type == "string"
		good = good && a == v.Text()
	case float64:
		good = (good || spec.Type == "" || spec.Type == "number") && !math.IsInf(a, 0) && !math.IsNaN(a)
	case bool:
		good = good || spec.Type == "" || spec.Type == "bool"
	}
	if !good {
		t.Fatalf("%+v gives %s", spec, show(v))
	}
}
