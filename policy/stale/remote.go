package stale

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	_ "embed" // The scripts.
)

const (
	// shards is over how many places answers are spread, each a slot of a Cluster.
	shards = 16

	// keyOverhead and variantOverhead are what Redis needs beside the payloads:
	// TestTheBoundHoldsForRedisToo keeps them honest.
	keyOverhead     = 512
	variantOverhead = 128

	// anyRequest stands for requests of any header.
	anyRequest = "*"
)

var (
	//go:embed variants.lua
	variantsSource string
	//go:embed put.lua
	putSource string
	//go:embed get.lua
	getSource string
)

// Link is the way to Redis. It is safe for concurrent use.
type Link interface {
	// There tells whether Redis is there at the moment. It is cheap.
	There() bool
	// Timeout is the longest that Run takes.
	Timeout() time.Duration
	// Prefix begins all keys: "signpost".
	Prefix() string
	// Run runs a script in one round trip, within patience. A run that was given
	// less than Timeout and is late does not make Redis away.
	Run(ctx context.Context, patience time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult
}

// Remote is a Store whose answers are at Redis, too, so that all gateways with
// the same prefix have them. It is safe for concurrent use.
type Remote struct {
	store    *Store
	link     Link
	bound    int64 // Of a shard, in bytes.
	codec    *codec
	put, get *rueidis.Lua
	queue    queue
	dropped  atomic.Uint64
}

// NewRemote gives a Remote in front of a Store, which goes on being what it is,
// alone while Redis is away. At Redis all answers together take at most maxBytes
// bytes, Redis's own overhead included; zero or less means 64 MiB. An answer is at
// most as large as in the Store, before it is compressed.
func NewRemote(s *Store, link Link, maxBytes int64) *Remote {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	return &Remote{
		store: s,
		link:  link,
		bound: maxBytes / shards,
		codec: newCodec(s.maxEntry),
		put:   rueidis.NewLuaScript(variantsSource + putSource),
		get:   rueidis.NewLuaScript(variantsSource + getSource),
		queue: queue{byName: make(map[keyName]*batch)},
	}
}

// Scripts are those that Run is given, for Redis to know beforehand.
func (r *Remote) Scripts() []*rueidis.Lua { return []*rueidis.Lua{r.put, r.get} }

// Dropped tells how many answers Redis has not heard of, because it was away or
// too many were waiting.
func (r *Remote) Dropped() uint64 { return r.dropped.Load() }

// Put is Put of the Store, and Redis hears of it within 50 ms or so, off the
// caller's path. There the answer lives as long as the oldest that a fallback may
// want, keep; zero or less keeps it in memory alone. What ends the life of an
// answer in the Store ends it at Redis, too, and then no gateway gives from its
// memory what came before. Up to 1,024 answers of 8 MiB in all wait for Redis,
// more are dropped.
// While Redis is away only ends wait.
func (r *Remote) Put(now time.Time, key Key, reqHeader http.Header, a Answer, keep time.Duration) {
	e, counts := r.store.put(now, key, reqHeader, a)
	if !counts || keep <= 0 {
		return
	}
	if e != nil && !r.link.There() {
		r.dropped.Add(1)
		return
	}
	added, alone := r.queue.add(nameOf(key), reqHeader, newChange(e, reqHeader, keep))
	if !added {
		r.dropped.Add(1)
	}
	if alone {
		time.AfterFunc(gatherFor, r.send)
	}
}

// send tells Redis of all changes that wait. It runs once at a time, and only
// while there are some. What has ended waits until Redis is there, since other
// gateways would go on giving the answer.
func (r *Remote) send() {
	pause := gatherFor
	for _, b := range r.queue.take() {
		for _, c := range b.changes {
			switch heard := r.link.There() && r.write(b.name, c) == nil; {
			case heard:
				r.queue.done(c)
			case c.entry == nil && !r.link.There():
				r.queue.again(b.name, c)
				pause = awayPause
			default:
				r.dropped.Add(1)
				r.queue.done(c)
			}
		}
	}
	if r.queue.more() {
		time.AfterFunc(pause, r.send)
	}
}

// write tells Redis of one change.
func (r *Remote) write(name keyName, c *change) error {
	what, vary, payload := r.wording(name, c)
	request := anyRequest
	if !c.all {
		request = requestText(name, c.lines)
	}
	// Less than the timeout, as nobody waits: a large answer on a slow network is no
	// reason to take Redis for away.
	patience := r.link.Timeout() * 7 / 8
	return r.link.Run(context.Background(), patience, r.put, r.keys(name), []string{
		request, what, micros(time.Since(c.at)), millis(max(c.keep, time.Millisecond)), strconv.FormatInt(r.bound, 10),
		vary, string(payload), strconv.Itoa(keyOverhead), strconv.Itoa(variantOverhead),
	}).Error()
}

// wording gives what the script is to do for a change, and with what.
func (r *Remote) wording(name keyName, c *change) (what, vary string, payload []byte) {
	if c.entry == nil {
		return "end", "", nil
	}
	vary, ok := varyText(name, c.entry.vary, c.lines)
	if !ok || c.all {
		return "drop", "", nil // It is in memory all the same.
	}
	payload = r.codec.pack(c.entry)
	if int64(keyOverhead+variantOverhead+len(vary)+len(payload)) > r.bound {
		return "drop", "", nil
	}
	return "put", vary, payload
}

// Get gives the last answer that was put for the same request at any gateway,
// when it is not older than maxAge: of what Redis has, asked for at most so long
// as patience, and what memory has, the younger. Memory alone is asked while
// Redis is away, and without patience. Ages at Redis are told by its clock. All
// else is as with Get of the Store.
func (r *Remote) Get(now time.Time, patience time.Duration, key Key, reqHeader http.Header, maxAge time.Duration) (a Answer, age time.Duration, ok bool) {
	own := r.store.find(now, key, reqHeader, maxAge)
	if patience > 0 && r.link.There() {
		if said := r.ask(patience, nameOf(key), reqHeader, maxAge); said != nil {
			own = younger(now, maxAge, own, said)
		}
	}
	if own == nil {
		return Answer{}, 0, false
	}
	a, age = own.given(now)
	return a, age, true
}

// said is what Redis says of a request.
type said struct {
	entry *entry        // Nil where it has none.
	age   time.Duration // How long ago the entry was put.
	ended time.Duration // How long ago one was ended, less than 0 for never.
}

// younger gives the younger of what memory has, which may be nil, and what Redis
// says, nil where neither has an answer that is young enough.
func younger(now time.Time, maxAge time.Duration, own *entry, s *said) *entry {
	if own != nil && s.ended >= 0 && now.Sub(own.answer.Stored) >= s.ended {
		own = nil
	}
	if s.entry == nil {
		return own
	}
	s.entry.answer.Stored = now.Add(-s.age)
	if age := s.entry.age(now); age > maxAge || own != nil && own.age(now) <= age {
		return own
	}
	return s.entry
}

// ask asks Redis for a request's answer. It gives nil when Redis does not answer.
func (r *Remote) ask(patience time.Duration, name keyName, reqHeader http.Header, maxAge time.Duration) *said {
	lines, all := linesOf(reqHeader)
	if !all {
		return nil
	}
	found, err := r.link.Run(context.Background(), patience, r.get, r.keys(name)[:1], []string{
		requestText(name, lines), micros(maxAge), strconv.Itoa(r.codec.max),
	}).ToArray()
	if err != nil || len(found) != 3 {
		return nil
	}
	age, ageErr := found[0].AsInt64()
	payload, payloadErr := found[1].ToString()
	ended, endedErr := found[2].AsInt64()
	if ageErr != nil || payloadErr != nil || endedErr != nil || age < 0 {
		return nil
	}
	return &said{entry: r.codec.unpack([]byte(payload)), age: span(age), ended: span(ended)}
}

// span reads microseconds. More than a century is one.
func span(micros int64) time.Duration {
	return time.Duration(min(micros, 100*365*24*60*60*1_000_000)) * time.Microsecond
}

// keys gives what the scripts touch: a key, and the index of its shard. Both have
// the hash tag of the shard.
func (r *Remote) keys(name keyName) []string {
	shard := "{" + r.link.Prefix() + ":s" + strconv.FormatUint(uint64(name[0]%shards), 16) + "}:stale"
	return []string{shard + ":" + base64.RawURLEncoding.EncodeToString(name[:]), shard}
}

// micros and millis write durations for the scripts.
func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
