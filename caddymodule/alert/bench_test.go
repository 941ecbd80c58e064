package alert

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkHandingOverAFailure(b *testing.B) {
	for name, drained := range map[string]bool{"noted": true, "queue full": false} {
		b.Run(name, func(b *testing.B) {
			s, err := New(Options{Book: NewBook(), Log: quietLog})
			if err != nil {
				b.Fatal(err)
			}
			if drained {
				s.Start()
				defer s.Close()
			} else {
				for range maxQueued {
					s.Failed(timedOut("store"))
				}
			}
			f := Failure{Policy: "store", Operation: "order_status", Outcome: "timeout", Reason: "No answer within 4s", Route: "error", Time: time.Now()}
			b.ReportAllocs()
			for b.Loop() {
				s.Failed(f)
			}
		})
	}
}

func BenchmarkLookingAtAFullBook(b *testing.B) {
	book := NewBook()
	now := afternoon
	for i := range maxLedgers {
		book.queue.put(note{kind: failing, Failure: Failure{Policy: fmt.Sprint("p", i), Outcome: "timeout"}})
		book.collect(now)
	}
	targets := func(string) []target { return nil }
	book.due(now, targets)
	b.ReportAllocs()
	for b.Loop() {
		book.due(now, targets)
		book.ready(now, targets, func(channel) bool { return true })
		book.next(now)
	}
}
