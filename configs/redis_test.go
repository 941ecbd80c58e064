package configs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	redisFolder  = "configs/redis"
	sharedFolder = "configs/kubernetes-shared"
)

// redisPod is the deployment of Redis.
func redisPod(t *testing.T) deployment {
	t.Helper()
	var d deployment
	if err := decodeYAML(read(t, filepath.Join(redisFolder, "deployment.yaml")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// sidecarPod is the deployment of those that share it.
func sidecarPod(t *testing.T) deployment {
	t.Helper()
	var d deployment
	beside(t, "deployment.yaml", &d)
	return d
}

func TestOneRedisRunsWithNothingButItsPassword(t *testing.T) {
	inRepository(t)
	var all kustomization
	if err := decodeYAML(read(t, filepath.Join(redisFolder, "kustomization.yaml")), &all); err != nil {
		t.Fatal(err)
	}
	start := read(t, filepath.Join(redisFolder, "start.sh"))
	bound := maxMemory(t)
	wantChecked(t, filepath.Join(redisFolder, "deployment.yaml"), func(source string) []string {
		var d deployment
		if err := decodeYAML(source, &d); err != nil {
			return []string{err.Error()}
		}
		return d.checkRedis(all, start, bound)
	}, map[string]mistake{
		"unknown key":             {"replicas: 1", "replica: 1", "replica not found"},
		"two that count":          {"replicas: 1", "replicas: 2", "two may count by themselves"},
		"two for a moment":        {"type: Recreate", "type: RollingUpdate", "two may count by themselves"},
		"selects other pods":      {"    matchLabels:\n      app.kubernetes.io/name: redis", "    matchLabels:\n      app.kubernetes.io/name: valkey", "selects no pod"},
		"root":                    {"runAsNonRoot: true", "runAsNonRoot: false", "may be root"},
		"a token for Kubernetes":  {"automountServiceAccountToken: false", "automountServiceAccountToken: true", "may talk to Kubernetes"},
		"privileges":              {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "is not restricted"},
		"no limit of memory":      {"limits: {memory: 256Mi}", "limits: {cpu: 1}", "no limit of memory"},
		"too little memory":       {"limits: {memory: 256Mi}", "limits: {memory: 200Mi}", "is killed before it is full"},
		"a volume that is not":    {"- name: config\n              mountPath", "- name: conf\n              mountPath", "mounts conf, which is no volume"},
		"all secrets":             {"            items:\n              - key: redis_password\n                path: redis_password\n", "", "can read secrets of others"},
		"another secret":          {"- key: redis_password", "- key: store_token", "can read secrets of others"},
		"everybody reads secrets": {"defaultMode: 0440", "defaultMode: 0444", "read by everybody"},
		"no such ConfigMap":       {"configMap:\n            name: redis", "configMap:\n            name: valkey", "made by nobody"},
		"another start":           {"/etc/redis/start.sh", "/etc/redis/begin.sh", "is started by no file"},
		"an image of no version":  {"image: redis", "image: valkey", "valkey has no version"},
		"asks as another":         {"--user signpost", "--user default", "asks as a user who may not come in"},
	})
}

// checkRedis names what is wrong with a deployment of Redis of which maxmemory is
// so many bytes.
func (d deployment) checkRedis(all kustomization, start string, bound int) []string {
	var problems []string
	p := d.Spec.Template.Spec
	c := p.Containers[0]
	if !selects(d.Spec.Selector, d.Spec.Template.Metadata.Labels) {
		problems = append(problems, "selects no pod of its own")
	}
	if d.Spec.Replicas != 1 || d.Spec.Strategy.Type != "Recreate" {
		problems = append(problems, "two may count by themselves")
	}
	if s := p.SecurityContext; !s.RunAsNonRoot || s.RunAsUser == 0 || s.RunAsGroup == 0 || s.SeccompProfile["type"] != "RuntimeDefault" {
		problems = append(problems, "may be root, or make any system call")
	}
	if p.AutomountServiceAccountToken {
		problems = append(problems, "may talk to Kubernetes")
	}
	problems = append(problems, p.checkVolumes(all, secretNamed("signpost-secrets"))...)
	problems = append(problems, c.checkMounts(p.Volumes)...)
	problems = append(problems, c.checkRestrictions()...)
	for _, v := range p.Volumes {
		if v.Secret != nil && fmt.Sprint(v.Secret.Items) != "[{redis_password redis_password}]" {
			problems = append(problems, "can read secrets of others")
		}
	}
	if !slices.ContainsFunc(all.Images, func(i taggedImage) bool { return i.Name == c.Image && i.NewTag != "" }) {
		problems = append(problems, c.Image+" has no version in kustomization.yaml")
	}
	if len(c.Command) != 2 || filepath.Dir(c.Command[1]) != "/etc/redis" || !slices.Contains(all.ConfigMapGenerator[0].Files, filepath.Base(c.Command[1])) {
		problems = append(problems, "is started by no file of its ConfigMap")
	}
	if limit := mebibytes(c.Resources.Limits["memory"]); limit*3/4 < bound {
		problems = append(problems, "is killed before it is full")
	}
	user := userOf(start)
	for _, probe := range []*probe{c.ReadinessProbe, c.LivenessProbe} {
		if asked := strings.Join(probe.Exec.Command, " "); !strings.Contains(asked, "--user "+user+" ping") {
			problems = append(problems, "asks as a user who may not come in")
		}
	}
	return problems
}

// secretNamed is a Secret of that name.
func secretNamed(name string) secretObject {
	var s secretObject
	s.Metadata.Name = name
	return s
}

// userOf is who may come in, as start.sh says.
func userOf(start string) string {
	for _, user := range regexp.MustCompile(`--user (\S+) on `).FindAllStringSubmatch(start, -1) {
		return user[1]
	}
	return "nobody"
}

// mebibytes reads 256Mi, and gives bytes; 0 for anything else.
func mebibytes(text string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(text, "Mi"))
	return n << 20
}

// maxMemory is what redis.conf gives Redis, in bytes.
func maxMemory(t *testing.T) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^maxmemory (\d+)mb$`).FindStringSubmatch(read(t, filepath.Join(redisFolder, "redis.conf")))
	if found == nil {
		t.Fatal("redis.conf sets no maxmemory in megabytes")
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n << 20
}

func TestSidecarsAloneReachRedis(t *testing.T) {
	inRepository(t)
	redis, sidecars := redisPod(t).Spec.Template, sidecarPod(t).Spec.Template
	port := redis.Spec.Containers[0].Ports[0]
	wantChecked(t, filepath.Join(redisFolder, "networkpolicy.yaml"), func(source string) []string {
		var n networkPolicy
		if err := decodeYAML(source, &n); err != nil {
			return []string{err.Error()}
		}
		var problems []string
		if !selects(n.Spec.PodSelector, redis.Metadata.Labels) {
			problems = append(problems, "is not about Redis")
		}
		if fmt.Sprint(n.Spec.PolicyTypes) != "[Ingress Egress]" || len(n.Spec.Egress) > 0 {
			problems = append(problems, "lets Redis call others")
		}
		for _, in := range n.Spec.Ingress {
			if len(in.From) != 1 || !selects(in.From[0].PodSelector, sidecars.Metadata.Labels) {
				problems = append(problems, "lets others in, or not the sidecars")
			}
			if len(in.Ports) != 1 || in.Ports[0].Port != port.Name {
				problems = append(problems, "opens another port")
			}
		}
		return problems
	}, map[string]mistake{
		"unknown key":    {"podSelector", "selector", "selector not found"},
		"of other pods":  {"name: redis\n  policyTypes", "name: valkey\n  policyTypes", "is not about Redis"},
		"ingress alone":  {"[Ingress, Egress]", "[Ingress]", "lets Redis call others"},
		"everybody":      {"            matchLabels:\n              app.kubernetes.io/name: bot", "            matchLabels: {}", "lets others in"},
		"other sidecars": {"app.kubernetes.io/name: bot", "app.kubernetes.io/name: web", "lets others in, or not the sidecars"},
		"another port":   {"port: redis", "port: http", "opens another port"},
	})
	wantChecked(t, filepath.Join(redisFolder, "service.yaml"), func(source string) []string {
		var s serviceObject
		if err := decodeYAML(source, &s); err != nil {
			return []string{err.Error()}
		}
		var problems []string
		if !selects(labelSelector{s.Spec.Selector}, redis.Metadata.Labels) {
			problems = append(problems, "leads to no pod")
		}
		if p := s.Spec.Ports[0]; p.TargetPort != port.Name {
			problems = append(problems, "leads to another port")
		}
		address := fmt.Sprintf("redis://%s:%d ", s.Metadata.Name, s.Spec.Ports[0].Port)
		if !strings.Contains(read(t, filepath.Join(sharedFolder, "state.caddyfile")), address) {
			problems = append(problems, address+"is not where sidecars look")
		}
		return problems
	}, map[string]mistake{
		"unknown key":   {"targetPort", "target", "target not found"},
		"of other pods": {"    app.kubernetes.io/name: redis\n  ports", "    app.kubernetes.io/name: valkey\n  ports", "leads to no pod"},
		"another name":  {"name: redis", "name: valkey", "is not where sidecars look"},
		"another port":  {"port: 6379", "port: 6380", "is not where sidecars look"},
		"of the pod":    {"targetPort: redis", "targetPort: http", "leads to another port"},
	})
}

func TestWhatIsAppliedForSharedStateIsThere(t *testing.T) {
	inRepository(t)
	var base kustomization
	beside(t, "kustomization.yaml", &base)
	for folder, mistakes := range map[string]map[string]mistake{
		redisFolder: {
			"unknown key":  {"resources:", "resource:", "resource not found"},
			"no such file": {"- service.yaml", "- services.yaml", "no such file"},
			"no script":    {"- start.sh", "- begin.sh", "no such file"},
		},
		sharedFolder: {
			"no sidecars":    {"- ../kubernetes", "- ../sidecar", "no such file"},
			"no Redis":       {"- ../redis", "- ../valkey", "no such file"},
			"no state":       {"- state.caddyfile", "- redis.caddyfile", "no such file"},
			"another map":    {"- name: signpost", "- name: gateway", "gateway is mounted by nobody"},
			"in their place": {"behavior: merge", "behavior: replace", "loses the Caddyfile"},
			"sample secrets": {"- ../redis", "- secret.yaml", "sample secrets"},
		},
	} {
		wantChecked(t, filepath.Join(folder, "kustomization.yaml"), func(source string) []string {
			var k kustomization
			if err := decodeYAML(source, &k); err != nil {
				return []string{err.Error()}
			}
			var problems []string
			for _, name := range append(k.Resources, k.ConfigMapGenerator[0].Files...) {
				if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
					problems = append(problems, err.Error())
				}
			}
			if slices.Contains(k.Resources, "secret.yaml") {
				problems = append(problems, "sample secrets replace the real ones")
			}
			if made := k.ConfigMapGenerator[0]; folder == sharedFolder && made.Name != base.ConfigMapGenerator[0].Name {
				problems = append(problems, made.Name+" is mounted by nobody")
			} else if folder == sharedFolder && made.Behavior != "merge" {
				problems = append(problems, "the pod loses the Caddyfile")
			}
			return problems
		}, mistakes)
	}
	imported := regexp.MustCompile(`(?m)^\t\timport (\S+)$`).FindStringSubmatch(read(t, "configs/kubernetes/Caddyfile"))
	if fits, err := filepath.Match(imported[1], "state.caddyfile"); err != nil || !fits {
		t.Errorf("the pods' Caddyfile imports %s, want state.caddyfile among them", imported[1])
	}
}

func TestSidecarsComeToRedisAsWhomItLetsIn(t *testing.T) {
	inRepository(t)
	start := read(t, filepath.Join(redisFolder, "start.sh"))
	if !strings.Contains(start, "--user default off") {
		t.Error("whoever names no user comes in")
	}
	for _, path := range []string{filepath.Join(sharedFolder, "state.caddyfile"), "configs/compose/shared/state.caddyfile"} {
		if state := read(t, path); !strings.Contains(state, "\tuser "+userOf(start)+"\n\tpassword {secret.redis_password}\n") {
			t.Errorf("%s does not come as %s with the password that Redis reads", path, userOf(start))
		}
	}
	if !strings.Contains(start, "/run/secrets/redis_password") {
		t.Error("Redis does not read the password where it is mounted")
	}
}
