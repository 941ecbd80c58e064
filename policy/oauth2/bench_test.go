package oauth2_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/oauth2"
)

func BenchmarkTokenThatIsKept(b *testing.B) {
	for name, params := range map[string]url.Values{"plain": nil, "params": {"audience": {"https://api.store.example"}, "resource": {"a", "b"}}} {
		b.Run(name, func(b *testing.B) {
			s, cr, now := oauth2.NewSource(oauth2.Config{}, granting(time.Hour, 0)), credentialsFor(tokenURL), time.Now()
			cr.Params = params
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Token(ctx, now, cr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTokenThatIsKeptInParallel(b *testing.B) {
	s, cr, now := oauth2.NewSource(oauth2.Config{}, granting(time.Hour, 0)), credentialsFor(tokenURL), time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Token(context.Background(), now, cr); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkTokenThatIsAskedFor(b *testing.B) {
	s, cr, now := oauth2.NewSource(oauth2.Config{}, granting(time.Hour, 0)), credentialsFor(tokenURL), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Hour)
		if _, err := s.Token(context.Background(), now, cr); err != nil {
			b.Fatal(err)
		}
	}
}
