package extract

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ohler55/ojg/jp"
)

func TestBrokenDocumentsAreRefusedAtTheirPlace(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, tt := range []struct {
		doc    string
		want   error
		offset int
	}{
		{``, ErrNotJSON, 0}, {`  `, ErrNotJSON, 2}, {`nul`, ErrNotJSON, 0}, {`nulL`, ErrNotJSON, 0}, {`True`, ErrNotJSON, 0},
		{`1 2`, ErrNotJSON, 2}, {`{} x`, ErrNotJSON, 3}, {`null,`, ErrNotJSON, 4}, {"\ufeff1", ErrNotJSON, 0}, {"1\v", ErrNotJSON, 1},
		{`[1`, ErrNotJSON, 2}, {`[1,`, ErrNotJSON, 3}, {`[1,]`, ErrNotJSON, 3}, {`[,1]`, ErrNotJSON, 1}, {`[1 2]`, ErrNotJSON, 3}, {`[1}`, ErrNotJSON, 2},
		{`{"a"}`, ErrNotJSON, 4}, {`{"a":}`, ErrNotJSON, 5}, {`{"a":1,}`, ErrNotJSON, 7}, {`{a:1}`, ErrNotJSON, 1}, {`{"a" 1}`, ErrNotJSON, 5},
		{`{"a":1 "b":2}`, ErrNotJSON, 7}, {`{"a":1]`, ErrNotJSON, 6}, {`{1:2}`, ErrNotJSON, 1}, {`{"a":1`, ErrNotJSON, 6}, {`{'a':1}`, ErrNotJSON, 1},
		{`01`, ErrNotJSON, 1}, {`-`, ErrNotJSON, 1}, {`-a`, ErrNotJSON, 1}, {`+1`, ErrNotJSON, 0}, {`1.`, ErrNotJSON, 2}, {`.5`, ErrNotJSON, 0},
		{`1e`, ErrNotJSON, 2}, {`1e+`, ErrNotJSON, 3}, {`0x10`, ErrNotJSON, 1}, {`NaN`, ErrNotJSON, 0}, {`Infinity`, ErrNotJSON, 0},
		{`1e400`, ErrNotJSON, 0}, {`[-1e309]`, ErrNotJSON, 1}, {`1` + strings.Repeat("0", 309), ErrNotJSON, 0},
		{`"a`, ErrNotJSON, 2}, {`"\`, ErrNotJSON, 1}, {`"\"`, ErrNotJSON, 3}, {`"\x41"`, ErrNotJSON, 1}, {`"\u12g4"`, ErrNotJSON, 1}, {`"\u12"`, ErrNotJSON, 1},
		{"\"a\nb\"", ErrNotJSON, 2}, {"\"a\x00\"", ErrNotJSON, 2},
		{"\"\xff\"", ErrNotJSON, 0}, {"[1]\xc3", ErrNotJSON, 0}, {"{\"\xed\xa0\x80\":1}", ErrNotJSON, 0},
		{deep(MaxDepth + 1), ErrTooDeep, MaxDepth}, {strings.Repeat(`{"a":`, 200), ErrTooDeep, 5 * MaxDepth},
		{strings.Repeat("[", 100_000), ErrTooDeep, MaxDepth},
		{strings.Repeat(" ", MaxBytes) + "1", ErrTooLarge, MaxBytes},
		{"[" + strings.Repeat("1,", MaxValues) + "1]", ErrTooLarge, 2*MaxValues - 1},
	} {
		values, err := NewReader(mustCompile(t, `$`, `$..*`)).Read([]byte(tt.doc), nil)
		shown := tt.doc[:min(len(tt.doc), 40)]
		var docError *DocumentError
		if !errors.Is(err, tt.want) || !errors.As(err, &docError) || docError.Offset != tt.offset {
			t.Errorf("Read(%q) = %v; want %v at byte %d", shown, err, tt.want, tt.offset)
		}
		if len(values) != 2 || values[0].Exists() || values[1].Exists() {
			t.Errorf("Read(%q) gives values in spite of the error: %v", shown, values)
		}
		if _, err := Decode([]byte(tt.doc)); !errors.Is(err, tt.want) {
			t.Errorf("Decode(%q) = %v; want %v", shown, err, tt.want)
		}
	}
	for _, doc := range []string{deep(MaxDepth), `1e308`, `1e-400`, `9` + strings.Repeat("0", 307), `"\ud800"`, " \t\r\n1 \t\r\n"} {
		if _, err := NewReader(nil).Read([]byte(doc), nil); err != nil {
			t.Errorf("Read(%.40q) = %v; want no error", doc, err)
		}
	}
}

func TestErrorsOfDocumentsNamePlaceAndReason(t *testing.T) {
	_, err := NewReader(nil).Read([]byte(`{"secret": tru}`), nil)
	if got, want := err.Error(), "reading document: at byte 11: expecting a value: not JSON"; got != want {
		t.Errorf("error is %q; want %q", got, want)
	}
}

func TestPathsThatShareTheirWayAreReadTogether(t *testing.T) {
	const doc = `{"x": 0, "a": [{"b": 1, "c": [1, 2, 3]}, {"b": 2}], "": {"a": "\u0061"}}`
	paths := map[string]string{
		`$`: strings.NewReplacer(" ", "").Replace(doc), `$.a`: `[{"b":1,"c":[1,2,3]},{"b":2}]`, `$.a[0]`: `{"b":1,"c":[1,2,3]}`, `$.a[-2]`: `{"b":1,"c":[1,2,3]}`,
		`$.a[0].b`: `1`, `$.a[-2].b`: `1`, `$.a[1].b`: `2`, `$.a[-1].b`: `2`, `$.a[-2].c[-1]`: `3`, `$.a[0]['c'][-3]`: `1`, `$.a[0]['c'][-4]`: ``,
		`$['']`: `{"a":"\u0061"}`, `$[''].a`: `"\u0061"`, `$.a[*].b`: `[1,2]`, `$.x.y`: ``, `$.x`: `0`, `$["x"]`: `0`, `$[0]`: ``,
	}
	var sources []string
	for p := range paths { // In any order: it makes no difference.
		sources = append(sources, p)
	}
	values, err := NewReader(mustCompile(t, sources...)).Read([]byte(doc), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range sources {
		if got := string(values[i].AppendJSON(nil)); got != paths[p] {
			t.Errorf("%s = %s; want %s (read with %q)", p, got, paths[p], sources)
		}
	}
}

func TestTheMemoryOfValuesIsUsedAgain(t *testing.T) {
	r := NewReader(mustCompile(t, `$.a`, `$.b`))
	first, err := r.Read([]byte(`{"a": 1, "b": 2}`), make([]Value, 5, 9))
	if err != nil || len(first) != 2 {
		t.Fatalf("Read = %v, %v; want 2 values", first, err)
	}
	second, err := r.Read([]byte(`{"b": 3}`), first)
	if err != nil || &second[0] != &first[0] || second[0].Exists() || second[1].Any() != 3 {
		t.Errorf("second Read = %v, %v; want nothing and 3, in the same memory", second, err)
	}
	doc := []byte(order)
	r = NewReader(mustCompile(t, orderPaths...))
	dst := make([]Value, len(orderPaths))
	if n := testing.AllocsPerRun(100, func() { dst, _ = r.Read(doc, dst) }); n != 0 {
		t.Errorf("reading single-place paths allocates %v times; want never", n)
	}
}

func TestAReaderMayBeUsedConcurrently(t *testing.T) {
	r := NewReader(mustCompile(t, `$.order.status`, `$.order.items[-1].sku`, `$..items[?match(@.sku, 'K.*')].price`))
	done := make(chan string)
	for range 8 {
		go func() {
			var got []byte
			for range 50 {
				values, _ := r.Read([]byte(order), nil)
				got = got[:0]
				for _, v := range values {
					got = v.AppendJSON(got)
				}
			}
			done <- string(got)
		}()
	}
	for range 8 {
		if got, want := <-done, `"shipped""CB-11"[79.90]`; got != want {
			t.Errorf("concurrent Read = %s; want %s", got, want)
		}
	}
}

func TestLookingBackDoesNotCountValuesTwice(t *testing.T) {
	doc := strings.Repeat("[", 4) + strings.Repeat("1,", MaxValues-5) + "2" + strings.Repeat("]", 4)
	v, err := read(t, `$[-1][-1][-1][-1]`, doc)
	if err != nil || v.Any() != 2 {
		t.Errorf("the last of %d values in four arrays = %v, %v; want 2", MaxValues, v.Any(), err)
	}
}

// The other reader, which has nothing in common with the first one:
// encoding/json builds the document, and ojg parses and evaluates the path.
func FuzzBothReadersAgree(f *testing.F) {
	for _, path := range []string{`$`, `$.a`, `$['a'].b`, `$.a[0]`, `$.a[-1].b`, `$[-2][0]`, `$["é"]`, `$[1]['a']`, `$.a.a[-1][-1]`} {
		for _, doc := range []string{
			`{"a": {"b": [1.5, "x\u00e9"]}, "a": {"b": null}}`, `{"a": [{"b": 1}, {"b": true}], "\u00e9": -0}`, `[[1, 2], {"a": "\ud800"}]`, `7`,
			`{"a": {"a": [1, [2, [3]], []]}}`,
		} {
			f.Add(path, doc)
		}
	}
	f.Fuzz(func(t *testing.T, src, doc string) {
		path, err := CompilePath(src)
		if err != nil || !path.Single() {
			return
		}
		values, err := NewReader([]*Path{path}).Read([]byte(doc), nil)
		if err != nil {
			return // FuzzDocument decides whether that is right.
		}
		var built any
		if err := json.Unmarshal([]byte(doc), &built); err != nil {
			t.Fatalf("Read(%q) succeeds, encoding/json says %v", doc, err)
		}
		var expr jp.Expr
		for _, s := range path.query.steps {
			if s.isMember {
				expr = expr.Child(s.name)
			} else {
				expr = expr.Nth(s.index)
			}
		}
		want := []any{built}
		if len(expr) > 0 {
			want = expr.Get(built)
		}
		if values[0].Exists() != (len(want) == 1) {
			t.Fatalf("%s of %q: there is a value: %v; ojg finds %v", src, doc, values[0].Exists(), want)
		}
		if len(want) == 1 && !reflect.DeepEqual(doubles(values[0].Any()), want[0]) {
			t.Fatalf("%s of %q = %#v; ojg finds %#v", src, doc, values[0].Any(), want[0])
		}
		// And the tree on which lists are evaluated holds the same.
		tree := newTree([]byte(doc))
		tree.steps = MaxSteps
		node, ok := tree.place(path.query, nil)
		if ok != values[0].Exists() || ok && !bytes.Equal(tree.text(node), values[0].raw) {
			t.Fatalf("%s of %q: in the tree there is %v, %v; want %s", src, doc, node, ok, values[0].raw)
		}
	})
}

// Without slices and filters, a list holds what ojg finds in a document built by
// encoding/json, although the order may be another one.
func FuzzListsHoldWhatOjgFinds(f *testing.F) {
	for _, path := range []string{`$.*`, `$..a`, `$..*`, `$[*].a[*]`, `$['a','b',0,-1]`, `$..[0,'a']`, `$..a..*`, `$.*.*['b']`} {
		for _, doc := range []string{`{"a": [{"a": 1}, {"b": [2, {"a": null}]}], "b": {"a": {"a": "x"}}}`, `[[1, [2]], {"a": [3]}, "a"]`, `1`} {
			f.Add(path, doc)
		}
	}
	f.Fuzz(func(t *testing.T, src, doc string) {
		path, err := CompilePath(src)
		if err != nil || path.Single() {
			return
		}
		expr, ok := plainExpression(path.query.segments)
		if !ok || len(doc) > 1<<10 {
			return
		}
		values, err := NewReader([]*Path{path}).Read([]byte(doc), nil)
		if err != nil {
			return
		}
		var built any
		if err := json.Unmarshal([]byte(doc), &built); err != nil {
			t.Fatalf("Read(%q) succeeds, encoding/json says %v", doc, err)
		}
		got, _ := doubles(values[0].Any()).([]any)
		if g, w := sortedTexts(got), sortedTexts(expr.Get(built)); !reflect.DeepEqual(g, w) {
			t.Fatalf("%s of %q holds\n     %q\nojg: %q", src, doc, g, w)
		}
	})
}

// plainExpression is an expression of ojg's own fragments only, if there are
// such for all selectors.
func plainExpression(segments []segment) (x jp.Expr, ok bool) {
	for _, seg := range segments {
		if seg.descendant {
			x = append(x, jp.Descent('.'))
		}
		var union jp.Union
		for _, sel := range seg.selectors {
			switch sel := sel.(type) {
			case name:
				union = append(union, string(sel))
			case index:
				union = append(union, int64(sel))
			case wildcard:
				if len(seg.selectors) > 1 {
					return nil, false
				}
			default:
				return nil, false
			}
		}
		if len(union) == 0 {
			x = append(x, jp.Wildcard('*'))
		} else {
			x = append(x, union)
		}
	}
	return x, true
}

func sortedTexts(values []any) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		text, _ := json.Marshal(v)
		texts[i] = string(text)
	}
	slices.Sort(texts)
	return texts
}

// doubles makes all numbers float64, as encoding/json does.
func doubles(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = doubles(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = doubles(v[k])
		}
	}
	return v
}

// A document is accepted when encoding/json accepts it, it is valid UTF-8, and
// it is within the bounds; and what it decodes to is the same.
func FuzzDocument(f *testing.F) {
	for _, doc := range []string{
		`{"a": [1, -0.5e+1, true, false, null, "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800\udc00x"], "": {}}`, ` [ ] `, `1e400`, `01`, `"\u12`, `{"a":1,}`, "\"\xff\"",
		`[1,2`, `-`, `{"a":{"b":1},"a":2}`, `123456789012345678901234567890`, `"\ud800\ud800\udc00"`, strings.Repeat("[", 129) + strings.Repeat("]", 129),
	} {
		f.Add([]byte(doc))
	}
	reader := NewReader(nil)
	f.Fuzz(func(t *testing.T, doc []byte) {
		_, err := reader.Read(doc, nil)
		if want := acceptable(doc); (err == nil) != want {
			t.Fatalf("Read(%q) = %v; want accepted: %v", doc, err, want)
		}
		if err != nil {
			return
		}
		got, err := Decode(doc)
		if err != nil {
			t.Fatalf("Decode(%q) = %v after Read succeeded", doc, err)
		}
		var want any
		if err := json.Unmarshal(doc, &want); err != nil || !reflect.DeepEqual(doubles(got), want) {
			t.Fatalf("Decode(%q) = %#v; encoding/json says %#v, %v", doc, got, want, err)
		}
		v, err := FromJSON(doc)
		var compact bytes.Buffer
		if compactErr := json.Compact(&compact, doc); err != nil || compactErr != nil || string(v.AppendJSON(nil)) != compact.String() {
			t.Fatalf("FromJSON(%q) = %s, %v; want %s", doc, v.AppendJSON(nil), err, compact.String())
		}
		if s, ok := got.(string); ok && string(v.AppendText(nil)) != s {
			t.Fatalf("text of %q = %q; want %q", doc, v.AppendText(nil), s)
		}
	})
}

func acceptable(doc []byte) bool {
	if !json.Valid(doc) || !utf8.Valid(doc) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	for depth := 0; ; {
		token, err := dec.Token()
		if err == io.EOF {
			return true
		}
		switch token := token.(type) {
		case json.Number:
			if f, _ := strconv.ParseFloat(token.String(), 64); math.IsInf(f, 0) {
				return false
			}
		case json.Delim:
			if token == '[' || token == '{' {
				depth++
			} else {
				depth--
			}
		}
		if depth > MaxDepth {
			return false
		}
	}
}
