package breaker

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRecordsAtRedisAreBoundedAndForgotten(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		s := r.start(Config{Consecutive: 1})
		s.attempts(1, "acme", TenantFailure)
		settle()
		for i := range MaxHosts + 20 {
			s.peers.tellTrip("store", cellKey{host: fmt.Sprint("host", i)}, newID(), "", time.Duration(i+1)*time.Second)
			settle()
		}
		records := r.fields("{test}:b:store")
		if len(records) != MaxHosts+1 {
			t.Errorf("%d records, want those of %d hosts and of the tenant", len(records), MaxHosts)
		}
		if strings.Contains(strings.Join(records, " "), "host0 ") {
			t.Error("the record that would be forgotten first has not made room")
		}
		for _, key := range r.Keys() {
			if ttl := r.TTL(key); ttl <= 0 || ttl > keepRecord+(MaxHosts+20)*time.Second {
				t.Errorf("%s is kept for %v", key, ttl)
			}
		}
		time.Sleep(keepRecord + time.Minute)
		s.peers.tellTrip("store", cellKey{host: "new.example"}, newID(), "", time.Second)
		settle()
		if got, want := len(r.fields("{test}:b:store")), len(records)-1; got != want {
			t.Errorf("%d records after a new one came when old ones were over, want 2 of these gone: %d", got, want)
		}
		time.Sleep(keepRecord + MaxHosts*time.Second)
		if got := r.Keys(); len(got) != 0 {
			t.Errorf("in the end there are %q, want nothing", got)
		}
	})
}

func TestOrdersAtRedisAreBoundedAndForgotten(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		s := r.start(Config{})
		gone := time.Now().Add(keepOrder).UnixMilli()
		for i := range maxOrders - 5 {
			r.HSet("{test}:orders", fmt.Sprint("policy", i), fmt.Sprintf("id%d reset 1 0 %d", i, gone))
		}
		for i := maxOrders - 10; i < maxOrders+10; i++ { // Some replace what there is.
			s.peers.tellOrder(&order{policy: fmt.Sprint("policy", i), id: newID(), since: time.Now()}, nil)
			settle()
		}
		if got := len(r.fields("{test}:orders")); got != maxOrders {
			t.Errorf("%d orders are kept, want %d", got, maxOrders)
		}
		r.SetTime(time.Now().Add(keepOrder))
		s.store.Hold(Open, time.Now().Add(2*keepOrder))
		settle()
		if got := r.fields("{test}:orders"); len(got) != 1 || got[0] != "store" {
			t.Errorf("the orders %q are kept, want the last one", got)
		}
		if got := r.TTL("{test}:orders"); got < 2*keepOrder-time.Minute {
			t.Errorf("a hold of %v is kept for %v", 2*keepOrder, got)
		}
	})
}

func TestWhatEndsARecordLeavesANewerOne(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		s := r.start(Config{Consecutive: 1})
		s.attempts(1, "", Failure)
		settle()
		s.peers.tellClosed("store", cellKey{host: host}, newID())
		settle()
		want(t, []*sidecar{s, r.start(Config{})}, "", Open)
	})
}

func TestATripAfterTheOpenTimeOfARecordTakesItsPlace(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		s := r.start(Config{Consecutive: 1})
		k := cellKey{host: "other.example"}
		for i, wait := range []time.Duration{0, time.Second / 2, time.Second} {
			time.Sleep(wait)
			s.peers.tellTrip("store", k, fmt.Sprint("trip", i), "", time.Second)
			settle()
		}
		record := r.HGet("{test}:b:store", k.host)
		if id, _, _ := strings.Cut(record, " "); id != "trip2" {
			t.Errorf("the record is %q, want that of the trip after the first was over", record)
		}
	})
}

func TestManyRecordsAreReadInPages(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		first := r.start(Config{Consecutive: 1, Open: time.Hour})
		for i := range 3 * pageSize {
			p, _ := first.store.AllowProbe(host, fmt.Sprint("tenant", i), time.Second, nil)
			p.Done(TenantFailure)
		}
		settle()
		late := r.start(Config{Consecutive: 1})
		open := 0
		for _, s := range late.store.States() {
			if s.State == Open && s.Tenant != "" {
				open++
			}
		}
		if open != 3*pageSize {
			t.Errorf("a sidecar that came late opened %d cells, want %d", open, 3*pageSize)
		}
	})
}

func TestEveryScriptOfPeersIsPreloaded(t *testing.T) {
	_, p := hearing(Default())
	seen := map[any]bool{}
	for _, script := range p.Scripts() {
		seen[script] = true
	}
	if len(seen) != 7 {
		t.Errorf("%d scripts, want 7", len(seen))
	}
}
