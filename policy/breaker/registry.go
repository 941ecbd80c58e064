package breaker

import "sync"

// Registry keeps breakers over reloads. The zero value tells nobody of
// transitions. Safe for concurrent use.
type Registry struct {
	teller teller

	mu       sync.Mutex
	breakers map[registryKey]*Breaker
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
// changed configuration has fresh ones. Zero fields of c have their defaults;
// c must be valid.
func (r *Registry) Breaker(policy string, c Config) *Breaker {
	key := registryKey{policy, c.withDefaults()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.breakers[key]; ok {
		return b
	}
	if r.breakers == nil {
		r.breakers = map[registryKey]*Breaker{}
	}
	b := newBreaker(policy, key.config, &r.teller)
	r.breakers[key] = b
	return b
}

// Prune forgets every breaker but those given: call it when a configuration
// has taken over, with the breakers it uses. Calls that still hold a permit of
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
			b.retire()
		}
	}
}
