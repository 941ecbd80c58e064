package extract_test

import (
	"errors"
	"testing"

	"github.com/signpost-gateway/signpost/policy/extract"
)

func TestWhatPathsFindIsLocatedInTheDocument(t *testing.T) {
	doc := `{"card": {"number":"4111 1111", "name" : "Ann"}, "items":[{"pin":1},{"pin":22},{"x":null}],"n":-1.5e3}`
	for _, test := range []struct {
		paths []string
		want  []string
	}{
		{[]string{"$.card.number"}, []string{`"4111 1111"`}},
		{[]string{"$.items[*].pin"}, []string{"1", "22"}},
		{[]string{"$..pin", "$.card.name"}, []string{`"Ann"`, "1", "22"}},
		{[]string{"$.card.number", "$.card"}, []string{`{"number":"4111 1111", "name" : "Ann"}`}},
		{[]string{"$.n", "$.n"}, []string{"-1.5e3"}},
		{[]string{"$.items[2].x"}, []string{"null"}},
		{[]string{"$.items[?@.pin > 1]"}, []string{`{"pin":22}`}},
		{[]string{"$.nowhere", "$.items[9]"}, nil},
		{[]string{"$"}, []string{doc}},
	} {
		var paths []*extract.Path
		for _, source := range test.paths {
			p, err := extract.CompilePath(source)
			if err != nil {
				t.Fatalf("CompilePath(%s): %v", source, err)
			}
			paths = append(paths, p)
		}
		places, err := extract.Locate([]byte(doc), paths)
		if err != nil {
			t.Fatalf("Locate(%v): %v", test.paths, err)
		}
		var got []string
		for _, p := range places {
			got = append(got, doc[p.Start:p.End])
		}
		if len(got) != len(test.want) {
			t.Errorf("Locate(%v) found %q, want %q", test.paths, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("Locate(%v) found %q, want %q", test.paths, got, test.want)
			}
		}
	}
}

func TestNothingIsLocatedInWhatIsNoJSON(t *testing.T) {
	p, err := extract.CompilePath("$.a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := extract.Locate([]byte(`{"a":`), []*extract.Path{p}); !errors.Is(err, extract.ErrNotJSON) {
		t.Errorf("Locate of half a document: %v, want ErrNotJSON", err)
	}
}
