//go:build e2e || soak

package e2e

import (
	"strconv"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// world is a fleet, its Redis, and the network between them.
type world struct {
	*fleet
	redis, other *redisserver.Server // other is what redis may become a replica of
	proxy        *redisserver.Proxy
}

// trouble is something that becomes of Redis, and how it ends.
type trouble struct {
	name       string
	begin, end func(*world)
	away       bool // sidecars find out, say so, and go on by themselves
	forgets    bool // Redis loses what it has counted
	heals      bool // sidecars may see its end before the test does
}

// refill has Redis store so much that it must forget something else, or refuse.
func refill(w *world) {
	for i := range 400 {
		// In a full Redis this fails, which is what it is for.
		_, _ = w.redis.Try("SET", "filler:"+strconv.Itoa(i), string(make([]byte, 16<<10)))
	}
}

// troubles are all that sidecars must stand.
var troubles = []trouble{
	{name: "killed and started anew", away: true, forgets: true,
		begin: func(w *world) { w.redis.Kill() },
		end:   func(w *world) { w.redis.Restart() }},
	{name: "paused", away: true,
		begin: func(w *world) { w.redis.Pause() },
		end:   func(w *world) { w.redis.Resume() }},
	{name: "late by 5 ms",
		begin: func(w *world) { w.proxy.Delay(5 * time.Millisecond) },
		end:   func(w *world) { w.proxy.Pass() }},
	{name: "late by 20 ms",
		begin: func(w *world) { w.proxy.Delay(20 * time.Millisecond) },
		end:   func(w *world) { w.proxy.Pass() }},
	{name: "late by 200 ms", away: true,
		begin: func(w *world) { w.proxy.Delay(200 * time.Millisecond) },
		end:   func(w *world) { w.proxy.Pass() }},
	{name: "dripping", away: true,
		begin: func(w *world) { w.proxy.Drip(5 * time.Millisecond) },
		end:   func(w *world) { w.proxy.Pass() }},
	{name: "silent", away: true,
		begin: func(w *world) { w.proxy.Silence() },
		end:   func(w *world) { w.proxy.Pass() }},
	{name: "resetting every connection", away: true,
		begin: func(w *world) { w.proxy.Break() },
		end:   func(w *world) { w.proxy.Pass() }},
	{name: "a replica, which takes no writes", away: true, forgets: true,
		begin: func(w *world) { w.redis.Follow(w.other) },
		end:   func(w *world) { w.redis.Lead() }},
	{name: "full", away: true,
		begin: func(w *world) { w.redis.Do("CONFIG", "SET", "maxmemory", "1mb") },
		end:   func(w *world) { w.redis.Do("CONFIG", "SET", "maxmemory", "0") }},
	{name: "full, and forgetting what it likes", forgets: true,
		begin: func(w *world) {
			w.redis.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
			w.redis.Do("CONFIG", "SET", "maxmemory", "4mb")
			refill(w)
		},
		end: func(w *world) {
			w.redis.Do("CONFIG", "SET", "maxmemory", "0")
			w.redis.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
		}},
	{name: "flushed", forgets: true,
		begin: func(w *world) { w.redis.Do("FLUSHALL") },
		end:   func(w *world) { w.redis.Do("FLUSHALL") }},
	{name: "without its scripts",
		begin: func(w *world) { w.redis.Do("SCRIPT", "FLUSH") },
		end:   func(w *world) { w.redis.Do("SCRIPT", "FLUSH") }},
	{name: "asking for a password that nobody told", away: true,
		begin: func(w *world) {
			w.redis.Do("CONFIG", "SET", "requirepass", "sesame")
			w.redis.As("default", "sesame")
			w.redis.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		},
		end: func(w *world) {
			w.redis.Do("CONFIG", "SET", "requirepass", "")
			w.redis.As("", "")
		}},
}

const (
	// backWithin bounds how long sidecars take to come back when a trouble is over.
	backWithin = 3 * time.Second

	// connectionsEach bounds the connections of one sidecar: four for calls, one to
	// listen, and as many more as one moment of its return may hold.
	connectionsEach = 8
)
