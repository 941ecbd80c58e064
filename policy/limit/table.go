package limit

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultMaxTenants is how many tenants have counters of their own unless
	// [NewTable] is told otherwise. Idle, each with two windows and a name of 16
	// bytes, they take less than 256 MiB.
	DefaultMaxTenants = 1 << 20

	// shardCount keeps the calls of different tenants out of each other's way.
	shardCount = 64
	// forgetTries is how many cells a newcomer to a full table looks at.
	forgetTries = 8
	// sweepStep is how many cells a sweep looks at before it lets go of a lock.
	sweepStep = 256
)

// Table holds every counter of a process. It outlives configurations. Make it with
// [NewTable]. Safe for concurrent use.
type Table struct {
	// epoch carries the monotonic clock's reading. Times inside the table are what
	// that clock has run since, so setting the wall clock changes nothing.
	epoch time.Time

	seed     maphash.Seed
	max      int64
	count    atomic.Int64
	slots    slotTable
	shards   [shardCount]shard
	overflow overflow
	// common holds the shared counters, all behind one lock: a call that has
	// several takes them together in any case, and a hold is well under a
	// microsecond.
	common struct {
		mu   sync.Mutex
		cell cell
	}
}

// shard holds some of the tenants, by a hash of their names.
type shard struct {
	mu    sync.Mutex
	cells map[string]*cell
	_     [48]byte // Fills a cache line, so that neighbours do not slow each other.
}

// NewTable makes an empty table in which maxTenants tenants have counters of their
// own; below 1 it is [DefaultMaxTenants]. Known tenants do not count against that
// bound when they arrive, but newcomers see them as part of it.
func NewTable(maxTenants int) *Table {
	if maxTenants < 1 {
		maxTenants = DefaultMaxTenants
	}
	t := &Table{epoch: time.Now(), seed: maphash.MakeSeed(), max: int64(maxTenants)}
	t.slots.ids = make(map[slotKey]uint32)
	t.slots.windows.Store(new([]int64))
	for i := range t.shards {
		t.shards[i].cells = make(map[string]*cell)
	}
	return t
}

// Len is how many tenants have counters of their own.
func (t *Table) Len() int { return int(t.count.Load()) }

// Overflowed is how many calls were counted in the cell that newcomers share while
// the table is full.
func (t *Table) Overflowed() uint64 {
	t.overflow.mu.Lock()
	defer t.overflow.mu.Unlock()
	return t.overflow.calls
}

// Sweep forgets the tenants that have nothing in flight and whose every window has
// passed, and the counters that the others no longer use. Forgetting so never
// gives a tenant more than its limit. It looks at every tenant but holds a lock
// for 256 of them at a time. Call it every minute or so.
func (t *Table) Sweep(now time.Time) {
	at := t.clock(now)
	for i := range t.shards {
		t.sweepShard(&t.shards[i], at)
	}
	t.overflow.mu.Lock()
	t.overflow.cell.prune(at, t.slots.lengths())
	t.overflow.mu.Unlock()
	t.common.mu.Lock()
	t.common.cell.prune(at, t.slots.lengths())
	t.common.mu.Unlock()
}

// sweepShard is Sweep for one shard.
func (t *Table) sweepShard(s *shard, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := 0
	// The map is only touched, and the iteration only moved on, with the lock
	// held. What changes in between is seen or not, as the language allows.
	for name, c := range s.cells {
		if !t.forget(s, name, c, at) {
			c.prune(at, t.slots.lengths())
		}
		if seen++; seen%sweepStep == 0 {
			s.mu.Unlock()
			s.mu.Lock()
		}
	}
	if len(s.cells) == 0 {
		// Maps do not shrink by themselves.
		s.cells = make(map[string]*cell)
	}
}

// forget removes a cell if it is idle. Requires s.mu.
func (t *Table) forget(s *shard, name string, c *cell, at int64) bool {
	// Read under the lock: the lengths then cover every slot in use here.
	if !c.idle(at, t.slots.lengths()) {
		return false
	}
	delete(s.cells, name)
	t.count.Add(-1)
	return true
}

// clock gives now in the table's nanoseconds. They are positive and leave room to
// add a window; 73 years either side of the epoch the clock stands still.
func (t *Table) clock(now time.Time) int64 {
	const epoch, end = 1 << 61, 1 << 62
	since := min(max(now.Sub(t.epoch), 1-epoch), end-epoch)
	return epoch + int64(since)
}

// enter finds or makes the cell that counts the tenant's calls. The mutex that
// guards it is returned locked.
func (t *Table) enter(at int64, tenant string, known bool) (*sync.Mutex, *cell) {
	hash := maphash.String(t.seed, tenant)
	s := &t.shards[hash%shardCount]
	s.mu.Lock()
	if c := s.cells[tenant]; c != nil {
		return &s.mu, c
	}
	if known {
		t.count.Add(1)
		return &s.mu, s.add(tenant, &cell{})
	}
	if t.reserve() || t.makeRoom(s, at) && t.reserve() {
		strayed := t.overflow.lastStray(hash)
		return &s.mu, s.add(tenant, &cell{latest: strayed, strayed: strayed})
	}
	// Locked before the shard is let go, so that the tenant cannot get a cell
	// before this call is counted here.
	t.overflow.mu.Lock()
	s.mu.Unlock()
	return &t.overflow.mu, &t.overflow.cell
}

// add keeps c under a copy of the name, which may be part of a larger string.
func (s *shard) add(tenant string, c *cell) *cell {
	s.cells[strings.Clone(tenant)] = c
	return c
}

// reserve counts a further tenant unless the table is full.
func (t *Table) reserve() bool {
	if t.count.Add(1) <= t.max {
		return true
	}
	t.count.Add(-1)
	return false
}

// makeRoom forgets what is idle among a few cells of s, which the iteration picks
// at random. Requires s.mu.
func (t *Table) makeRoom(s *shard, at int64) bool {
	made, tries := false, 0
	for name, c := range s.cells {
		if t.forget(s, name, c, at) {
			made = true
		}
		if tries++; tries == forgetTries {
			break
		}
	}
	return made
}

// slotTable numbers the counters. It only grows.
type slotTable struct {
	mu  sync.Mutex
	ids map[slotKey]uint32
	// windows holds each slot's window in nanoseconds.
	windows atomic.Pointer[[]int64]
}

// of gives the number of a counter.
func (s *slotTable) of(key slotKey) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, ok := s.ids[key]; ok {
		return id
	}
	id := uint32(len(s.ids))
	s.ids[key] = id
	window := int64(key.window)
	if window == 0 {
		window = forever
	}
	// Readers keep the slice they loaded; append writes only behind its end.
	windows := append(*s.windows.Load(), window)
	s.windows.Store(&windows)
	return id
}

// lengths gives the window of each slot, in nanoseconds.
func (s *slotTable) lengths() []int64 { return *s.windows.Load() }
