//go:build e2e || soak

package e2e

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a sidecar's log says when Redis goes away, and when it is there.
const (
	saysAway  = "the shared state is away"
	saysThere = "the shared state is there"
)

// noticed bounds how long before its word in the log a sidecar may have begun to go on
// by itself.
const noticed = 300 * time.Millisecond

// period is some time on the ledger's clock.
type period struct{ from, to time.Duration }

// change is a sidecar's word that Redis is there, or away.
type change struct {
	at    time.Duration // on the ledger's clock
	there bool
}

// changes are what a sidecar's log says of Redis.
func (f *fleet) changes(t *testing.T, s *sidecar) (all []change) {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		var entry struct {
			Message string  `json:"msg"`
			Time    float64 `json:"ts"` // in seconds
		}
		if !strings.Contains(line, saysAway) && !strings.Contains(line, saysThere) {
			continue
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("reading the log of sidecar %d: %v in %s", s.number, err, line)
		}
		at := time.UnixMicro(int64(entry.Time * 1e6)).Sub(f.opened)
		all = append(all, change{at, strings.HasPrefix(entry.Message, saysThere)})
	}
	return all
}

// alone are the times in which any sidecar was by itself, as their logs say: before it
// found Redis for the first time, and whenever it took Redis to be away.
func (f *fleet) alone(t *testing.T) (all []period) {
	t.Helper()
	for _, s := range f.sidecars {
		since, alone := time.Duration(0), true
		for _, c := range f.changes(t, s) {
			if c.there && alone {
				all = append(all, period{since, c.at})
			}
			if !c.there && !alone {
				since = c.at - noticed
			}
			alone = !c.there
		}
		if alone {
			all = append(all, period{since, f.now()})
		}
	}
	return all
}

// calm gives what is left of a period without others.
func calm(of period, without []period) (left []period) {
	sorted := slices.SortedFunc(slices.Values(without), func(a, b period) int { return cmp.Compare(a.from, b.from) })
	for _, p := range sorted {
		if p.from > of.from {
			left = append(left, period{of.from, min(p.from, of.to)})
		}
		if of.from = max(of.from, p.to); of.from >= of.to {
			return left
		}
	}
	return append(left, of)
}
