package breaker

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Registry keeps breakers over reloads. The zero value tells nobody of
// transitions. Safe for concurrent use.
type Registry struct {
	teller teller
	peers  atomic.Pointer[Peers] // Nil while it is by itself.

	mu       sync.Mutex
	breakers map[registryKey]*Breaker
	named    map[string][]*Breaker // The same by policy, never changed in place.
	hands    map[string]*hand      // By the policies' names; each belongs to a breaker.
}

// registryKey holds the configuration too: a configuration that is being tried
// and may yet be rejected must not disturb the cells of the one that runs.
type registryKey struct {
	policy string
	config Config
}

// NewRegistry makes a registry that tells observe of each transition, at most
// once, in order, one at a time and outside every lock; observe may be nil, and
// may ask breakers. It runs in the course of a call, so it must be quick. When
// it does not keep up with 4096 transitions, later ones are not told.
func NewRegistry(observe func(Transition)) *Registry {
	return &Registry{teller: teller{observe: observe}}
}

// Breaker gives the breaker of a policy. The same policy with the same
// configuration has the same cells, from one call to the next, until Prune. A
// changed configuration has fresh ones, but a hold is by name and stays. A part
// of a policy that has a breaker of its own is named with a dot:
// "store.order_status". Zero fields of c have their defaults; c must be valid.
func (r *Registry) Breaker(policy string, c Config) *Breaker {
	key := registryKey{policy, c.withDefaults()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.breakers[key]; ok {
		return b
	}
	if r.breakers == nil {
		r.breakers, r.named = map[registryKey]*Breaker{}, map[string][]*Breaker{}
	}
	b := newBreaker(policy, key.config, r, r.handOf(policy))
	r.breakers[key] = b
	r.named[policy] = append(slices.Clip(r.named[policy]), b)
	if p := r.peers.Load(); p != nil {
		p.readSoon(policy)
	}
	return b
}

// breakersOf gives the breakers of a policy: one for each configuration in use, so
// one but for the time of a reload.
func (r *Registry) breakersOf(policy string) []*Breaker {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.named[policy]
}

// Prune forgets every breaker but those given, and the holds of policies that
// none of these belongs to: call it when a configuration has taken over, with
// the breakers it uses. Calls that still hold a permit of
// a forgotten breaker may report; its transitions are told no more.
func (r *Registry) Prune(used ...*Breaker) {
	keep := make(map[*Breaker]bool, len(used))
	for _, b := range used {
		keep[b] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, b := range r.breakers {
		if !keep[b] {
			delete(r.breakers, key)
			r.named[key.policy] = without(r.named[key.policy], b)
			b.retire()
		}
	}
	kept := make(map[string]bool, len(used))
	for _, b := range used {
		kept[b.policy] = true
	}
	maps.DeleteFunc(r.named, func(_ string, all []*Breaker) bool { return len(all) == 0 })
	maps.DeleteFunc(r.hands, func(name string, _ *hand) bool { return !kept[name] })
}

// without gives a copy of breakers without one.
func without(all []*Breaker, b *Breaker) []*Breaker {
	return slices.DeleteFunc(slices.Clone(all), func(other *Breaker) bool { return other == b })
}
