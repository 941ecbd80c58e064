package secret

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheLRUForgetsWhatWasNotUsedForLongest(t *testing.T) {
	l := newLRU[string, int](3, 10)
	for i, key := range []string{"a", "b", "c"} {
		l.add(key, i, 1)
	}
	l.get("a")
	l.add("d", 3, 1)
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, got := l.byKey[key]; got != want {
			t.Errorf("%q is kept: %v, want %v", key, got, want)
		}
	}
	l.add("dear", 4, 9)
	if len(l.byKey) != 2 || l.order.Len() != 2 || l.cost != 10 {
		t.Errorf("after an entry of cost 9: %d entries, %d in order, cost %d; want 2, 2, 10", len(l.byKey), l.order.Len(), l.cost)
	}
	l.add("too dear", 5, 11)
	if _, ok := l.get("dear"); !ok || len(l.byKey) != 2 {
		t.Errorf("an entry over the bound displaced others: %d are left, want 2", len(l.byKey))
	}
}

func TestAFloodOfTenantsDoesNotGrowTheCaches(t *testing.T) {
	d := Dir(t.TempDir()).(*dir)
	c := NewScrubbers()
	for i := range 3 * dirEntries {
		if _, found, err := d.Lookup(fmt.Sprint("tenant", i), "token"); found || err != nil {
			t.Fatalf("Lookup = %v, %v; want nothing", found, err)
		}
	}
	for i := range maxScrubbers + 500 {
		c.For([]Secret{New(fmt.Sprintf("secret-%020d", i))})
	}
	if got := len(d.entries.byKey); got != dirEntries {
		t.Errorf("%d names are remembered, want %d", got, dirEntries)
	}
	if got := len(c.known().byKey); got != maxScrubbers {
		t.Errorf("%d scrubbers are remembered, want %d", got, maxScrubbers)
	}
	for i := range 60 {
		c.For([]Secret{New(fmt.Sprint(i, strings.Repeat("x", 60<<10)))})
	}
	if got := c.known().cost; got > maxScrubbersBytes || got < maxScrubbersBytes/2 {
		t.Errorf("the scrubbers of large secrets take about %d bytes, want at most %d", got, maxScrubbersBytes)
	}
}
