package policy

import "time"

// StateSpec is `state redis <url> { … }`: where limits, breakers and stale answers
// live when several sidecars are to count together.
type StateSpec struct {
	// Redis is the address: redis:// or rediss:// (TLS), a user and a password,
	// which may be {secret.NAME}, one host or several with commas between them, and
	// the number of a database: "redis://gateway:{secret.redis}@redis:6379/0".
	// Several hosts are nodes of a Cluster or, with Sentinel, its Sentinels.
	Redis string `json:"redis"`

	// Fail is what happens when Redis is away: "local" goes on with this
	// sidecar's own limits, "closed" refuses calls as overloaded. Default:
	// "local".
	Fail string `json:"fail,omitempty"`

	// User and Password are who this gateway is to Redis, where the address does
	// not say; both may be {secret.NAME}. Default: nobody.
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`

	// Sentinel is the name under which Sentinels know the master. Default: the
	// hosts are Redis themselves.
	Sentinel string `json:"sentinel,omitempty"`

	// SentinelUser and SentinelPassword are who this gateway is to Sentinels.
	// Default: nobody.
	SentinelUser     string `json:"sentinel_user,omitempty"`
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// CA is a file of certificates, in PEM, that Redis's own is tested with.
	// Default: those of the system.
	CA string `json:"ca,omitempty"`

	// Certificate and Key are files, in PEM, of what this gateway shows to Redis.
	// Default: nothing is shown.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`

	// Prefix begins all keys and channels. Sidecars with the same one count
	// together. [a-z0-9_-]{1,32}. Default: "signpost".
	Prefix string `json:"prefix,omitempty"`

	// Timeout is how long one call waits for Redis, from 1ms to 5s, and never
	// longer than its deadline leaves. Default: 30ms, with Fail "closed" 200ms.
	Timeout Duration `json:"timeout,omitempty"`

	// Connections is how many there are to each node of Redis, 1 to 64. Calls are
	// pipelined on them. Default: 4.
	Connections int `json:"connections,omitempty"`

	// Leases lets this sidecar take permits of large windows in batches. It saves
	// round trips; what it costs is that permits which others could have used lie
	// with a sidecar for a moment. Default: every call asks Redis.
	Leases bool `json:"leases,omitempty"`

	// MaxTenants bounds the tenants on no plan and in no file that have counters of
	// their own at Redis; those beyond share some. Default: 100,000.
	MaxTenants int `json:"max_tenants,omitempty"`

	// MaxStale bounds the stale answers at Redis in bytes, compressed, of all
	// tenants together. Default: 64MiB.
	MaxStale Size `json:"max_stale,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}

// What a call does where Redis is away: StateSpec.Fail.
const (
	failLocal  = "local"
	failClosed = "closed"
)

// Defaults of a StateSpec.
const (
	defaultPrefix        = "signpost"
	defaultLocalTimeout  = 30 * time.Millisecond
	defaultClosedTimeout = 200 * time.Millisecond
	defaultConnections   = 4
)

// timeout is how long a call waits for Redis. One that is refused without it waits
// longer: a moment of Redis's own costs it less than a refusal.
func (s *StateSpec) timeout() time.Duration {
	switch {
	case s.Timeout > 0:
		return s.Timeout.Std()
	case s.Fail == failClosed:
		return defaultClosedTimeout
	default:
		return defaultLocalTimeout
	}
}
