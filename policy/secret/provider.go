package secret

// Provider is a place where secrets are looked up. Its methods are safe for concurrent use.
type Provider interface {
	// Lookup returns the secret of that name as it is now. The tenant "" asks for the shared secret; any other
	// tenant asks for its own and never gets the shared one. The tenant's name comes from a request and may be
	// anything. A secret that is there but cannot be used (not readable, too large, empty) is an error; the error
	// never holds the value.
	Lookup(tenant, name string) (value Secret, found bool, err error)
	// HasAny reports whether there is a secret of that name, shared or of any tenant. It is meant for the moment
	// when a configuration is loaded and may take time in proportion to the number of tenants.
	HasAny(name string) (bool, error)
	// String describes the provider in the words of the configuration, such as "dir /run/secrets".
	String() string
}
