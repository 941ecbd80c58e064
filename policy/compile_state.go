package policy

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode"

	"github.com/signpost-gateway/signpost/policy/redislink"
	"github.com/signpost-gateway/signpost/policy/secret"
)

// Bounds of `state redis`.
const (
	minSharedTimeout      = time.Millisecond
	maxSharedTimeout      = 5 * time.Second
	maxConnections        = 64
	maxSharedTenants      = 10_000_000
	minMaxStale      Size = 1 << 20
	maxSentinelName       = 128 // bytes
)

var statePrefix = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// reporter notes what is wrong with a word of the block, or with its first line,
// where word is empty.
type reporter func(word, format string, args ...any)

// sharing tests what is said of a state that sidecars share.
func (c *compiler) sharing(s *StateSpec) {
	if s == nil {
		return
	}
	s.check(func(word, format string, args ...any) {
		c.wrong(s.place(word), named("state redis", word), format, args...)
	})
}

// place is where a word of the block stands. What an address says, and JSON, has
// the place of the block.
func (s *StateSpec) place(word string) Place {
	if at, known := s.Places[word]; known {
		return at
	}
	return s.Places["state"]
}

// check finds all that is wrong. It touches no file and no network, and what it
// says holds neither a user nor a password.
func (s *StateSpec) check(wrong reporter) {
	if s.Fail != "" && s.Fail != failLocal && s.Fail != failClosed {
		wrong("fail", "%q is not known here: expected %s or %s", s.Fail, failLocal, failClosed)
	}
	if address, err := redislink.ParseURL(s.Redis); err != nil {
		wrong("", "%v", err)
	} else {
		s.checkAddress(&address, wrong)
	}
	s.checkLogin(wrong)
	s.checkBounds(wrong)
	if (s.Certificate == "") != (s.Key == "") {
		wrong("certificate", "a certificate and its key belong together: expected both or none")
	}
}

// checkAddress tests what the address says, and what the words beside it do.
func (s *StateSpec) checkAddress(a *redislink.Address, wrong reporter) {
	if a.User != "" && s.User != "" {
		wrong("user", "the address names a user already: expected one or the other")
	}
	if a.Password != "" && s.Password != "" {
		wrong("password", "the address holds a password already: expected one or the other")
	}
	if a.User+s.User != "" && a.Password+s.Password == "" {
		wrong("user", "a user stands without a password: expected password {secret.NAME} beside it")
	}
	if len(a.Hosts) > 1 && s.Sentinel == "" && a.Database != 0 {
		wrong("", "several hosts are a Cluster, which has database 0 alone: expected no other")
	}
	if !a.TLS && s.CA != "" {
		wrong("ca", "redis:// shows no certificate: expected rediss://")
	}
	if !a.TLS && s.Certificate != "" {
		wrong("certificate", "redis:// takes no certificate: expected rediss://")
	}
}

// checkLogin tests the words that say who the gateway is.
func (s *StateSpec) checkLogin(wrong reporter) {
	for _, l := range s.logins() {
		if err := checkShared(l.text); err != nil && l.word == "" {
			wrong("", "the user or the password in the address: %v", err)
		} else if err != nil {
			wrong(l.word, "%v", err)
		}
	}
	switch {
	case s.Sentinel == "" && s.SentinelUser != "":
		wrong("sentinel_user", "there are no Sentinels: expected sentinel <master> beside it")
	case s.Sentinel == "" && s.SentinelPassword != "":
		wrong("sentinel_password", "there are no Sentinels: expected sentinel <master> beside it")
	case s.SentinelUser != "" && s.SentinelPassword == "":
		wrong("sentinel_user", "a user stands without a password: expected sentinel_password {secret.NAME} beside it")
	case !isMasterName(s.Sentinel):
		wrong("sentinel", "this is not the name of a master: expected at most %d bytes without spaces", maxSentinelName)
	}
}

// isMasterName tells what Sentinels can call a master, and that none is named.
func isMasterName(name string) bool {
	for _, r := range name {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return false
		}
	}
	return len(name) <= maxSentinelName
}

// checkBounds tests names and numbers; zero is the default.
func (s *StateSpec) checkBounds(wrong reporter) {
	if s.Prefix != "" && !statePrefix.MatchString(s.Prefix) {
		wrong("prefix", "%q is not a prefix: expected [a-z0-9_-]{1,32}", s.Prefix)
	}
	if d := s.Timeout.Std(); d != 0 && (d < minSharedTimeout || d > maxSharedTimeout) {
		wrong("timeout", "%s is out of bounds: expected from %s to %s", s.Timeout, minSharedTimeout, maxSharedTimeout)
	}
	if s.Connections < 0 || s.Connections > maxConnections {
		wrong("connections", "%d is out of bounds: expected from 1 to %d", s.Connections, maxConnections)
	}
	if s.MaxTenants < 0 || s.MaxTenants > maxSharedTenants {
		wrong("max_tenants", "%d is out of bounds: expected from 1 to %d", s.MaxTenants, maxSharedTenants)
	}
	if s.MaxStale != 0 && s.MaxStale < minMaxStale {
		wrong("max_stale", "%s is out of bounds: expected at least %s", s.MaxStale, minMaxStale)
	}
}

// errBraces does not quote the text, which may be a password in clear.
var errBraces = errors.New("braces may only stand around a shared secret: expected {secret.NAME}, NAME being [a-z0-9][a-z0-9_.-]*")

// checkShared tests a text that may hold shared secrets.
func checkShared(text string) error {
	template, err := secret.ParseTemplate(text)
	if err != nil {
		return errBraces
	}
	for _, ref := range template.Refs() {
		if ref.TenantOnly {
			return fmt.Errorf("%s belongs to a tenant: expected a shared one, {secret.%s}", ref, ref.Name)
		}
	}
	return nil
}

// login is a text of the block that may hold shared secrets, and its word, empty
// where the address holds it.
type login struct{ word, text string }

// logins are who the gateway is to Redis, and to Sentinels.
func (s *StateSpec) logins() []login {
	address, _ := redislink.ParseURL(s.Redis) // Where it is wrong, it is a mistake and told as one.
	return []login{
		{"", address.User}, {"", address.Password}, {"user", s.User}, {"password", s.Password},
		{"sentinel_user", s.SentinelUser}, {"sentinel_password", s.SentinelPassword},
	}
}

// missing names every secret of the block that no provider has.
func (s *StateSpec) missing(secrets *secret.Store) []error {
	var missing []error
	for _, l := range s.logins() {
		template, err := secret.ParseTemplate(l.text)
		if err != nil {
			continue // Likewise.
		}
		for _, ref := range template.Refs() {
			err := secrets.Check(ref) // It says where was looked.
			if err == nil {
				_, err = secrets.Resolve(ref, "") // A tenant's own is of no use here.
			}
			if err != nil {
				missing = append(missing, Mistake{Place: s.place(l.word), Name: named("state redis", l.word), Text: err.Error()})
			}
		}
	}
	return missing
}

// named is the path to a word, or to the block where there is none.
func named(block, word string) string {
	if word == "" {
		return block
	}
	return block + ": " + word
}
