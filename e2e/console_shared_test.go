//go:build e2e

package e2e

import (
	"testing"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

func TestTheConsoleSaysOnEveryPageThatRedisIsAway(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	w := openWatched(t, "state redis "+redis.URL())
	w.start(t)
	reader := launch(t, ".", append(w.places(t, ""), "BROWSER="+browser(t)), "node", "console/shared.mjs")
	reader.tell(t, "there", `(there)\n`)
	redis.Kill()
	reader.tell(t, "away", `(away)\n`)
	redis.Restart()
	reader.tell(t, "back", `(back)\n`)
}
