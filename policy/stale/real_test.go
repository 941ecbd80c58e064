//go:build e2e

package stale

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func init() { servers["redis"] = startRedis }

// startRedis starts a redis-server on a socket in a folder of its own, and stops
// it after the test.
func startRedis(t testing.TB) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "stale") //nolint:usetesting // The path of a socket has at most 107 bytes, and TempDir's may be longer.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "redis.sock")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return &server{network: "unix", address: socket}
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v\n%s", err, said.String())
		}
	}
}

// usedMemory asks what Redis has taken for data.
func usedMemory(t *testing.T, l *link) int64 {
	t.Helper()
	info, err := l.do(t, "INFO", "memory").ToString()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	number, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatalf("reading used_memory of %q: %v", info, err)
	}
	return n
}

func TestTheBoundHoldsForRedisToo(t *testing.T) {
	const bound = 8 << 20
	for name, a := range map[string]Answer{
		"small":      answer("b", "Content-Type: text/plain"),
		"variants":   answer("b", "Vary: Accept"),
		"raw 200B":   answer(randomText(200)),
		"raw 1KiB":   answer(randomText(1000)),
		"raw 2.1KiB": answer(randomText(2100)),
		"raw 5KiB":   answer(randomText(5000)),
		"raw 9KiB":   answer(randomText(9000)),
		"raw 40KiB":  answer(randomText(41000)),
		"JSON 4KiB":  answer(orders(4096), "Content-Type: application/json"),
	} {
		g := startRedis(t).gateway(t, bound)
		g.put(t, time.Now(), key("first"), nil, a) // Redis has the scripts now, and its buffers.
		before := usedMemory(t, g.link)
		for i := range 12_000 {
			request := header(fmt.Sprint("Accept: ", i%8))
			url := i
			if name == "variants" {
				url = i / 8
			}
			g.Put(time.Now(), key(fmt.Sprint(url)), request, a, time.Hour)
			if i%500 == 0 {
				g.settle(t)
			}
		}
		g.settle(t)
		used, keys := usedMemory(t, g.link)-before, int64(len(g.answerKeys(t)))
		counted, _ := g.counted(t)
		t.Logf("%s: %d keys count for %d bytes, take %d: %d counted and %d taken a key", name, keys, counted, used, counted/keys, used/keys)
		if used > bound {
			t.Errorf("%s: Redis took %d bytes, bound %d", name, used, bound)
		}
	}
}

// commands are what the scripts need of Redis, beside EVALSHA and SCRIPT LOAD.
var commands = []string{"hdel", "hget", "hset", "hstrlen", "pexpire", "pttl", "time", "type", "unlink", "zadd", "zrangebyscore", "zrem", "zscore"}

func TestTheScriptsNeedTheseCommandsAndTheKeysOfTheirPrefix(t *testing.T) {
	s := startRedis(t)
	admin := s.link(t)
	for i := range len(commands) + 1 {
		user := fmt.Sprint("user", i)
		rules := []string{"ACL", "SETUSER", user, "on", ">secret", "~{signpost:*", "+hello", "+client", "+evalsha", "+eval"}
		for j, command := range commands {
			if j != i {
				rules = append(rules, "+"+command)
			}
		}
		admin.do(t, rules...)
		admin.do(t, "FLUSHALL")
		l := s.linkAs(t, user, "secret")
		g := &gateway{NewRemote(NewStore(0, 0), l, shards<<10), l}
		for n := range 20 {
			g.put(t, time.Now(), key(fmt.Sprint(n)), nil, answer(randomText(300)))
			g.put(t, time.Now(), key(fmt.Sprint(n%2)), header("X-A: 1"), answer(randomText(9+n), "Vary: X-A"))
			g.put(t, time.Now(), key(fmt.Sprint(n%2)), header("X-A: 1"), answer("b", "Cache-Control: no-store"))
		}
		if got := l.failed.Load(); (got == 0) != (i == len(commands)) {
			t.Errorf("without %q: %d scripts failed", append(commands, "nothing")[i], got)
		}
	}
}

// BenchmarkRedis is what an answer of 4 KiB costs between gateway and Redis:
// telling Redis of it, off the path of calls, and asking for it, on it.
func BenchmarkRedis(b *testing.B) {
	g := startRedis(b).gateway(b, 0)
	request := header("Accept: application/json", "User-Agent: bot", "Authorization: Bearer abc", "X-Request-Id: 1", "Accept-Encoding: gzip")
	a := answer(orders(4096), "Content-Type: application/json", "Etag: e", "Date: d", "Vary: Accept")
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			k := key(fmt.Sprint(i % 1000))
			i++
			e, _ := g.store.put(start, k, request, a)
			if err := g.write(nameOf(k), newChange(e, request, time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		g.put(b, start, key("/"), request, a)
		g.store = NewStore(0, 0)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, ok := g.Get(time.Now(), time.Minute, key("/"), request, time.Hour); !ok {
				b.Fatal("nothing kept")
			}
		}
	})
}
