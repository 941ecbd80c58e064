package drift_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// change makes one of path:is.
func change(text string) drift.Change {
	path, is, _ := strings.Cut(text, ":")
	return drift.Change{Path: path, Is: is}
}

func TestMergeTakesOverWhatChangedAndKeepsTheRest(t *testing.T) {
	for _, c := range []struct {
		name, old, latest string
		changes           string // path:is, blank-separated.
		want              string // The stored form; blank: as old.
	}{
		{"nothing changed", `{"a":1,"b":[{}]}`, `{"a":1,"b":[{}]}`, "", ""},
		{"an odd answer", `{"a":1,"b":[{"c":1}]}`, `{}`, "", ""},
		{"an odd answer without what is read", `{"a":1,"b":{"c":1},"d":1}`, `{}`, "$.b:missing", `{"$":"object","$.a":"number","$.d":"number"}`},
		{"gone, though latest has it", `{"a":1,"b":{"c":1}}`, `{"b":{"c":1,"x":1}}`, "$.b:missing", `{"$":"object","$.a":"number"}`},
		{"another type", `{"a":1}`, `{"a":"x"}`, "$.a:string", `{"$":"object","$.a":"string"}`},
		{"another type that latest does not show", `{"a":1,"b":1}`, `{"b":null}`, "$.a:string", `{"$":"object","$.a":"string","$.b":"number"}`},
		{"several types", `{"l":[1]}`, `{"l":[]}`, "$.l[*]:string|bool", `{"$":"object","$.l":"array","$.l[*]":"string|bool"}`},
		{"other types beside the old one", `{"l":[1]}`, `{"l":[1,"x",null]}`, "$.l[*]:string", `{"$":"object","$.l":"array","$.l[*]":"string|number|null"}`},
		{"other types beside the old one, with what is below", `{"l":[{"a":1,"c":1}]}`, `{"l":[{"a":"x","b":1},"s"]}`, "$.l[*]:string", `{"$":"object","$.l":"array","$.l[*]":"object|string","$.l[*].a":"string","$.l[*].b":"number"}`},
		{"what is below another type goes", `{"a":{"b":1}}`, `{"a":"x"}`, "$.a:string", `{"$":"object","$.a":"string"}`},
		{"what is below another type comes", `{"a":1}`, `{"a":{"b":[1],"c":2}}`, "$.a:object", `{"$":"object","$.a":"object","$.a.b":"array","$.a.b[*]":"number","$.a.c":"number"}`},
		{"what is below it is not what was", `{"a":{"b":1}}`, `{"a":[{"b":"x"}]}`, "$.a:array", `{"$":"object","$.a":"array","$.a[*]":"object","$.a[*].b":"string"}`},
		{"nothing of the old type is below", `{"a":{"b":1}}`, `{"a":{"b":1,"c":1}}`, "$.a:array", `{"$":"object","$.a":"array"}`},
		{"another type, and missed", `{"l":[{"a":1,"b":1}]}`, `{"l":[{"a":"x","b":1},{"b":2}]}`, "$.l[*].a:string|missing", `{"$":"object","$.l":"array","$.l[*]":"object","$.l[*].a":"string|missing","$.l[*].b":"number"}`},
		{"sometimes missing as before", `{"l":[{"a":1},{}]}`, `{"l":[]}`, "$.l[*].a:string", `{"$":"object","$.l":"array","$.l[*]":"object","$.l[*].a":"string|missing"}`},
		{"the root", `{"a":1}`, `[{"a":1}]`, "$:array", `{"$":"array","$[*]":"object","$[*].a":"number"}`},
		{"new members where they stand", `{"a":1,"b":{"x":1},"c":1}`, `{"n":{"m":1},"a":1,"b":{"w":1,"x":1,"y":1},"o":1,"c":1,"p":1}`, "",
			`{"$":"object","$.n":"object","$.n.m":"number","$.a":"number","$.b":"object","$.b.w":"number","$.b.x":"number","$.b.y":"number","$.o":"number","$.c":"number","$.p":"number"}`},
		{"new members in another order", `{"a":1,"b":1,"c":1}`, `{"c":1,"n":1,"a":1,"o":1}`, "", `{"$":"object","$.a":"number","$.o":"number","$.b":"number","$.c":"number","$.n":"number"}`},
		{"moved", `{"a":1,"b":{"c":1}}`, `{"b":{"a":1,"c":1}}`, "$.a:missing", `{"$":"object","$.b":"object","$.b.a":"number","$.b.c":"number"}`},
		{"new elements", `{"l":[],"m":[{"a":1}]}`, `{"l":[{"x":1},{}],"m":[{"b":1}]}`, "", `{"$":"object","$.l":"array","$.l[*]":"object","$.l[*].x":"number|missing","$.m":"array","$.m[*]":"object","$.m[*].b":"number","$.m[*].a":"number"}`},
		{"nothing is new below a null", `{"a":null,"b":1}`, `{"a":{"x":1},"b":[1]}`, "", ""},
		{"a path to what is new is not always there", `{"l":[{"q":{"a":1}}],"m":[{"q":1}]}`, `{"l":[{},{"q":{"n":1}}],"m":[{}]}`, "",
			`{"$":"object","$.l":"array","$.l[*]":"object","$.l[*].q":"object|missing","$.l[*].q.n":"number","$.l[*].q.a":"number","$.m":"array","$.m[*]":"object","$.m[*].q":"number"}`},
		{"any member of an object", `{"p":{"x":{"a":1,"b":1},"y":{"a":1},"z":{"c":1}}}`, `{"p":{"x":{"b":1}}}`, "$.p[*].a:missing", `{"$":"object","$.p":"object","$.p.x":"object","$.p.x.b":"number","$.p.y":"object","$.p.z":"object","$.p.z.c":"number"}`},
		{"any member beside another type", `{"p":{"x":{"a":1},"y":{"a":1}}}`, `{"p":{"x":1,"y":{}}}`, "$.p.x:number $.p[*].a:missing", `{"$":"object","$.p":"object","$.p.x":"number","$.p.y":"object"}`},
		{"the elements, not the members", `{"u":[{"a":1},[{"a":1}]]}`, `{}`, "$.u[*][*].a:string", `{"$":"object","$.u":"array","$.u[*]":"object|array","$.u[*][*]":"object","$.u[*][*].a":"string","$.u[*].a":"number"}`},
		{"the last change to a place", `{"a":1}`, `{"a":true}`, "$.a:string $.a:missing $.a:bool", `{"$":"object","$.a":"bool|missing"}`},
		{"the last change is that it went", `{"a":1}`, `{}`, "$.a:string $.a:missing", `{"$":"object"}`},
		{"a change below an earlier one", `{"a":{"b":1,"c":1}}`, `{"a":{"b":"x"}}`, "$.a:string $.a.b:string", `{"$":"object","$.a":"object","$.a.b":"string","$.a.c":"number"}`},
		{"a change above an earlier one", `{"a":{"b":1,"c":1}}`, `{"a":"x"}`, "$.a.b:string $.a:string", `{"$":"object","$.a":"string"}`},
		{"names in brackets", `{"a b":{"'":1}}`, `{}`, `$['a_b']:string $['a`, ""},
		{"garbage", `{"a":1,"l":[1],"n":null}`, `{"a":[1]}`, "$[*]:bool $:missing : $ $.a $.a: $.a:text $.x:string $.a.b:missing $['a']:string $.a[0]:string $.l[0]:string .a:missing a:missing $a:string $.:missing $.a:null $.a:number $.n:string $.a:string|string $.a[ $[' $[*].b:missing", ""},
		{"elements are never missing", `{"l":[1]}`, `{}`, "$.l[*]:string|missing", `{"$":"object","$.l":"array","$.l[*]":"string"}`},
		{"the root is never missing", `{"l":[1]}`, `{}`, "$:string|missing", `{"$":"string"}`},
	} {
		var changes []drift.Change
		for _, text := range strings.Fields(c.changes) {
			changes = append(changes, change(text))
		}
		old := learn(t, []byte(c.old))
		if c.want == "" {
			c.want = string(stored(t, old))
		}
		merged := drift.Merge(old, learn(t, []byte(c.latest)), changes)
		if got := string(stored(t, merged)); got != c.want {
			t.Errorf("%s: from %s to %s by %s\n got %s\nwant %s", c.name, c.old, c.latest, c.changes, got, c.want)
		}
		reload(t, merged)
	}
}

func stored(t testing.TB, s *drift.Structure) []byte {
	t.Helper()
	data, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMergingNothingGivesTheOther(t *testing.T) {
	none, some := new(drift.Structure), learn(t, []byte(order))
	changes := []drift.Change{change("$.order:missing")}
	for _, c := range []struct{ old, latest, want *drift.Structure }{
		{nil, nil, none}, {nil, none, none}, {none, nil, none}, {nil, some, some}, {none, some, some},
	} {
		if got := drift.Merge(c.old, c.latest, changes); got == nil || !got.Equal(c.want) {
			t.Errorf("from %v to %v: got %v, want %v", c.old, c.latest, got, c.want)
		}
	}
	for _, latest := range []*drift.Structure{nil, none} {
		if got := drift.Merge(some, latest, nil); !got.Equal(some) {
			t.Errorf("to %v: got %s", latest, stored(t, got))
		}
		if got := drift.Merge(some, latest, changes); got.Len() != 1 {
			t.Errorf("to %v: got %s, want the root only", latest, stored(t, got))
		}
	}
}

func TestMergingKeepsTheOldFirstWhereBothAreTooMuch(t *testing.T) {
	members := func(prefix string, n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%s%d":1`, prefix, i)
		}
		return []byte("{" + b.String()[1:] + "}")
	}
	long := strings.Repeat("ü", 100)
	for _, c := range []struct {
		name        string
		old, latest []byte
		truncated   bool
	}{
		{"all fit", members("o", 1000), members("n", drift.MaxNodes-1001), false},
		{"one too many", members("o", 1000), members("n", drift.MaxNodes-1000), true},
		{"twice as many", members("o", drift.MaxNodes-1), members("n", drift.MaxNodes-1), true},
		{"the old one is not whole", members("o", drift.MaxNodes), []byte("{}"), true},
		{"the latest one is not whole", []byte(`{"a":1}`), []byte(`{"` + strings.Repeat("n", drift.MaxNameBytes+1) + `":1}`), true},
		{"paths too long together", members("o"+long, 1900), append(append([]byte(`{"n":`), members(long+long[:50], 95)...), '}'), false},
	} {
		old, latest := learn(t, c.old), learn(t, c.latest)
		merged := drift.Merge(old, latest, nil)
		want := min(old.Len()+latest.Len()-1, drift.MaxNodes)
		if merged.Len() != want || merged.Truncated() != c.truncated {
			t.Errorf("%s: got %d places, truncated %t; want %d, %t", c.name, merged.Len(), merged.Truncated(), want, c.truncated)
		}
		for _, l := range drift.Diff(old, merged) {
			if l.Kind == drift.Removed {
				t.Fatalf("%s: %s was removed", c.name, l.Path)
			}
		}
		reload(t, merged)
	}
}

func FuzzMerge(f *testing.F) {
	for i, seed := range seeds {
		f.Add([]byte(seed), []byte(seeds[len(seeds)-1-i]), "$.a", "string", "$[*].b", "missing")
		f.Add([]byte(order), []byte(seed), "$.order.items[*]", "string|missing", "$.order['a b'].c", "object")
	}
	f.Fuzz(func(t *testing.T, first, later []byte, path, is, below, isBelow string) {
		old, err := drift.Learn(first)
		if err != nil {
			return
		}
		latest, _ := drift.Learn(later)
		reads := []drift.Read{read("a"), read("a.b"), read("a.0.b"), read("order.items.-1.id")}
		changes := old.Watch(reads).Compare(later)
		if latest != nil && len(changes) < drift.MaxChanges {
			merged := reload(t, drift.Merge(old, latest, changes))
			if got := merged.Watch(reads).Compare(later); got != nil {
				t.Fatalf("from %q to %q, accepting %+v: %+v", first, later, changes, got)
			}
		}
		changes = append(changes, drift.Change{Path: path, Is: is}, drift.Change{Path: below, Is: isBelow})
		reload(t, drift.Merge(old, latest, changes)).Watch(reads).Compare(first)
		drift.Merge(nil, latest, changes)
	})
}
