package stale

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// DefaultMaxBytes is what a store keeps in all when nothing else is said.
	DefaultMaxBytes = 64 << 20
	// DefaultMaxEntry is the largest single answer kept when nothing else is said.
	DefaultMaxEntry = 1 << 20

	// maxVariants bounds the answers under one key, which differ by Vary. The
	// one stored first gives way.
	maxVariants = 8
	// maxVaryNames bounds the headers that one answer may vary by; an answer
	// that names more is not kept.
	maxVaryNames = 16
)

// The store's own overhead in bytes, rounded up from what the heap shows on
// 64-bit machines; TestTheBoundHoldsForTheHeapToo keeps them honest.
const (
	entryOverhead  = 1024 // An entry, its place in the list, and its share of the maps.
	headerOverhead = 128  // A header's place in its map.
	valueOverhead  = 32   // Each value of it.
)

// Store keeps answers within a bound of bytes. It is safe for concurrent use.
type Store struct {
	maxBytes int64
	maxEntry int

	mu    sync.Mutex
	bytes int64
	keys  map[Key][]*list.Element // Of *entry, the latest stored last.
	order *list.List              // Of *entry, the latest used first.
}

// entry is one answer. Its fields do not change once it is in the store.
type entry struct {
	key        Key
	vary       []string          // The request headers that matter, sorted.
	request    [sha256.Size]byte // What they were. Only a hash: they may be secret.
	answer     Answer
	arrivalAge time.Duration
	size       int64
}

// NewStore gives an empty store that keeps at most maxBytes bytes, its overhead
// included, in answers of at most maxEntry bytes each, their overhead included.
// Zero or less means 64 MiB and 1 MiB.
func NewStore(maxBytes int64, maxEntry int) *Store {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	if maxEntry <= 0 {
		maxEntry = DefaultMaxEntry
	}
	return &Store{
		maxBytes: maxBytes,
		maxEntry: int(min(int64(maxEntry), maxBytes)),
		keys:     make(map[Key][]*list.Element),
		order:    list.New(),
	}
}

// Put keeps a copy of a successful answer in place of the one that Get would
// have given for the same request so far. reqHeader is the request's header as
// the bot sent it. Put does nothing unless the method is GET or HEAD, the
// request says neither no-store (RFC 9111, section 5.2.1.5) nor Range, and the
// status is 2xx or 3xx, but not 206 or 304: those answer headers that are not
// part of the key.
//
// An answer that says no-store (section 5.2.2.5) or "Vary: *", varies by more
// than 16 headers, or is larger than the bound for one entry is not kept, and
// ends the life of the answer that it supersedes. private does not matter, as
// answers are kept by tenant. Set-Cookie and the headers of the connection are
// left out.
func (s *Store) Put(now time.Time, key Key, reqHeader http.Header, a Answer) {
	s.put(now, key, reqHeader, a)
}

// put is Put. It gives the entry that is now kept, nil where the answer may not
// be, and whether the call counts at all: one that does not leaves everything as
// it was.
func (s *Store) put(now time.Time, key Key, reqHeader http.Header, a Answer) (e *entry, counts bool) {
	if key.Method != http.MethodGet && key.Method != http.MethodHead {
		return nil, false
	}
	if noStore(reqHeader) || reqHeader["Range"] != nil || !whole(a.Status) {
		return nil, false
	}
	e = s.newEntry(now, key, reqHeader, a)
	s.keep(key, reqHeader, e)
	return e, true
}

// keep puts an entry, where there is one, in place of those that answer the same
// request.
func (s *Store) keep(key Key, reqHeader http.Header, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, el := range slices.Clone(s.keys[key]) {
		if el.Value.(*entry).matches(reqHeader) {
			s.remove(el)
		}
	}
	if e == nil {
		return
	}
	if variants := s.keys[key]; len(variants) >= maxVariants {
		s.remove(variants[0])
	}
	s.keys[e.key] = append(s.keys[e.key], s.order.PushFront(e))
	s.bytes += e.size
	for s.bytes > s.maxBytes {
		s.remove(s.order.Back())
	}
}

// Get gives the last answer that was put for the same request, when it is not
// older than maxAge. Its age counts from when it was put, and includes the age
// that it arrived with (RFC 9111, section 4.2.3); it also stands in the
// answer's Age header. The header is the caller's own, the body is shared.
func (s *Store) Get(now time.Time, key Key, reqHeader http.Header, maxAge time.Duration) (a Answer, age time.Duration, ok bool) {
	e := s.find(now, key, reqHeader, maxAge)
	if e == nil {
		return Answer{}, 0, false
	}
	a, age = e.given(now)
	return a, age, true
}

// Size tells how many answers are kept and how many bytes they count for.
func (s *Store) Size() (answers int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order.Len(), s.bytes
}

// find gives the entry for a request, or nil, and notes that it was used.
func (s *Store) find(now time.Time, key Key, reqHeader http.Header, maxAge time.Duration) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, el := range slices.Backward(s.keys[key]) {
		e := el.Value.(*entry)
		if !e.matches(reqHeader) {
			continue
		}
		if e.age(now) > maxAge {
			return nil
		}
		s.order.MoveToFront(el)
		return e
	}
	return nil
}

// remove takes an entry out. The caller holds s.mu.
func (s *Store) remove(el *list.Element) {
	e := s.order.Remove(el).(*entry)
	s.bytes -= e.size
	variants := s.keys[e.key]
	i := slices.Index(variants, el)
	if variants = slices.Delete(variants, i, i+1); len(variants) > 0 {
		s.keys[e.key] = variants
	} else {
		delete(s.keys, e.key)
	}
}

// newEntry copies what is to be kept, or gives nil when the answer cannot be.
func (s *Store) newEntry(now time.Time, key Key, reqHeader http.Header, a Answer) *entry {
	vary := varyNames(a.Header)
	if noStore(a.Header) || slices.Contains(vary, "*") || len(vary) > maxVaryNames || len(a.Body) > s.maxEntry {
		return nil
	}
	e := &entry{
		key:        key.clone(),
		vary:       vary,
		answer:     Answer{Status: a.Status, Header: lastingHeader(a.Header), Stored: now},
		arrivalAge: arrivalAge(a.Header),
		size:       int64(entryOverhead + key.size()),
	}
	for name, values := range e.answer.Header {
		e.size += int64(headerOverhead + len(name))
		for _, v := range values {
			e.size += int64(valueOverhead + len(v))
		}
	}
	for _, name := range vary {
		e.size += int64(valueOverhead + len(name))
	}
	if e.size+int64(len(a.Body)) > int64(s.maxEntry) {
		return nil
	}
	if len(vary) > 0 {
		e.request = hashHeaders(reqHeader, vary)
	}
	e.answer.Body = bytes.Clone(a.Body)
	e.size += int64(cap(e.answer.Body)) // What the allocator rounded it up to.
	return e
}

// matches reports whether the entry answers requests like this one.
func (e *entry) matches(reqHeader http.Header) bool {
	return len(e.vary) == 0 || e.request == hashHeaders(reqHeader, e.vary)
}

// age is how old the answer is. A clock that was set back makes nothing younger
// than it came.
func (e *entry) age(now time.Time) time.Duration {
	return max(now.Sub(e.answer.Stored), 0) + e.arrivalAge
}

// given is the answer as its caller gets it, and how old it is.
func (e *entry) given(now time.Time) (Answer, time.Duration) {
	a, age := e.answer, e.age(now)
	a.Header = a.Header.Clone()
	a.Header.Set("Age", strconv.FormatInt(int64(age/time.Second), 10))
	return a, age
}

// whole reports whether a status belongs to an answer that can stand by itself.
func whole(status int) bool {
	return status >= 200 && status < 400 && status != http.StatusPartialContent && status != http.StatusNotModified
}
