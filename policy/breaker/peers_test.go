package breaker

import (
	"slices"
	"testing"
	"time"
)

func TestATripOfOneSidecarOpensTheOthers(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(4, Config{Percent: 100, Attempts: 5, Window: time.Minute})
		all[2].attempts(5, "acme", Failure)
		settle()
		want(t, all, "globex", Open)
		time.Sleep(10 * time.Second)
		for _, s := range all {
			got := s.refused("globex")
			if left := got.RetryAfter; left > 5*time.Second || left < 5*time.Second-5*tellEvery || got.TenantOnly {
				t.Errorf("%s refused with %+v, want the rest of 15s", s.peers.sidecar, *got)
			}
			if got := s.states(); !slices.Equal(got, []string{"open"}) {
				t.Errorf("%s told %q, want the trip once", s.peers.sidecar, got)
			}
		}
	})
}

func TestResultsCountOverAllSidecars(t *testing.T) {
	percent := Config{Percent: 50, Attempts: 20, Window: 30 * time.Second}
	tests := []struct {
		name   string
		config Config
		each   []string // What each sidecar counts before the next does.
		want   State
	}{
		{"three here and two there in a row", Config{Consecutive: 5}, []string{"FFF", "FF"}, Open},
		{"two here and two there", Config{Consecutive: 5}, []string{"FF", "FF"}, Closed},
		{"a success between", Config{Consecutive: 5}, []string{"FFFS", "FF", "FF"}, Closed},
		{"a row over a success of long ago", Config{Consecutive: 5}, []string{"SFFF", "FF"}, Open},
		{"runs that others counted between successes", Config{Consecutive: 3}, []string{"SFFSFFSFFSF", "F"}, Closed},
		{"the last run of one goes on at another", Config{Consecutive: 3}, []string{"SFFSFFSFF", "F"}, Open},
		{"half of twenty", percent, []string{"SSSSS", "FFFFF", "SSSSS", "FFFFF"}, Open},
		{"less than half", percent, []string{"SSSSSS", "FFFFF", "SSSSS", "FFFF"}, Closed},
		{"a success makes the number", percent, []string{"FFFFFFFFFF", "SSSSSSSSS", "S"}, Open},
		{"what says nothing", percent, []string{"FFFFFFFFFF", "IIIIIIIIII", "IIIII"}, Closed},
		{"tenants' own trouble", percent, []string{"FFFFFFFFFF", "TTTTTTTTTT", "TTTTT"}, Closed},
	}
	results := map[rune]Result{'F': Failure, 'S': Success, 'I': Ignored, 'T': TenantFailure}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			together(t, func(t *testing.T, r *testRedis) {
				all := r.starts(4, tt.config)
				for i, letters := range tt.each {
					for _, letter := range letters {
						all[i].attempts(1, "", results[letter])
					}
					settle()
				}
				want(t, all, "", tt.want)
				var first Counts
				for i, s := range all {
					got := s.store.State(host, "").Counts
					if i == 0 {
						first = got
					}
					if got != first {
						t.Errorf("%s counted %+v, but the first %+v", s.peers.sidecar, got, first)
					}
				}
			})
		})
	}
}

func TestATenantsTroubleIsKnownToAllAndOpensNobodyElses(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(3, Config{Consecutive: 5})
		all[0].attempts(3, "acme", TenantFailure)
		settle()
		all[1].attempts(1, "acme", TenantFailure)
		settle()
		for _, s := range all {
			if own := s.store.TenantStates("acme"); len(own) != 1 || own[0].Counts.FailedInARow != 4 {
				t.Fatalf("%s: the tenant's own cells are %+v, want one with 4 failures", s.peers.sidecar, own)
			}
		}
		all[2].attempts(1, "acme", TenantFailure)
		settle()
		for _, s := range all {
			if got := s.refused("acme"); !got.TenantOnly {
				t.Errorf("%s: refused with %+v, want the tenant's own", s.peers.sidecar, *got)
			}
			s.attempts(20, "globex", Success)
		}
		want(t, all, "acme", Open)
		want(t, all, "globex", Closed)
		want(t, all, "", Closed)
	})
}

func TestASuccessAtAnotherSidecarEndsATenantsRow(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 3})
		all[0].attempts(2, "acme", TenantFailure)
		settle()
		all[1].attempts(1, "acme", Success)
		all[1].attempts(1, "globex", Success) // Has no cell of its own, and gets none.
		settle()
		all[0].attempts(2, "acme", TenantFailure)
		settle()
		want(t, all, "acme", Closed)
		for _, s := range all {
			if got := s.store.TenantStates("globex"); len(got) != 0 {
				t.Errorf("%s: a tenant without trouble has cells %+v", s.peers.sidecar, got)
			}
		}
	})
}

func TestTwoTripsAtOnceAreOne(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(3, Config{Consecutive: 2, Open: 10 * time.Second, Probes: 1})
		for _, s := range all {
			s.attempts(1, "", Failure)
		}
		for _, s := range all { // All before anything is heard.
			s.attempts(1, "", Failure)
		}
		settle()
		record := all[0].record(host, "")
		for _, s := range all {
			if got := s.record(host, ""); got != record || got == "" {
				t.Errorf("%s obeys record %q, the first %q", s.peers.sidecar, got, record)
			}
			if got := s.states(); !slices.Equal(got, []string{"open"}) {
				t.Errorf("%s told %q, want one trip", s.peers.sidecar, got)
			}
		}
		if got := len(r.fields("{test}:b:store")); got != 1 {
			t.Errorf("%d records at redis, want one", got)
		}
	})
}

func TestTheFirstTripDecidesWhenAllProbe(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		long := r.start(Config{Consecutive: 1, Open: time.Minute})
		short := r.start(Config{Consecutive: 1, Open: 5 * time.Second})
		all := []*sidecar{long, short}
		long.attempts(1, "", Failure)
		time.Sleep(500 * time.Microsecond)
		short.attempts(1, "", Failure) // Has not heard yet.
		settle()
		time.Sleep(30 * time.Second)
		want(t, all, "", Open)
		time.Sleep(30 * time.Second)
		want(t, all, "", HalfOpen)
		// Its own open time is its own when it is the one that trips.
		short.attempts(1, "", Failure)
		settle()
		want(t, all, "", Open)
		time.Sleep(5 * time.Second)
		want(t, all, "", HalfOpen)
		long.attempts(3, "", Success)
		settle()
		want(t, all, "", Closed)
		long.attempts(1, "", Failure)
		settle()
		time.Sleep(59 * time.Second)
		want(t, all, "", Open)
	})
}

func TestASidecarThatComesLateOpensForTheTimeThatIsLeft(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		first := r.start(Config{Consecutive: 2, Open: 20 * time.Second})
		first.attempts(2, "", Failure)
		first.store.Reset()
		first.attempts(2, "", Failure)
		other := first.store.tenantCell(cellKey{host, "acme"})
		other.countNew(errFailed)
		other.countNew(errFailed)
		time.Sleep(15 * time.Second)
		late := r.start(Config{Consecutive: 9, Open: time.Hour})
		for _, tenant := range []string{"", "acme"} {
			if got := late.refused(tenant).RetryAfter; got > 5*time.Second || got < 4*time.Second {
				t.Errorf("tenant %q: to come back after %v, want the rest of 20s", tenant, got)
			}
		}
		time.Sleep(5 * time.Second)
		later := r.start(Config{Consecutive: 9})
		want(t, []*sidecar{first, late, later}, "", HalfOpen)
		want(t, []*sidecar{first, late, later}, "acme", HalfOpen)
		// Nobody probes for a long time: then it begins closed.
		time.Sleep(keepRecord)
		want(t, []*sidecar{r.start(Config{Consecutive: 9})}, "acme", Closed)
	})
}

func TestNothingIsToldWhileNothingIsCounted(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		s := r.start(Default())
		s.attempts(10, "acme", Success)
		settle()
		before := s.link.sent.Load()
		time.Sleep(10 * time.Minute)
		if got := s.link.sent.Load() - before; got != 0 {
			t.Errorf("Redis was told or asked %d times in ten idle minutes, want never", got)
		}
		s.attempts(1000, "acme", Success)
		settle()
		if got := s.link.sent.Load() - before; got != 1 {
			t.Errorf("%d messages for a thousand results at once, want 1", got)
		}
	})
}
