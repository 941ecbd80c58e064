package drift_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// later makes a document from another one.
func later(r *rand.Rand, doc *value) *value {
	d := doc.clone()
	mutate(r, d)
	return d
}

// isMixed tells whether a document has, at a place that changed, some other type
// beside the new ones. Only its own structure can tell.
func isMixed(s *shape, changes []drift.Change) bool {
	for _, c := range changes {
		for word := range s.types[c.Path] {
			if word != "null" && c.Is != "missing" && !slices.Contains(strings.Split(c.Is, "|"), word) {
				return true
			}
		}
	}
	return false
}

func TestWhatWasAcceptedDriftsNoMore(t *testing.T) {
	drifted := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		next := later(r, doc)
		reads = append(reads, someReads(r, next)...)
		old := learn(t, doc.json())
		changes := old.Watch(reads).Compare(next.json())
		merged := reload(t, drift.Merge(old, learn(t, next.json()), changes))
		if len(changes) > 0 {
			drifted++
		}
		if !old.Equal(learn(t, doc.json())) {
			t.Errorf("from %s\nto %s: the old structure has changed", doc.json(), next.json())
		}
		if got := merged.Watch(reads).Compare(next.json()); got != nil {
			t.Errorf("from %s\nto %s\nreading %+v\naccepting %+v\ngives %s\ngot %+v, want no changes", doc.json(), next.json(), reads, changes, stored(t, merged), got)
		}
	})
	if drifted < 400 {
		t.Errorf("only %d cases of drift", drifted)
	}
}

func TestAcceptingAgainEndsADriftThroughAllMembers(t *testing.T) {
	// What is accepted at one member may have been why a path through all of
	// them was not missed, so that accepting once is not always enough.
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		next := later(r, doc)
		reads = append(reads, someReads(r, doc)...)
		for _, read := range reads {
			if len(read.Steps) > 0 {
				read.Steps[r.IntN(len(read.Steps))] = drift.Step{Kind: drift.Every}
			}
		}
		s, latest := learn(t, doc.json()), learn(t, next.json())
		for range 3 {
			s = reload(t, drift.Merge(s, latest, s.Watch(reads).Compare(next.json())))
		}
		if got := s.Watch(reads).Compare(next.json()); got != nil {
			t.Errorf("from %s\nto %s\nreading %+v\ngot %+v, want no changes", doc.json(), next.json(), reads, got)
		}
	})
}

func TestGoingBackToTheOldTypeDriftsAgain(t *testing.T) {
	back := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, _ []drift.Read) {
		next := later(r, doc)
		old := learn(t, doc.json())
		changes := old.Watch(nil).Compare(next.json())
		if isMixed(shapeOf(decode(next.json())), changes) {
			return
		}
		got := paths(drift.Merge(old, learn(t, next.json()), changes).Watch(nil).Compare(doc.json()))
		back += len(changes)
		if want := paths(changes); !slices.Equal(got, want) {
			t.Errorf("from %s\nto %s and back\n got %v\nwant %v", doc.json(), next.json(), got, want)
		}
	})
	if back < 400 {
		t.Errorf("only %d changes", back)
	}
}

// isAbout tells whether one of the changes is at a place, above it or below it.
func isAbout(changes []drift.Change, path string) bool {
	return slices.ContainsFunc(changes, func(c drift.Change) bool {
		return strings.HasPrefix(path+".", c.Path+".") || strings.HasPrefix(path+"[", c.Path+"[") ||
			strings.HasPrefix(path, c.Path+".") || strings.HasPrefix(path, c.Path+"[") ||
			strings.HasPrefix(c.Path, path+".") || strings.HasPrefix(c.Path, path+"[")
	})
}

func TestWhatNoChangeIsAboutDriftsAsBefore(t *testing.T) {
	same := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		next, other := later(r, doc), later(r, doc)
		old := learn(t, doc.json())
		changes := old.Watch(reads).Compare(next.json())
		merged := drift.Merge(old, learn(t, next.json()), changes)
		got := merged.Watch(reads).Compare(other.json())
		for _, want := range old.Watch(reads).Compare(other.json()) {
			if isAbout(changes, want.Path) {
				continue
			}
			same++
			if !slices.ContainsFunc(got, func(c drift.Change) bool { return c.Path == want.Path && c.Is == want.Is }) {
				t.Errorf("from %s\nto %s\nthen %s\nreading %+v\naccepting %+v\ngot %+v, want %+v", doc.json(), next.json(), other.json(), reads, changes, got, want)
			}
		}
	})
	if same < 400 {
		t.Errorf("only %d changes", same)
	}
}

func TestWhatIsAddedMakesNothingDriftThatNeitherStructureSaw(t *testing.T) {
	calm := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		next, other := later(r, doc), later(r, doc)
		reads = append(reads, someReads(r, next)...)
		old, latest := learn(t, doc.json()), learn(t, next.json())
		if old.Watch(reads).Compare(other.json()) != nil || latest.Watch(reads).Compare(other.json()) != nil {
			return
		}
		calm++
		if got := drift.Merge(old, latest, nil).Watch(reads).Compare(other.json()); got != nil {
			t.Errorf("from %s\nto %s\nthen %s\nreading %+v\ngot %+v, want no changes", doc.json(), next.json(), other.json(), reads, got)
		}
	})
	if calm < 100 {
		t.Errorf("only %d cases", calm)
	}
}

// series compares documents one after another, and remembers what is new, as
// long as nobody accepts anything.
func series(old *drift.Structure, docs []*value, reads []drift.Read) (changes []drift.Change, latest int) {
	latest = -1
	for i, d := range docs {
		for _, c := range old.Watch(reads).Compare(d.json()) {
			if !slices.ContainsFunc(changes, func(k drift.Change) bool { return k.Path == c.Path && k.Is == c.Is }) {
				changes, latest = append(changes, c), i
			}
		}
	}
	return changes, latest
}

// contradict tells whether a place cannot suit all of the documents.
func contradict(t *testing.T, docs []*value, reads []drift.Read) bool {
	for _, a := range docs {
		w := learn(t, a.json()).Watch(reads)
		if slices.ContainsFunc(docs, func(b *value) bool { return w.Compare(b.json()) != nil }) {
			return true
		}
	}
	return false
}

func TestAllThatWasAcceptedTogetherDriftsNoMore(t *testing.T) {
	together := 0
	check(t, func(t *testing.T, r *rand.Rand, doc *value, reads []drift.Read) {
		for range 8 {
			docs := []*value{later(r, doc), later(r, doc), later(r, doc)}
			old := learn(t, doc.json())
			changes, latest := series(old, docs, reads)
			if latest < 0 || contradict(t, docs, reads) {
				continue
			}
			mixed := false
			for _, d := range slices.Delete(slices.Clone(docs), latest, latest+1) {
				mixed = mixed || isMixed(shapeOf(decode(d.json())), old.Watch(reads).Compare(d.json()))
			}
			if mixed {
				continue
			}
			together++
			merged := drift.Merge(old, learn(t, docs[latest].json()), changes)
			for _, d := range docs {
				if got := merged.Watch(reads).Compare(d.json()); got != nil {
					t.Errorf("from %s\nto %s\nand %s\nand %s\nreading %+v\naccepting %+v\n%s\ngot %+v, want no changes", doc.json(), docs[0].json(), docs[1].json(), docs[2].json(), reads, changes, d.json(), got)
				}
			}
		}
	})
	if together < 100 {
		t.Errorf("only %d cases", together)
	}
}
