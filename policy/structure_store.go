package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// Storage keeps small texts over restarts. It may be slow, fail, or be read-only:
// no call waits for it. Methods may be called from several goroutines, one at a
// time for each name.
type Storage interface {
	// Load gives what was saved under a name; the error is fs.ErrNotExist where
	// nothing was.
	Load(name string) ([]byte, error)

	// Save replaces it.
	Save(name string, data []byte) error
}

// Bounds of what is stored and of how often it is tried again.
const (
	// maxStored bounds what is read of one operation, in bytes.
	maxStored = 4 << 20
	// saveAgain is how long to wait after what could not be saved.
	saveAgain = 30 * time.Second
	// loadPatience is how long Start waits for what is stored, so that the first
	// answers are compared with it. It is read all the same if it takes longer.
	loadPatience = 500 * time.Millisecond
	// stopPatience is how long Stop waits for what is being saved.
	stopPatience = time.Second
)

// storedStructure is how the knowledge of one operation is written.
type storedStructure struct {
	About     string           `json:"about"`
	Learned   time.Time        `json:"learned"`
	Pinned    bool             `json:"pinned,omitempty"`
	Structure *drift.Structure `json:"structure,omitempty"`
	Ignored   []drift.Change   `json:"ignored,omitempty"`
	Since     time.Time        `json:"since,omitzero"`
	Changes   []drift.Change   `json:"changes,omitempty"`
	Latest    *drift.Structure `json:"latest,omitempty"`
}

// archive reads and saves the structures of one gateway, on a goroutine of its
// own.
type archive struct {
	structures *structures
	storage    Storage
	warn       func(doing string, err error)
	own        map[*observed]bool // what it saves

	mu    sync.Mutex
	dirty map[*observed]bool
	news  chan struct{} // has room for one
	quit  chan struct{}
	done  chan struct{}

	loaded chan struct{} // closed when all that is stored has been read
}

// newArchive starts the goroutine, which first reads what is stored of the
// operations. It ends with stop.
func newArchive(of *structures, storage Storage, all []*observed, warn func(doing string, err error)) *archive {
	a := &archive{
		structures: of, storage: storage, warn: warn, own: make(map[*observed]bool),
		dirty: make(map[*observed]bool), news: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), loaded: make(chan struct{}),
	}
	for _, o := range all {
		a.own[o] = true
	}
	of.mu.Lock()
	of.archives = append(of.archives, a)
	of.mu.Unlock()
	go a.run(all)
	return a
}

// changed asks the archive in charge to save an operation. Calls that a gateway
// ends after its Stop change what its successor saves.
func (s *structures) changed(o *observed) {
	s.mu.Lock()
	var inCharge *archive
	if n := len(s.archives); n > 0 {
		inCharge = s.archives[n-1]
	}
	s.mu.Unlock()
	if inCharge != nil && inCharge.own[o] {
		inCharge.changed(o)
	}
}

// stop ends the goroutine; what is dirty is saved before, if that is quick.
func (a *archive) stop() {
	a.structures.mu.Lock()
	a.structures.archives = slices.DeleteFunc(a.structures.archives, func(other *archive) bool { return other == a })
	a.structures.mu.Unlock()
	close(a.quit)
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-a.done:
	case <-patience.C:
	}
}

// changed asks for an operation to be saved. It never waits.
func (a *archive) changed(o *observed) {
	a.mu.Lock()
	a.dirty[o] = true
	a.mu.Unlock()
	select {
	case a.news <- struct{}{}:
	default:
	}
}

func (a *archive) run(all []*observed) {
	defer close(a.done)
	for _, o := range all {
		if !a.stopping() {
			a.load(o)
		}
	}
	close(a.loaded)
	again := time.NewTimer(saveAgain)
	defer again.Stop()
	for {
		again.Stop()
		if !a.saveAll() {
			again.Reset(saveAgain)
		}
		select {
		case <-a.quit:
			a.saveAll()
			return
		case <-a.news:
		case <-again.C:
		}
	}
}

// stopping tells whether stop was called.
func (a *archive) stopping() bool {
	select {
	case <-a.quit:
		return true
	default:
		return false
	}
}

// saveAll saves what is dirty, and tells whether all of it could be. What could
// not stays dirty; the operator is told once, not each time, and of the first one
// alone. After stop, a storage that failed is not asked for the rest.
func (a *archive) saveAll() bool {
	a.mu.Lock()
	dirty := a.dirty
	a.dirty = make(map[*observed]bool)
	a.mu.Unlock()
	var failed error
	for o := range dirty {
		if failed != nil && a.stopping() {
			break
		}
		err := o.save(a.storage)
		if err == nil {
			continue
		}
		if failed == nil {
			failed = fmt.Errorf("%s: %w", o.label, err)
		}
		a.mu.Lock()
		a.dirty[o] = true
		a.mu.Unlock()
	}
	if failed != nil {
		a.warn("saving the structure of answers", failed)
	}
	return failed == nil
}

// save stores what is known of an operation, where that is not what is stored.
func (o *observed) save(to Storage) error {
	o.saving <- struct{}{}
	defer func() { <-o.saving }()
	k := o.known.Load()
	if k == o.saved.Load() {
		return nil
	}
	data, err := k.text(o.about)
	if err != nil {
		return err
	}
	if err := to.Save(o.label, data); err != nil {
		return err
	}
	o.saved.Store(k)
	return nil
}

// text is what is stored of an operation. It is as short as it can be, since what
// reads a structure has a bound: a name of signs that HTML knows would take six
// bytes for each.
func (k *knowledge) text(about string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(storedStructure{
		About: about, Learned: k.learned, Pinned: k.pinned, Structure: k.structure,
		Ignored: k.ignored, Since: k.since, Changes: k.changes, Latest: k.latest,
	})
	return b.Bytes(), err
}

// load takes what is stored of an operation, unless something is known already,
// which an earlier gateway may not have been able to save. Whatever is wrong with
// what is stored, the next answer teaches anew.
func (a *archive) load(o *observed) {
	known := o.known.Load()
	if known.ready {
		if o.saved.Load() != known {
			a.changed(o)
		}
		return
	}
	next := knowledge{ready: true}
	data, err := a.storage.Load(o.label)
	if a.stopping() {
		return // An error may be that of the stop. A successor that knows nothing yet reads it, too.
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		a.warn("reading the structure of answers", fmt.Errorf("%s: %w", o.label, err))
	default:
		if err := next.read(data, o.about); err != nil {
			a.warn("reading the structure of answers", fmt.Errorf("%s: %w", o.label, err))
			next = knowledge{ready: true}
		}
	}
	a.take(o, next)
}

// take takes what was read for what is known. Where nothing was, an answer that
// came meanwhile has taught.
func (a *archive) take(o *observed, read knowledge) {
	for {
		known := o.known.Load()
		if known.ready {
			return // Somebody pinned one.
		}
		next := read
		if next.structure == nil {
			next.structure, next.learned = known.structure, known.learned
		}
		if !o.known.CompareAndSwap(known, &next) {
			continue
		}
		if read.structure == nil && next.structure != nil {
			a.changed(o)
			return
		}
		o.saved.Store(&next)
		return
	}
}

// read takes what is stored, if it is of the same API.
func (k *knowledge) read(data []byte, about string) error {
	if len(data) > maxStored {
		return fmt.Errorf("%d bytes are stored: expected at most %d", len(data), maxStored)
	}
	var stored storedStructure
	if err := json.Unmarshal(data, &stored); err != nil {
		return err
	}
	if stored.About != about || stored.Structure == nil {
		return nil
	}
	k.structure, k.learned, k.pinned = stored.Structure, stored.Learned, stored.Pinned
	k.ignored = stored.Ignored[:min(len(stored.Ignored), maxChanges)]
	if stored.Latest != nil && len(stored.Changes) > 0 {
		k.since, k.latest, k.changes = stored.Since, stored.Latest, stored.Changes[:min(len(stored.Changes), maxChanges)]
	}
	return nil
}

// watchStructures begins to compare the answers of all operations.
func (g *Gateway) watchStructures() {
	all := g.allObserved()
	if g.storage == nil {
		for _, o := range all {
			if known := o.known.Load(); !known.ready {
				o.known.CompareAndSwap(known, &knowledge{ready: true})
			}
		}
		return
	}
	var told sync.Map
	a := newArchive(g.state.structures, g.storage, all, func(doing string, err error) {
		if _, before := told.LoadOrStore(doing, true); !before {
			g.log.Warn(doing+" failed: what answers look like is remembered until the process ends", "error", err)
		}
	})
	g.archive.Store(a)
	patience := time.NewTimer(loadPatience)
	defer patience.Stop()
	select {
	case <-a.loaded:
	case <-patience.C:
	}
}

// allObserved gives what is known of the answers of each operation.
func (g *Gateway) allObserved() []*observed {
	var all []*observed
	for _, name := range g.names() {
		for _, op := range g.policies[name].operations {
			if op.structure != nil {
				all = append(all, op.structure.observed)
			}
		}
	}
	return all
}

// structuresChanged asks for what is known of an operation to be saved.
func (g *Gateway) structuresChanged(o *observed) {
	g.state.structures.changed(o)
}

// aboutAnswers says whose answers an operation's are.
func (op *operation) aboutAnswers() string {
	return strings.Join([]string{op.method, op.policy.spec.BaseURL + op.path.Route()}, " ")
}
