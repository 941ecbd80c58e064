package secret

import "container/list"

// lru is a map of bounded size that forgets what was not used for longest. It is NOT safe for concurrent use.
type lru[K comparable, V any] struct {
	maxEntries int
	maxCost    int // The sum of the costs given to add.
	cost       int
	order      list.List // Of *lruEntry[K, V], the most recently used in front.
	byKey      map[K]*list.Element
}

type lruEntry[K comparable, V any] struct {
	key   K
	value V
	cost  int
}

func newLRU[K comparable, V any](maxEntries, maxCost int) *lru[K, V] {
	return &lru[K, V]{maxEntries: maxEntries, maxCost: maxCost, byKey: make(map[K]*list.Element)}
}

// get returns the value of the key and marks it as used.
func (l *lru[K, V]) get(key K) (V, bool) {
	element, ok := l.byKey[key]
	if !ok {
		var zero V
		return zero, false
	}
	l.order.MoveToFront(element)
	return element.Value.(*lruEntry[K, V]).value, true
}

// add puts a value under a key that is not there yet, and forgets others until the bounds hold. A value that costs more
// than the bound is not kept.
func (l *lru[K, V]) add(key K, value V, cost int) {
	if cost > l.maxCost {
		return
	}
	l.byKey[key] = l.order.PushFront(&lruEntry[K, V]{key: key, value: value, cost: cost})
	l.cost += cost
	for len(l.byKey) > l.maxEntries || l.cost > l.maxCost {
		oldest := l.order.Remove(l.order.Back()).(*lruEntry[K, V])
		delete(l.byKey, oldest.key)
		l.cost -= oldest.cost
	}
}
