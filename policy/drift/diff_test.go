package drift_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

func TestDiffPutsWhatIsNewWhereItStands(t *testing.T) {
	old := learn(t, []byte(`{"a":1,"b":{"c":"x","d":[1]},"e":null,"f":[{"x":1}]}`))
	now := learn(t, []byte(`{"z":0,"a":1,"b":{"d":["x"],"n":{"m":1}},"e":true,"y":1,"f":[]}`))
	want := []string{
		"$ object object same", "$.z  number added", "$.a number number same", "$.b object object same", "$.b.c string  removed",
		"$.b.d array array same", "$.b.d[*] number string changed", "$.b.n  object added", "$.b.n.m  number added", "$.e null bool same",
		"$.y  number added", "$.f array array same", "$.f[*] object  removed", "$.f[*].x number  removed",
	}
	var got []string
	for _, l := range drift.Diff(old, now) {
		got = append(got, fmt.Sprintf("%s %s %s %s", l.Path, l.Old, l.New, l.Kind))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestDiffHasEachPlaceOnce(t *testing.T) {
	check(t, func(t *testing.T, r *rand.Rand, doc *value, _ []drift.Read) {
		later := doc.clone()
		mutate(r, later)
		old, now := shapeOf(decode(doc.json())), shapeOf(decode(later.json()))
		seen := map[string]bool{}
		for _, l := range drift.Diff(learn(t, doc.json()), learn(t, later.json())) {
			_, inOld := old.types[l.Path]
			_, inNew := now.types[l.Path]
			if seen[l.Path] || inOld != (l.Old != "") || inNew != (l.New != "") || inOld != (l.Kind != drift.Added) || inNew != (l.Kind != drift.Removed) {
				t.Errorf("from %s\nto %s\ngot %+v", doc.json(), later.json(), l)
			}
			seen[l.Path] = true
		}
		for path := range old.types {
			if !seen[path] {
				t.Errorf("from %s\nto %s\nwithout %s", doc.json(), later.json(), path)
			}
		}
		for path := range now.types {
			if !seen[path] {
				t.Errorf("from %s\nto %s\nwithout %s", doc.json(), later.json(), path)
			}
		}
	})
}

func TestSuggestFindsWhereAValueSeemsToHaveMoved(t *testing.T) {
	for _, c := range []struct{ name, old, now, read, want string }{
		{"wrapped", `{"order":{"status":"x"}}`, `{"data":{"order":{"status":"x"}}}`, "order.status", "$.data.order.status"},
		{"unwrapped", `{"order":{"status":"x"}}`, `{"status":"x"}`, "order.status", "$.status"},
		{"the parent is renamed", `{"order":{"status":"x"}}`, `{"purchase":{"status":"x"}}`, "order.status", "$.purchase.status"},
		{"renamed", `{"order":{"status":"x","n":1}}`, `{"order":{"state":"x","n":1,"m":2}}`, "order.status", "$.order.state"},
		{"renamed to a name in brackets", `{"a":1}`, `{"the a":1}`, "a", "$['the a']"},
		{"two of that type", `{"a":"x"}`, `{"b":"x","c":"y"}`, "a", ""},
		{"another type", `{"a":"x"}`, `{"b":1}`, "a", ""},
		{"only a null", `{"a":"x"}`, `{"b":null}`, "a", ""},
		{"the nearest", `{"o":{"p":{"a":1}}}`, `{"o":{"q":{"a":1}},"r":{"a":1}}`, "o.p.a", "$.o.q.a"},
		{"two as near", `{"o":{"a":1}}`, `{"o":{"p":{"a":1},"q":{"a":1}}}`, "o.a", ""},
		{"one that was there before", `{"a":1,"b":{"a":1}}`, `{"b":{"a":1}}`, "a", ""},
		{"same name with another type", `{"a":1}`, `{"b":{"a":"x"},"c":2}`, "a", "$.c"},
		{"still there", `{"a":1}`, `{"a":1,"b":{"a":1}}`, "a", ""},
		{"indexes are kept", `{"l":[{"id":1}]}`, `{"lines":[{"id":1}]}`, "l.2.id", "$.lines[2].id"},
		{"indexes in common are kept", `{"l":[{"id":1}]}`, `{"l":[{"k":[{"id":1}]}]}`, "l.-1.id", "$.l[-1].k[0].id"},
		{"lists stay lists", `{"l":[{"id":1}]}`, `{"m":[{"k":[{"id":1}]}]}`, "l.*.id", "$.m[*].k[*].id"},
		{"an array is new", `{"a":{"id":1}}`, `{"as":[{"id":1}]}`, "a.id", "$.as[0].id"},
		{"an array is gone", `{"a":[[{"id":1}]]}`, `{"b":[{"id":1}]}`, "a.3.4.id", "$.b[4].id"},
		{"an element", `{"tags":["x"]}`, `{"meta":{"tags":["x"]}}`, "tags.1", "$.meta.tags[1]"},
		{"an element, renamed", `{"tags":["x"]}`, `{"labels":["x"],"n":1}`, "tags.1", "$.labels[1]"},
		{"all members", `{"p":{"eur":{"a":1}}}`, `{"q":{"eur":{"a":1}}}`, "p.*.a", ""},
		{"never there", `{"b":1}`, `{"c":{"a":1}}`, "a", ""},
	} {
		if got := drift.Suggest(learn(t, []byte(c.old)), learn(t, []byte(c.now)), read(c.read)); got != c.want {
			t.Errorf("%s: from %s to %s, reading %s: got %q, want %q", c.name, c.old, c.now, c.read, got, c.want)
		}
	}
	if got := drift.Suggest(new(drift.Structure), learn(t, []byte(`{"a":1}`)), read("a")); got != "" {
		t.Errorf("from nothing: got %q", got)
	}
}
