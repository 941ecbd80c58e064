package limit

import (
	"testing"
	"time"
)

func TestARefundGivesBackEveryWindowOnce(t *testing.T) {
	for _, n := range []int{3, 1000} {
		table := newTable(0)
		set := table.Compile([]Limit{
			{Scope: "plan", Name: "plan", Rate: Rate{N: n, Window: time.Hour}},
			{Scope: "store", Name: "store", Rate: Rate{N: n, Window: time.Minute}, Shared: true},
		}, []Concurrency{{Scope: "plan", Name: "slots", N: 2}})
		table.Take(start, "acme", false, set)
		k, _ := table.Take(start.Add(time.Second), "acme", false, set)
		k.Refund()
		k.Refund()
		if got := remaining(table, start, "acme", set); got[0] != n-1 {
			t.Errorf("limit %d: after a refund %d left, want %d", n, got[0], n-1)
		}
		if got := table.common.cell.counters[0].n; got != 1 {
			t.Errorf("limit %d: after a refund the shared window counts %d, want 1", n, got)
		}
		if _, refusal := table.Take(start, "acme", false, set); refusal == nil || !refusal.Overloaded {
			t.Errorf("limit %d: a refund freed a slot: %+v", n, refusal)
		}
	}
}

func TestARefundOfAnExpiredCallTakesNoOthersMark(t *testing.T) {
	for _, n := range []int{2, 1000} {
		table := newTable(0)
		set := one(table, "plan", n, time.Minute)
		old, _ := table.Take(start, "acme", false, set)
		table.Take(start.Add(time.Minute), "acme", false, set)
		old.Refund()
		if got := remaining(table, start.Add(time.Minute), "acme", set); got[0] != n-1 {
			t.Errorf("limit %d: %d left, want %d", n, got[0], n-1)
		}
	}
}

func TestFurtherAttemptsCountOnlyWhereLimitsAreShared(t *testing.T) {
	table := newTable(0)
	set := table.Compile([]Limit{
		{Scope: "store", Name: "own", Rate: Rate{N: 10, Window: time.Minute}},
		{Scope: "store", Name: "all", Rate: Rate{N: 3, Window: time.Minute}, Shared: true},
	}, nil)
	counts := func() [2]int {
		all := 0
		if n := table.common.cell.find(1); n != nil {
			all = int(n.live(table.clock(start), int64(time.Minute)))
		}
		return [2]int{10 - remaining(table, start, "acme", set)[0], all}
	}
	check := func(step string, want [2]int) {
		t.Helper()
		if got := counts(); got != want {
			t.Errorf("%s: own and shared count %v, want %v", step, got, want)
		}
	}
	k, _ := table.Take(start, "acme", false, set)
	check("first attempt", [2]int{1, 1})
	if refusal := k.TakeShared(start); refusal != nil {
		t.Fatalf("second attempt refused: %+v", *refusal)
	}
	check("second attempt", [2]int{1, 2})
	k.Refund()
	k.Refund()
	check("second attempt not sent", [2]int{1, 1})
	k.TakeShared(start)
	k.TakeShared(start)
	check("two more", [2]int{1, 3})
	if refusal := k.TakeShared(start); refusal == nil || refusal.Limit != "all" || refusal.RetryAfter != time.Minute {
		t.Errorf("one too many: got %+v, want a refusal by all for a minute", refusal)
	}
	k.Refund()
	check("refund after a refused attempt", [2]int{1, 3})
}

func TestAnAttemptAfterARefundCountsTheCallAgain(t *testing.T) {
	table := newTable(0)
	set := mixed(table)
	k, _ := table.Take(start, "acme", false, set)
	k.Refund()
	if refusal := k.TakeShared(start); refusal != nil {
		t.Fatalf("refused: %+v", *refusal)
	}
	if got := remaining(table, start, "acme", set); got[0] != 2 {
		t.Errorf("%d left, want 2", got[0])
	}
	k.Refund()
	if got := remaining(table, start, "acme", set); got[0] != 3 {
		t.Errorf("after the second refund %d left, want 3", got[0])
	}
	k.Release()
	for i := range table.shards {
		for _, c := range table.shards[i].cells {
			if !c.idle(table.clock(start), table.slots.lengths()) {
				t.Errorf("after refund and release the tenant's cell still counts: %+v", c.counters)
			}
		}
	}
}
