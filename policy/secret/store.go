package secret

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNotFound is the error of a secret that no provider has. It is always wrapped in a [NotFoundError].
var ErrNotFound = errors.New("secret not found")

// NotFoundError names the secret that no provider has. It matches [ErrNotFound].
type NotFoundError struct {
	// Ref is what was looked up. With TenantOnly set it is the tenant that has no such secret.
	Ref Ref
}

// Error names the secret, and not the tenant, whose name may be anything.
func (e *NotFoundError) Error() string {
	if e.Ref.TenantOnly {
		return fmt.Sprintf("looking up %s for the tenant: %v", e.Ref, ErrNotFound)
	}
	return fmt.Sprintf("looking up %s: %v", e.Ref, ErrNotFound)
}

// Unwrap returns [ErrNotFound].
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// Ref refers to a secret by name.
type Ref struct {
	// Name is valid as of [ParseName].
	Name string
	// TenantOnly takes the tenant's secret or none: {tenant_secret.NAME}. Without it the shared secret stands in
	// where the tenant has none of its own: {secret.NAME}.
	TenantOnly bool
}

// String returns the reference as a configuration writes it, {secret.NAME} or {tenant_secret.NAME}.
func (r Ref) String() string {
	if r.TenantOnly {
		return "{" + tenantPlaceholder + r.Name + "}"
	}
	return "{" + sharedPlaceholder + r.Name + "}"
}

// Store looks secrets up in providers, in their order. It is safe for concurrent use; a nil Store has no secrets.
type Store struct {
	providers []Provider
}

// NewStore returns a Store that asks the providers in this order; the first that has the secret wins.
func NewStore(providers ...Provider) *Store {
	return &Store{providers: slices.Clone(providers)}
}

// Resolve returns the secret as it is now. The tenant's own is looked for in all providers before the shared one is in
// any. The tenant "" has no secrets of its own. The error is a [NotFoundError] where no provider has the secret; an
// error of a provider ends the search, for a later provider or the shared secret could be the wrong credential.
func (s *Store) Resolve(ref Ref, tenant string) (Secret, error) {
	if tenant != "" {
		if value, found, err := s.lookup(tenant, ref.Name); found || err != nil {
			return value, err
		}
	}
	if !ref.TenantOnly {
		if value, found, err := s.lookup("", ref.Name); found || err != nil {
			return value, err
		}
	}
	return Secret{}, &NotFoundError{Ref: ref}
}

func (s *Store) lookup(tenant, name string) (Secret, bool, error) {
	if s == nil {
		return Secret{}, false, nil
	}
	for _, p := range s.providers {
		value, found, err := p.Lookup(tenant, name)
		if err != nil {
			return Secret{}, false, fmt.Errorf("looking up in %s: %w", p, err)
		}
		if found {
			return value, true, nil
		}
	}
	return Secret{}, false, nil
}

// Check reports whether a configuration that refers to the secret may start. A reference to the shared or the tenant's
// secret may where any provider has the name for anyone, since tenants come and go. The error says where was looked.
func (s *Store) Check(ref Ref) error {
	var places []string
	var failures []error
	if s != nil {
		for _, p := range s.providers {
			found, err := p.HasAny(ref.Name)
			if found {
				return nil
			}
			if err != nil {
				failures = append(failures, fmt.Errorf("looking up in %s: %w", p, err))
			}
			places = append(places, p.String())
		}
	}
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	if len(places) == 0 {
		return fmt.Errorf("looking up %s: %w: no place for secrets is configured", ref, ErrNotFound)
	}
	return fmt.Errorf("looking up %s: %w in %s, neither shared nor for any tenant", ref, ErrNotFound, strings.Join(places, ", "))
}
