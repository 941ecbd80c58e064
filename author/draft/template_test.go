package draft

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/template"
)

func TestEachValueOfADocumentBecomesAVariableOfItsType(t *testing.T) {
	var names Names
	names.Take("id")
	got, samples, err := JSONTemplate([]byte(`{"id":7,"name":"Ann","gift":false,"note":null,"tags":["a"],"none":[],"empty":{},"blank":"","to":{"city":{"name":"Bonn"}},"password":"hunter2","query":"{ me { id } }"}`), &names)
	const want = `{
  "id": {{id_2}},
  "name": {{name}},
  "gift": {{gift}},
  "note": null,
  "tags": {{tags}},
  "none": [],
  "empty": {},
  "blank": "",
  "to": {
    "city": {
      "name": {{city_name}}
    }
  },
  "password": {{password}},
  "query": "\u007b me \u007b id \u007d \u007d"
}`
	if err != nil || got != want {
		t.Errorf("got %v and\n%s\nwant\n%s", err, got, want)
	}
	var said []string
	for _, s := range samples {
		text := s.Input.Var + " " + s.Input.Type + " " + string(s.Value)
		if s.Private {
			text = s.Input.Var + " " + s.Input.Type + " private"
		}
		said = append(said, text)
	}
	wantSamples := []string{"id_2 number 7", `name string "Ann"`, "gift bool false", `tags json ["a"]`, `city_name string "Bonn"`, "password string private"}
	if !reflect.DeepEqual(said, wantSamples) {
		t.Errorf("got %q, want %q", said, wantSamples)
	}
}

func TestADocumentAloneIsOneVariable(t *testing.T) {
	for document, want := range map[string]string{
		`"a"`: `{{body}}`, `7`: `{{body}}`, `[{"a":1}]`: `{{body}}`, `null`: `null`, `{}`: `{}`, `{"a":"` + strings.Repeat("x", 300) + `"}`: "{\n  \"a\": \"" + strings.Repeat("x", 300) + "\"\n}",
	} {
		var names Names
		if got, _, err := JSONTemplate([]byte(document), &names); err != nil || got != want {
			t.Errorf("%.40s: got %v and %s, want %s", document, err, got, want)
		}
	}
}

func TestWhatIsNoDocumentIsRefused(t *testing.T) {
	for document, want := range map[string]string{
		"": "ends too early", "{": "ends too early", `{"a":1} 2`: "more stands behind it", "\"\xff\"": "not UTF-8", `{"a" 1}`: "invalid character",
		strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100): "nests more than 64 deep",
		strings.Repeat(" ", 64<<10) + "1":                             "a template has at most 65536",
	} {
		var names Names
		if _, _, err := JSONTemplate([]byte(document), &names); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want an error that says %q", document, err, want)
		}
	}
}

// FuzzJSONTemplate fills each template with what stood there, which gives the same
// document.
func FuzzJSONTemplate(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":"{{x}}","c":[1,{"d":null}],"e":{"f":true}}`, `[[]]`, `"\ud800"`, `{"":{"":0}}`, `{"a":"\\{","{{b}}":1}`, `1e400`, `{"a":1,"a":2}`, `{"k":"` + "`{$x}" + `"}`, `{"a":"` + strings.Repeat("{", 250) + `"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, document string) {
		var names Names
		source, samples, err := JSONTemplate([]byte(document), &names)
		if err != nil {
			return
		}
		if err := checkText(source); err != nil {
			t.Fatalf("%q gives a template that cannot be written, %v: %s", document, err, source)
		}
		text, err := template.ParseText(source, "application/json")
		if len(source) > 64<<10 {
			return // Escapes made it too long, which the policy is refused for.
		}
		if err != nil {
			t.Fatalf("%q gives no template, %v: %s", document, err, source)
		}
		values := make(map[string]json.RawMessage)
		for _, s := range samples {
			values[s.Input.Var] = s.Value
		}
		filled := text.Append(nil, func(ref template.Ref) ([]byte, string, bool) { return values[ref.Name], "", true })
		if got, want := decoded(t, filled), decoded(t, []byte(document)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q becomes %s, which filled is %s", document, source, filled)
		}
	})
}

// decoded gives a document as it means.
func decoded(t *testing.T, document []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(document)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s is no JSON: %v", document, err)
	}
	return v
}
