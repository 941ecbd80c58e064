//go:build e2e || soak

package e2e

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// period is some time on the ledger's clock.
type period struct{ from, to time.Duration }

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

// watch finds out when sidecars decide by themselves: each is asked again and again how
// often it has. It has begun when watch returns; the function that it gives ends it, and
// gives the times in which any sidecar did. A sidecar counts a decision before the call
// leaves, so a call that was sent, and came, outside of these times was decided by Redis.
func (f *fleet) watch(t *testing.T, every time.Duration) (end func() []period) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	var mu sync.Mutex
	var alone []period
	for _, s := range f.sidecars {
		since := f.now()
		before, err := s.sharing()
		if err != nil {
			t.Fatalf("asking sidecar %d for its state: %v", s.number, err)
		}
		watching.Go(func() {
			for last := false; !last; {
				last = !rest(ctx, every)
				asked := f.now()
				state, err := s.sharing()
				if err != nil {
					t.Errorf("asking sidecar %d for its state: %v", s.number, err)
					continue
				}
				if state.Decided.Local != before.Decided.Local {
					mu.Lock()
					alone = append(alone, period{since, f.now()})
					mu.Unlock()
				}
				since, before = asked, state
			}
		})
	}
	return func() []period {
		cancel()
		watching.Wait()
		return alone
	}
}

// listen makes calls of the policy "free", which has no limits and needs no Redis, at
// all sidecars until the function that it gives is called. That tells how long the
// slowest answer took: what the machine adds, and nothing that is tested.
func (f *fleet) listen(t *testing.T) (end func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var bots sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	for _, s := range f.sidecars {
		bots.Go(func() {
			for rest(ctx, 10*time.Millisecond) {
				a := f.call(context.WithoutCancel(ctx), s, "free", "ok", "control")
				mu.Lock()
				slowest = max(slowest, a.took)
				mu.Unlock()
			}
		})
	}
	return func() time.Duration {
		cancel()
		bots.Wait()
		return slowest
	}
}
