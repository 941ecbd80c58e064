package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// sharing is a Spec whose state is what a test makes of an address that is good.
func sharing(change func(*policy.StateSpec)) policy.Spec {
	state := &policy.StateSpec{Redis: "redis://redis.internal:6379/2"}
	change(state)
	return policy.Spec{State: state}
}

func TestWhatIsWrongWithASharedStateIsToldWithTheWordAndTheRemedy(t *testing.T) {
	for want, change := range map[string]func(*policy.StateSpec){
		`state redis: fail: "open" is not known here: expected local or closed`:             func(s *policy.StateSpec) { s.Fail = "open" },
		`state redis: user: the address names a user already`:                               func(s *policy.StateSpec) { s.Redis, s.User = "redis://a:b@x", "c" },
		`state redis: password: the address holds a password already`:                       func(s *policy.StateSpec) { s.Redis, s.Password = "redis://a:b@x", "c" },
		`state redis: user: a user stands without a password: expected password {secret`:    func(s *policy.StateSpec) { s.User = "a" },
		`state redis: several hosts are a Cluster, which has database 0 alone`:              func(s *policy.StateSpec) { s.Redis = "redis://a,b,c/1" },
		`state redis: ca: redis:// shows no certificate: expected rediss://`:                func(s *policy.StateSpec) { s.CA = "/ca.pem" },
		`state redis: certificate: redis:// takes no certificate: expected rediss://`:       func(s *policy.StateSpec) { s.Certificate, s.Key = "/c.pem", "/k.pem" },
		`state redis: certificate: a certificate and its key belong together`:               func(s *policy.StateSpec) { s.Redis, s.Key = "rediss://x", "/k.pem" },
		`state redis: password: {tenant_secret.x} belongs to a tenant: expected a shared`:   func(s *policy.StateSpec) { s.Password = "{tenant_secret.x}" },
		`state redis: the user or the password in the address: {tenant_secret.x} belongs`:   func(s *policy.StateSpec) { s.Redis = "redis://:{tenant_secret.x}@a" },
		`state redis: password: braces may only stand around a shared secret: expected {se`: func(s *policy.StateSpec) { s.Password = "{env.X}" },
		`state redis: sentinel_user: there are no Sentinels: expected sentinel <master>`:    func(s *policy.StateSpec) { s.SentinelUser = "a" },
		`state redis: sentinel_password: there are no Sentinels`:                            func(s *policy.StateSpec) { s.SentinelPassword = "a" },
		`state redis: sentinel_user: a user stands without a password`:                      func(s *policy.StateSpec) { s.Sentinel, s.SentinelUser = "main", "a" },
		`state redis: sentinel: this is not the name of a master`:                           func(s *policy.StateSpec) { s.Sentinel = "my master" },
		`state redis: sentinel: this is not the name of a master: expected at most 128 by`:  func(s *policy.StateSpec) { s.Sentinel = strings.Repeat("m", 129) },
		`state redis: prefix: "Signpost" is not a prefix: expected [a-z0-9_-]{1,32}`:        func(s *policy.StateSpec) { s.Prefix = "Signpost" },
		`state redis: prefix: "a}b" is not a prefix`:                                        func(s *policy.StateSpec) { s.Prefix = "a}b" },
		`state redis: timeout: 6s is out of bounds: expected from 1ms to 5s`:                func(s *policy.StateSpec) { s.Timeout = seconds(6) },
		`state redis: timeout: 1µs is out of bounds`:                                        func(s *policy.StateSpec) { s.Timeout = policy.Duration(time.Microsecond) },
		`state redis: connections: 65 is out of bounds: expected from 1 to 64`:              func(s *policy.StateSpec) { s.Connections = 65 },
		`state redis: connections: -1 is out of bounds`:                                     func(s *policy.StateSpec) { s.Connections = -1 },
		`state redis: max_tenants: -5 is out of bounds: expected from 1 to 10000000`:        func(s *policy.StateSpec) { s.MaxTenants = -5 },
		`state redis: max_stale: 4KiB is out of bounds: expected at least 1MiB`:             func(s *policy.StateSpec) { s.MaxStale = 4 << 10 },
	} {
		spec := sharing(change)
		var all policy.Mistakes
		if _, err := policy.New(spec, policy.Options{}); !errors.As(err, &all) || len(all) != 1 || !strings.Contains(all[0].Error(), want) {
			t.Errorf("%+v: got %v, want %q and nothing else", *spec.State, err, want)
		}
	}
}

func TestASharedStateThatIsRightHasNoMistake(t *testing.T) {
	for name, change := range map[string]func(*policy.StateSpec){
		"an address alone":  func(*policy.StateSpec) {},
		"a password":        func(s *policy.StateSpec) { s.Password = "{secret.redis}" },
		"both in the words": func(s *policy.StateSpec) { s.User, s.Password = "gateway", "{secret.redis}" },
		"each in its place": func(s *policy.StateSpec) { s.Redis, s.Password = "redis://gateway@redis", "{secret.redis}" },
		"in the address":    func(s *policy.StateSpec) { s.Redis = "redis://gateway:{secret.redis}@redis:6379/0" },
		"certificates": func(s *policy.StateSpec) {
			s.Redis, s.CA, s.Certificate, s.Key = "rediss://redis", "/ca.pem", "/bot.pem", "/bot.key"
		},
		"a Cluster":        func(s *policy.StateSpec) { s.Redis = "redis://a:7001,b:7002,[::1]:7003" },
		"Sentinels":        func(s *policy.StateSpec) { s.Redis, s.Sentinel = "redis://a,b,c/1", "main" },
		"Sentinel's users": func(s *policy.StateSpec) { s.Sentinel, s.SentinelUser, s.SentinelPassword = "main", "a", "{secret.s}" },
		"bounds": func(s *policy.StateSpec) {
			s.Prefix, s.Timeout, s.Connections, s.MaxTenants, s.MaxStale = "a-b_9", seconds(5), 64, 1, 1<<20
		},
	} {
		spec := sharing(change)
		if all := policy.Check(&spec); len(all) > 0 {
			t.Errorf("%s: %+v: got %v", name, *spec.State, all)
		}
	}
}

func TestMistakesOfASharedStateStandWhereTheirWordsDo(t *testing.T) {
	at := func(line int) policy.Place { return policy.Place{File: "Caddyfile", Line: line} }
	spec := sharing(func(s *policy.StateSpec) {
		s.Redis, s.User, s.Prefix, s.Connections = "redis://{x}@a,b/3", "{y}", "A", 99
		s.Places = policy.Places{"state": at(4), "user": at(5), "prefix": at(7)}
	})
	var got []string
	for _, m := range policy.Check(&spec) {
		word, _, _ := strings.Cut(strings.TrimPrefix(m.Error(), "Caddyfile:"), ": state redis")
		got = append(got, word)
	}
	if lines := strings.Join(got, " "); lines != "4 4 4 5 5 5 7" {
		t.Errorf("got the lines %s, want 4 4 4 5 5 5 7: %v", lines, policy.Check(&spec))
	}
}

func TestAPasswordOfASharedStateIsInNoMistake(t *testing.T) {
	const password = "s3cr3t"
	for _, change := range []func(*policy.StateSpec){
		func(s *policy.StateSpec) { s.Redis = "redis://bot:" + password + "@" },
		func(s *policy.StateSpec) { s.Redis = "redis//bot:" + password + "@a" },
		func(s *policy.StateSpec) { s.Redis = "redis://bot:" + password + "@a:port" },
		func(s *policy.StateSpec) { s.Redis = "redis://bot:" + password + "%zz@a" },
		func(s *policy.StateSpec) { s.Redis = "redis://bot:{" + password + "}@a" },
		func(s *policy.StateSpec) { s.Redis = "redis://bot:{secret." + password + "@a" },
		func(s *policy.StateSpec) { s.Redis = "redis://bot:a@" + password + "@a/x" },
		func(s *policy.StateSpec) { s.Password = "{" + password + "}" },
		func(s *policy.StateSpec) { s.Password = password + "\x00" },
		func(s *policy.StateSpec) { s.SentinelPassword = password + "}" },
	} {
		spec := sharing(change)
		if err := policy.Check(&spec); len(err) == 0 || strings.Contains(err.Error(), password) {
			t.Errorf("%+v: got %v, want a mistake that does not repeat the password", *spec.State, err)
		}
	}
}

func TestAGatewayDoesNotStartWithoutTheSecretsOfItsSharedState(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "acme__redis"), []byte("a tenant's own"), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := sharing(func(s *policy.StateSpec) {
		s.Redis = "redis://{secret.name}@redis"
		s.Password, s.Sentinel, s.SentinelPassword = "{secret.redis}", "main", "{secret.known}"
	})
	spec.Secrets = []policy.SecretSource{{From: "dir", Where: folder}}
	if err := os.WriteFile(filepath.Join(folder, "known"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := policy.New(spec, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	err = g.Start()
	for _, want := range []string{"state redis: looking up {secret.name}: ", "state redis: password: looking up {secret.redis}: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if told := policy.MissingSecrets(&spec); told == nil || told.Error() != err.Error() || strings.Contains(told.Error(), "known") {
		t.Errorf("got %v, want what Start said: %v", told, err)
	}
}
