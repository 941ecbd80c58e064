package extract

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ohler55/ojg/jp"
)

// read evaluates one path over one document.
func read(tb testing.TB, path, doc string) (Value, error) {
	tb.Helper()
	values, err := NewReader(mustCompile(tb, path)).Read([]byte(doc), nil)
	if len(values) != 1 {
		tb.Fatalf("Read(%q, %s) gives %d values, want 1", path, doc, len(values))
	}
	return values[0], err
}

func TestPathsGiveWhatTheRFCSays(t *testing.T) {
	const shop = `{"o": {"j": 1, "k": 2, "n": null}, "a": [5, 3, [{"j": 4}, {"k": 6}]],
		"i": [{"p": 8.95, "t": "x"}, {"p": 12, "t": "y", "isbn": "1"}, {"p": 22.99, "isbn": "2"}]}`
	tests := []struct{ path, doc, want string }{
		// Single places.
		{`$`, ` {"a" : [ 1 ,2 ] } `, `{"a":[1,2]}`},
		{`$`, `null`, `null`},
		{`$.o.j`, shop, `1`},
		{`$["o"]['k']`, shop, `2`},
		{`$.o.n`, shop, `null`},
		{`$.o.x`, shop, ``},
		{`$.o[0]`, shop, ``},
		{`$.a.j`, shop, ``},
		{`$.a[0].x`, shop, ``},
		{`$.a[-1][0].j`, shop, `4`},
		{`$.a[-3]`, shop, `5`},
		{`$.a[-4]`, shop, ``},
		{`$.a[3]`, shop, ``},
		{`$.a [2]` + "\t\n\r" + `[ 1 ] .k`, shop, `6`},
		{`$['']`, `{"": 1}`, `1`},
		{`$.é_1`, `{"é_1": 1}`, `1`},
		{`$['\u00e9\ud83d\ude00\n\'"']`, `{"é😀\n'\"": 1}`, `1`},
		{`$["\"'\/\\"]`, `{"\"'/\\": 1}`, `1`},
		{`$["\b\f\n\r\t"]`, `{"\b\f\n\r\t": 1}`, `1`},
		{`$.é`, `{"\u00E9": 1}`, `1`},
		{`$['a.b']['*']`, `{"a.b": {"*": 1}}`, `1`},

		// Wildcards, lists of selectors, slices.
		{`$.*`, `{"b": 1, "a": [2 , 3]}`, `[1,[2,3]]`},
		{`$[*]`, `[1, {"a": null}]`, `[1,{"a":null}]`},
		{`$[*]`, `[]`, ``},
		{`$.*`, `5`, ``},
		{`$.a[*].b[*]`, `{"a": [{"b": [1, 2]}, {"c": 0}, 7, {"b": [3]}]}`, `[1,2,3]`},
		{`$.*.*`, `{"b": {"x": 1}, "a": {"y": 2, "z": 3}}`, `[1,2,3]`},
		{`$['b', 'a', 'b', 'x']`, `{"a": 1, "b": 2}`, `[2,1,2]`},
		{`$[0, -1, 'a']`, `[1, 2]`, `[1,2]`},
		{`$[1, 0].a`, `[{"a": 1}, {"a": 2}]`, `[2,1]`},
		{`$[0:2, 5, *]`, `["a","b","c","d","e","f"]`, `["a","b","f","a","b","c","d","e","f"]`},
		{`$[?@ > 1, 0]`, `[1, 2, 3]`, `[2,3,1]`},
		{`$['a', ?@ == 1]['b', *]`, `{"a": {"b": 2}, "c": 1}`, `[2,2]`},
		{`$[1:3]`, `["a","b","c","d","e","f","g"]`, `["b","c"]`},
		{`$[5:]`, `["a","b","c","d","e","f","g"]`, `["f","g"]`},
		{`$[1:5:2]`, `["a","b","c","d","e","f","g"]`, `["b","d"]`},
		{`$[5:1:-2]`, `["a","b","c","d","e","f","g"]`, `["f","d"]`},
		{`$[::-1]`, `["a","b","c"]`, `["c","b","a"]`},
		{`$[ : 2 : ]`, `["a","b","c"]`, `["a","b"]`},
		{`$[:]`, `{"a": 1}`, ``},
		{`$[0:3:0]`, `[1,2,3]`, ``},
		{`$[-10::-1]`, `[1,2]`, ``},
		{`$[9007199254740991:-9007199254740991:-9007199254740991]`, `[1,2]`, `[2]`},
		{`$[0:4:2].a`, `[{"a":0},{"a":1},{"a":2},{"a":3}]`, `[0,2]`},

		// Descendants: a node comes before what is below it.
		{`$..j`, shop, `[1,4]`},
		{`$..[0]`, `[[1, 2], 3]`, `[[1,2],1]`},
		{`$..a`, `{"a": {"a": {"a": 1}}}`, `[{"a":{"a":1}},{"a":1},1]`},
		{`$..*`, `[[1], {"a": [2]}]`, `[[1],{"a":[2]},1,[2],2]`},
		{`$.o..[*, *]`, shop, `[1,2,null,1,2,null]`},
		{`$.a..[0, 1]`, shop, `[5,3,{"j":4},{"k":6}]`},
		{`$..[1:]`, `[1, [2, 3]]`, `[[2,3],3]`},
		{`$..[?@.j]`, shop, `[{"j":1,"k":2,"n":null},{"j":4}]`},
		{`$..a..b`, `{"a": {"b": 1, "a": {"b": 2}}}`, `[1,2,2]`},
		{`$..a`, `7`, ``},

		// Duplicate members: the last one wins, as a whole, in the first's place.
		{`$.a`, `{"a": 1, "a": 2}`, `2`},
		{`$.a.b`, `{"a": {"b": 1}, "a": {}}`, ``},
		{`$.a[-1]`, `{"a": [1], "a": [2, 3], "a": 4}`, ``},
		{`$.a`, `{"a": 1, "\u0061": 2}`, `2`},
		{`$.*`, `{"a": 1, "b": 2, "a": 3}`, `[3,2]`},
		{`$..a`, `{"a": {"a": 1}, "a": 2}`, `[2]`},
		{`$.*`, manyMembers, `["last",1,2,3,4,5,6,7,8,9,10,11]`},
		{`$['m3', 'm0', 'm12', 'm11']`, manyMembers, `[3,"last",11]`},
		{`$[?@ == $.m0 || @ == $.m12]`, manyMembers, `["last"]`},

		// Raw text is kept.
		{`$.n`, `{"n": 123456789012345678901234567890.10}`, `123456789012345678901234567890.10`},
		{`$[*]`, "[ 1.0 , -0, 1E2, \"a \\u0041\" ]", `[1.0,-0,1E2,"a \u0041"]`},
	}
	for _, tt := range tests {
		v, err := read(t, tt.path, tt.doc)
		if got := string(v.AppendJSON(nil)); got != tt.want || err != nil {
			t.Errorf("%s of %s\n got %s, %v\nwant %s", tt.path, tt.doc, got, err, tt.want)
		}
		if v.Exists() != (tt.want != "") {
			t.Errorf("%s of %s: Exists() = %v, want %v", tt.path, tt.doc, v.Exists(), !v.Exists())
		}
	}
}

// manyMembers has more members than are searched one by one, and one of them
// twice.
const manyMembers = `{"m0":0,"m1":1,"m2":2,"m3":3,"m4":4,"m5":5,"m6":6,"m7":7,"m8":8,"m9":9,"m10":10,"m11":11,"m0":"last"}`

func TestFiltersKeepWhatTheirConditionHoldsFor(t *testing.T) {
	tests := []struct{ condition, doc, want string }{
		// Existence: null and false are there.
		{`@.a`, `[{"a": null}, {"b": 1}, {"a": false}, [1], 5]`, `[{"a":null},{"a":false}]`},
		{`!@.a`, `[{"a": null}, {"b": 1}]`, `[{"b":1}]`},
		{`@`, `[null, false, 0]`, `[null,false,0]`},
		{`@[*]`, `[[], [1], {}, {"a": 1}, 1]`, `[[1],{"a":1}]`},
		{`@.*.b`, `[{"a": {"b": 1}}, {"b": 1}]`, `[{"a":{"b":1}}]`},
		{`@..b`, `[{"a": {"b": 1}}, {"c": 1}]`, `[{"a":{"b":1}}]`},
		{`@[?@ > 1]`, `[[1], [1, 2], {"a": 3}]`, `[[1,2],{"a":3}]`},
		{`$[?@ == 2]`, `[1, 2]`, `[1,2]`},
		{`@[-1] == 2`, `[[1, 2], [2, 1]]`, `[[1,2]]`},

		// Comparisons of scalars.
		{`@ == 1`, `[1, 1.0, 1e0, "1", true, null, [1], {"a": 1}]`, `[1,1.0,1e0]`},
		{`@ == -0`, `[0, -0, 0.0, null]`, `[0,-0,0.0]`},
		{`@ == 1.5e1`, `[15, 15.0, 1.5]`, `[15,15.0]`},
		{`@ != 1`, `[1, 2, "1", null]`, `[2,"1",null]`},
		{`@ == null`, `[null, 0, false, ""]`, `[null]`},
		{`@ == true`, `[true, "true", 1]`, `[true]`},
		{`@ == 'a'`, `["a", "\u0061", "A"]`, `["a","\u0061"]`},
		{`@ == "\u0061"`, `["a", "b"]`, `["a"]`},
		{`@ < 2`, `[1, 2, "1", null, false, [1]]`, `[1]`},
		{`@ <= 2`, `[1, 2, 2.5, "1"]`, `[1,2]`},
		{`@ > 'b'`, `["a", "b", "c", "ba", 3]`, `["c","ba"]`},
		{`@ >= null`, `[null, 0, "a"]`, `[null]`},
		{`@ <= true`, `[true, false]`, `[true]`},
		{`2 > @`, `[1, 3]`, `[1]`},
		{`@ == 9007199254740993`, `[9007199254740992, 9007199254740993]`, `[9007199254740993]`},

		// Nothing equals nothing, and nothing else.
		{`@.a == @.b`, `[{}, {"a": null}, {"a": 1, "b": 1}, 7]`, `[{},{"a":1,"b":1},7]`},
		{`@.a == null`, `[{}, {"a": null}]`, `[{"a":null}]`},
		{`@.a != null`, `[{}, {"a": null}]`, `[{}]`},
		{`@.a <= @.b`, `[{}, {"a": 1}, {"a": 1, "b": 2}]`, `[{},{"a":1,"b":2}]`},
		{`@.a < 1`, `[{}, {"a": 0}]`, `[{"a":0}]`},

		// Containers are compared by what is in them.
		{`@.a == @.b`, `[{"a": [1, {"x": 2}], "b": [1.0, {"x": 2}]}, {"a": [1], "b": [2]}, {"a": [1], "b": [1, 1]}, {"a": [], "b": {}}]`,
			`[{"a":[1,{"x":2}],"b":[1.0,{"x":2}]}]`},
		{`@.a == @.b`, `[{"a": {"x": 1, "y": [2]}, "b": {"y": [2], "x": 1}}, {"a": {"x": 1}, "b": {"y": 1}}, {"a": {"x": 1, "x": 2}, "b": {"x": 2}}]`,
			`[{"a":{"x":1,"y":[2]},"b":{"y":[2],"x":1}},{"a":{"x":1,"x":2},"b":{"x":2}}]`},
		{`@.a <= @.b`, `[{"a": [1], "b": [1]}, {"a": [1], "b": [2]}]`, `[{"a":[1],"b":[1]}]`},
		{`@.a == 1`, `[{"a": [1]}, {"a": {"a": 1}}]`, ``},
		{`@.a == @.b`, `[{"a": {"x": 1}, "b": {"x": 1, "y": 2}}, {"a": [], "b": []}]`, `[{"a":[],"b":[]}]`},
		{`1 == @.a`, `[{"a": [1]}, {"a": {"a": 1}}]`, ``},

		// Logic: && binds tighter than ||.
		{`@.a && @.b || @.c`, `[{"a":1}, {"a":1,"b":1}, {"c":1}]`, `[{"a":1,"b":1},{"c":1}]`},
		{`@.c || @.a && @.b`, `[{"a":1}, {"a":1,"b":1}, {"c":1}]`, `[{"a":1,"b":1},{"c":1}]`},
		{`(@.c || @.a) && @.b`, `[{"a":1,"b":1}, {"c":1}]`, `[{"a":1,"b":1}]`},
		{`!(@.a == 1)`, `[{"a":1}, {"a":2}, {}]`, `[{"a":2},{}]`},
		{` ! ( @.a ) `, `[{"a":1}, {}]`, `[{}]`},
		{`((@.a))`, `[{"a":1}, {}]`, `[{"a":1}]`},
		{"\t@ .a\n==\r1\n", `[{"a":1}, {"a":2}]`, `[{"a":1}]`},

		// Functions.
		{`length(@) == 2`, `["ab", "é😀", "abc", [1,2], {"a":1,"b":2}, {"a":1,"a":2}, 12, null]`, `["ab","é😀",[1,2],{"a":1,"b":2}]`},
		{`length(@.x) == length(@.y)`, `[{}, {"x": 1}, {"x": "a", "y": [0]}]`, `[{},{"x":1},{"x":"a","y":[0]}]`},
		{`length(@) < 3`, `[1, "ab"]`, `["ab"]`},
		{`length('abc') == 3`, `[1]`, `[1]`},
		{`length(value(@..x)) == 1`, `[{"a":{"x":"q"}}, {"x":"q","a":{"x":"q"}}]`, `[{"a":{"x":"q"}}]`},
		{`count(@.*) == 2`, `[[1,2], {"a":1,"b":2}, [1], "ab"]`, `[[1,2],{"a":1,"b":2}]`},
		{`count(@.a) == 0`, `[{}, {"a":null}]`, `[{}]`},
		{`count( @..* ) > 2`, `[[1,[2]], [1,2]]`, `[[1,[2]]]`},
		{`value(@..x) == 1`, `[{"x":1}, {"x":1,"a":{"x":1}}, {}]`, `[{"x":1}]`},
		{`value(@..x) == @.y`, `[{}, {"y":1}]`, `[{}]`},
		{`match(@, 'a.c')`, `["abc", "abcd", "xabc", "a\nc", "a\u2028c", 5]`, `["abc","a\u2028c"]`},
		{`match(@.t, 'a|bc')`, `[{"t":"a"}, {"t":"ac"}, {"t":"bc"}, {}]`, `[{"t":"a"},{"t":"bc"}]`},
		{`search(@, '[0-9]+')`, `["a1b", "ab", 11]`, `["a1b"]`},
		{`search(@, '^b')`, `["ab", "ba"]`, `["ba"]`},
		{`!match(@, "x*")`, `["xx", "y"]`, `["y"]`},
		{`match(@, '\\p{Lu}[^a-c\\-]{2,3}')`, `["Xyz", "Xabc", "xyz"]`, `["Xyz"]`},
		{`match(@, '')`, `["", "a"]`, `[""]`},
	}
	for _, tt := range tests {
		path := "$[?" + tt.condition + "]"
		v, err := read(t, path, tt.doc)
		if got := string(v.AppendJSON(nil)); got != tt.want || err != nil {
			t.Errorf("%s of %s\n got %s, %v\nwant %s", path, tt.doc, got, err, tt.want)
		}
	}
}

func TestAFilterMayLookAtTheWholeDocument(t *testing.T) {
	const doc = `{"default": "b", "list": [{"k": "a"}, {"k": "b"}], "l": [1, {"limit": 2}, 3], "limit": 2}`
	for path, want := range map[string]string{
		`$.list[?@.k == $.default]`:             `[{"k":"b"}]`,
		`$.list[?@.k == $['list'][0]['k']].k`:   `["a"]`,
		`$.l[?@ > $.limit]`:                     `[3]`,
		`$.list[?count($..k) == 2].k`:           `["a","b"]`,
		`$[?@[?@.k == $.default]][0].k`:         `["a"]`,
		`$.list[?@.k == $.list[-1].k][?@=='b']`: `["b"]`,
	} {
		v, err := read(t, path, doc)
		if got := string(v.AppendJSON(nil)); got != want || err != nil {
			t.Errorf("%s = %s, %v; want %s", path, got, err, want)
		}
	}
}

// The definition of a slice, the slow way: all indexes from one end to the
// other, of which those are kept that lie between the bounds and on a step.
func TestSlicesSelectTheElementsBetweenTheirBounds(t *testing.T) {
	for n := range 5 {
		doc, _ := json.Marshal(slices.Collect(func(yield func(int) bool) {
			for i := range n {
				yield(i)
			}
		}))
		for _, start := range []string{"", "-7", "-4", "-1", "0", "1", "3", "7"} {
			for _, end := range []string{"", "-7", "-4", "-1", "0", "1", "3", "7"} {
				for _, step := range []int{-3, -2, -1, 1, 2, 3} {
					path := fmt.Sprintf("$[%s:%s:%d]", start, end, step)
					v, err := read(t, path, string(doc))
					got, _ := v.Any().([]any)
					if want := sliced(n, start, end, step); err != nil || !reflect.DeepEqual(got, want) {
						t.Fatalf("%s of %s = %v, %v; want %v", path, doc, got, err, want)
					}
				}
			}
		}
	}
}

func sliced(n int, start, end string, step int) []any {
	number := func(s string, absent int) int {
		var i int
		if _, err := fmt.Sscan(s, &i); err != nil {
			return absent
		}
		if i < 0 {
			i += n
		}
		return i
	}
	var chosen []any
	if step > 0 {
		from := max(number(start, 0), 0)
		for i := range n {
			if i >= from && i < number(end, n) && (i-from)%step == 0 {
				chosen = append(chosen, i)
			}
		}
		return chosen
	}
	from := min(number(start, n-1), n-1)
	for i := n - 1; i >= 0; i-- {
		if i <= from && i > number(end, -1) && (from-i)%-step == 0 {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

func TestWhatAPathGivesIsBounded(t *testing.T) {
	wide := "[" + strings.Repeat("1,", MaxMatches) + "1]"
	deep := strings.Repeat(`[`, 120) + `"` + strings.Repeat("x", 1<<18) + `"` + strings.Repeat(`]`, 120)
	numbers := "[" + strings.Repeat("1,", 1<<18) + "1]"
	for _, tt := range []struct{ path, doc, want string }{
		{`$[*]`, wide, "giving more than 100000 values"},
		{`$..*`, deep, "giving more than 16777216 bytes"},
		{`$[?count($[*]) > 0]`, numbers, "taking more than 2097152 steps"},
		{`$[?search($[0], '(a?){50}b')]`, `["` + strings.Repeat("a", 1<<18) + `"]`, "taking more than"},
		{`$..[?@..*]..*..*`, strings.Repeat("[", 128) + strings.Repeat("1,", 1<<16) + "1" + strings.Repeat("]", 128), "taking more than"},
	} {
		v, err := read(t, tt.path, tt.doc)
		if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: error %v, want ErrTooLarge with %q", tt.path, err, tt.want)
		}
		if v.Exists() {
			t.Errorf("%s: a value in spite of the error", tt.path)
		}
	}
	if _, err := read(t, `$[1:]`, wide); err != nil {
		t.Errorf("exactly MaxMatches matches: %v", err)
	}
}

func TestAPanicOfAnEvaluationIsAnError(t *testing.T) {
	q := &query{expr: jp.Expr{procedure(func(any) []any { panic("out of the blue") })}}
	v, err := newTree([]byte(`[1]`)).list(q)
	if err == nil || !strings.Contains(err.Error(), "out of the blue") || v.Exists() {
		t.Errorf("list = %v, %v; want an error with what the panic said", v, err)
	}
}
