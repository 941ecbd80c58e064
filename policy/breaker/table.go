package breaker

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"
)

// table holds at most max cells and drops the one not looked up for longest
// when there is one more. Safe for concurrent use.
type table struct {
	max  int
	make func(cellKey) *cell

	size  atomic.Int64 // len(cells), to be read without mu.
	mu    sync.Mutex
	cells map[cellKey]*list.Element
	order *list.List // Of *cell; the most recently looked up in front.
}

func newTable(max int, makeCell func(cellKey) *cell) *table {
	return &table{max: max, make: makeCell, cells: map[cellKey]*list.Element{}, order: list.New()}
}

// find gives the cell, or nil. A find in an empty table takes no lock.
func (t *table) find(k cellKey) *cell {
	if t.size.Load() == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.cells[k]; ok {
		t.order.MoveToFront(e)
		return e.Value.(*cell)
	}
	return nil
}

// findOrMake gives the cell, made if need be.
func (t *table) findOrMake(k cellKey) *cell {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.cells[k]; ok {
		t.order.MoveToFront(e)
		return e.Value.(*cell)
	}
	for len(t.cells) >= t.max {
		t.drop(t.order.Back())
	}
	x := t.make(k)
	t.cells[k] = t.order.PushFront(x)
	t.size.Store(int64(len(t.cells)))
	return x
}

// sweep drops idle cells among the n looked up least recently.
func (t *table) sweep(n int, after time.Duration) {
	if t.size.Load() == 0 {
		return
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.order.Back(); e != nil && n > 0; n-- {
		previous := e.Prev()
		if e.Value.(*cell).idle(now, after) {
			t.drop(e)
		}
		e = previous
	}
}

// drop removes a cell. mu is held.
func (t *table) drop(e *list.Element) {
	x := t.order.Remove(e).(*cell)
	delete(t.cells, x.key)
	t.size.Store(int64(len(t.cells)))
	x.retire()
}

// all gives the cells in no particular order.
func (t *table) all() []*cell {
	t.mu.Lock()
	defer t.mu.Unlock()
	cells := make([]*cell, 0, len(t.cells))
	for e := t.order.Front(); e != nil; e = e.Next() {
		cells = append(cells, e.Value.(*cell))
	}
	return cells
}
