package extract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/extract"
)

func TestEveryPlaceOfADocumentIsListedWithItsPath(t *testing.T) {
	for _, test := range []struct{ doc, want string }{
		{`null`, `$ null "" null`},
		{`{}`, `$ object "" {}`},
		{`{"order":{"items":[{"id":7}]}}`, `$ object "" {"order":{"items":[{"id":7}]}}
$.order object "order" {"items":[{"id":7}]}
$.order.items array "items" [{"id":7}]
$.order.items[0] object "items" {"id":7}
$.order.items[0].id number "id" 7`},
		{`[[true]]`, `$ array "" [[true]]
$[0] array "" [true]
$[0][0] bool "" true`},
		{`{"a b":1,"":2,"it's":3,"back\\slash":4,"größe":5,"9":6,"_x9":7}`, `$['a b'] number "a b" 1
$[''] number "" 2
$['it\'s'] number "it's" 3
$['back\\slash'] number "back\\slash" 4
$.größe number "größe" 5
$['9'] number "9" 6
$._x9 number "_x9" 7`},
		{`{"\n\u0000\u2028\u202e":1,"\ud83d\ude00":2,"\udb40\udc01":3,"\u00a0":4}`, `$['\n\u0000\u2028\u202e'] number "\n\x00\u2028\u202e" 1
$['😀'] number "😀" 2
$['\udb40\udc01'] number "\U000e0001" 3
$['\u00a0'] number "\u00a0" 4`},
		{`{"a":1,"\u0061":2}`, `$.a number "a" 2`},
		{` { "a" : "x y" } `, `$.a string "a" "x y"`},
	} {
		places, leftOut, err := extract.Places([]byte(test.doc))
		if err != nil {
			t.Errorf("%s: %v", test.doc, err)
			continue
		}
		var got []string
		for _, p := range places {
			got = append(got, fmt.Sprintf("%s %s %q %s", p.Path, p.Value.Kind(), p.Member, p.Value.AppendJSON(nil)))
		}
		if text := strings.Join(got, "\n"); !strings.HasSuffix(text, test.want) || leftOut != 0 {
			t.Errorf("%s: got, with %d left out,\n%s\nwant it to end with\n%s", test.doc, leftOut, text, test.want)
		}
	}
}

func TestElementsThatAreSkippedHideNothingBehindThem(t *testing.T) {
	places, leftOut, err := extract.PlacesWithin([]byte(`{"a":[[1,2,3],[4],5],"b":{"c":[6]}}`), 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range places {
		got = append(got, fmt.Sprintf("%d %s", p.Depth, p.Path))
		if p.Skipped > 0 {
			got = append(got, fmt.Sprintf("and %d more", p.Skipped))
		}
	}
	want := "0 $; 1 $.a; and 1 more; 2 $.a[0]; and 1 more; 3 $.a[0][0]; 3 $.a[0][1]; 2 $.a[1]; 3 $.a[1][0]; 1 $.b; 2 $.b.c; 3 $.b.c[0]"
	if text := strings.Join(got, "; "); text != want || leftOut != 0 {
		t.Errorf("got, with %d left out,\n%s\nwant\n%s", leftOut, text, want)
	}
}

func TestPlacesOfWhatIsNoDocumentAreAnError(t *testing.T) {
	for _, doc := range []string{``, `{`, `{}{}`, "\"\xff\"", strings.Repeat("[", 200)} {
		if places, _, err := extract.Places([]byte(doc)); err == nil || places != nil {
			t.Errorf("%q: got %d places and the error %v, want an error alone", doc, len(places), err)
		}
	}
}

func TestPlacesThatAreLeftOutAreCounted(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	long := `{"` + strings.Repeat("x", extract.MaxPathBytes) + `":{"a":[1]},"b":2}`
	many := `[` + strings.Repeat("0,", 2000) + `0]`
	for _, test := range []struct {
		name, doc       string
		listed, leftOut int
	}{
		{"too deep for a path", deep, extract.MaxSegments + 1, 100 - extract.MaxSegments - 1},
		{"too long for a path", long, 2, 3},
		{"too many", many, extract.MaxPlaces, 2002 - extract.MaxPlaces},
	} {
		places, leftOut, err := extract.Places([]byte(test.doc))
		if err != nil || len(places) != test.listed || leftOut != test.leftOut {
			t.Errorf("%s: %d places, %d left out, error %v; want %d and %d", test.name, len(places), leftOut, err, test.listed, test.leftOut)
		}
	}
}

// wantEachPathToRead tests what Places promises of each path.
func wantEachPathToRead(t *testing.T, doc []byte) {
	t.Helper()
	places, leftOut, err := extract.Places(doc)
	if err != nil {
		return
	}
	if len(places) == 0 || len(places) > extract.MaxPlaces || leftOut < 0 {
		t.Fatalf("%q: %d places and %d left out", doc, len(places), leftOut)
	}
	for _, p := range places {
		path, err := extract.CompilePath(p.Path)
		if err != nil || !path.Single() {
			t.Fatalf("%q: the path %q names no single place: %v", doc, p.Path, err)
		}
		values, err := extract.NewReader([]*extract.Path{path}).Read(doc, nil)
		if err != nil {
			t.Fatalf("%q: reading: %v", doc, err)
		}
		if got, want := values[0].AppendJSON(nil), p.Value.AppendJSON(nil); !bytes.Equal(got, want) || values[0].Kind() != p.Value.Kind() {
			t.Fatalf("%q: the path %q reads %s, want %s", doc, p.Path, got, want)
		}
	}
}

// alphabet is what the names of random documents are made of.
var alphabet = []rune("ab9_ .'\"\\/`{}[]$#@*\x00\n\t\u007f\u0085\u00a0\u00e9\u2028\u202e\ud7ff\ufffd\U0001f600\U000e0001")

// randomDocument makes a document of at most this depth.
func randomDocument(r *rand.Rand, depth int) any {
	switch n := r.IntN(8); {
	case depth > 0 && n < 3:
		members := map[string]any{}
		for range r.IntN(5) {
			var name []rune
			for range r.IntN(4) {
				name = append(name, alphabet[r.IntN(len(alphabet))])
			}
			members[string(name)] = randomDocument(r, depth-1)
		}
		return members
	case depth > 0 && n < 6:
		var elements []any
		for range r.IntN(4) {
			elements = append(elements, randomDocument(r, depth-1))
		}
		return elements
	default:
		return []any{nil, true, "x", 1.5, 42, "", "a\"b"}[r.IntN(7)]
	}
}

func TestEachListedPathReadsTheValueThatIsListed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		doc, err := json.Marshal(randomDocument(r, 6))
		if err != nil {
			t.Fatal(err)
		}
		wantEachPathToRead(t, doc)
	}
}

func TestNoTwoPlacesHaveTheSamePath(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		doc, err := json.Marshal(randomDocument(r, 5))
		if err != nil {
			t.Fatal(err)
		}
		places, _, err := extract.Places(doc)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		var paths []string
		for _, p := range places {
			paths = append(paths, p.Path)
		}
		slices.Sort(paths)
		if once := slices.Compact(slices.Clone(paths)); len(once) != len(paths) {
			t.Fatalf("%s: %d of %d paths are different", doc, len(once), len(paths))
		}
	}
}

func FuzzPlaces(f *testing.F) {
	for _, doc := range []string{`{"order":{"items":[{"id":7}]}}`, `{"a b":{"it's":[1,2,{"\ud800":3}]}}`, `{"a":1,"a":{"b":2}}`, `[[[[]]]]`, `{"":""}`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(wantEachPathToRead)
}

func BenchmarkPlaces(b *testing.B) {
	doc := []byte(`{"orders":[` + strings.Repeat(`{"id":4711,"status":"shipped","delivery":{"eta":"2026-11-23","street name":"x"}},`, 50) + `{}]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, _, err := extract.Places(doc); err != nil {
			b.Fatal(err)
		}
	}
}
