package hint_test

import (
	"testing"

	"github.com/signpost-gateway/signpost/policy/hint"
)

func benchmark(b *testing.B, sources ...string) {
	b.Helper()
	var conditions []*hint.Condition
	for _, src := range sources {
		conditions = append(conditions, compile(b, src))
	}
	o := order()
	body := o.Body()
	b.ReportAllocs()
	for b.Loop() {
		e := hint.NewEnv()
		e.Status, e.Outcome, e.OK, e.Answered, e.Vars, e.Header = o.Status, o.Outcome, true, true, o.Vars, o.Header
		e.Body = func() any { return body }
		for _, c := range conditions {
			if _, err := c.Holds(e); err != nil {
				b.Fatal(err)
			}
		}
		e.Release()
	}
}

// BenchmarkFourConditions is what an ordinary operation asks of each call.
func BenchmarkFourConditions(b *testing.B) {
	benchmark(b, `vars.status == "lost"`, `vars.status in ["paid", "packed"]`, `status == 404`, `vars.total > 100`)
}

func BenchmarkNoCondition(b *testing.B) { benchmark(b) }

func BenchmarkHeader(b *testing.B) { benchmark(b, `headers["content-type"] contains "json"`) }

func BenchmarkLoopOverBody(b *testing.B) { benchmark(b, `any(body.items, .name == "ice")`) }

func BenchmarkReadings(b *testing.B) {
	c, e := compile(b, `vars.status == "lost" or vars.total > 100 or status == 404`), order()
	b.ReportAllocs()
	for b.Loop() {
		if len(c.Readings(e)) != 3 {
			b.Fatal("want three readings")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		compile(b, `vars.status in ["paid", "packed"] && vars.total > 100`)
	}
}
