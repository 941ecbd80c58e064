//go:build e2e || soak

package e2e

import "strings"

// sharingConfig gives a Caddyfile whose sidecars share state on Redis: the lines of the
// block `state`, and what follows it. Tenants have no limits but those of policies.
func sharingConfig(state string, parts ...string) string {
	return `{
	admin 127.0.0.1:{$ADMIN}
	persist_config off
	log default {
		exclude admin.api
	}
	signpost {
		state redis {$REDIS} {
			` + strings.ReplaceAll(state, "; ", "\n") + `
		}
		plan default {
			rate_limit off
		}
		` + strings.Join(parts, "\n") + `
	}
}
:{$PORT} {
	bind 127.0.0.1
	signpost
}
`
}

// block gives a policy, of these lines, for the part of the third party that has
// its name.
func block(name string, lines ...string) string {
	return "policy " + name + " {$STORE}/" + name + " {\n" + strings.Join(lines, "\n") + "\n}"
}

// freeBlock is a policy that shares nothing: its calls take as long as the machine wants.
var freeBlock = block("free", "breaker off")

// patient has sidecars wait for Redis for longer than this machine keeps anybody
// waiting, so that a busy moment of it is not taken for a Redis that is away.
const patient = "timeout 2s"
