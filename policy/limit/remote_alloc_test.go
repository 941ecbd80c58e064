//go:build !race

package limit

import (
	"testing"
	"time"
)

// The race detector has pools drop what they keep, at random.

func TestAskingRedisAllocatesTheKeyTheAnswerAndWhatIsKeptOfIt(t *testing.T) {
	r, set := echoed(t)
	now := time.Now()
	r.Take(now, 0, "acme", true, nil, set)
	got := testing.AllocsPerRun(1000, func() {
		k, refusal := r.Take(now, 0, "acme", true, nil, set)
		if refusal != nil {
			t.Fatalf("refused: %+v", *refusal)
		}
		k.Release()
	})
	if got > 3 {
		t.Errorf("%v allocations a call beside the link's, want 3", got)
	}
}
