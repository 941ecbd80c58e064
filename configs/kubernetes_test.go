package configs_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const deploymentPath = "configs/kubernetes/deployment.yaml"

// beside reads an object of the same folder.
func beside(t *testing.T, name string, v any) {
	t.Helper()
	if err := decodeYAML(read(t, filepath.Join(filepath.Dir(deploymentPath), name)), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestThePodRunsTheGatewayBesideTheBotAndNothingMore(t *testing.T) {
	inRepository(t)
	var all kustomization
	var secret secretObject
	beside(t, "kustomization.yaml", &all)
	beside(t, "secret.yaml", &secret)
	check := func(source string) []string {
		var d deployment
		if err := decodeYAML(source, &d); err != nil {
			return []string{err.Error()}
		}
		return d.check(all, secret)
	}
	wantChecked(t, deploymentPath, check, map[string]mistake{
		"unknown key":              {"replicas: 2", "replica: 2", "replica not found"},
		"selects other pods":       {"    matchLabels:\n      app.kubernetes.io/name: bot", "    matchLabels:\n      app.kubernetes.io/name: bots", "selects no pod"},
		"root":                     {"runAsNonRoot: true", "runAsNonRoot: false", "may be root"},
		"root by number":           {"runAsUser: 65532", "runAsUser: 0", "may be root"},
		"a token for Kubernetes":   {"automountServiceAccountToken: false", "automountServiceAccountToken: true", "talk to Kubernetes"},
		"privileges":               {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "signpost: is not restricted"},
		"writes its files":         {"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "bot: is not restricted"},
		"capabilities":             {"drop: [ALL]", "drop: [NET_RAW]", "is not restricted"},
		"no limit of memory":       {"limits: {memory: 256Mi}", "limits: {cpu: 1}", "no limit of memory"},
		"no place for Caddy":       {"mountPath: /tmp", "mountPath: /var/tmp", "/tmp is not mounted"},
		"another Caddyfile":        {"mountPath: /etc/caddy\n", "mountPath: /etc/caddyfile\n", "/etc/caddy is not mounted"},
		"secrets elsewhere":        {"mountPath: /run/secrets", "mountPath: /secrets", "/run/secrets is not mounted"},
		"secrets to write":         {"mountPath: /run/secrets\n              readOnly: true", "mountPath: /run/secrets", "secrets is mounted to write"},
		"a volume that is not":     {"- name: tmp\n              mountPath", "- name: temp\n              mountPath", "mounts temp, which is no volume"},
		"no such ConfigMap":        {"configMap:\n            name: signpost", "configMap:\n            name: gateway", "ConfigMap gateway is made by nobody"},
		"no such Secret":           {"secretName: signpost-secrets", "secretName: secrets", "Secret secrets is made by nobody"},
		"everybody reads secrets":  {"defaultMode: 0440", "defaultMode: 0444", "read by everybody"},
		"asks a port that is not":  {"readinessProbe:\n            httpGet: {path: /health, port: metrics}", "readinessProbe:\n            httpGet: {path: /health, port: http}", "readiness asks http/health"},
		"asks another page":        {"livenessProbe:\n            httpGet: {path: /health", "livenessProbe:\n            httpGet: {path: /healthz", "liveness asks metrics/healthz"},
		"a port of nobody":         {"containerPort: 9180", "containerPort: 9181", "no site listens on 9181"},
		"not restarted":            {"          restartPolicy: Always\n", "", "ends before the bot starts"},
		"an image without version": {"image: registry.example/bot", "image: registry.example/robot", "registry.example/robot has no version"},
		"the bot has the secrets": {
			"          securityContext: *restricted", "          volumeMounts: [{name: secrets, mountPath: /run/secrets, readOnly: true}]\n          securityContext: *restricted",
			"bot: can read the secrets",
		},
	})
}

// check names what is wrong with the deployment.
func (d deployment) check(all kustomization, secret secretObject) []string {
	var problems []string
	p := d.Spec.Template.Spec
	if !selects(d.Spec.Selector, d.Spec.Template.Metadata.Labels) {
		problems = append(problems, "selects no pod of its own")
	}
	if s := p.SecurityContext; !s.RunAsNonRoot || s.RunAsUser == 0 || s.RunAsGroup == 0 || s.SeccompProfile["type"] != "RuntimeDefault" {
		problems = append(problems, "may be root, or make any system call")
	}
	if p.AutomountServiceAccountToken {
		problems = append(problems, "may talk to Kubernetes")
	}
	problems = append(problems, p.checkVolumes(all, secret)...)
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		found := append(c.checkMounts(p.Volumes), c.checkRestrictions()...)
		if !slices.ContainsFunc(all.Images, func(i taggedImage) bool { return i.Name == c.Image && i.NewTag != "" }) {
			found = append(found, c.Image+" has no version in kustomization.yaml")
		}
		if c.Name == "signpost" {
			found = append(found, c.checkGateway()...)
		} else if slices.Contains(c.mounted(), "/run/secrets") {
			found = append(found, "can read the secrets")
		}
		for _, problem := range found {
			problems = append(problems, c.Name+": "+problem)
		}
	}
	return problems
}

// selects tells whether a selector finds what has these labels.
func selects(s labelSelector, labels map[string]string) bool {
	for name, value := range s.MatchLabels {
		if labels[name] != value {
			return false
		}
	}
	return len(s.MatchLabels) > 0
}

func (p pod) checkVolumes(all kustomization, secret secretObject) []string {
	var problems []string
	for _, v := range p.Volumes {
		switch {
		case v.ConfigMap != nil && v.ConfigMap.Name != all.ConfigMapGenerator[0].Name:
			problems = append(problems, "the ConfigMap "+v.ConfigMap.Name+" is made by nobody")
		case v.Secret != nil && v.Secret.SecretName != secret.Metadata.Name:
			problems = append(problems, "the Secret "+v.Secret.SecretName+" is made by nobody")
		case v.Secret != nil && (v.Secret.DefaultMode != 0o440 || p.SecurityContext.FSGroup != p.SecurityContext.RunAsGroup):
			problems = append(problems, "secrets are read by everybody, or by nobody")
		case v.EmptyDir != nil && v.EmptyDir.SizeLimit == "":
			problems = append(problems, v.Name+" may grow without end")
		}
	}
	return problems
}

// mounted lists where a container has volumes.
func (c container) mounted() []string {
	var paths []string
	for _, m := range c.VolumeMounts {
		paths = append(paths, m.MountPath)
	}
	return paths
}

func (c container) checkMounts(volumes []podVolume) []string {
	var problems []string
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(volumes, func(v podVolume) bool { return v.Name == m.Name })
		switch {
		case i < 0:
			problems = append(problems, "mounts "+m.Name+", which is no volume")
		case volumes[i].EmptyDir == nil && !m.ReadOnly:
			problems = append(problems, m.Name+" is mounted to write")
		}
	}
	return problems
}

func (c container) checkRestrictions() []string {
	var problems []string
	s := c.SecurityContext
	if s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
		problems = append(problems, "is not restricted")
	}
	if c.Resources.Limits["memory"] == "" || c.Resources.Requests["memory"] == "" || c.Resources.Requests["cpu"] == "" {
		problems = append(problems, "has no limit of memory, or requests nothing")
	}
	return problems
}

// servedPages are what the Caddyfile of the pod serves to the cluster; another
// test asks for them.
var servedPages = map[int]string{9180: "/health"}

func (c container) checkGateway() []string {
	var problems []string
	if c.RestartPolicy != "Always" {
		problems = append(problems, "ends before the bot starts")
	}
	for _, path := range []string{"/etc/caddy", "/run/secrets", "/tmp"} {
		if !slices.Contains(c.mounted(), path) {
			problems = append(problems, path+" is not mounted")
		}
	}
	ports := make(map[string]int)
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
		if servedPages[p.ContainerPort] == "" {
			problems = append(problems, fmt.Sprintf("no site listens on %d", p.ContainerPort))
		}
	}
	for name, p := range map[string]*probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if p == nil || servedPages[ports[p.HTTPGet.Port]] != p.HTTPGet.Path {
			problems = append(problems, fmt.Sprintf("%s asks %s%s, which no site serves", name, p.HTTPGet.Port, p.HTTPGet.Path))
		}
	}
	return problems
}

func TestWhatIsAppliedWithTheDeploymentFits(t *testing.T) {
	inRepository(t)
	var d deployment
	beside(t, "deployment.yaml", &d)
	labels := d.Spec.Template.Metadata.Labels
	port := d.Spec.Template.Spec.InitContainers[0].Ports[0].Name
	folder := filepath.Dir(deploymentPath)
	wantChecked(t, filepath.Join(folder, "kustomization.yaml"), func(source string) []string {
		var k kustomization
		if err := decodeYAML(source, &k); err != nil {
			return []string{err.Error()}
		}
		var problems []string
		if slices.Contains(k.Resources, "secret.yaml") {
			problems = append(problems, "sample secrets replace the real ones")
		}
		for _, name := range append(k.Resources, k.ConfigMapGenerator[0].Files...) {
			if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
				problems = append(problems, err.Error())
			}
		}
		return problems
	}, map[string]mistake{
		"unknown key":    {"resources:\n", "resource:\n", "resource not found"},
		"no such file":   {"- poddisruptionbudget.yaml", "- budget.yaml", "no such file"},
		"no Caddyfile":   {"- Caddyfile", "- caddyfile", "no such file"},
		"sample secrets": {"- poddisruptionbudget.yaml", "- secret.yaml", "sample secrets"},
	})
	wantChecked(t, filepath.Join(folder, "poddisruptionbudget.yaml"), func(source string) []string {
		var budget struct {
			object `yaml:",inline"`
			Spec   struct {
				MaxUnavailable int `yaml:"maxUnavailable"`
				Selector       labelSelector
			}
		}
		if err := decodeYAML(source, &budget); err != nil {
			return []string{err.Error()}
		}
		if !selects(budget.Spec.Selector, labels) || budget.Spec.MaxUnavailable < 1 || budget.Spec.MaxUnavailable >= d.Spec.Replicas {
			return []string{"lets all pods go, or none, or is about others"}
		}
		return nil
	}, map[string]mistake{
		"unknown key":     {"maxUnavailable", "maxUnavailabe", "maxUnavailabe not found"},
		"no drain ends":   {"maxUnavailable: 1", "maxUnavailable: 0", "lets all pods go, or none"},
		"all at once":     {"maxUnavailable: 1", "maxUnavailable: 2", "lets all pods go, or none"},
		"of other pods":   {"    matchLabels:\n      app.kubernetes.io/name: bot", "    matchLabels:\n      app.kubernetes.io/name: web", "is about others"},
		"of all the pods": {"    matchLabels:\n      app.kubernetes.io/name: bot", "    matchLabels: {}", "is about others"},
	})
	wantChecked(t, filepath.Join(folder, "podmonitor.yaml"), func(source string) []string { return checkMonitor(source, labels, port) }, map[string]mistake{
		"unknown key":   {"podMetricsEndpoints", "endpoints", "endpoints not found"},
		"of other pods": {"    matchLabels:\n      app.kubernetes.io/name: bot", "    matchLabels:\n      app.kubernetes.io/name: web", "finds no pod"},
		"another port":  {"port: metrics", "port: http", "asks http/metrics"},
		"another path":  {"path: /metrics", "path: /", "asks metrics/"},
		"another job":   {"replacement: signpost", "replacement: bots", "no rule"},
	})
}

func checkMonitor(source string, labels map[string]string, port string) []string {
	var monitor struct {
		object `yaml:",inline"`
		Spec   struct {
			Selector  labelSelector
			Endpoints []struct {
				Port, Path, Interval string
				Relabelings          []struct {
					TargetLabel string `yaml:"targetLabel"`
					Replacement string
				}
			} `yaml:"podMetricsEndpoints"`
		}
	}
	if err := decodeYAML(source, &monitor); err != nil {
		return []string{err.Error()}
	}
	var problems []string
	if !selects(monitor.Spec.Selector, labels) {
		problems = append(problems, "finds no pod")
	}
	for _, e := range monitor.Spec.Endpoints {
		if e.Port != port || e.Path != "/metrics" {
			problems = append(problems, "asks "+e.Port+e.Path)
		}
		if r := e.Relabelings[0]; r.TargetLabel != "job" || r.Replacement != "signpost" {
			problems = append(problems, "no rule is about the job "+r.Replacement)
		}
	}
	return problems
}

func TestSecretsHoldWhatThePodsCaddyfileNames(t *testing.T) {
	inRepository(t)
	pod := read(t, "configs/kubernetes/Caddyfile")
	for path, config := range map[string]string{
		"configs/kubernetes/secret.yaml":        pod,
		"configs/kubernetes-shared/secret.yaml": pod + read(t, "configs/kubernetes-shared/state.caddyfile"),
	} {
		wantChecked(t, path, func(source string) []string {
			var secret secretObject
			if err := decodeYAML(source, &secret); err != nil {
				return []string{err.Error()}
			}
			var problems []string
			for _, name := range slices.Sorted(maps.Keys(secret.StringData)) {
				if !strings.Contains(config, "{secret."+name+"}") {
					problems = append(problems, name+" is asked by nobody")
				}
			}
			if got, want := len(secret.StringData), strings.Count(config, "{secret."); got != want {
				problems = append(problems, fmt.Sprintf("%d values, where the Caddyfile names %d", got, want))
			}
			return problems
		}, map[string]mistake{
			"unknown key":  {"stringData", "strings", "strings not found"},
			"another name": {"  store_token:", "  shop_token:", "shop_token is asked by nobody"},
		})
	}
}
