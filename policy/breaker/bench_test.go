package breaker

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkClosed(b *testing.B) {
	troubled := func(br *Breaker) {
		p, _ := br.Allow(host, "acme", time.Second)
		p.Done(TenantFailure)
	}
	cases := []struct {
		name    string
		config  Config
		prepare func(*Breaker)
	}{
		{"host", Default(), func(*Breaker) {}},
		{"host and tenant", Default(), troubled},
		{"slow", Config{Slow: time.Second}, func(*Breaker) {}},
		{"off", Config{Off: true}, func(*Breaker) {}},
		{"after a reset", Default(), func(br *Breaker) { br.Reset() }},
		{"held closed", Default(), func(br *Breaker) { br.Hold(Closed, time.Now().Add(time.Hour)) }},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			br := fresh(c.config)
			c.prepare(br)
			b.ReportAllocs()
			for b.Loop() {
				p, _ := br.Allow(host, "acme", time.Second)
				p.Done(Success)
			}
		})
	}
}

// What peers add to a call of a closed breaker.
func BenchmarkClosedWithPeers(b *testing.B) {
	br, peers := hearing(Default())
	go peers.Run(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		places := br.Places(host, "acme", time.Second)
		p, _ := br.AllowProbe(host, "acme", time.Second, places)
		p.Done(Success)
	}
}

// A message of a sidecar with a thousand calls a second.
func BenchmarkHear(b *testing.B) {
	_, peers := hearing(Default())
	message := lined("results", "you", "store", "0 20 0 0", host, "")
	b.ReportAllocs()
	for b.Loop() {
		peers.Hear(message)
	}
}

func BenchmarkClosedParallel(b *testing.B) {
	br := fresh(Default())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, _ := br.Allow(host, "acme", time.Second)
			p.Done(Success)
		}
	})
}

func BenchmarkRefused(b *testing.B) {
	br := fresh(Config{Consecutive: 1, Open: time.Hour})
	p, _ := br.Allow(host, "", time.Second)
	p.Done(Failure)
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := br.Allow(host, "acme", time.Second); refusal == nil {
			b.Fatal("not refused")
		}
	}
}

func BenchmarkRefusedByHand(b *testing.B) {
	br := fresh(Default())
	br.Hold(Open, time.Now().Add(time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := br.Allow(host, "acme", time.Second); refusal == nil {
			b.Fatal("not refused")
		}
	}
}

// All cells that there can be are reset.
func BenchmarkResetOfAFullBreaker(b *testing.B) {
	br := fresh(Default())
	for i := range MaxTenants {
		p, _ := br.Allow(fmt.Sprint("host", i%MaxHosts), fmt.Sprint("tenant", i), time.Second)
		p.Done(TenantFailure)
	}
	b.ReportAllocs()
	for b.Loop() {
		br.Reset()
	}
}

// One more tenant with trouble when the table is full.
func BenchmarkTenantFlood(b *testing.B) {
	br := fresh(Default())
	names := make([]string, 2*MaxTenants)
	for i := range names {
		names[i] = fmt.Sprint("tenant", i)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		p, _ := br.Allow(host, names[i%len(names)], time.Second)
		p.Done(TenantFailure)
		i++
	}
}
