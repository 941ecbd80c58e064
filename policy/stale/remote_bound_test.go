package stale

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAtRedisTheAnswersThatExpireFirstGiveWay(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		const n, fit = 40, 10
		one, other, now := s.gateway(t, shards*fit*(keyOverhead+variantOverhead+1536)), s.gateway(t, 0), time.Now()
		sameShard := neighbours(key("/"), n)
		for _, k := range sameShard {
			one.put(t, now, k, nil, answer(randomText(1300)))
		}
		for i, k := range sameShard {
			if got, want := other.body(now, k, nil) != "-", i >= n-fit; got != want {
				t.Errorf("answer %d of %d is there: got %v, want %v", i, n, got, want)
			}
		}
	})
}

// neighbours gives keys in the shard of a key.
func neighbours(k Key, n int) (all []Key) {
	for i := 0; len(all) < n; i++ {
		if other := key(fmt.Sprint("neighbour", i)); nameOf(other)[0]%shards == nameOf(k)[0]%shards {
			all = append(all, other)
		}
	}
	return all
}

// variants gives which of n variants of a key a gateway finds, "-x" for the second
// of two.
func (g *gateway) variants(now time.Time, k Key, n int) string {
	var b strings.Builder
	for i := range n {
		if g.body(now, k, header(fmt.Sprint("X: ", i))) == "-" {
			b.WriteByte('-')
		} else {
			b.WriteByte('x')
		}
	}
	return b.String()
}

func TestVariantsThatAreTooLargeTogetherGiveWayToTheLast(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		one, other, now := s.gateway(t, shards*16<<10), s.gateway(t, 0), time.Now()
		k, neighbour := key("/"), neighbours(key("/"), 1)[0]
		one.put(t, now, neighbour, nil, answer("b"))
		for i := range 6 {
			one.put(t, now, k, header(fmt.Sprint("X: ", i)), answer(randomText(7000), "Vary: X"))
		}
		if got, want := other.variants(now, k, 6), "----xx"; got != want {
			t.Errorf("got variants %s, want %s", got, want)
		}
		if got := other.body(now, neighbour, nil); got != "b" {
			t.Errorf("the neighbour: got %q, want %q", got, "b")
		}
		one.put(t, now, k, header("X: 6"), answer(randomText(15_500), "Vary: X"))
		if got := other.body(now, neighbour, nil); got != "b" {
			t.Errorf("the neighbour, after what fits in only before it is rounded up: got %q, want %q", got, "b")
		}
	})
}

func TestOfTooManyVariantsThoseThatWereEndedGiveWayFirst(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		one, other, now, k := s.gateway(t, 0), s.gateway(t, 0), time.Now(), key("/")
		put := func(i int, headers ...string) {
			one.put(t, now, k, header(fmt.Sprint("X: ", i)), answer("b", append(headers, "Vary: X")...))
		}
		for i := range maxVariants {
			put(i)
		}
		put(4, "Cache-Control: no-store")
		put(8)
		if got, want := other.variants(now, k, 9), "xxxx-xxxx"; got != want {
			t.Errorf("got variants %s, want %s", got, want)
		}
		put(9)
		if got, want := other.variants(now, k, 10), "-xxx-xxxxx"; got != want {
			t.Errorf("after a further one: got variants %s, want %s", got, want)
		}
	})
}

func TestWhatNoFallbackWantsAnyMoreTakesNoRoom(t *testing.T) {
	s, now := startMini(t), start
	s.pass(0, &now)
	g, k := s.gateway(t, 0), key("/")
	for i := range 3 {
		g.put(t, now, k, header(fmt.Sprint("X: ", i)), answer("b", "Vary: X"))
		s.pass(40*time.Minute, &now)
	}
	if got := strings.Count(s.mini.HGet(g.keys(nameOf(k))[0], "m"), "\n"); got != 2 {
		t.Errorf("%d variants are at Redis, want the two of the last hour", got)
	}
	all := neighbours(k, 10)
	for _, other := range all[:9] {
		g.Put(now, other, nil, answer("b"), time.Minute)
		g.settle(t)
	}
	s.pass(2*time.Minute, &now)
	g.put(t, now, all[9], nil, answer("b"))
	if counted, _ := g.counted(t); counted != itemsAt(t, s) {
		t.Errorf("%d bytes are counted and %d are there", counted, itemsAt(t, s))
	}
}

func TestAPlaceInTheIndexThatRedisLostTheKeyOfTakesNothingWithIt(t *testing.T) {
	s := startMini(t)
	g, now, k := s.gateway(t, shards*4<<10), time.Now(), key("/")
	keys := g.keys(nameOf(k))
	_, name, _ := strings.Cut(keys[0], ":stale:")
	soon := float64(now.Add(time.Minute).UnixMicro())
	if _, err := s.mini.ZAdd(keys[1], soon, name+":2000"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.mini.ZAdd(keys[1], -2000, "bytes"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		g.put(t, now, k, header(fmt.Sprint("X: ", i)), answer(randomText(900), "Vary: X"))
	}
	g.store = NewStore(0, 0)
	if got, want := g.variants(now, k, 2), "xx"; got != want {
		t.Errorf("got variants %s, want %s", got, want)
	}
}

// itemsAt adds up what there really is at a miniredis, as the script counts it.
func itemsAt(t *testing.T, s *server) (bytes int64) {
	t.Helper()
	for _, k := range s.mini.Keys() {
		if !strings.Contains(k, ":stale:") {
			continue
		}
		bytes += keyOverhead
		fields, _ := s.mini.HKeys(k)
		if variants := strings.Count(s.mini.HGet(k, "m"), "\n"); len(fields) != 1+variants {
			t.Errorf("%s has fields %q, want m and %d", k, fields, variants)
		}
		for line := range strings.Lines(s.mini.HGet(k, "m")) {
			fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
			payload := len(s.mini.HGet(k, fields[0]))
			step := 16
			for ; step*8 < payload; step *= 2 {
			}
			bytes += int64(variantOverhead + len(fields[3]) + int(math.Ceil(float64(payload)/float64(step)))*step)
		}
	}
	return bytes
}

func TestBytesAtRedisStayBoundedAndAreCountedRight(t *testing.T) {
	const bound = shards * 6 << 10
	for seed := range uint64(2) {
		s, now := startMini(t), start
		s.pass(0, &now)
		g, random := s.gateway(t, bound), rand.New(rand.NewPCG(seed, 2))
		var most int64
		for i := range 300 {
			s.pass(time.Duration(random.Int64N(int64(time.Minute))), &now)
			a := answer(randomText(random.IntN(3000)), "Vary: "+[]string{"", "X", "*"}[random.IntN(3)])
			g.Put(now, key(fmt.Sprint(random.IntN(60))), header(fmt.Sprint("X: ", random.IntN(12))), a, time.Duration(1+random.IntN(60))*time.Minute)
			g.settle(t)
			counted, members := g.counted(t)
			if really := itemsAt(t, s); counted != members || really > counted || counted > bound {
				t.Fatalf("seed %d, after answer %d: %d bytes are counted, %d by key, and %d are there; bound %d", seed, i, counted, members, really, bound)
			} else {
				most = max(most, really)
			}
		}
		if most < bound/2 {
			t.Errorf("seed %d: %d bytes were there at most, want a good part of %d", seed, most, bound)
		}
		s.pass(time.Hour, &now)
		if left := s.mini.Keys(); len(left) > 0 {
			t.Errorf("seed %d: after all answers' time Redis has still %q", seed, left)
		}
	}
}

func TestTheCountHealsAfterRedisLostKeys(t *testing.T) {
	const bound = shards * 8 << 10
	for name, lose := range map[string]func(*server, *gateway, *rand.Rand){
		"everything":   func(s *server, _ *gateway, _ *rand.Rand) { s.mini.FlushAll() },
		"some answers": func(s *server, g *gateway, r *rand.Rand) { evict(s, r, g.answerKeys(t)) },
		"some indexes": func(s *server, g *gateway, r *rand.Rand) { evict(s, r, g.shardIndexes()) },
		"the kind of all": func(s *server, g *gateway, _ *rand.Rand) {
			for _, k := range append(g.answerKeys(t), g.shardIndexes()...) {
				s.mini.Del(k)
				s.mini.Set(k, "mine")
				s.mini.SetTTL(k, time.Hour)
			}
		},
	} {
		s, now := startMini(t), start
		s.pass(0, &now)
		g, random := s.gateway(t, bound), rand.New(rand.NewPCG(3, 4))
		flood := func(n int) {
			for range n {
				s.pass(time.Second, &now)
				g.put(t, now, key(fmt.Sprint(random.IntN(200))), nil, answer(randomText(random.IntN(3000))))
			}
		}
		flood(150)
		lose(s, g, random)
		flood(150)
		s.pass(time.Hour-150*time.Second, &now) // What was put before the loss is over now.
		flood(300)
		counted, members := g.counted(t)
		if really := itemsAt(t, s); counted != members || counted != really || counted > bound || counted < bound/2 {
			t.Errorf("after Redis lost %s: %d bytes are counted, %d by key, and %d are there; bound %d", name, counted, members, really, bound)
		}
		if got := g.link.failed.Load(); got > 0 {
			t.Errorf("after Redis lost %s: %d scripts failed", name, got)
		}
	}
}

// evict takes away half of some keys.
func evict(s *server, random *rand.Rand, keys []string) {
	for _, k := range keys {
		if random.IntN(2) == 0 {
			s.mini.Del(k)
		}
	}
}

func TestWhatStrangersWriteIntoRedisIsNoAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		g, now := s.gateway(t, 0), time.Now()
		k := key("/")
		keys, neighbour := g.keys(nameOf(k)), neighbours(k, 1)[0]
		at := fmt.Sprint(now.Add(-time.Minute).UnixMicro())
		for name, words := range map[string][]string{
			"text":                {"SET", keys[0], "text"},
			"list":                {"LPUSH", keys[0], "text"},
			"no variants":         {"HSET", keys[0], "x", "y"},
			"junk for variants":   {"HSET", keys[0], "m", "\x00\n:::\n9:9:9:9\n", "0", "pb"},
			"too many variants":   {"HSET", keys[0], "m", strings.Repeat("0:"+at+":9:\n", 2000), "0", "p\xc8\x01\x00\x00b"},
			"junk for a payload":  {"HSET", keys[0], "m", "0:" + at + ":9:\n", "0", "junk"},
			"zstd of junk":        {"HSET", keys[0], "m", "0:" + at + ":9:\n", "0", "zjunk"},
			"no payload":          {"HSET", keys[0], "m", "0:" + at + ":9:\n"},
			"payload too large":   {"HSET", keys[0], "m", "0:" + at + ":9:\n", "0", "p" + strings.Repeat("\x01", 2<<20)},
			"from tomorrow":       {"HSET", keys[0], "m", "0:9999999999999999:9:\n", "0", "p\xc8\x01\x00\x00b"},
			"numbers too large":   {"HSET", keys[0], "m", "0:" + strings.Repeat("9", 400) + ":" + strings.Repeat("9", 400) + ":\n", "0", "pb"},
			"sizes too large":     {"HSET", keys[0], "m", "0:" + at + ":" + strings.Repeat("9", 400) + ":\n", "0", "junk"},
			"one slot many times": {"HSET", keys[0], "m", strings.Repeat("3:"+at+":9:X=1\n", 8), "3", "junk"},
			"an index of text":    {"SET", keys[1], "text"},
			"an index of junk":    {"ZADD", keys[1], "5", "junk", "6", "junk:5", "1e300", "bytes", "7", ":", "8", "9"},
			"an index too full":   {"ZADD", keys[1], "-1e300", "bytes", "5", "x:1e9", "6", "y:99999999999999999999999"},
			"an infinite index":   {"ZADD", keys[1], "-inf", "bytes", "inf", "x:9"},
		} {
			g.link.do(t, "FLUSHALL")
			g.link.do(t, words...)
			g.store = NewStore(0, 0)
			if got := g.body(now, k, nil); got != "-" {
				t.Errorf("%s: got %.20q, want nothing", name, got)
			}
			g.put(t, now, k, nil, answer("no", "Cache-Control: no-store"))
			g.put(t, now, k, nil, answer("b"))
			g.put(t, now, neighbour, nil, answer("b"))
			g.store = NewStore(0, 0)
			if got := g.body(now, k, nil) + g.body(now, neighbour, nil); got != "bb" {
				t.Errorf("%s, then two answers: got %.20q, want %q", name, got, "bb")
			}
			if got := g.link.failed.Swap(0); got > 0 {
				t.Errorf("%s: %d scripts failed", name, got)
			}
		}
	})
}

func TestManyGatewaysShareAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		const bound = shards * 8 << 10
		var group sync.WaitGroup
		gateways := []*gateway{s.gateway(t, bound), s.gateway(t, bound), s.gateway(t, bound)}
		for n := range 6 {
			g := gateways[n%len(gateways)]
			group.Go(func() {
				for i := range 150 {
					url := fmt.Sprint("/", (n+i)%40, "/")
					request := header(fmt.Sprint("Accept: ", i%3))
					g.Put(time.Now(), key(url), request, answer(url+strings.Repeat("b", i*5), "Vary: Accept"), time.Hour)
					if a, _, ok := g.Get(time.Now(), time.Minute, key(url), request, time.Hour); !ok || !strings.HasPrefix(string(a.Body), url) {
						t.Errorf("%s: got %.20q", url, a.Body)
					}
				}
			})
		}
		group.Wait()
		for _, g := range gateways {
			g.settle(t)
			if failed, dropped := g.link.failed.Load(), g.Dropped(); failed > 0 || dropped > 0 {
				t.Errorf("%d scripts failed and %d answers were dropped, want none", failed, dropped)
			}
		}
		if counted, members := gateways[0].counted(t); counted != members || counted > bound {
			t.Errorf("%d bytes are counted, %d by key, bound %d", counted, members, bound)
		}
	})
}
