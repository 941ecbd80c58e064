//go:build e2e

package limit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// realRedis gives a client of the server that SIGNPOST_TEST_REDIS names, which is
// emptied, or of one that lasts as long as the test.
func realRedis(t testing.TB) rueidis.Client {
	t.Helper()
	address := os.Getenv("SIGNPOST_TEST_REDIS")
	if address == "" {
		address = redisserver.Start(t).Addr()
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{address}, DisableCache: true, ForceSingleClient: true, DisableRetry: true,
	})
	if err != nil {
		t.Fatalf("connecting to %s: %v", address, err)
	}
	t.Cleanup(client.Close)
	if err := client.Do(t.Context(), client.B().Flushall().Build()).Error(); err != nil {
		t.Fatalf("emptying %s: %v", address, err)
	}
	return client
}

// newRealWorld makes processes on a real Redis. Their time passes by itself.
func newRealWorld(t testing.TB, sidecars int, o RemoteOptions) *world {
	w := &world{t: t}
	client := realRedis(t)
	for i := range sidecars {
		s := &sidecar{world: w, table: NewTable(0), wire: &wire{client: client}}
		s.remote = NewRemote(s.table, s.wire, o)
		skew := time.Duration(i) * 19 * time.Minute
		s.remote.clock = func() time.Time { return time.Now().Add(skew) }
		w.sidecar = append(w.sidecar, s)
	}
	return w
}

// ask asks the real Redis.
func ask(t testing.TB, client rueidis.Client, words ...string) string {
	t.Helper()
	text, err := client.Do(context.Background(), client.B().Arbitrary(words...).Build()).ToMessage()
	if err != nil {
		t.Fatalf("asking Redis %q: %v", words, err)
	}
	if n, err := text.AsInt64(); err == nil {
		return strconv.FormatInt(n, 10)
	}
	return text.String()
}

// heard is a decision as Redis told it.
type heard struct {
	at      time.Duration // By Redis's clock.
	tenant  string
	refusal *Refusal
	back    bool // It was given back.
	here    bool // The table refused it.
}

// clamour makes calls of two tenants from many goroutines of each process for so long.
func clamour(w *world, lasts time.Duration, rest time.Duration) []heard {
	var mu sync.Mutex
	var all []heard
	var group sync.WaitGroup
	ends := time.Now().Add(lasts)
	for i, s := range w.sidecar {
		for j := range 4 {
			rng := rand.New(rand.NewPCG(uint64(i), uint64(j)))
			group.Go(func() {
				for time.Now().Before(ends) {
					tenant := []string{"acme", "globex"}[rng.IntN(2)]
					k, refusal := s.remote.Take(s.remote.clock(), 0, tenant, false, nil, s.sets...)
					h := heard{tenant: tenant, refusal: refusal, at: time.Duration(k.remote.now) * time.Microsecond}
					h.here = refusal != nil && k.remote.windows[own] == nil
					if refusal == nil && rng.IntN(10) == 0 {
						k.Refund()
						h.back = true
					}
					k.Release()
					mu.Lock()
					all = append(all, h)
					mu.Unlock()
					time.Sleep(time.Duration(rng.Int64N(int64(2 * rest))))
				}
			})
		}
	}
	group.Wait()
	slices.SortFunc(all, func(a, b heard) int { return int(a.at - b.at) })
	return all
}

func TestOnARealRedisNoSpanHoldsMoreThanALimit(t *testing.T) {
	const lasts = 6 * time.Second
	groups := []group{
		{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 20, Window: time.Second}}}},
		{limits: []Limit{
			{Scope: "store", Name: "store", Rate: Rate{N: 50, Window: 2500 * time.Millisecond}},
			{Scope: "store", Name: "all", Rate: Rate{N: 38, Window: time.Second}, Shared: true},
		}},
	}
	w := newRealWorld(t, 4, RemoteOptions{})
	w.compile(groups...)
	all := clamour(w, lasts, 10*time.Millisecond)
	// What was given back may have counted for a while, so it proves a refusal, but
	// no excess.
	sent := oracles{groups: groups, of: make(map[string]*oracle)}
	counted := oracles{groups: groups, of: make(map[string]*oracle)}
	refused := 0
	for _, h := range all {
		if h.refusal != nil {
			refused++
			counted.each(h.tenant, func(l Limit, o *oracle) {
				// What the table refuses depends on how long answers were under way.
				if held := o.within(h.at, l.Rate.Window+o.slack); l.Name == h.refusal.Limit && held < l.Rate.N && !h.here {
					t.Errorf("at %v a call was refused by %s with only %d", h.at, l.Name, held)
				}
			})
			continue
		}
		counted.each(h.tenant, func(_ Limit, o *oracle) { o.calls = append(o.calls, h.at) })
		if !h.back {
			sent.each(h.tenant, func(_ Limit, o *oracle) { o.calls = append(o.calls, h.at) })
		}
	}
	for name, o := range sent.of {
		if worst := o.worst(); worst > o.rate.N {
			t.Errorf("%s let %d calls out in one window", name, worst)
		}
	}
	plan := len(sent.of["plan of acme"].calls) + len(sent.of["plan of globex"].calls)
	t.Logf("%d calls admitted, %d refused", plan, refused)
	if most := 38 * int(lasts/time.Second+1); plan < most/2 || refused == 0 {
		t.Errorf("%d calls admitted and %d refused, want many of both", plan, refused)
	}
}

func TestOnARealRedisTheLimitIsUsedUp(t *testing.T) {
	const n, window, spans = 200, time.Second, 4
	for _, leases := range []bool{false, true} {
		for _, sidecars := range []int{1, 2, 4, 8} {
			w := newRealWorld(t, sidecars, RemoteOptions{Leases: leases})
			w.compile(group{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: n, Window: window}, Shared: true}}})
			ctx, stop := context.WithCancel(t.Context())
			var group sync.WaitGroup
			for _, s := range w.sidecar {
				group.Go(func() { s.remote.Renew(ctx) })
			}
			// Three times the demand that the limit allows.
			all := clamour(w, spans*window, time.Duration(sidecars*4)*window/(3*n))
			stop()
			group.Wait()
			admitted := 0
			for _, h := range all {
				if h.refusal == nil && !h.back {
					admitted++
				}
			}
			share := float64(admitted) / (n * spans)
			t.Logf("leases %v, %d processes: %.1f%% of the limit, %d round trips for %d calls", leases, sidecars, 100*share, w.trips(), len(all))
			if share < 0.7 || share > float64(spans+1)/spans {
				t.Errorf("leases %v, %d processes: %d calls admitted in %d windows of %d", leases, sidecars, admitted, spans, n)
			}
		}
	}
}

// trips counts the round trips of all processes.
func (w *world) trips() (n int64) {
	for _, s := range w.sidecar {
		n += s.wire.trips.Load()
	}
	return n
}

func TestAFloodOfNamesStaysWithinItsBoundOnARealRedis(t *testing.T) {
	const names, bound, workers = 100_000, 1000, 32
	w := newRealWorld(t, 2, RemoteOptions{MaxTenants: bound})
	w.compile(group{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 10, Window: time.Hour}}}})
	client := w.sidecar[0].wire.client
	before := ask(t, client, "INFO", "memory")
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			s := w.sidecar[worker%2]
			for i := worker; i < names; i += workers {
				k, _ := s.remote.Take(s.remote.clock(), 0, fmt.Sprintf("%0128d", i), false, nil, s.sets...)
				k.Release()
			}
		})
	}
	group.Wait()
	keys, err := strconv.Atoi(ask(t, client, "DBSIZE"))
	if err != nil || keys > bound+5 {
		t.Errorf("%d keys after %d names, %v, want at most %d", keys, names, err, bound+5)
	}
	t.Logf("memory before and after: %s, %s", usedMemory(before), usedMemory(ask(t, client, "INFO", "memory")))
}

// usedMemory finds how much memory Redis says it uses.
func usedMemory(info string) string {
	_, rest, _ := strings.Cut(info, "used_memory:")
	used, _, _ := strings.Cut(rest, `\r`)
	return used
}

func TestATenantTakesFewBytesOfARealRedis(t *testing.T) {
	windows := []Limit{
		{Scope: "plan", Name: "plan", Rate: Rate{N: 600, Window: time.Minute}},
		{Scope: "plan", Name: "day", Rate: Rate{N: 20_000, Window: day}},
		{Scope: "store.order_status", Name: "operation", Rate: Rate{N: 10, Window: time.Minute}},
	}
	w := newRealWorld(t, 1, RemoteOptions{})
	s := w.sidecar[0]
	client := s.wire.client
	for n := 1; n <= len(windows); n++ {
		w.compile(group{limits: windows[:n]})
		tenant := fmt.Sprint("tenant-00000000", n)
		s.remote.Take(s.remote.clock(), 0, tenant, true, nil, s.sets...)
		idle := ask(t, client, "MEMORY", "USAGE", "{signpost}:t:"+tenant)
		// A log is full with 33 marks.
		mark := append(seven(time.Now().UnixMicro()), 0, 0, 0, 1)
		log := slices.Concat([]byte{0, 0, 0, maxMarks}, slices.Repeat(mark, maxMarks))
		for i := range n {
			ask(t, client, "HSET", "{signpost}:t:"+tenant, newRemoteRule(windows[i]).field, string(log))
		}
		busy, _ := strconv.Atoi(ask(t, client, "MEMORY", "USAGE", "{signpost}:t:"+tenant))
		t.Logf("%d windows: %s bytes idle, %d with full logs", n, idle, busy)
		if most := 200 + 600*n; busy > most {
			t.Errorf("a busy tenant of %d windows takes %d bytes, want at most %d", n, busy, most)
		}
	}
	for i := range 1000 {
		s.remote.Take(s.remote.clock(), 0, fmt.Sprintf("newcomer-%07d", i), false, nil, s.sets...)
	}
	t.Logf("1000 newcomers: %s bytes to know that they have come", ask(t, client, "MEMORY", "USAGE", "{signpost}:newcomers"))
}

// seven is a time as it stands in a log.
func seven(micros int64) []byte {
	b := make([]byte, 7, 11)
	for i := range b {
		b[6-i] = byte(micros >> (8 * i))
	}
	return b
}

func BenchmarkTakeOnRedis(b *testing.B) {
	for _, windows := range []int{1, 4, 8} {
		for _, leases := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d windows, leases %v", windows, leases), func(b *testing.B) {
				w := newRealWorld(b, 1, RemoteOptions{Leases: leases})
				var g group
				for i := range windows {
					g.limits = append(g.limits, Limit{
						Scope: "store", Name: "store", Rate: Rate{N: MaxCalls, Window: time.Duration(i+1) * time.Second}, Shared: i%4 == 3,
					})
				}
				w.compile(g)
				s := w.sidecar[0]
				names := tenantNames(100)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for i := 0; pb.Next(); i++ {
						k, refusal := s.remote.Take(s.remote.clock(), 0, names[i%len(names)], true, nil, s.sets...)
						if refusal != nil {
							b.Errorf("refused: %+v", *refusal)
						}
						k.Release()
					}
				})
				b.ReportMetric(float64(s.wire.trips.Load())/float64(b.N), "trips/op")
			})
		}
	}
}
