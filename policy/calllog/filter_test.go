package calllog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// mixed are the logs of two policies with calls of all sorts.
func mixed(total int, random *rand.Rand) (*calllog.Logs, []*calllog.Entry) {
	logs := calllog.NewLogs()
	var entries []*calllog.Entry
	for n := range total {
		e := nth(n, random.IntN(3) == 0)
		e.Time = start.Add(time.Duration(random.IntN(total/2)) * time.Second) // Some at the same time, and none in order.
		e.Policy = []string{"store", "bank", ""}[random.IntN(3)]
		e.Operation = []string{"order_status", ""}[random.IntN(2)]
		e.Outcome = []string{"success", "timeout"}[random.IntN(2)]
		e.Route = []string{"shipped", "error"}[random.IntN(2)]
		e.Tenant = []string{"acme", "globex"}[random.IntN(2)]
		logs.Of(e.Policy, calllog.Settings{Calls: calllog.MaxCalls}).Put(e, "")
		entries = append(entries, e)
	}
	return logs, entries
}

func TestFindGivesTheCallsThatAreMeant(t *testing.T) {
	logs, entries := mixed(300, rand.New(rand.NewPCG(3, 4)))
	word := func(s string) *string { return &s }
	yes, no := true, false
	for _, test := range []struct {
		name   string
		filter calllog.Filter
		meant  func(*calllog.Entry) bool
	}{
		{"all", calllog.Filter{}, func(*calllog.Entry) bool { return true }},
		{"policy", calllog.Filter{Policy: word("store")}, func(e *calllog.Entry) bool { return e.Policy == "store" }},
		{"no policy", calllog.Filter{Policy: word("")}, func(e *calllog.Entry) bool { return e.Policy == "" }},
		{"unknown policy", calllog.Filter{Policy: word("none")}, func(*calllog.Entry) bool { return false }},
		{"operation", calllog.Filter{Operation: word("order_status")}, func(e *calllog.Entry) bool { return e.Operation == "order_status" }},
		{"no operation", calllog.Filter{Operation: word("")}, func(e *calllog.Entry) bool { return e.Operation == "" }},
		{"outcome", calllog.Filter{Outcome: word("timeout")}, func(e *calllog.Entry) bool { return e.Outcome == "timeout" }},
		{"route", calllog.Filter{Route: word("shipped")}, func(e *calllog.Entry) bool { return e.Route == "shipped" }},
		{"tenant", calllog.Filter{Tenant: word("acme")}, func(e *calllog.Entry) bool { return e.Tenant == "acme" }},
		{"trace", calllog.Filter{TraceID: word(entries[7].TraceID)}, func(e *calllog.Entry) bool { return e == entries[7] }},
		{"failed", calllog.Filter{Failed: &yes}, func(e *calllog.Entry) bool { return e.Failed }},
		{"not failed", calllog.Filter{Failed: &no}, func(e *calllog.Entry) bool { return !e.Failed }},
		{"several", calllog.Filter{Policy: word("bank"), Tenant: word("acme"), Failed: &yes},
			func(e *calllog.Entry) bool { return e.Policy == "bank" && e.Tenant == "acme" && e.Failed }},
	} {
		want := 0
		for _, e := range entries {
			if test.meant(e) {
				want++
			}
		}
		found, more, known := logs.Find(test.filter, "", 1000)
		if len(found) != want || more || !known {
			t.Errorf("%s: found %d (more %v, known %v), want %d", test.name, len(found), more, known, want)
		}
		for _, e := range found {
			if !test.meant(e) {
				t.Errorf("%s: found %+v", test.name, e)
			}
		}
	}
}

func TestAWalkByPagesGivesEachCallOnceTheNewestFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		logs, entries := mixed(4+random.IntN(120), random)
		size := 1 + random.IntN(20)
		var walked []*calllog.Entry
		for before := ""; ; {
			page, more, known := logs.Find(calllog.Filter{}, before, size)
			if !known || len(page) > size || more && len(page) < size {
				t.Fatalf("a page of %d has %d calls (more %v, known %v)", size, len(page), more, known)
			}
			walked = append(walked, page...)
			if !more {
				break
			}
			before = page[len(page)-1].ID
		}
		if len(walked) != len(entries) {
			t.Errorf("walked over %d calls, want %d", len(walked), len(entries))
		}
		seen := make(map[string]bool)
		for i, e := range walked {
			if seen[e.ID] || i > 0 && e.Time.After(walked[i-1].Time) {
				t.Errorf("the call %d of the walk, %s, came twice or too late", i, e.ID)
			}
			seen[e.ID] = true
		}
	}
}

func TestAPageBehindACallThatIsNotKeptIsNotKnown(t *testing.T) {
	logs, entries := mixed(10, rand.New(rand.NewPCG(7, 8)))
	if found, more, known := logs.Find(calllog.Filter{}, fmt.Sprintf("%016x", 999), 5); found != nil || more || known {
		t.Errorf("found %d (more %v, known %v), want nothing", len(found), more, known)
	}
	for _, limit := range []int{0, -3} {
		if found, more, known := logs.Find(calllog.Filter{}, entries[0].ID, limit); len(found) != 0 || !known {
			t.Errorf("a page of %d has %d calls (more %v, known %v)", limit, len(found), more, known)
		}
	}
}

func TestACallIsFoundByItsIDAndByItsTrace(t *testing.T) {
	logs := calllog.NewLogs()
	for n := range 6 {
		e := nth(n, false)
		e.TraceID = fmt.Sprintf("%032x", n/2) // Two calls of each trace.
		logs.Of([]string{"store", "bank"}[n%2], calllog.Settings{Calls: 9}).Put(e, "")
	}
	for id, want := range map[string]int{
		fmt.Sprintf("%016x", 4): 4, fmt.Sprintf("%032x", 0): 1, fmt.Sprintf("%032x", 2): 5, "": -1, "4": -1, fmt.Sprintf("%016x", 99): -1,
	} {
		got := -1
		if e := logs.ByID(id); e != nil {
			got = ids(t, []*calllog.Entry{e})[0]
		}
		if got != want {
			t.Errorf("%q names the call %d, want %d", id, got, want)
		}
	}
	if !slices.Equal(all(t, logs), down(5, 0)) {
		t.Errorf("%v is kept", all(t, logs))
	}
}
