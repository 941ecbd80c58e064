package drift_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// value is a JSON value that tests take apart and put together: an object keeps
// the order of its members, and scalars are JSON texts.
type value struct {
	scalar string
	object bool
	names  []string
	items  []*value // Members or elements.
}

func (v *value) isScalar() bool { return v.scalar != "" }

func (v *value) json() []byte {
	if v.isScalar() {
		return []byte(v.scalar)
	}
	var b strings.Builder
	for i, item := range v.items {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		if v.object {
			name, _ := json.Marshal(v.names[i])
			b.Write(name)
			b.WriteByte(':')
		}
		b.Write(item.json())
	}
	if v.object {
		return []byte("{" + b.String() + "}")
	}
	return []byte("[" + b.String() + " ]")
}

func (v *value) clone() *value {
	c := *v
	c.names = slices.Clone(v.names)
	c.items = make([]*value, len(v.items))
	for i, item := range v.items {
		c.items[i] = item.clone()
	}
	return &c
}

// place is a value in a document, with the steps that lead to it.
type place struct {
	v     *value
	steps []drift.Step
}

// places are all values of a document, parents first.
func (v *value) places(steps []drift.Step) []place {
	all := []place{{v, steps}}
	for i, item := range v.items {
		step := drift.Step{Kind: drift.Element, Index: i}
		if v.object {
			step = drift.Step{Kind: drift.Member, Name: v.names[i]}
		}
		all = append(all, item.places(append(slices.Clone(steps), step))...)
	}
	return all
}

func (v *value) drop(i int) {
	v.items = slices.Delete(v.items, i, i+1)
	if v.object {
		v.names = slices.Delete(v.names, i, i+1)
	}
}

var (
	names   = []string{"a", "b", "c", "id", "a b", "ü", "q\"'\\", "\n"}
	scalars = []string{`"x"`, `"a\"}]"`, `""`, "1", "1.5", "-2e3", "true", "false", "null"}
)

func generate(r *rand.Rand, depth int) *value {
	if kind := r.IntN(10); depth > 0 && kind < 7 {
		v := &value{object: kind < 4}
		for range r.IntN(5) {
			v.items = append(v.items, generate(r, depth-1))
		}
		if v.object {
			for _, n := range r.Perm(len(names))[:len(v.items)] {
				v.names = append(v.names, names[n])
			}
		} else if len(v.items) > 1 && r.IntN(2) == 0 {
			// Elements of one shape, as third parties have them.
			for i := range v.items {
				v.items[i] = v.items[0].clone()
			}
		}
		return v
	}
	return &value{scalar: scalars[r.IntN(len(scalars))]}
}

// someReads reads some of the places, by indexes from either end or through [*].
func someReads(r *rand.Rand, doc *value) []drift.Read {
	all := doc.places([]drift.Step{})
	var reads []drift.Read
	for i := range r.IntN(6) {
		p := all[r.IntN(len(all))]
		steps, at := slices.Clone(p.steps), doc
		for i, step := range steps {
			if step.Kind == drift.Element {
				switch n := r.IntN(3); n {
				case 0:
					steps[i] = drift.Step{Kind: drift.Every}
				case 1:
					steps[i].Index -= len(at.items)
				}
				at = at.items[step.Index]
			} else {
				at = at.items[slices.Index(at.names, step.Name)]
			}
		}
		reads = append(reads, drift.Read{Var: fmt.Sprintf("v%d", i), Steps: steps, Optional: r.IntN(5) == 0})
	}
	return reads
}

// check runs a property on many documents, each with a seed of its own.
func check(t *testing.T, property func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read)) {
	t.Helper()
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 14))
		doc := generate(r, 4)
		reads := someReads(r, doc)
		property(t, r, doc, reads)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// neverDrifts checks that what edit does to a document is no drift.
func neverDrifts(t *testing.T, edit func(r *rand.Rand, doc *value, reads []drift.Read)) {
	t.Helper()
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		later := doc.clone()
		edit(r, later, reads)
		if got := learn(t, doc.json()).Watch(reads).Compare(later.json()); got != nil {
			t.Errorf("from %s\nto %s\nreading %+v\ngot %+v, want no changes", doc.json(), later.json(), reads, got)
		}
	})
}

func pick(r *rand.Rand, places []place, want func(place) bool) (place, bool) {
	places = slices.DeleteFunc(places, func(p place) bool { return !want(p) })
	if len(places) == 0 {
		return place{}, false
	}
	return places[r.IntN(len(places))], true
}

func TestADocumentNeverDriftsAgainstItself(t *testing.T) {
	neverDrifts(t, func(*rand.Rand, *value, []drift.Read) {})
}

func TestShufflingMembersNeverDrifts(t *testing.T) {
	neverDrifts(t, func(r *rand.Rand, doc *value, _ []drift.Read) {
		for _, p := range doc.places(nil) {
			if p.v.object {
				r.Shuffle(len(p.v.items), func(i, j int) {
					p.v.items[i], p.v.items[j] = p.v.items[j], p.v.items[i]
					p.v.names[i], p.v.names[j] = p.v.names[j], p.v.names[i]
				})
			}
		}
	})
}

func TestAddingMembersNeverDrifts(t *testing.T) {
	neverDrifts(t, func(r *rand.Rand, doc *value, _ []drift.Read) {
		for _, p := range doc.places(nil) {
			if p.v.object {
				at := r.IntN(len(p.v.items) + 1)
				p.v.items = slices.Insert(p.v.items, at, generate(r, 2))
				p.v.names = slices.Insert(p.v.names, at, "new")
			}
		}
	})
}

func TestReplacingAnyValueByNullNeverDrifts(t *testing.T) {
	neverDrifts(t, func(r *rand.Rand, doc *value, _ []drift.Read) {
		for range 1 + r.IntN(3) {
			p, _ := pick(r, doc.places(nil), func(place) bool { return true })
			*p.v = value{scalar: "null"}
		}
	})
}

func TestEmptyingAnyArrayNeverDrifts(t *testing.T) {
	neverDrifts(t, func(r *rand.Rand, doc *value, _ []drift.Read) {
		if p, ok := pick(r, doc.places(nil), func(p place) bool { return !p.v.isScalar() && !p.v.object }); ok {
			p.v.items = nil
		}
	})
}

func TestWholeAndBrokenNumbersAreTheSame(t *testing.T) {
	neverDrifts(t, func(r *rand.Rand, doc *value, _ []drift.Read) {
		for _, p := range doc.places(nil) {
			if strings.ContainsAny(p.v.scalar[:min(1, len(p.v.scalar))], "-12") {
				p.v.scalar = []string{"0", "1", "-1.5", "1E+9", "0.25"}[r.IntN(5)]
			}
		}
	})
}

// isRead tells whether some variable without default reads a place, something
// below it, or something that holds it.
func isRead(reads []drift.Read, steps []drift.Step) bool {
	for _, r := range reads {
		if r.Optional {
			continue
		}
		touches := true
		for i := range min(len(r.Steps), len(steps)) {
			a, b := r.Steps[i], steps[i]
			touches = touches && (a.Kind == drift.Member) == (b.Kind == drift.Member) && a.Name == b.Name
		}
		if touches {
			return true
		}
	}
	return false
}

func TestDroppingUnreadMembersNeverDrifts(t *testing.T) {
	neverDrifts(t, func(r *rand.Rand, doc *value, reads []drift.Read) {
		for _, p := range doc.places(nil) {
			for i := len(p.v.items) - 1; p.v.object && i >= 0; i-- {
				steps := append(slices.Clone(p.steps), drift.Step{Kind: drift.Member, Name: p.v.names[i]})
				if !isRead(reads, steps) && r.IntN(2) == 0 {
					p.v.drop(i)
				}
			}
		}
	})
}

// generalPath is a place with [*] for each index.
func generalPath(steps []drift.Step) string {
	path := "$"
	for _, step := range steps {
		if step.Kind == drift.Member {
			path = memberPath(path, step.Name)
		} else {
			path += "[*]"
		}
	}
	return path
}

func TestChangingTheTypeOfAScalarAlwaysDrifts(t *testing.T) {
	changed := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		later, s := doc.clone(), shapeOf(decode(doc.json()))
		p, ok := pick(r, later.places(nil), func(p place) bool {
			known := len(s.types[generalPath(p.steps)])
			if s.types[generalPath(p.steps)]["null"] {
				known--
			}
			return p.v.isScalar() && known > 0
		})
		if !ok {
			return
		}
		for _, other := range []string{`"y"`, "7", "true", "[]"} {
			if s.types[generalPath(p.steps)][typeOf(decode([]byte(other)))] {
				continue
			}
			changed++
			*p.v = value{scalar: other}
			got := learn(t, doc.json()).Watch(reads).Compare(later.json())
			if len(got) != 1 || got[0].Path != generalPath(p.steps) || got[0].Is != typeOf(decode([]byte(other))) {
				t.Errorf("from %s\nto %s\ngot %+v, want one at %s", doc.json(), later.json(), got, generalPath(p.steps))
			}
		}
	})
	if changed < 400 {
		t.Errorf("only %d cases", changed)
	}
}

// isSure tells whether a member that is gone is missed: all objects at its place
// had it, or nothing in the document may stand for one that did.
func isSure(doc *value, s *shape, member []drift.Step) bool {
	if s.seen[generalPath(member)] == s.objects[generalPath(member[:len(member)-1])] {
		return true
	}
	return !slices.ContainsFunc(doc.places(nil), func(p place) bool {
		return p.v.scalar == "null" || !p.v.isScalar() && len(p.v.items) == 0
	})
}

func TestRemovingAReadMemberAlwaysDrifts(t *testing.T) {
	removed := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, _ []drift.Read) {
		s := shapeOf(decode(doc.json()))
		p, ok := pick(r, doc.places(nil), func(p place) bool {
			return len(p.steps) > 0 && p.steps[len(p.steps)-1].Kind == drift.Member && isSure(doc, s, p.steps)
		})
		if !ok {
			return
		}
		removed++
		later := doc.clone()
		for _, q := range later.places(nil) {
			// From all objects that stand at the parent's place, whatever index.
			if i := slices.Index(q.v.names, p.steps[len(p.steps)-1].Name); i >= 0 && generalPath(q.steps) == generalPath(p.steps[:len(p.steps)-1]) {
				q.v.drop(i)
			}
		}
		w := learn(t, doc.json()).Watch([]drift.Read{{Var: "v", Steps: p.steps}})
		got := w.Compare(later.json())
		if len(got) != 1 || got[0].Path != generalPath(p.steps) || got[0].Is != "missing" || !slices.Equal(got[0].Vars, []string{"v"}) {
			t.Errorf("from %s\nto %s\ngot %+v, want %s to be missing", doc.json(), later.json(), got, generalPath(p.steps))
		}
		optional := learn(t, doc.json()).Watch([]drift.Read{{Var: "v", Steps: p.steps, Optional: true}})
		if got := optional.Compare(later.json()); got != nil {
			t.Errorf("from %s\nto %s\nwith a default: got %+v", doc.json(), later.json(), got)
		}
	})
	if removed < 400 {
		t.Errorf("only %d cases", removed)
	}
}

// mutate changes some places of a document in some way.
func mutate(r *rand.Rand, doc *value) {
	for range 1 + r.IntN(3) {
		p, _ := pick(r, doc.places(nil), func(place) bool { return true })
		switch {
		case p.v.isScalar() || r.IntN(5) == 0:
			*p.v = *generate(r, 2)
		case len(p.v.items) > 0 && r.IntN(4) > 0:
			p.v.drop(r.IntN(len(p.v.items)))
		default:
			p.v.items = append(p.v.items, generate(r, 2))
			if p.v.object {
				p.v.names = append(p.v.names, fmt.Sprintf("n%d", len(p.v.names)+r.IntN(100)*10))
			}
		}
	}
}

func TestTheSlowOracleAgrees(t *testing.T) {
	drifted := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		later := doc.clone()
		mutate(r, later)
		// Names that mutate repeats make the oracle, which has maps, differ.
		for _, p := range later.places(nil) {
			for i := len(p.v.names) - 1; i >= 0; i-- {
				if slices.Index(p.v.names, p.v.names[i]) < i {
					p.v.drop(i)
				}
			}
		}
		want := drifts(doc.json(), later.json(), reads)
		if len(want) > 0 {
			drifted++
		}
		structure := learn(t, doc.json())
		got := structure.Watch(reads).Compare(later.json())
		if !slices.Equal(paths(got), want) {
			t.Errorf("from %s\nto %s\nreading %+v\n got %v\nwant %v", doc.json(), later.json(), reads, got, want)
		}
		stored := reload(t, structure)
		if again := stored.Watch(reads).Compare(later.json()); !slices.EqualFunc(again, got, sameChange) {
			t.Errorf("from %s\nto %s\nreading %+v\n got %v\nthat was stored %v", doc.json(), later.json(), reads, got, again)
		}
	})
	if drifted < 400 {
		t.Errorf("only %d cases of drift", drifted)
	}
}

func sameChange(a, b drift.Change) bool {
	return a.Path == b.Path && a.Was == b.Was && a.Is == b.Is && slices.Equal(a.Vars, b.Vars)
}

// reload stores a structure and reads it again.
func reload(t testing.TB, s *drift.Structure) *drift.Structure {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again := new(drift.Structure)
	if err := json.Unmarshal(data, again); err != nil {
		t.Fatalf("reading %s: %v", data, err)
	}
	if !again.Equal(s) || !s.Equal(again) {
		t.Fatalf("%s is not equal to what was stored", data)
	}
	return again
}
