package drift_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

const order = `{"order":{"id":7,"status":"paid","paid":true,"eta":null,"items":[{"id":1,"name":"x","note":"n"},{"id":2,"name":"y"}],"tags":["a"],"a b":{"c":1}}}`

func TestOnlyAnotherTypeOrAMissedPathIsDrift(t *testing.T) {
	lists := `{"l":[{"id":1,"n":"x"},{"id":2}],"u":[{"a":1},"s",null],"e":[],"o":[{"i":[{"id":1}]},{"i":[{}]}],"p":{"eur":{"amount":1},"usd":{"amount":2}}}`
	for _, c := range []struct {
		name, first, later string
		reads              string // Blank-separated; ? in front: optional.
		want               string // path:was:is:vars, blank-separated.
	}{
		{"itself", order, order, "order.status order.items.0.note order.items.*.id order.items.-1.id", ""},
		{"a string becomes a number", `{"a":"x"}`, `{"a":1}`, "a", "$.a:string:number:a"},
		{"a type nobody reads", `{"a":"x"}`, `{"a":[]}`, "", "$.a:string:array:"},
		{"the root", `{"a":"x"}`, `[]`, "a ?b", "$:object:array:a,b"},
		{"null before", `{"a":null}`, `{"a":{"b":1}}`, "a", ""},
		{"null after", `{"a":{"b":1}}`, `{"a":null}`, "a.b", ""},
		{"null is everything", `{"a":{"b":1}}`, `null`, "a.b", ""},
		{"broken numbers", `{"a":1}`, `{"a":-1.5e3}`, "a", ""},
		{"a new member", `{"a":1}`, `{"a":1,"b":[{}]}`, "a b", ""},
		{"an unread member goes", `{"a":1,"b":{"c":1}}`, `{"a":1}`, "a", ""},
		{"an optional member goes", `{"a":1,"b":{"c":1}}`, `{"a":1}`, "a ?b.c", ""},
		{"a read member goes", `{"a":1,"b":{"c":1}}`, `{"a":1,"b":{}}`, "a b.c", "$.b.c:number:missing:b.c"},
		{"the topmost only", `{"a":1,"b":{"c":1,"d":"x"}}`, `{"a":1}`, "a b.c b.d b", "$.b:object:missing:b.c,b.d,b"},
		{"the parent changes its type", `{"b":{"c":1}}`, `{"b":"x"}`, "b.c", "$.b:object:string:b.c"},
		{"below and above", `{"b":{"c":[1]}}`, `{"b":{"c":["x"]}}`, "b b.c b.c.0 ?b.c.* b.x", "$.b.c[*]:number:string:b,b.c,b.c.0,b.c.*"},
		{"an array is emptied", lists, `{"l":[],"u":[],"e":[],"o":[],"p":{}}`, "l.0.id l.*.id l.-1.id p.*.amount", ""},
		{"an array was empty", lists, `{"e":[{"x":1}]}`, "", ""},
		{"an array is shorter", lists, `{"l":[{"id":1}]}`, "l.1.id l.-2.id", ""},
		{"an array is longer", lists, `{"l":[{"id":1,"n":"x"},{"id":2},{"id":3}]}`, "l.2.id l.-1.id l.*.n", ""},
		{"all elements lose it", lists, `{"l":[{"id":1},{"id":2}]}`, "l.*.n", "$.l[*].n:string|missing:missing:l.*.n"},
		{"one element loses what all had", lists, `{"l":[{"n":"x"},{"id":2}]}`, "l.*.id l.0.id", "$.l[*].id:number:missing:l.0.id"},
		{"the last loses what all had", lists, `{"l":[{"id":2},{"n":"x"}]}`, "l.*.id l.-1.id l.0.id", "$.l[*].id:number:missing:l.-1.id"},
		{"one element loses what some had", lists, `{"l":[{"id":2},{"id":1,"n":"x"}]}`, "l.0.n", ""},
		{"all lose what some had", lists, `{"l":[{"id":2},{"id":1}]}`, "l.0.n l.5.n", "$.l[*].n:string|missing:missing:l.0.n"},
		{"only nulls are left", lists, `{"l":[null,null]}`, "l.*.id", ""},
		{"what had it is null", lists, `{"l":[null,{"id":2}]}`, "l.*.n", ""},
		{"null beside one that lost what all had", lists, `{"l":[null,{"n":"x"}]}`, "l.*.id", "$.l[*].id:number:missing:l.*.id"},
		{"a list below a list is emptied", lists, `{"o":[{"i":[]},{"i":[{}]}]}`, "o.*.i.*.id", ""},
		{"a list below a list loses it", lists, `{"o":[{"i":[{}]},{"i":[{}]}]}`, "o.*.i.*.id", "$.o[*].i[*].id:number|missing:missing:o.*.i.*.id"},
		{"a type of the union", lists, `{"u":["x","y",{"a":2}]}`, "", ""},
		{"a type outside of the union", lists, `{"u":["x",1,true]}`, "u.0", "$.u[*]:object|string|null:number|bool:u.0"},
		{"one element changes and another loses", `{"l":[{"a":1,"b":1}]}`, `{"l":[{"a":"x","b":1},{"b":2}]}`, "l.1.a", "$.l[*].a:number:string|missing:l.1.a"},
		{"any member of an object", lists, `{"p":{"gbp":{"amount":3}}}`, "p.*.amount", ""},
		{"all members of an object lose it", lists, `{"p":{"gbp":{"value":3}}}`, "p.*.amount", "$.p[*].amount:number:missing:p.*.amount"},
		{"all members, seen twice", lists, `{"p":{"gbp":{"value":3}}}`, "p.*.amount p.eur.amount", "$.p[*].amount:number:missing:p.*.amount $.p.eur:object:missing:p.eur.amount"},
		{"all members, by two ways", `{"p":{"x":{"l":[{"a":1}]},"y":{"l":[{"a":1}]}}}`, `{"p":{"z":{"l":[{"b":1}]}}}`, "p.*.l.*.a p.*.l.0.a", "$.p[*].l[*].a:number:missing:p.*.l.*.a,p.*.l.0.a"},
		{"all members, of which some had it", `{"p":{"x":{"a":1},"y":{"b":1}}}`, `{"p":{"y":{"a":1},"x":{}}}`, "p.*.a", ""},
		{"all members, and one that had it", `{"p":{"x":{"a":1},"y":{"b":1}}}`, `{"p":{"y":{"b":1},"x":{}}}`, "p.*.a", "$.p.x.a:number:missing:p.*.a"},
		{"all members, some are left", `{"l":[{"p":{"x":{"a":1}}},{"p":{"y":{}}}]}`, `{"l":[{"p":{}},{"p":{"y":{}}}]}`, "l.*.p.*.a", ""},
		{"all members, those that had it changed", `{"p":{"x":{"a":1},"y":{},"z":{"a":1}}}`, `{"p":{"x":1,"y":{},"z":1}}`, "p.*.a", "$.p.x:object:number:p.*.a $.p.z:object:number:p.*.a"},
		{"all members, none are left", `{"p":{"x":{"a":1}}}`, `{"p":{}}`, "p.* p.*.a", ""},
		{"all members, below a list", `{"l":[{"x":{"a":1},"y":{"a":1}}]}`, `{"l":"x"}`, "l.*.*.a", "$.l:array:string:l.*.*.a"},
		{"escapes that are wrong", `{"a":1}`, `{"\u00g1":"x","\u1":"x","\":1}`, "", ""},
		{"a name that looks like two", `{"a\":1,\"b":"x"}`, `{"a":1,"b":2}`, "", ""},
		{"escapes of all kinds", `{"\b\f\r\t\/\u00E9\uD83D\uDE00\ud83dx\u001f":1}`, `{"\u0008\u000c\u000D\u0009/é😀\ufffdx\u001F":"x"}`, "", `$['\b\f\r\t/é😀�x\u001f']:number:string:`},
		{"all members, below what is gone", lists, `{"p":"x"}`, "p.*.amount p.eur.amount", "$.p:object:string:p.*.amount,p.eur.amount"},
		{"all members, below what is missed", lists, `{}`, "p.*.amount p.eur.amount", "$.p:object:missing:p.*.amount,p.eur.amount"},
		{"an escaped name", `{"a":{"b\n":1}}`, `{"\u0061":{"\u0062\u000a":"x"}}`, "", `$.a['b\n']:number:string:`},
		{"a name in brackets", order, `{"order":{"a b":{"c":"x"},"id":1,"status":"x","items":[]}}`, "order.a", "$.order['a b'].c:number:string:"},
		{"repeated names", `{"a":1,"a":{"b":1}}`, `{"a":1,"a":{"b":1}}`, "a.b", ""},
		{"repeated names, one gone", `{"a":1,"a":{"b":1}}`, `{"a":{"b":1}}`, "a.b", ""},
		{"repeated names in a list", `{"l":[{"a":1,"a":2},{}]}`, `{"l":[{"a":1,"a":2},{}]}`, "l.1.a", ""},
		{"bytes that are not UTF-8", "{\"\xff\":1}", "{\"\xfe\":1}", "", ""},
		{"not JSON", `{"a":1}`, `{"a":"x"`, "a", ""},
		{"nothing", `{"a":1}`, ``, "a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var reads []drift.Read
			for _, path := range strings.Fields(c.reads) {
				r := read(strings.TrimPrefix(path, "?"))
				r.Optional = path[0] == '?'
				reads = append(reads, r)
			}
			var got []string
			for _, c := range learn(t, []byte(c.first)).Watch(reads).Compare([]byte(c.later)) {
				got = append(got, strings.Join([]string{c.Path, c.Was, c.Is, strings.Join(c.Vars, ",")}, ":"))
			}
			want := c.want
			if got := strings.Join(got, " "); got != want {
				t.Errorf("from %s\nto %s\nreading %s\n got %s\nwant %s", c.first, c.later, c.reads, got, want)
			}
		})
	}
}

func TestAPathThatCannotBeJudgedIsNeverMissed(t *testing.T) {
	w := learn(t, []byte(`{"a":1}`)).Watch([]drift.Read{{Var: "v"}, {Var: "root", Steps: []drift.Step{}}})
	if got := w.Compare([]byte(`{}`)); got != nil {
		t.Errorf("got %v, want no changes", got)
	}
	if got := w.Compare([]byte(`{"a":"x"}`)); len(got) != 1 || !slices.Equal(got[0].Vars, []string{"root"}) {
		t.Errorf("got %+v, want one that concerns root", got)
	}
}

func TestManyReadsAreJudgedAll(t *testing.T) {
	var members []string
	var reads []drift.Read
	for i := range 300 {
		members = append(members, fmt.Sprintf(`"m%d":[{"x":%d}]`, i, i))
		reads = append(reads, read(fmt.Sprintf("m%d.0.x", i)))
	}
	w := learn(t, []byte("{"+strings.Join(members, ",")+"}")).Watch(reads)
	for i := 0; i < 300; i += 7 {
		without := slices.Concat(members[:i], members[i+1:])
		got := paths(w.Compare([]byte("{" + strings.Join(without, ",") + "}")))
		if want := []string{fmt.Sprintf("$.m%d", i)}; !slices.Equal(got, want) {
			t.Fatalf("without member %d: got %v, want %v", i, got, want)
		}
	}
	if got := len(w.Compare([]byte("{}"))); got != drift.MaxChanges {
		t.Errorf("without all: got %d changes, want %d", got, drift.MaxChanges)
	}
}

func TestAStructureIsBounded(t *testing.T) {
	long := strings.Repeat("n", drift.MaxNameBytes)
	var many, big []string
	for i := range drift.MaxNodes {
		many = append(many, fmt.Sprintf(`"m%d":1`, i))
		big = append(big, fmt.Sprintf(`"%d%s":1`, i, strings.Repeat("ü", 120)))
	}
	deep := func(n int) string { return strings.Repeat("[", n) + "1" + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, doc string
		nodes     int // -1: fewer than MaxNodes.
		truncated bool
	}{
		{"all places", "{" + strings.Join(many[1:], ",") + "}", drift.MaxNodes, false},
		{"one place too many", "{" + strings.Join(many, ",") + "}", drift.MaxNodes, true},
		{"a long name", `{"` + long + `":1}`, 2, false},
		{"a name too long", `{"` + long + `n":1}`, 1, true},
		{"a name too long in escapes", `{"` + strings.Repeat(`\u0061`, drift.MaxNameBytes+1) + `":1}`, 1, true},
		{"a long name in escapes", `{"` + strings.Repeat(`\u0061`, drift.MaxNameBytes) + `":1}`, 2, false},
		{"paths too long together", "{" + strings.Join(big, ",") + "}", drift.MaxNodes, true},
		{"deep", deep(drift.MaxDepth), drift.MaxDepth + 1, false},
		{"too deep", deep(drift.MaxDepth + 1), drift.MaxDepth + 1, true},
		{"far too deep", deep(9000), drift.MaxDepth + 1, true},
	} {
		s := learn(t, []byte(c.doc))
		if s.Truncated() != c.truncated || s.Len() != c.nodes {
			t.Errorf("%s: got %d places, truncated %t; want %d, %t", c.name, s.Len(), s.Truncated(), c.nodes, c.truncated)
		}
		if got := s.Watch(nil).Compare([]byte(c.doc)); got != nil {
			t.Errorf("%s: it drifts against itself: %v", c.name, got)
		}
	}
}

func TestTheZeroStructureNeverDrifts(t *testing.T) {
	s := new(drift.Structure)
	if got := s.Watch([]drift.Read{read("a")}).Compare([]byte(`{"b":[1]}`)); got != nil {
		t.Errorf("got %v, want no changes", got)
	}
	if !s.Equal(new(drift.Structure)) || s.Equal(learn(t, []byte("1"))) || learn(t, []byte("1")).Equal(s) {
		t.Error("Equal is wrong about the zero structure")
	}
	if got := drift.Diff(s, learn(t, []byte(`{"a":[1]}`))); len(got) != 3 {
		t.Errorf("Diff gives %v, want three lines", got)
	}
}
