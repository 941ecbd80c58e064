package breaker

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// chaos makes random things happen to some sidecars.
type chaos struct {
	t   *testing.T
	r   *testRedis
	all []*sidecar
	rnd *rand.Rand
	out []*Permit
}

func (c *chaos) step(cuts bool) {
	s := c.all[c.rnd.IntN(len(c.all))]
	tenant := []string{"", "acme", "globex"}[c.rnd.IntN(3)]
	switch n := c.rnd.IntN(100); {
	case n < 60:
		p, refusal := s.allow(tenant, time.Duration(1+c.rnd.IntN(20))*time.Second)
		if refusal == nil {
			c.out = append(c.out, &p)
		}
	case n < 85 && len(c.out) > 0:
		i := c.rnd.IntN(len(c.out))
		c.out[i].Done([]Result{Success, Failure, Failure, TenantFailure, Ignored}[c.rnd.IntN(5)])
		c.out = slices.Delete(c.out, i, i+1)
	case n < 90:
		time.Sleep(time.Duration(c.rnd.IntN(5000)) * time.Millisecond)
	case n < 92:
		s.store.Reset()
	case n < 93:
		s.store.Hold([]State{Open, Closed}[c.rnd.IntN(2)], time.Now().Add(time.Duration(1+c.rnd.IntN(10))*time.Second))
	case n < 97 && cuts:
		if s.link.There() {
			s.cut()
		} else {
			s.back()
		}
	case n < 98 && cuts:
		c.r.FlushAll()
	default:
		time.Sleep(time.Duration(c.rnd.IntN(3000)) * time.Microsecond)
	}
}

func TestSidecarsAgreeInTheEndAndNothingWedgesWhateverHappens(t *testing.T) {
	for seed := range uint64(24) {
		together(t, func(t *testing.T, r *testRedis) {
			cuts := seed%2 == 0
			c := &chaos{t: t, r: r, rnd: rand.New(rand.NewPCG(seed, 6)), all: r.starts(4, Config{Consecutive: 3, Open: 5 * time.Second, Probes: 2})}
			for range 300 {
				c.step(cuts)
				if !cuts && c.probesOut() > 2 {
					t.Fatalf("seed %d: %d probes are out for the host, want at most 2", seed, c.probesOut())
				}
			}
			c.end(seed, cuts)
		})
	}
}

// probesOut counts the host's probes whose leases have not ended.
func (c *chaos) probesOut() (n int) {
	for _, s := range c.all {
		n += s.store.State(host, "").Counts.ProbesOut
	}
	return n
}

// end lets everybody hear of everything, and the third party be well again.
func (c *chaos) end(seed uint64, cuts bool) {
	c.t.Helper()
	for _, s := range c.all {
		if !s.link.There() {
			s.back()
		}
	}
	settle()
	if !cuts {
		for _, tenant := range []string{"", "acme", "globex"} {
			want(c.t, c.all, tenant, c.all[0].store.State(host, tenant).State)
		}
	}
	for _, p := range c.out {
		p.Done(Ignored)
	}
	time.Sleep(15 * time.Second) // All holds and open times end.
	for range 3 {
		for _, s := range c.all {
			for _, tenant := range []string{"", "acme", "globex"} {
				if p, refusal := s.allow(tenant, time.Second); refusal == nil {
					p.Done(Success)
				}
				settle()
			}
		}
	}
	for _, s := range c.all {
		for _, status := range s.store.States() {
			if status.State != Closed || status.Held {
				c.t.Errorf("seed %d: %s ends with %+v, want closed", seed, s.peers.sidecar, status)
			}
		}
		now := map[string]State{}
		for _, tr := range s.told {
			if tr.From != now[tr.Tenant] || tr.To == tr.From {
				c.t.Fatalf("seed %d: %s told %+v, but the cell was %v", seed, s.peers.sidecar, tr, now[tr.Tenant])
			}
			now[tr.Tenant] = tr.To
		}
	}
}
