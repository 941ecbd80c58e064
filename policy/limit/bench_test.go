package limit

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// planAndPolicy are two sets with a window of a tenant each: one log that keeps
// every call, one that merges.
func planAndPolicy(t *Table) (*Set, *Set) {
	plan := t.Compile([]Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 10, Window: time.Minute}}}, nil)
	policy := t.Compile([]Limit{{Scope: "store", Name: "store", Rate: Rate{N: 20000, Window: day}}}, nil)
	return plan, policy
}

// tenantNames gives n names of 16 bytes.
func tenantNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("tenant-%09d", i)
	}
	return names
}

func BenchmarkAdmissionWithTwoWindows(b *testing.B) {
	// Ten thousand tenants in turn, a millisecond apart: 6 calls a minute each,
	// 8640 a day, all admitted, every log in motion.
	const tenants, step = 10_000, time.Millisecond
	run := func(b *testing.B) func() {
		table := NewTable(0)
		plan, policy := planAndPolicy(table)
		names, start := tenantNames(tenants), time.Now()
		var turn atomic.Int64
		call := func() {
			i := turn.Add(1)
			k, refusal := table.Take(start.Add(time.Duration(i)*step), names[i%tenants], false, plan, policy)
			if refusal != nil {
				b.Errorf("call %d refused: %+v", i, *refusal)
			}
			k.Release()
		}
		for range 8 * tenants {
			call()
		}
		b.ReportAllocs()
		return call
	}
	b.Run("serial", func(b *testing.B) {
		call := run(b)
		for b.Loop() {
			call()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		call := run(b)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call()
			}
		})
	})
}

func BenchmarkAdmissionWithSharedWindowAndConcurrency(b *testing.B) {
	table := NewTable(0)
	plan, _ := planAndPolicy(table)
	policy := table.Compile(
		[]Limit{{Scope: "store", Name: "store", Rate: Rate{N: MaxCalls, Window: time.Minute}, Shared: true}},
		[]Concurrency{{Scope: "store", Name: "store", N: 50}},
	)
	names, start := tenantNames(10_000), time.Now()
	for i := range 8 * len(names) {
		k, _ := table.Take(start.Add(time.Duration(i)*time.Millisecond), names[i%len(names)], false, plan, policy)
		k.Release()
	}
	i := 8 * len(names)
	b.ReportAllocs()
	for b.Loop() {
		k, refusal := table.Take(start.Add(time.Duration(i)*time.Millisecond), names[i%len(names)], false, plan, policy)
		if refusal != nil {
			b.Fatalf("call %d refused: %+v", i, *refusal)
		}
		k.Release()
		i++
	}
}

func BenchmarkRefusal(b *testing.B) {
	table, now := NewTable(0), time.Now()
	set := table.Compile([]Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 1, Window: day}}}, nil)
	table.Take(now, "acme", false, set)
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := table.Take(now, "acme", false, set); refusal == nil {
			b.Fatal("a second call was admitted")
		}
	}
}

func BenchmarkNewcomerToAFullTable(b *testing.B) {
	table, now := NewTable(1000), time.Now()
	set := table.Compile([]Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: MaxCalls, Window: day}}}, nil)
	names := tenantNames(100_000)
	for _, name := range names[:50_000] {
		table.Take(now, name, false, set)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		table.Take(now, names[50_000+i%50_000], false, set)
		i++
	}
}

func BenchmarkMemoryOfAMillionIdleTenants(b *testing.B) {
	const tenants = 1_000_000
	var before, after runtime.MemStats
	var mib float64
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		table, now := NewTable(0), time.Now()
		plan, policy := planAndPolicy(table)
		name := make([]byte, 0, 16)
		for i := range tenants {
			name = fmt.Appendf(name[:0], "tenant-%09d", i)
			k, _ := table.Take(now, string(name), false, plan, policy)
			k.Release()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		mib = float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
		if table.Len() != tenants {
			b.Fatalf("Len() = %d, want %d", table.Len(), tenants)
		}
	}
	b.ReportMetric(mib, "MiB")
	b.ReportMetric(mib*(1<<20)/tenants, "B/tenant")
}
