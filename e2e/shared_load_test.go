//go:build e2e || soak

package e2e

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// load is what bots ask of a fleet, without end.
type load struct {
	bots    int           // of each sidecar
	pause   time.Duration // between two calls of a bot, on average
	policy  string
	kinds   []string   // what the third party is to do, at random. Default: "ok"
	tenants []string   // at random
	keep    func(told) // hears every answer, one at a time
}

// maxComplaints bounds how many lost calls a failing test shows.
const maxComplaints = 10

// load has bots call until the context is done. No call may be lost. It gives how many
// there were.
func (f *fleet) load(ctx context.Context, t *testing.T, l load) (calls int) {
	t.Helper()
	if l.kinds == nil {
		l.kinds = []string{"ok"}
	}
	var bots sync.WaitGroup
	var mu sync.Mutex
	complaints := 0
	for _, s := range f.sidecars {
		for range l.bots {
			bots.Go(func() {
				for rest(ctx, l.pause) {
					// A call that has begun is waited for: its bot has patience.
					a := f.call(context.WithoutCancel(ctx), s, l.policy, pick(l.kinds), pick(l.tenants))
					mu.Lock()
					calls++
					if err := a.lost(); err != nil && complaints < maxComplaints {
						complaints++
						t.Errorf("a call of %q at %s: %v", l.policy, a.began.Round(time.Millisecond), err)
					}
					if l.keep != nil {
						l.keep(a)
					}
					mu.Unlock()
				}
			})
		}
	}
	bots.Wait()
	return calls
}

// rest waits for a while, about as long as is said, and tells whether there is time
// for a further call.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause/2 + rand.N(pause+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// pick gives one of several at random.
func pick(of []string) string { return of[rand.IntN(len(of))] }
