package stale

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWhatOneGatewayPutsAnotherGets(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		one, other := s.gateway(t, 0), s.gateway(t, 0)
		now := time.Now()
		for name, want := range map[string]Answer{
			"plain":      answer("b", "Content-Type: text/plain", "Link: 1", "Link: 2"),
			"compressed": answer(strings.Repeat("body ", 1000), "Etag: e"),
			"random":     answer(randomText(50_000)),
			"large":      answer(strings.Repeat("b", 1<<20-2000)),
			"redirect":   {Status: 302, Header: header("Location: /")},
			"empty":      {Status: 204},
		} {
			one.put(t, now, key(name), nil, want)
			got, age, ok := other.Get(now, time.Minute, key(name), nil, time.Hour)
			if !ok || got.Status != want.Status || string(got.Body) != string(want.Body) {
				t.Errorf("%s: got %v, status %d and %d bytes, want status %d and %d bytes", name, ok, got.Status, len(got.Body), want.Status, len(want.Body))
				continue
			}
			wantHeader := lastingHeader(want.Header)
			wantHeader.Set("Age", "0")
			if fmt.Sprint(got.Header) != fmt.Sprint(wantHeader) {
				t.Errorf("%s: got header %v, want %v", name, got.Header, wantHeader)
			}
			if age > 10*time.Second || !got.Stored.Equal(now.Add(-age)) {
				t.Errorf("%s: got age %v and stored %v, now %v", name, age, got.Stored, now)
			}
		}
		if n, _ := other.store.Size(); n != 0 {
			t.Errorf("the other gateway has %d answers in memory, want none", n)
		}
	})
}

func TestEveryPartOfTheKeyKeepsAnswersApartAtRedisToo(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		one, other := s.gateway(t, 0), s.gateway(t, 0)
		now := time.Now()
		base := Key{"t", "p", "o", "GET", "u", HashCredentials(header("Authorization: a"))}
		one.put(t, now, base, nil, answer("mine"))
		for name, k := range map[string]Key{
			"tenant":         {"x", "p", "o", "GET", "u", base.Credentials},
			"policy":         {"t", "x", "o", "GET", "u", base.Credentials},
			"operation":      {"t", "p", "", "GET", "u", base.Credentials},
			"method":         {"t", "p", "o", "HEAD", "u", base.Credentials},
			"url":            {"t", "p", "o", "GET", "u?", base.Credentials},
			"credentials":    {"t", "p", "o", "GET", "u", HashCredentials(header("Authorization: b"))},
			"no credentials": {"t", "p", "o", "GET", "u", HashCredentials(nil)},
			"border":         {"tp", "", "o", "GET", "u", base.Credentials},
		} {
			if got := other.body(now, k, nil); got != "-" {
				t.Errorf("with another %s: got %q, want nothing", name, got)
			}
		}
		if got := other.body(now, base, nil); got != "mine" {
			t.Errorf("got %q, want %q", got, "mine")
		}
	})
}

func TestWhatEndsAnAnswerEndsItForAllGateways(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		tooLarge := strings.Repeat("b", DefaultMaxEntry)
		for i, tt := range []struct {
			name    string
			request []string
			answer  Answer
			want    string
		}{
			{"a later answer", nil, answer("later"), "later"},
			{"no-store", nil, answer("b", "Cache-Control: no-store"), "-"},
			{"no-store asked by another language", []string{"Accept-Language: fr"}, answer("b", "Cache-Control: no-store"), "before"},
			{"no-store asked with a header too large", []string{"X: " + strings.Repeat("x", maxLineBytes)}, answer("b", "Cache-Control: no-store"), "-"},
			{"vary star", nil, answer("b", "Vary: *"), "-"},
			{"too large", nil, answer(tooLarge), "-"},
			{"request no-store", []string{"Cache-Control: no-store"}, answer("b"), "before"},
			{"failed", nil, Answer{Status: 500, Body: []byte("b")}, "before"},
		} {
			one, other, third := s.gateway(t, 0), s.gateway(t, 0), s.gateway(t, 0)
			now, k, german := time.Now(), key(fmt.Sprint(i)), header("Accept-Language: de")
			one.put(t, now, k, german, answer("before", "Vary: Accept-Language"))
			request := header(tt.request...)
			if request.Get("Accept-Language") == "" {
				request.Set("Accept-Language", "de")
			}
			now = now.Add(time.Second)
			other.put(t, now, k, request, tt.answer)
			for name, g := range map[string]*gateway{"that put the first": one, "that put the second": other, "that put none": third} {
				if got := g.body(now, k, german); got != tt.want {
					t.Errorf("%s, at the gateway %s: got %q, want %q", tt.name, name, got, tt.want)
				}
			}
			now = now.Add(time.Second)
			one.put(t, now, k, german, answer("anew"))
			if got := third.body(now, k, german); got != "anew" {
				t.Errorf("%s, and then another answer: got %q, want %q", tt.name, got, "anew")
			}
		}
	})
}

func TestWhatWasOvertakenOnItsWayToRedisChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		for name, tt := range map[string]struct{ fast, slow, want string }{
			"an answer by an answer": {"fast", "slow", "fast"},
			"an answer by an end":    {"", "slow", "-"},
			"an end by an answer":    {"fast", "", "fast"},
			"an end by an end":       {"", "", "-"},
		} {
			g, k := s.gateway(t, 0), key(name)
			write := func(body string, ago time.Duration) {
				a := answer(body)
				if body == "" {
					a.Header.Set("Cache-Control", "no-store")
				}
				e, _ := g.store.put(time.Now(), k, nil, a)
				c := newChange(e, nil, time.Hour)
				c.at = c.at.Add(-ago)
				if err := g.write(nameOf(k), c); err != nil {
					t.Fatal(err)
				}
			}
			write("before", 2*time.Second)
			write(tt.fast, 0)
			write(tt.slow, time.Second)
			g.store = NewStore(0, 0)
			if got := g.body(time.Now(), k, nil); got != tt.want {
				t.Errorf("%s: got %q, want %q", name, got, tt.want)
			}
		}
	})
}

func TestRedisKeepsWhatMemoryWouldKeep(t *testing.T) {
	varies := []string{"", "", "Accept", "X", "Accept, X", "X, Y", "*", "no-store"}
	for seed := range uint64(3) {
		s, now := startMini(t), start
		s.pass(0, &now)
		one, other, oracle := s.gateway(t, 0), s.gateway(t, 0), NewStore(0, 0)
		random := rand.New(rand.NewPCG(seed, 1))
		given := 0
		for i := range 250 {
			s.pass(time.Duration(random.Int64N(int64(10*time.Minute))), &now)
			request := http.Header{}
			for _, name := range []string{"Accept", "X", "Y"} {
				if n := random.IntN(6); n > 0 {
					request.Set(name, strings.Repeat("v", n))
				}
			}
			k, a := key(fmt.Sprint(random.IntN(3))), answer(fmt.Sprint(i))
			if v := varies[random.IntN(len(varies)-random.IntN(3))]; v == "no-store" {
				a.Header.Set("Cache-Control", v)
			} else {
				a.Header.Set("Vary", v)
			}
			one.store = NewStore(0, 0) // A gateway whose memory knows nothing.
			one.put(t, now, k, request, a)
			oracle.Put(now, k, request, a)
			request.Set("Accept", strings.Repeat("v", random.IntN(3)))
			want := "-"
			if b, _, ok := oracle.Get(now, k, request, time.Hour); ok {
				want = string(b.Body)
				given++
			}
			if got := other.body(now, k, request); got != want {
				t.Fatalf("seed %d, after answer %d (%v), to %v: got %q, want %q", seed, i, a.Header, request, got, want)
			}
		}
		if given < 50 || given > 220 {
			t.Errorf("seed %d: %d of 250 requests have an answer, want some to have one and some not", seed, given)
		}
	}
}

func TestMemoryIsAskedAloneWhereRedisIsAwayOrLateOrThereIsNoTime(t *testing.T) {
	s := startMini(t)
	one, other, now, k := s.gateway(t, 0), s.gateway(t, 0), time.Now(), key("/")
	one.put(t, now, k, nil, answer("mine"))
	other.put(t, now, k, nil, answer("other"))
	now = now.Add(10 * time.Second)
	for name, ask := range map[string]func() (Answer, time.Duration, bool){
		"away": func() (Answer, time.Duration, bool) {
			one.link.away.Store(true)
			defer one.link.away.Store(false)
			return one.Get(now, time.Minute, k, nil, time.Hour)
		},
		"late": func() (Answer, time.Duration, bool) {
			one.link.late.Store(true)
			defer one.link.late.Store(false)
			return one.Get(now, time.Minute, k, nil, time.Hour)
		},
		"no time": func() (Answer, time.Duration, bool) {
			return one.Get(now, 0, k, nil, time.Hour)
		},
		"a header too large": func() (Answer, time.Duration, bool) {
			return one.Get(now, time.Minute, k, header("X: "+strings.Repeat("x", maxLineBytes)), time.Hour)
		},
	} {
		if a, _, ok := ask(); !ok || string(a.Body) != "mine" {
			t.Errorf("%s: got %q, %v, want %q", name, a.Body, ok, "mine")
		}
	}
	if a, _, ok := one.Get(now, time.Minute, k, nil, time.Hour); !ok || string(a.Body) != "other" {
		t.Errorf("with Redis: got %q, %v, want %q", a.Body, ok, "other")
	}
}

func TestAnAnswerThatRedisCannotTakeIsInMemoryAlone(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		now := time.Now()
		for name, tt := range map[string]struct {
			request http.Header
			answer  Answer
			bound   int64
		}{
			"no token in Vary":   {nil, answer("new", "Vary: a b"), 0},
			"long names in Vary": {nil, answer("new", "Vary: "+strings.Repeat("a", maxVaryBytes+1)), 0},
			"a header too large": {header("X: " + strings.Repeat("x", maxLineBytes)), answer("new"), 0},
			"a small shard":      {nil, answer(randomText(2000)), shards * 2000},
		} {
			one, other, k := s.gateway(t, tt.bound), s.gateway(t, tt.bound), key(name)
			other.put(t, now, k, nil, answer("old"))
			one.put(t, now.Add(time.Second), k, tt.request, tt.answer)
			if got := one.body(now.Add(time.Second), k, tt.request); got != string(tt.answer.Body) {
				t.Errorf("%s: got %.20q, want what was put", name, got)
			}
			other.store = NewStore(0, 0)
			if got := other.body(now, k, tt.request); got != "-" {
				t.Errorf("%s, at the other gateway: got %.20q, want nothing", name, got)
			}
		}
	})
}

func TestRedisSeesNoTenantAddressOrHeaderInWhatThingsAreCalled(t *testing.T) {
	s := startMini(t)
	g, now := s.gateway(t, 0), time.Now()
	k := Key{"acme", "store", "order_status", "GET", "https://api.store.example/orders?key=hunter2", HashCredentials(header("Authorization: swordfish"))}
	g.put(t, now, k, header("Accept-Language: klingon"), answer(strings.Repeat("body ", 100), "Vary: Accept-Language"))
	all := g.answerKeys(t)
	if len(all) != 1 {
		t.Fatalf("got keys %q, want one", all)
	}
	for _, text := range []string{all[0], s.mini.HGet(all[0], "m"), s.mini.Dump()} {
		for _, word := range []string{"acme", "order_status", "api.store", "hunter2", "swordfish", "klingon"} {
			if strings.Contains(text, word) {
				t.Errorf("Redis can read %q in %q", word, text)
			}
		}
	}
}

func TestKeysOfAnAnswerAndItsShardHaveOneHashTag(t *testing.T) {
	g := startMini(t).gateway(t, 0)
	tags := make(map[string]bool)
	for i := range 1000 {
		keys := g.keys(nameOf(key(fmt.Sprint(i))))
		tag, _, _ := strings.Cut(keys[1], "}")
		if !strings.HasPrefix(keys[0], tag+"}:") || !strings.HasPrefix(tag, "{signpost:s") || strings.Count(keys[0]+keys[1], "{") != 2 {
			t.Errorf("got %q, want one hash tag", keys)
		}
		tags[tag] = true
	}
	if len(tags) != shards {
		t.Errorf("%d hash tags, want %d", len(tags), shards)
	}
}

func randomText(n int) string {
	random := rand.NewChaCha8([32]byte{})
	b := make([]byte, n)
	random.Read(b)
	return string(b)
}

// orders is JSON as third parties send it, of so many bytes or a few more.
func orders(size int) string {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString(`{"orders":[`)
	for b.Len() < size {
		fmt.Fprintf(&b, `{"id":"ord_%016x","status":%q,"total":{"amount":%d,"currency":"EUR"},"customer":{"id":%d,"email":"customer%d@example.com"},`+
			`"items":[{"sku":"SKU-%06d","quantity":%d,"price":%d}],"created_at":"2026-11-%02dT%02d:%02d:%02dZ","tracking":null},`,
			random.Uint64(), []string{"paid", "packed", "shipped", "delivered"}[random.IntN(4)], random.IntN(100_000), random.IntN(1_000_000), random.IntN(1_000_000),
			random.IntN(1_000_000), 1+random.IntN(5), random.IntN(10_000), 1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60))
	}
	return b.String() + `{}]}`
}

func TestWhatEndedWhileRedisWasAwayIsEndedThereToo(t *testing.T) {
	s := startMini(t)
	one, other := s.gateway(t, 0), s.gateway(t, 0)
	now, k := time.Now(), key("ended")
	one.put(t, now, k, nil, answer("before"))
	if got := other.body(now, k, nil); got != "before" {
		t.Fatalf("got %q before anything ended", got)
	}
	one.link.away.Store(true)
	one.Put(now.Add(time.Second), k, nil, answer("b", "Cache-Control: no-store"), time.Hour)
	one.link.away.Store(false)
	for deadline := time.Now().Add(10 * time.Second); other.body(now.Add(time.Second), k, nil) != "-"; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the other gateway still gives what has ended")
		}
	}
}
