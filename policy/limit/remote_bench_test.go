package limit

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// echo is a link whose Redis says the same whatever it is asked.
type echo struct {
	wire
	says rueidis.RedisResult
}

func (e *echo) Run(context.Context, time.Duration, *rueidis.Lua, []string, []string) rueidis.RedisResult {
	return e.says
}

// newEcho makes a link whose Redis says these numbers.
func newEcho(t testing.TB, numbers ...int64) *echo {
	t.Helper()
	text := []byte("\x00\x00\x00\x00\x00\x00\x00") // When it ends to be valid.
	add := func(kind byte, n int64) {
		text = binary.BigEndian.AppendUint64(append(text, kind), uint64(n))
	}
	add('*', int64(len(numbers)))
	for _, n := range numbers {
		add(':', n)
	}
	var m rueidis.RedisMessage
	if err := m.CacheUnmarshalView(text); err != nil {
		t.Fatalf("making a reply: %v", err)
	}
	return &echo{says: rueidis.NewResult(m, nil)}
}

// echoed makes a Remote that admits everything, with windows of a tenant and of all.
func echoed(t testing.TB) (*Remote, *Set) {
	table := NewTable(0)
	set := table.Compile([]Limit{
		{Scope: "plan", Name: "plan", Rate: Rate{N: MaxCalls, Window: time.Minute}},
		{Scope: "store", Name: "all", Rate: Rate{N: MaxCalls, Window: time.Hour}, Shared: true},
	}, nil)
	return NewRemote(table, newEcho(t, 0, 0, 0, 1000, 1000, 1, 0, 1, 60_000_000, 1, 3_600_000_000), RemoteOptions{}), set
}

func BenchmarkTakeBesideTheLink(b *testing.B) {
	r, set := echoed(b)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		k, refusal := r.Take(now, 0, "acme", true, nil, set)
		if refusal != nil {
			b.Fatalf("refused: %+v", *refusal)
		}
		k.Release()
	}
}

func BenchmarkTakeWithALease(b *testing.B) {
	r, set := echoed(b)
	r.leasing = true
	now := time.Now()
	k := Ticket{tenant: "acme", sets: fill([]*Set{set})}
	l := r.leases.of(&k)
	l.permits, l.until = 1<<62, now.Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		k, refusal := r.Take(now, 0, "acme", true, nil, set)
		if refusal != nil || k.remote.lease != l {
			b.Fatalf("refused: %+v", refusal)
		}
		k.Release()
	}
}
