package limit

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// mixed is a set with a tenant's window, a shared window and both kinds of slots.
func mixed(t *Table) *Set {
	return t.Compile([]Limit{
		{Scope: "store", Name: "store", Rate: Rate{N: 3, Window: time.Minute}},
		{Scope: "store", Name: "store-all", Rate: Rate{N: 5, Window: time.Minute}, Shared: true},
	}, []Concurrency{
		{Scope: "store", Name: "store-slots", N: 2},
		{Scope: "store", Name: "store-all-slots", N: 3, Shared: true},
	})
}

// remaining is what is left of a tenant's windows, in order.
func remaining(table *Table, now time.Time, tenant string, sets ...*Set) []int {
	var left []int
	for _, s := range table.States(now, tenant, nil, sets...) {
		left = append(left, s.Remaining)
	}
	return left
}

func TestACallIsTakenByAllOfItsLimitsOrByNone(t *testing.T) {
	table := newTable(0)
	wide, narrow := one(table, "plan", 10, time.Minute), one(table, "store", 2, time.Minute)
	for range 5 {
		table.Take(start, "acme", false, wide, narrow)
	}
	if got, want := remaining(table, start, "acme", wide, narrow), []int{8, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("after 5 calls left are %v, want %v: refused calls must not count", got, want)
	}
}

func TestASharedRefusalTakesNothingFromTheTenant(t *testing.T) {
	table := newTable(0)
	set := mixed(table)
	for i, tenant := range []string{"a", "b", "c", "d", "e"} {
		k, refusal := table.Take(start, tenant, false, set)
		if refusal != nil {
			t.Fatalf("call %d refused: %+v", i, *refusal)
		}
		k.Release()
	}
	_, refusal := table.Take(start.Add(10*time.Second), "f", false, set)
	want := &Refusal{Limit: "store-all", Rate: Rate{N: 5, Window: time.Minute}, Shared: true, RetryAfter: 50 * time.Second}
	if !reflect.DeepEqual(refusal, want) {
		t.Errorf("got refusal %+v, want %+v", refusal, want)
	}
	if got := remaining(table, start, "f", set); got[0] != 3 {
		t.Errorf("the refused tenant has %d calls left, want 3", got[0])
	}
}

func TestTheRefusalNamesTheLimitThatWaitsLongest(t *testing.T) {
	table := newTable(0)
	set := table.Compile([]Limit{
		{Scope: "plan", Name: "minute", Rate: Rate{N: 1, Window: time.Minute}},
		{Scope: "plan", Name: "hour", Rate: Rate{N: 1, Window: time.Hour}},
		{Scope: "plan", Name: "second", Rate: Rate{N: 1, Window: time.Second}},
	}, nil)
	table.Take(start, "acme", false, set)
	_, refusal := table.Take(start, "acme", false, set)
	want := &Refusal{Limit: "hour", Rate: Rate{N: 1, Window: time.Hour}, RetryAfter: time.Hour}
	if !reflect.DeepEqual(refusal, want) {
		t.Errorf("got refusal %+v, want %+v", refusal, want)
	}
}

func TestRateRefusalsComeBeforeOverload(t *testing.T) {
	table := newTable(0)
	set := table.Compile(
		[]Limit{{Scope: "plan", Name: "rate", Rate: Rate{N: 2, Window: time.Minute}}},
		[]Concurrency{{Scope: "plan", Name: "slots", N: 1}},
	)
	first, _ := table.Take(start, "acme", false, set)
	_, refusal := table.Take(start, "acme", false, set)
	if want := (&Refusal{Limit: "slots", Overloaded: true}); !reflect.DeepEqual(refusal, want) {
		t.Fatalf("with one call in flight: got %+v, want %+v", refusal, want)
	}
	if got := remaining(table, start, "acme", set); got[0] != 1 {
		t.Errorf("an overload refusal left %d calls, want 1", got[0])
	}
	first.Release()
	second, refusal := table.Take(start, "acme", false, set)
	if refusal != nil {
		t.Fatalf("after the release: %+v", *refusal)
	}
	defer second.Release()
	if _, refusal = table.Take(start, "acme", false, set); refusal == nil || refusal.Overloaded || refusal.Limit != "rate" {
		t.Errorf("with both limits reached: got %+v, want the rate limit", refusal)
	}
}

func TestSlotsAreReleasedOnceAndSharedOnesCountEveryone(t *testing.T) {
	table := newTable(0)
	set := table.Compile(nil, []Concurrency{
		{Scope: "store", Name: "own", N: 2},
		{Scope: "store", Name: "all", N: 3, Shared: true},
	})
	take := func(tenant string) (Ticket, string) {
		k, refusal := table.Take(start, tenant, false, set)
		if refusal != nil {
			return k, refusal.Limit
		}
		return k, ""
	}
	a1, _ := take("a")
	a2, _ := take("a")
	if a3, limit := take("a"); limit != "own" {
		t.Errorf("third call of a: refused by %q, want %q", limit, "own")
	} else {
		a3.Release() // A refused ticket has nothing to release.
	}
	b1, _ := take("b")
	if _, limit := take("b"); limit != "all" {
		t.Errorf("fourth call of all: refused by %q, want %q", limit, "all")
	}
	if _, limit := take("a"); limit != "own" {
		t.Errorf("with both reached: refused by %q, want the tenant's %q first", limit, "own")
	}
	a1.Release()
	a1.Release()
	if _, limit := take("b"); limit != "" {
		t.Errorf("after one release: refused by %q", limit)
	}
	if _, limit := take("c"); limit == "" {
		t.Error("a second release of the same ticket freed another slot")
	}
	a2.Release()
	b1.Release()
}

func TestStatesTellWhatIsLeftAndWhenMoreComes(t *testing.T) {
	table := newTable(0)
	plan := table.Compile([]Limit{
		{Scope: "plan", Name: "minute", Rate: Rate{N: 2, Window: time.Minute}},
		{Scope: "plan", Name: "day", Rate: Rate{N: 100, Window: day}},
	}, nil)
	policy := mixed(table)
	table.Take(start, "acme", false, plan, nil, policy)
	table.Take(start.Add(20*time.Second), "acme", false, plan, nil, policy)
	k, refusal := table.Take(start.Add(30*time.Second), "acme", false, plan, nil, policy)
	if refusal == nil || refusal.Limit != "minute" {
		t.Fatalf("got refusal %+v, want by minute", refusal)
	}
	want := []State{
		{Name: "minute", Rate: Rate{N: 2, Window: time.Minute}, Remaining: 0, Reset: 30 * time.Second},
		{Name: "day", Rate: Rate{N: 100, Window: day}, Remaining: 98, Reset: day - 10*time.Second},
		{Name: "store", Rate: Rate{N: 3, Window: time.Minute}, Remaining: 1, Reset: 30 * time.Second},
	}
	if got := k.States(start.Add(30*time.Second), nil); !reflect.DeepEqual(got, want) {
		t.Errorf("beside a refusal:\n got %+v\nwant %+v", got, want)
	}
	// The first call has expired by now, though nothing has touched the log.
	want[0].Remaining, want[0].Reset = 1, 19*time.Second
	if got := k.States(start.Add(61*time.Second), nil); !reflect.DeepEqual(got[0], want[0]) {
		t.Errorf("a minute later:\n got %+v\nwant %+v", got[0], want[0])
	}
	// A plan with less room: two calls must go before there is any.
	lower := one(table, "plan", 1, time.Minute)
	if got := table.States(start.Add(30*time.Second), "acme", nil, lower)[0]; got.Remaining != 0 || got.Reset != 50*time.Second {
		t.Errorf("with the limit lowered: got %+v, want none left for 50s", got)
	}
	if got := table.States(start, "nobody", nil, plan); got[0].Remaining != 2 || got[0].Reset != 0 {
		t.Errorf("a tenant without calls: got %+v, want all left", got[0])
	}
}

func TestATenantThatMovesPlanGetsNoFreshWindow(t *testing.T) {
	table := newTable(0)
	bronze, gold := one(table, "plan", 5, time.Minute), one(table, "plan", 8, time.Minute)
	for range 5 {
		table.Take(start, "acme", false, bronze)
	}
	if got := remaining(table, start, "acme", gold); got[0] != 3 {
		t.Errorf("on the larger plan %d left, want 3", got[0])
	}
}

func TestScopeWindowAndSharingTellCountersApart(t *testing.T) {
	table := newTable(0)
	base := Limit{Scope: "store", Name: "x", Rate: Rate{N: 1, Window: time.Minute}}
	window, scope, all := base, base, base
	window.Rate.Window = time.Hour
	scope.Scope = "crm"
	all.Shared = true
	first := table.Compile([]Limit{base}, nil)
	table.Take(start, "acme", false, first)
	for name, l := range map[string]Limit{"window": window, "scope": scope, "shared": all} {
		if _, refusal := table.Take(start, "acme", false, table.Compile([]Limit{l}, nil)); refusal != nil {
			t.Errorf("another %s counted on the same counter", name)
		}
	}
	if _, refusal := table.Take(start, "acme", false, table.Compile([]Limit{base}, nil)); refusal == nil {
		t.Error("the same limit compiled again had a counter of its own")
	}
}

func TestOfTwoLimitsOnOneCounterTheStricterHolds(t *testing.T) {
	table := newTable(0)
	limit := func(name string, n int) Limit {
		return Limit{Scope: "plan", Name: name, Rate: Rate{N: n, Window: time.Minute}}
	}
	set := table.Compile(
		[]Limit{limit("a", 5), limit("b", 2), limit("c", 9)},
		[]Concurrency{{Scope: "plan", Name: "d", N: 4}, {Scope: "plan", Name: "e", N: 1}, {Scope: "plan", Name: "f", N: 3}},
	)
	k, _ := table.Take(start, "acme", false, set)
	if got := k.States(start, nil); len(got) != 1 || got[0].Name != "b" || got[0].Remaining != 1 {
		t.Errorf("got states %+v, want b alone with 1 left", got)
	}
	if _, refusal := table.Take(start, "acme", false, set); refusal == nil || refusal.Limit != "e" {
		t.Errorf("got %+v, want a refusal by e", refusal)
	}
}

func TestWhatIsNotValidDoesNotCompile(t *testing.T) {
	rate := Rate{N: 1, Window: time.Minute}
	for name, call := range map[string]func(*Table){
		"compiling limit":       func(t *Table) { t.Compile([]Limit{{Name: "x"}}, nil) },
		"compiling concurrency": func(t *Table) { t.Compile([]Limit{{Rate: rate}}, []Concurrency{{Name: "x"}}) },
		"at most 4":             func(t *Table) { t.Take(start, "acme", false, nil, nil, nil, nil, nil) },
	} {
		func() {
			defer func() {
				text := ""
				switch p := recover().(type) {
				case error:
					text = p.Error()
				case string:
					text = p
				}
				if !strings.Contains(text, name) {
					t.Errorf("got panic %q, want one with %q", text, name)
				}
			}()
			call(newTable(0))
		}()
	}
}

func TestTheZeroTicketClaimsNothing(t *testing.T) {
	var k Ticket
	k.Refund()
	k.Release()
	if refusal := k.TakeShared(start); refusal != nil {
		t.Errorf("TakeShared of the zero ticket: %+v", *refusal)
	}
	if states := k.States(start, nil); states != nil {
		t.Errorf("States of the zero ticket: %+v", states)
	}
}
