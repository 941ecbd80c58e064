package drift_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

func TestTheStoredFormIsFlatAndInDocumentOrder(t *testing.T) {
	doc := `{"order":{"status":"x","items":[{"id":1,"n":null},null,{"id":2}]},"z":1,"a b":true,"":[],"ü'\"\n\u0001\\":[[1]],"<&>":"\ud800"}`
	want := `{"$":"object","$.order":"object","$.order.status":"string","$.order.items":"array","$.order.items[*]":"object|null",` +
		`"$.order.items[*].id":"number","$.order.items[*].n":"null|missing","$.z":"number","$['a b']":"bool","$['']":"array",` +
		`"$['ü\\'\"\\n\\u0001\\\\']":"array","$['ü\\'\"\\n\\u0001\\\\'][*]":"array","$['ü\\'\"\\n\\u0001\\\\'][*][*]":"number","$['<&>']":"string"}`
	got, err := learn(t, []byte(doc)).MarshalJSON()
	if err != nil || string(got) != want {
		t.Errorf("learning %s\n got %s, %v\nwant %s", doc, got, err, want)
	}
	reload(t, learn(t, []byte(doc)))
}

func TestAStructureIsTheSameAfterStorage(t *testing.T) {
	var many []string
	for i := range drift.MaxNodes + 5 {
		many = append(many, fmt.Sprintf(`"m%d":1`, i))
	}
	for _, doc := range []string{
		`1`, `[]`, "{" + strings.Join(many, ",") + "}", "{\"\xff\":1,\"\xfe\":{\"\u2028\":[null]},\"\\udc00\":{}}",
		strings.Repeat("[", 200) + strings.Repeat("]", 200), `{"` + strings.Repeat(`\u0001`, drift.MaxNameBytes) + `":1}`,
		`[{"a":1},"x",[1],null,{"a":null,"b":[]}]`,
	} {
		s := learn(t, []byte(doc))
		again := reload(t, s)
		if again.Truncated() != s.Truncated() || again.Len() != s.Len() {
			t.Errorf("%.80s: got %d places, truncated %t; want %d, %t", doc, again.Len(), again.Truncated(), s.Len(), s.Truncated())
		}
		if got := again.Watch(nil).Compare([]byte(doc)); got != nil {
			t.Errorf("%.80s drifts from what was stored of it: %v", doc, got)
		}
	}
}

func TestADamagedStoredFormIsRefused(t *testing.T) {
	whole := `{"$":"object","$.a":"array|null","$.a[*]":"number"}`
	if err := new(drift.Structure).UnmarshalJSON([]byte(whole)); err != nil {
		t.Fatalf("the whole one: %v", err)
	}
	for _, stored := range []string{
		``, `null`, `[]`, `{}`, `1`, whole + "x", whole[:20], `{"$":1}`, `{"$":null}`, `{"$":{"$":"object"}}`, `{"$":""}`, `{"$":"text"}`,
		`{"$":"missing"}`, `{"$":"object|missing"}`, `{"$":"object|object"}`, `{"$":"object|"}`, `{"$":"Object"}`, `{"$.a":"number"}`,
		`{"$.a":"number","$":"object"}`, `{"$":"object","$":"object"}`, `{"$":"number","$.a":"number"}`, `{"$":"object","$[*]":"number"}`,
		`{"$":"array","$[*]":"number|missing"}`, `{"$":"array","$[0]":"number"}`, `{"$":"object","$.a b":"number"}`, `{"$":"object","$.":"number"}`,
		`{"$":"object","$..a":"number"}`, `{"$":"object","$['a']":"number"}`, `{"$":"object","$[\"a b\"]":"number"}`, `{"$":"object","$['a b'":"number"}`,
		`{"$":"object","$['a b\\":"number"}`, `{"$":"object","$['\\u0061 ']":"number"}`, `{"$":"object","$x":"number"}`, `{"$":"object","x":"number"}`,
		`{"$":"object","":"number"}`, `{"$":"object","...":"number"}`, `{"$":"object","...":"truncated","$.a":"number"}`, `{"...":"truncated"}`,
		`{"$":"object","$.` + strings.Repeat("n", drift.MaxNameBytes+1) + `":"number"}`, strings.Repeat(" ", 4<<20) + whole,
	} {
		s := learn(t, []byte(`{"kept":1}`))
		err := s.UnmarshalJSON([]byte(stored))
		if !errors.Is(err, drift.ErrStored) || len(err.Error()) > 1000 {
			t.Errorf("%.200s: got %v, want a short ErrStored", stored, err)
		}
		if s.Len() != 2 {
			t.Errorf("%.200s: the structure has changed", stored)
		}
	}
}

func TestTypesAreStoredInAnyOrder(t *testing.T) {
	var a, b drift.Structure
	for s, stored := range map[*drift.Structure]string{&a: `{"$":"object","$.a":"null|string","$.b":"bool"}`, &b: ` {"$":"object","$.b":"bool","$.a":"string|null"}`} {
		if err := json.Unmarshal([]byte(stored), s); err != nil {
			t.Fatal(err)
		}
	}
	if !a.Equal(&b) {
		t.Error("the structures are not equal")
	}
}

func TestStructuresWithOtherTypesOrPlacesAreNotEqual(t *testing.T) {
	docs := []string{`{"a":1,"b":[{}]}`, `{"a":1,"b":[{},null]}`, `{"a":1,"b":[]}`, `{"a":1,"c":[{}]}`, `{"a":"x","b":[{}]}`, `{"a":1,"b":{"x":{}}}`, `[]`, `[[{"a":1}]]`, `[[{"a":1},{}]]`}
	for i, a := range docs {
		for j, b := range docs {
			if got := learn(t, []byte(a)).Equal(learn(t, []byte(b))); got != (i == j) {
				t.Errorf("%s and %s: got %t", a, b, got)
			}
		}
	}
	if !learn(t, []byte(`{"a":1,"b":{"c":1,"d":2}}`)).Equal(learn(t, []byte(`{"b":{"d":3,"c":4.5},"a":0}`))) {
		t.Error("the order of members matters")
	}
}

func TestLearningRefusesWhatIsNotJSON(t *testing.T) {
	for _, doc := range []string{``, ` `, `{`, `{"a":}`, `[1,]`, `1 2`, `nul`, "\xff", `{"a" 1}`} {
		if s, err := drift.Learn([]byte(doc)); s != nil || !errors.Is(err, drift.ErrNotJSON) {
			t.Errorf("%q: got %v, %v", doc, s, err)
		}
	}
}

var seeds = []string{
	order, `{"a":1,"a":{"b":[1,"x",null]}}`, `[[],[[{}]],{"\u0061\ud83d\ude00":"\\"}]`, ` { "a" : [ 1 , -2e3 ] } `, "{\"\xff\":1}", `{"a":`, `[1`, `"x`, `{"a"1}`, `]`, `{,}`, `[,]`, `\`, `{"\`, `{"\u12":1}`, "null",
}

func FuzzLearn(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := drift.Learn(doc)
		if (err == nil) != json.Valid(doc) {
			t.Fatalf("%q: got %v", doc, err)
		}
		if err != nil {
			return
		}
		again := reload(t, s)
		reads := []drift.Read{read("a"), read("a.b"), read("a.*"), read("*.0"), read("*.-1.a")}
		for _, s := range []*drift.Structure{s, again} {
			if got := s.Watch(reads).Compare(doc); got != nil {
				t.Fatalf("%q drifts against itself: %v", doc, got)
			}
		}
		if len(drift.Diff(s, again)) != s.Len() {
			t.Fatalf("%q: Diff gives %v", doc, drift.Diff(s, again))
		}
	})
}

func FuzzCompare(f *testing.F) {
	for i, seed := range seeds {
		f.Add([]byte(seed), []byte(seeds[len(seeds)-1-i]), "a.0.b")
		f.Add([]byte(order), []byte(seed), "order.items.-1.id")
	}
	f.Fuzz(func(t *testing.T, first, later []byte, path string) {
		s, err := drift.Learn(first)
		if err != nil {
			return
		}
		reads := []drift.Read{read(path), read("*." + path), read("a.*")}
		changes := s.Watch(reads).Compare(later)
		if len(changes) > drift.MaxChanges {
			t.Fatalf("from %q to %q: %d changes", first, later, len(changes))
		}
		now, err := drift.Learn(later)
		if err != nil {
			return
		}
		for _, r := range reads {
			if got := drift.Suggest(s, now, r); got != "" && !strings.HasPrefix(got, "$") {
				t.Fatalf("from %q to %q: suggesting %q", first, later, got)
			}
		}
		if got := now.Watch(reads).Compare(later); got != nil {
			t.Fatalf("%q drifts against itself: %v", later, got)
		}
		if len(drift.Diff(s, now)) < max(s.Len(), now.Len()) {
			t.Fatalf("from %q to %q: Diff gives %v", first, later, drift.Diff(s, now))
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	for _, seed := range append(seeds, `{"$":"object","$.a":"null|string","$['b c'][*]":"bool"}`) {
		f.Add([]byte(seed), []byte(order))
		if s, err := drift.Learn([]byte(seed)); err == nil {
			stored, _ := s.MarshalJSON()
			f.Add(stored, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, stored, doc []byte) {
		s := new(drift.Structure)
		if err := s.UnmarshalJSON(stored); err != nil {
			if !errors.Is(err, drift.ErrStored) {
				t.Fatalf("%q: got %v", stored, err)
			}
			return
		}
		reload(t, s)
		s.Watch([]drift.Read{read("a.*.b")}).Compare(doc)
		canonical, err := s.MarshalJSON()
		if err != nil || !json.Valid(canonical) || bytes.ContainsRune(canonical, '\n') {
			t.Fatalf("%q is stored as %q, %v", stored, canonical, err)
		}
	})
}
