package limit

import (
	"testing"
	"time"
)

func TestAKeyThatSomebodyBrokeAtRedisStandsInNobodysWay(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	w.compile(group{limits: []Limit{
		{Scope: "plan", Name: "gold", Rate: Rate{N: 2, Window: time.Minute}},
		{Scope: "store", Name: "all", Rate: Rate{N: 100, Window: time.Minute}, Shared: true},
	}})
	s := w.sidecar[0]
	for name, harm := range map[string]func(key string) error{
		"a text": func(key string) error { w.redis.Del(key); return w.redis.Set(key, "x") },
		"a log of too many calls": func(key string) error {
			w.redis.HSet(key, "plan/60000000us", "\x00\x00\x00\x63"+markAt(w.now()))
			return nil
		},
		"a log cut off": func(key string) error { w.redis.HSet(key, "plan/60000000us", "\x00\x00"); return nil },
	} {
		for _, key := range []string{"{signpost}:t:" + name, "{signpost}:all"} {
			if err := harm(key); err != nil {
				t.Fatal(err)
			}
			k, refusal := s.take(name)
			if k.Decided() != Redis {
				t.Errorf("%s at %s: decided by %v, want Redis", name, key, k.Decided())
			}
			if refusal != nil && refusal.Limit != "gold" {
				t.Errorf("%s at %s: got %+v", name, key, refusal)
			}
		}
	}
}

// markAt is the mark of one call, as take.lua writes it.
func markAt(at time.Time) string {
	micros, text := at.UnixMicro(), make([]byte, 7, 11)
	for i := 6; i >= 0; i-- {
		text[i] = byte(micros)
		micros >>= 8
	}
	return string(append(text, 0, 0, 0, 1))
}
