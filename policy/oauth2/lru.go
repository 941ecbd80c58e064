package oauth2

import "container/list"

// lru is a map of bounded size that forgets what was not used for longest. It
// is NOT safe for concurrent use.
type lru[K comparable, V any] struct {
	size  int
	order list.List // Of *pair[K, V], the most recently used in front.
	byKey map[K]*list.Element
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](size int) *lru[K, V] {
	return &lru[K, V]{size: size, byKey: make(map[K]*list.Element)}
}

// get gives the value of a key, made if need be, and notes that it was used.
func (l *lru[K, V]) get(key K, fresh func() V) V {
	if e, ok := l.byKey[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*pair[K, V]).value
	}
	if len(l.byKey) >= l.size {
		oldest := l.order.Remove(l.order.Back()).(*pair[K, V])
		delete(l.byKey, oldest.key)
	}
	p := &pair[K, V]{key: key, value: fresh()}
	l.byKey[key] = l.order.PushFront(p)
	return p.value
}

// find gives the value of a key, if there is one, and notes nothing.
func (l *lru[K, V]) find(key K) (value V, ok bool) {
	if e, ok := l.byKey[key]; ok {
		return e.Value.(*pair[K, V]).value, true
	}
	return value, false
}
