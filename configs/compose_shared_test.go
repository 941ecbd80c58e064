package configs_test

import (
	"slices"
	"strings"
	"testing"
)

const sharedComposePath = "configs/compose/compose.shared.yaml"

func TestComposeStartsTwoSidecarsThatAloneReachOneRedis(t *testing.T) {
	inRepository(t)
	wantChecked(t, sharedComposePath, checkSharedCompose, map[string]mistake{
		"unknown key":               {"    mem_limit: 256m", "    memory: 256m", "memory not found"},
		"waits for nobody":          {"      first: {condition", "      third: {condition", "waits for third, which is no service"},
		"a file that is not":        {"./shared/state.caddyfile:", "./shared/redis.caddyfile:", "no such file"},
		"a network that is not":     {"networks: [store]", "networks: [shop]", "shop is no network"},
		"others reach Redis":        {"networks: [calls]", "networks: [calls, state]", "bot: reaches Redis"},
		"a sidecar without Redis":   {"networks: [calls, store, state]", "networks: [calls, store]", "does not reach Redis"},
		"Redis reaches others":      {"networks: [state]", "networks: [state, calls]", "redis: is on networks of others"},
		"Redis reaches the world":   {"  state: {internal: true}", "  state: {internal: false}", "state is not internal"},
		"Redis for everybody":       {"    networks: [state]", "    networks: [state]\n    ports: [\"127.0.0.1:6379:6379\"]", "redis: is open to this machine"},
		"a sidecar for everybody":   {"    secrets: [store_token, redis_password]", "    secrets: [store_token, redis_password]\n    ports: [\"127.0.0.1:8081:8080\"]", "is open to this machine"},
		"Redis is root":             {`user: "65532:65532"`, `user: "0:0"`, "redis: may be root"},
		"Redis may do anything":     {"    cap_drop: [ALL]\n    security_opt: [\"no-new-privileges:true\"]\n    mem_limit", "    mem_limit", "redis: writes its files"},
		"Redis without a bound":     {"    mem_limit: 256m\n", "", "redis: may take all memory"},
		"another start":             {"/etc/redis/start.sh\"]", "/etc/redis/begin.sh\"]", "redis: is not started by the script"},
		"waits for Redis":           {"      store: {condition: service_healthy}", "      store: {condition: service_healthy}\n      redis: {condition: service_healthy}", "first: does not start without Redis"},
		"a sidecar has no password": {"secrets: [store_token, redis_password]", "secrets: [store_token]", "has no password for Redis"},
		"Redis has other secrets":   {"secrets: [redis_password]", "secrets: [redis_password, store_token]", "redis: can read secrets of others"},
		"no secret":                 {"file: ../demo/secrets/redis_password", "file: ../demo/secrets/password", "no such file"},
		"no version":                {"redis:8.10.0-alpine", "redis:alpine", "is not pinned"},
		"one sidecar":               {"  second: *sidecar\n", "  # No second.\n", "waits for second, which is no service"},
		"nobody asks for its state": {"      test: [\"CMD-SHELL\"", "      tests: [\"CMD-SHELL\"", "tests not found"},
	})
}

// checkSharedCompose names what is wrong with sidecars that share a Redis.
func checkSharedCompose(source string) []string {
	problems := checkCompose(source)
	var file composition
	if err := decodeYAML(source, &file); err != nil {
		return problems
	}
	for name, s := range file.Services {
		var found []string
		for _, network := range s.Networks {
			if _, known := file.Networks[network]; !known {
				found = append(found, network+" is no network")
			}
		}
		reaches := slices.Contains(s.Networks, "state")
		switch name {
		case "redis":
			found = append(found, s.checkRedis()...)
		case "first", "second":
			found = append(found, s.checkSidecar()...)
		default:
			if reaches || slices.Contains(s.Secrets, "redis_password") {
				found = append(found, "reaches Redis, or has its password")
			}
		}
		for _, problem := range found {
			problems = append(problems, name+": "+problem)
		}
	}
	if !file.Networks["state"].Internal {
		problems = append(problems, "state is not internal")
	}
	return problems
}

func (s service) checkRedis() []string {
	problems := s.checkRestrictions()
	if !slices.Equal(s.Networks, []string{"state"}) {
		problems = append(problems, "is on networks of others")
	}
	if len(s.Ports) > 0 {
		problems = append(problems, "is open to this machine")
	}
	if uid, _, _ := strings.Cut(s.User, ":"); uid == "" || uid == "0" {
		problems = append(problems, "may be root")
	}
	if s.MemLimit == "" {
		problems = append(problems, "may take all memory")
	}
	if !slices.Equal(s.Secrets, []string{"redis_password"}) {
		problems = append(problems, "can read secrets of others")
	}
	mounted := strings.Join(s.Volumes, "\n")
	if !slices.Equal(s.Command, []string{"sh", "/etc/redis/start.sh"}) ||
		!strings.Contains(mounted, ":/etc/redis/start.sh:") || !strings.Contains(mounted, ":/etc/redis/redis.conf:") {
		problems = append(problems, "is not started by the script with its configuration")
	}
	return problems
}

func (s service) checkSidecar() []string {
	var problems []string
	if !slices.Contains(s.Networks, "state") {
		problems = append(problems, "does not reach Redis")
	}
	if !slices.Contains(s.Secrets, "redis_password") {
		problems = append(problems, "has no password for Redis")
	}
	if len(s.Ports) > 0 {
		problems = append(problems, "is open to this machine, and with it the credentials that it adds")
	}
	if _, waits := s.DependsOn["redis"]; waits {
		problems = append(problems, "does not start without Redis")
	}
	return problems
}
