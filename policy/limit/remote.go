package limit

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	_ "embed" // The scripts are files of their own.
)

// DefaultRemoteTenants is how many tenants that are not known have counters of their
// own at Redis unless [RemoteOptions] says otherwise.
const DefaultRemoteTenants = 100_000

var (
	//go:embed take.lua
	takeSource string
	//go:embed undo.lua
	undoSource string
	//go:embed places.lua
	placesSource string

	takeScript   = rueidis.NewLuaScript(takeSource)
	undoScript   = rueidis.NewLuaScript(undoSource)
	placesScript = rueidis.NewLuaScript(placesSource)
)

// Link is what a [Remote] needs of the connection to Redis. All of it is safe for
// concurrent use.
type Link interface {
	// There says whether Redis answers, as far as is known.
	There() bool
	// Timeout is how long the connection waits for Redis at most.
	Timeout() time.Duration
	// Key gives the name of a key at Redis. All names lie in one slot of a Cluster.
	Key(rest string) string
	// Run runs a script in one round trip of at most patience, or of the
	// connection's own time-out where that is shorter; 0 is the time-out. It
	// keeps neither of the slices.
	Run(ctx context.Context, patience time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult
	// Later runs a script soon, or never when Redis is away. The slices are its own
	// from then on.
	Later(script *rueidis.Lua, keys, args []string)
}

// RemoteOptions is how a [Remote] behaves.
type RemoteOptions struct {
	// Closed refuses calls while Redis is away. Otherwise this process goes on
	// with its own table alone.
	Closed bool
	// MaxTenants bounds the tenants that are not known and have counters of
	// their own at Redis. Below 1: [DefaultRemoteTenants].
	MaxTenants int
	// Leases lets this process take permits of large windows in batches.
	Leases bool
	// Sidecar names this process among all. Default: drawn at random.
	Sidecar string
}

// Claim asks for one of N places under a key, beside the limits of a call: it is
// taken with all of them or not at all.
type Claim struct {
	// Key is the places' whole name at Redis, as [Link] gives it: a sorted set of
	// members by the end of their leases, in milliseconds of Redis's clock.
	Key string
	// Member names who takes the place. A member that has one needs no other.
	Member string
	// N is how many places there are, at least 1.
	N int
	// Lease is how long the place is the member's if nothing more is heard of it,
	// in whole milliseconds, at least 1.
	Lease time.Duration
}

// Decider says who decided about a call.
type Decider uint8

const (
	// Here is this process alone, because nothing of the call is shared.
	Here Decider = iota
	// Redis decided, for all processes together.
	Redis
	// Local is this process alone, because Redis was away or too slow.
	Local
)

// Remote holds calls against limits that several processes share on Redis. Every call
// that Redis admits is held against the table of this process as well, as the time
// stands then. So whatever becomes of what Redis knows, a process by itself never lets
// more calls out than its limits say, and it goes on from what it knows when Redis is
// away. Make it with [NewRemote]. Safe for concurrent use.
type Remote struct {
	table   *Table
	link    Link
	closed  bool
	leasing bool
	room    string // How many newcomers there may be, as text.
	sidecar string
	names   names
	number  atomic.Uint64 // Of the last member.
	clock   func() time.Time
	flights flights
	leases  leases
}

// names are the keys that every call has, and the beginnings of the others.
type names struct {
	all, overflow, newcomers, strays string
	tenant, places                   string
}

// NewRemote makes a Remote that asks Redis at the other end of link, beside t.
func NewRemote(t *Table, link Link, o RemoteOptions) *Remote {
	if o.MaxTenants < 1 {
		o.MaxTenants = DefaultRemoteTenants
	}
	if o.Sidecar == "" {
		o.Sidecar = rand.Text()[:8]
	}
	r := &Remote{
		table: t, link: link, closed: o.Closed, leasing: o.Leases,
		room: decimal(int64(o.MaxTenants)), sidecar: o.Sidecar, clock: time.Now,
		names: names{
			all: link.Key("all"), overflow: link.Key("overflow"), newcomers: link.Key("newcomers"), strays: link.Key("strays"),
			tenant: link.Key("t:"), places: link.Key("calls:"),
		},
	}
	r.flights.init()
	r.leases.init()
	return r
}

// Scripts are what Redis is to be told before the first call.
func (r *Remote) Scripts() []*rueidis.Lua {
	return []*rueidis.Lua{takeScript, undoScript, placesScript}
}

// Back is to be called when Redis is there again, before the link says so. What this
// process let out meanwhile its table knows; the calls that are in flight Redis is told
// at once.
func (r *Remote) Back() {
	r.leases.takeAll() // Redis may have lost what it counted for them.
	r.flights.tellAll()
}
