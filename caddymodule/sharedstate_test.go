package caddymodule_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/caddyserver/caddy/v2"
)

// onRedis is the `state` of a Redis that may be slow, as machines that run tests are.
func onRedis(redis *miniredis.Miniredis, more string) string {
	return "state redis redis://" + redis.Addr() + " {\ntimeout 2s\n" + more + "\n}\n"
}

// threeAnHour is the limit of a tenant, and a policy.
func threeAnHour(t testing.TB) string {
	return "plan default {\nrate_limit 3/h\n}\npolicy store " + okParty(t)
}

func TestASidecarThatStartsAnewGoesOnCountingWhereItStopped(t *testing.T) {
	redis := miniredis.RunT(t)
	limits := threeAnHour(t)
	s := start(t, onRedis(redis, "")+limits)
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Ratelimit", `"default:3/h";r=2`)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.load(onRedis(redis, "")+limits, "signpost"); err != nil {
		t.Fatal(err)
	}
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Ratelimit", `"default:3/h";r=1`)
	s.get("/store/x", "X-Tenant-ID", "globex").want(t, 200, "Ratelimit", `"default:3/h";r=2`)
}

func TestAReloadMovesTheStateToRedisAndBackUnderTrafficWithoutLosingACall(t *testing.T) {
	redis := miniredis.RunT(t)
	policy := unlimited + "policy store " + okParty(t) + " {\nrate_limit 1000000/h\n}"
	s := start(t, policy)
	var answered atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			a, err := s.during("/store/x", "X-Tenant-ID", "acme")
			if err != nil || a.StatusCode != 200 {
				t.Errorf("a call was lost: %v, %+v", err, a.Response)
				return
			}
			answered.Add(1)
		}
	}()
	for _, state := range []string{onRedis(redis, ""), onRedis(redis, "prefix other"), "state memory\n", onRedis(redis, "fail closed"), ""} {
		s.reloadBetween(state+policy, &answered)
	}
	close(stop)
	<-done
	eventually(t, "no connection to Redis is left", func() bool { return redis.CurrentConnectionCount() == 0 })
}

func TestAConfigurationIsValidWithoutRedisAndConnectsToNothing(t *testing.T) {
	redis := miniredis.RunT(t)
	config, err := adapt("{\nsignpost {\n" + onRedis(redis, "") + threeAnHour(t) + "\n}\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	var parsed caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&parsed); err != nil {
		t.Errorf("validating: %v", err)
	}
	if n := redis.TotalConnectionCount(); n != 0 {
		t.Errorf("%d connections were made, want none", n)
	}
}

func TestAConfigurationThatIsRejectedLeavesTheSharedStateAsItWas(t *testing.T) {
	redis := miniredis.RunT(t)
	limits := threeAnHour(t)
	s := start(t, onRedis(redis, "")+limits)
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Ratelimit", `"default:3/h";r=2`)
	connected := redis.CurrentConnectionCount()
	// Listening fails when everything else has started.
	err := load(strings.Replace(s.source(onRedis(redis, "")+limits, "signpost"), "bind unix/", "bind unix//nowhere/", 1))
	if err == nil {
		t.Fatal("a configuration that cannot listen was taken")
	}
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Ratelimit", `"default:3/h";r=1`)
	if n := redis.CurrentConnectionCount(); n != connected {
		t.Errorf("%d connections, want %d as before", n, connected)
	}
}
