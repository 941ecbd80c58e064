//go:build e2e

package e2e

import (
	"testing"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// wantMode checks how sidecars say that they reach Redis.
func (f *fleet) wantMode(t *testing.T, want string) {
	t.Helper()
	for _, s := range f.sidecars {
		if state, err := s.sharing(); err != nil || state.Mode != want {
			t.Errorf("sidecar %d says its mode is %q (%v), want %q", s.number, state.Mode, err, want)
		}
	}
}

func TestSidecarsFollowSentinelsToAnotherMaster(t *testing.T) {
	t.Parallel()
	watched := redisserver.StartWatched(t, 1)
	w := &world{redis: watched.Master()}
	w.fleet = deploy(t, crew{size: 2, redis: watched.URL(), config: troubledConfig("sentinel " + redisserver.MasterName)})
	w.awaitThere(t, true)
	w.wantMode(t, "sentinel")
	failover := trouble{away: true, forgets: true, heals: true,
		begin: func(*world) { w.redis.Kill() },
		end:   func(*world) { w.redis = watched.AwaitMaster(w.redis) },
	}
	e := w.endure(t, failover, []string{"a", "b", "c", "d"})
	e.checkLimits(t, w, failover)
	e.checkTimes(t, failover)
	e.checkWords(t, w, failover)
}

func TestSidecarsGoOnWhenAMasterOfAClusterIsReplaced(t *testing.T) {
	t.Parallel()
	cluster := redisserver.StartCluster(t)
	owner := cluster.Owner("{signpost}")
	w := &world{redis: cluster.Masters[owner]}
	w.fleet = deploy(t, crew{size: 2, redis: cluster.URL(), config: troubledConfig("fail local")})
	w.awaitThere(t, true)
	w.wantMode(t, "cluster")
	failover := trouble{away: true, forgets: true, heals: true,
		begin: func(*world) { w.redis.Kill() },
		end: func(*world) {
			cluster.AwaitPromotion(owner)
			w.redis = cluster.Replicas[owner]
		},
	}
	e := w.endure(t, failover, []string{"a", "b", "c", "d"})
	e.checkLimits(t, w, failover)
	e.checkTimes(t, failover)
	e.checkWords(t, w, failover)
}
