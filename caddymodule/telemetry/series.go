package telemetry

import "sync"

const (
	// maxSeries bounds the label combinations of one metric. Labels come from
	// configurations only, so the bound is met only by a process that has seen
	// very many of them: metrics survive reloads.
	maxSeries = 10_000

	// otherSeries stands for every label of the combinations beyond the bound.
	otherSeries = "_other"
)

// series keeps the children of one metric by their labels, so that counting a
// call costs one look-up for all that shares them, and bounds their number.
// K is an array of label values. It is safe for concurrent use.
type series[K comparable, C any] struct {
	limit int       // children that are kept, without the overflow
	child func(K) C // makes one
	rest  K         // the labels of the overflow

	mu       sync.RWMutex
	children map[K]C
	overflow *C // made when it is first needed
}

// newSeries keeps at most maxSeries children that child makes; all further
// label combinations share the child of rest.
func newSeries[K comparable, C any](rest K, child func(K) C) *series[K, C] {
	return &series[K, C]{limit: maxSeries, child: child, rest: rest, children: make(map[K]C)}
}

// of gives the child for the labels k. It allocates only the first time.
func (s *series[K, C]) of(k K) C {
	s.mu.RLock()
	c, ok := s.children[k]
	overflow := s.overflow
	s.mu.RUnlock()
	switch {
	case ok:
		return c
	case overflow != nil:
		return *overflow
	default:
		return s.add(k)
	}
}

// add makes the child for k, or the overflow when there are enough.
func (s *series[K, C]) add(k K) C {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.children[k]; ok {
		return c
	}
	if len(s.children) >= s.limit {
		if s.overflow == nil {
			c := s.child(s.rest)
			s.overflow = &c
		}
		return *s.overflow
	}
	c := s.child(k)
	s.children[k] = c
	return c
}
