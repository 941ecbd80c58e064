package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// values is a lookup over JSON values; input variables have no JSON, only text.
func values(m map[string]string) func(Ref) ([]byte, string, bool) {
	return func(r Ref) ([]byte, string, bool) {
		v, ok := m[r.Name]
		if !ok || r.Kind == Input {
			return nil, v, ok
		}
		text := v
		var s string
		if json.Unmarshal([]byte(v), &s) == nil && v != "null" {
			text = s
		}
		return []byte(v), text, true
	}
}

func fill(tb testing.TB, source, contentType string, m map[string]string) string {
	tb.Helper()
	text, err := ParseText(source, contentType)
	if err != nil {
		tb.Fatalf("ParseText(%q, %q) = %v", source, contentType, err)
	}
	return string(text.Append(nil, values(m)))
}

func TestAValueIsEscapedForWhereItStands(t *testing.T) {
	m := map[string]string{
		"s": `"a\"b\\<&'\n"`, "n": "12.50", "o": `{"k":[1]}`, "z": "null", "bad": `{"k":`, "in": `x"y`, "high": "\xffé",
	}
	for _, tt := range []struct{ contentType, source, want string }{
		{"application/json", `{"v":{{vars.s}}}`, `{"v":"a\"b\\<&'\n"}`},
		{"application/json", `{"v":"it is {{vars.s}}!"}`, `{"v":"it is a\"b\\<&'\n!"}`},
		{"application/json", `[{{vars.n}},"{{vars.n}}",{{vars.o}}]`, `[12.50,"12.50",{"k":[1]}]`},
		{"application/json", `["{{vars.o}}",{{vars.z}},"{{vars.z}}"]`, `["{\"k\":[1]}",null,"null"]`},
		{"application/json", `[{{vars.none}},"<{{vars.none}}>"]`, `[null,"<>"]`},
		{"application/json", `[{{input.in}},"{{input.in}}"]`, `["x\"y","x\"y"]`},
		{"application/json", `{{input.high}}`, `"\ufffdé"`},
		{"application/json", `{{vars.bad}}`, `"{\"k\":"`},
		{"application/json", `"\\{{input.in}}"`, `"\\x\"y"`},
		{"application/json", ``, ``},
		{"application/problem+json; charset=utf-8", `{{vars.s}}`, `"a\"b\\<&'\n"`},
		{"Application/JSON", `{{input.in}}`, `"x\"y"`},
		{"text/html; charset=utf-8", `<p title="{{vars.s}}">{{input.none}}`, "<p title=\"a&#34;b\\&lt;&amp;&#39;\n\">"},
		{"application/atom+xml", `<a>{{input.in}}</a>`, `<a>x&#34;y</a>`},
		{"text/plain", `{{vars.s}}, {{vars.n}} {x} {{vars.none}}.`, "a\"b\\<&'\n, 12.50 {x} ."},
		{"", `{{input.in}}`, `x"y`},
	} {
		if got := fill(t, tt.source, tt.contentType, m); got != tt.want {
			t.Errorf("%s %s = %s, want %s", tt.contentType, tt.source, got, tt.want)
		}
	}
}

func TestATextListsEachVariableOnce(t *testing.T) {
	text, err := ParseText("{{vars.b}} {{input.a}} {{vars.b}} {{vars.a}}", "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	want := []Ref{{Vars, "b"}, {Input, "a"}, {Vars, "a"}}
	if got := text.Refs(); !slices.Equal(got, want) {
		t.Errorf("Refs() = %v, want %v", got, want)
	}
}

func TestABadTextIsExplainedWithItsOffset(t *testing.T) {
	const (
		kinds = "expected {{name}}, {{input.name}} or {{vars.name}}, the name of the form [a-z][a-z0-9_]*"
		here  = "expected JSON, in which a variable cannot stand here"
		name  = "a variable cannot stand in a member's name"
	)
	for _, tt := range []struct{ contentType, source, want string }{
		{"", "ab {{vars.x", "at offset 3: expected }} to close this {{"},
		{"", "ab {{X}}", "at offset 3: " + kinds},
		{"application/json", `{"a":{{x}}{{y}}}`, "at offset 10: " + here},
		{"", "{{secret.x}}", "at offset 0: " + kinds},
		{"", "{{vars.X}}", "at offset 0: " + kinds},
		{"", "{{ vars.x }}", "at offset 0: " + kinds},
		{"", "{{vars.}}", "at offset 0: " + kinds},
		{"", "{{vars.x.y}}", "at offset 0: " + kinds},
		{"", "{{{vars.x}}}", "at offset 0: " + kinds},
		{"", strings.Repeat("{{vars.x}}", 257), "at offset 2560: a body has at most 256 variables"},
		{"", strings.Repeat("x", 65537), "at offset 65536: a body has at most 65536 bytes"},
		{"application/json", `{"a":1{{vars.x}}}`, "at offset 6: " + here},
		{"application/json", `{{vars.x}}{{vars.y}}`, "at offset 10: " + here},
		{"application/json", `[tru{{vars.x}}]`, "at offset 4: " + here},
		{"application/json", `["\{{vars.x}}n"]`, "at offset 3: " + here},
		{"application/json", `["\u00{{vars.x}}41"]`, "at offset 6: " + here},
		{"application/json", `{"k{{vars.x}}" : 1}`, "at offset 3: " + name},
		{"application/json", `{"{{vars.x}}\"":1}`, "at offset 2: " + name},
		{"application/json", `[{ {{vars.x}}: 1}]`, "at offset 3: " + name},
		{"application/json", `[{{vars.x}} 1]`, "at offset 12: expected JSON: invalid character '1' after array element"},
		{"application/json", `["{{vars.x}}", y]`, "at offset 15: expected JSON: invalid character 'y' looking for beginning of value"},
		{"application/json", `{"a":{{vars.x}}`, "at offset 15: expected JSON: unexpected end of JSON input"},
		{"application/json", `{"a" 1}`, "at offset 5: expected JSON: invalid character '1' after object key"},
		{"application/json", `sorry`, "at offset 0: expected JSON: invalid character 's' looking for beginning of value"},
		{"application/json", "\"a\n\"", "at offset 2: expected JSON: invalid character '\\n' in string literal"},
	} {
		_, err := ParseText(tt.source, tt.contentType)
		if err == nil || err.Error() != tt.want {
			t.Errorf("ParseText(%.40q, %q) = %v, want %q", tt.source, tt.contentType, err, tt.want)
		}
	}
}

// document grows a random JSON template with what it has to be when filled.
type document struct {
	random *rand.Rand
	m      map[string]string
}

func (d *document) variable() (ref string, value any, text string) {
	name := fmt.Sprintf("v%d", len(d.m))
	alphabet := []string{`"`, `\`, "{", "}", ",", ":", "[", "]", "\n", "\u2028", "é", "a", "1", "null", "{{vars.v0}}", "\\u00", "😀"}
	for range d.random.IntN(8) {
		text += alphabet[d.random.IntN(len(alphabet))]
	}
	switch d.random.IntN(4) {
	case 0:
		d.m[name] = text
		return "{{input." + name + "}}", text, text
	case 1:
		return "{{vars.missing}}", nil, ""
	case 2:
		d.m[name] = `{"x":[1,"}"]}`
		return "{{vars." + name + "}}", map[string]any{"x": []any{1.0, "}"}}, d.m[name]
	}
	quoted, _ := json.Marshal(text)
	d.m[name] = string(quoted)
	return "{{vars." + name + "}}", text, text
}

func (d *document) grow(depth int) (source string, want any) {
	switch k := d.random.IntN(6); {
	case k == 0 && depth > 0:
		var parts []string
		list := []any{}
		for range d.random.IntN(4) {
			s, w := d.grow(depth - 1)
			parts, list = append(parts, s), append(list, w)
		}
		return "[" + strings.Join(parts, " , ") + "]", list
	case k <= 2 && depth > 0:
		var parts []string
		object := map[string]any{}
		for i := range d.random.IntN(4) {
			s, w := d.grow(depth - 1)
			key := fmt.Sprintf(`k"%d`, i)
			parts, object[key] = append(parts, fmt.Sprintf("%q: %s", key, s)), w
		}
		return "{" + strings.Join(parts, ",") + "}", object
	case k == 3:
		ref, _, text := d.variable()
		ref2, _, text2 := d.variable()
		return `"a\\` + ref + ref2 + `\"b"`, `a\` + text + text2 + `"b`
	case k == 4:
		return "-1.5e1", -15.0
	}
	ref, value, _ := d.variable()
	return ref, value
}

func TestNoValueChangesTheStructureOfAJSONBody(t *testing.T) {
	for seed := range uint64(3000) {
		d := &document{rand.New(rand.NewPCG(seed, 0)), map[string]string{}}
		source, want := d.grow(4)
		filled := fill(t, source, "application/json", d.m)
		var got any
		if err := json.Unmarshal([]byte(filled), &got); err != nil {
			t.Fatalf("template %s with %q gives %s: %v", source, d.m, filled, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("template %s with %q gives %s", source, d.m, filled)
		}
	}
}

// shape replaces each string of a document by the same one.
func shape(v any) any {
	switch v := v.(type) {
	case string:
		return ""
	case []any:
		for i := range v {
			v[i] = shape(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = shape(v[k])
		}
	}
	return v
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		`{"a":{{vars.x}}}`, `"\{{vars.x}}"`, `["{{input.y}}",{{input.y}}]`, `{"{{vars.x}}":1}`, `1{{vars.x}}`, `"\u00{{vars.x}}"`, "{{", `{{{vars.x}}}`,
	} {
		f.Add(s, `a"b`)
		f.Add(s, `\`)
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		for _, contentType := range []string{"application/json", "text/html", "text/plain"} {
			text, err := ParseText(source, contentType)
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(source) {
					t.Fatalf("ParseText(%q, %q) = %#v, want an *Error with an offset in the text", source, contentType, err)
				}
				continue
			}
			if contentType != "application/json" || source == "" {
				continue
			}
			var documents [2]any
			for i, v := range []string{"plain", value} {
				filled := text.Append(nil, func(Ref) ([]byte, string, bool) { return nil, v, true })
				if err := json.Unmarshal(filled, &documents[i]); err != nil {
					t.Fatalf("template %q with %q gives %q: %v", source, v, filled, err)
				}
			}
			if !reflect.DeepEqual(shape(documents[0]), shape(documents[1])) {
				t.Fatalf("template %q with %q has another structure than with a plain word", source, value)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	text, err := ParseText(`{"message":"Order {{input.n}} is late.","eta":{{vars.eta}}}`, "application/json")
	if err != nil {
		b.Fatal(err)
	}
	lookup := values(map[string]string{"n": "A-17", "eta": `"2026-11-23"`})
	dst := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		dst = text.Append(dst[:0], lookup)
	}
}
