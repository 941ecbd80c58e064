package configs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const composePath = "configs/compose/compose.yaml"

// composition is a file of Docker Compose.
type composition struct {
	Name     string
	Services map[string]service
	Secrets  map[string]struct{ File string }
	Volumes  map[string]any
	Networks map[string]struct{ Internal bool }
}

type service struct {
	Image       string
	Build       *struct{ Context, Dockerfile string }
	Command     []string
	User        string
	MemLimit    string `yaml:"mem_limit"`
	ReadOnly    bool   `yaml:"read_only"`
	Tmpfs       []string
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Ports       []string
	Volumes     []string
	Secrets     []string
	Networks    []string
	Environment map[string]string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck *struct {
		Test        []string
		Interval    string
		Timeout     string
		StartPeriod string `yaml:"start_period"`
	}
	Restart string
}

func TestComposeStartsServicesThatFindEachOther(t *testing.T) {
	inRepository(t)
	wantChecked(t, composePath, checkCompose, map[string]mistake{
		"unknown key":             {"    restart: unless-stopped", "    restarts: unless-stopped", "restarts not found"},
		"waits for nobody":        {"      store: {condition", "      shop: {condition", "waits for shop, which is no service"},
		"waits for no health":     {"collector: {condition: service_started}", "collector: {condition: service_healthy}", "waits for the health of collector"},
		"a file that is not":      {"../otel/collector.yaml:", "../otel/collectors.yaml:", "no such file"},
		"mounted to write":        {"./Caddyfile:/etc/caddy/Caddyfile:ro", "./Caddyfile:/etc/caddy/Caddyfile", "is mounted to write"},
		"a volume that is not":    {"prometheus:/prometheus", "metrics:/prometheus", "metrics is no volume"},
		"one port for two":        {"127.0.0.1:9090:9090", "127.0.0.1:3000:9090", "port 3000 is taken twice"},
		"a port for everybody":    {`"127.0.0.1:8080:8080"`, `"8080:8080"`, "not open to this machine alone"},
		"no version":              {"prom/prometheus:v3.14.0", "prom/prometheus:latest", "is not pinned"},
		"a password in the clear": {"${GRAFANA_ADMIN_PASSWORD:?set it to the password that admin shall have}", "admin", "in the clear"},
		"anybody may change":      {"GF_AUTH_ANONYMOUS_ORG_ROLE: Viewer", "GF_AUTH_ANONYMOUS_ORG_ROLE: Admin", "Viewer"},
		"a secret that is not":    {"secrets: [store_token]", "secrets: [shop_token]", "shop_token is no secret"},
		"a file of no secret":     {"file: ../demo/secrets/store_token", "file: ../demo/secrets/shop_token", "no such file"},
		"no image":                {"dockerfile: xcaddy.Dockerfile", "dockerfile: Dockerfile", "no such file"},
		"root may do anything":    {"    cap_drop: [ALL]\n", "", "keeps capabilities"},
	})
}

// pinnedImage is an image of an exact version, or the one that is built here.
var pinnedImage = regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+\.\d+[a-z0-9.-]*$|^signpost:local$`)

// checkCompose names what is wrong with a file of Docker Compose.
func checkCompose(source string) []string {
	var file composition
	if err := decodeYAML(source, &file); err != nil {
		return []string{err.Error()}
	}
	var problems []string
	ports := make(map[string]bool)
	for name, s := range file.Services {
		found := append(s.checkImage(), s.checkSecrecy(name)...)
		found = append(found, s.checkNeighbours(file.Services)...)
		found = append(found, s.checkVolumes(file)...)
		for _, port := range s.Ports {
			parts := strings.Split(port, ":")
			if len(parts) != 3 || parts[0] != "127.0.0.1" {
				found = append(found, port+" is not open to this machine alone")
				continue
			}
			if ports[parts[1]] {
				found = append(found, "port "+parts[1]+" is taken twice")
			}
			ports[parts[1]] = true
		}
		for _, problem := range found {
			problems = append(problems, name+": "+problem)
		}
	}
	for _, secret := range file.Secrets {
		problems = append(problems, missing(secret.File)...)
	}
	return problems
}

// missing tells of a path beside compose.yaml that leads nowhere.
func missing(path string) []string {
	if _, err := os.Stat(filepath.Join(filepath.Dir(composePath), path)); err != nil {
		return []string{err.Error()}
	}
	return nil
}

func (s service) checkImage() []string {
	var problems []string
	if !pinnedImage.MatchString(s.Image) {
		problems = append(problems, "the image "+s.Image+" is not pinned")
	}
	if s.Build != nil {
		problems = append(problems, missing(filepath.Join(s.Build.Context, s.Build.Dockerfile))...)
		problems = append(problems, s.checkRestrictions()...)
	}
	return problems
}

func (s service) checkRestrictions() []string {
	if !s.ReadOnly || fmt.Sprint(s.CapDrop) != "[ALL]" || fmt.Sprint(s.SecurityOpt) != "[no-new-privileges:true]" {
		return []string{"writes its files, gains privileges or keeps capabilities"}
	}
	return nil
}

func (s service) checkSecrecy(name string) []string {
	var problems []string
	for variable, value := range s.Environment {
		if strings.Contains(variable, "PASSWORD") && !regexp.MustCompile(`^\$\{[A-Z_]+:\?.+\}$`).MatchString(value) {
			problems = append(problems, variable+" stands in the clear, or has a default")
		}
	}
	if name == "grafana" && s.Environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] != "Viewer" {
		problems = append(problems, "whoever does not log in is more than a Viewer")
	}
	return problems
}

// checkNeighbours wants services to wait for services; for their health where
// they tell it, as all do but the collector, whose image has no program to ask
// with. The gateway's image asks by itself.
func (s service) checkNeighbours(all map[string]service) []string {
	var problems []string
	for name, wanted := range s.DependsOn {
		other, known := all[name]
		switch {
		case !known:
			problems = append(problems, "waits for "+name+", which is no service")
		case wanted.Condition == "service_healthy" && other.Healthcheck == nil && other.Build == nil:
			problems = append(problems, "waits for the health of "+name+", which tells none")
		}
	}
	if s.Healthcheck == nil && s.Build == nil && !strings.HasPrefix(s.Image, "otel/") {
		problems = append(problems, "has no healthcheck")
	}
	return problems
}

func (s service) checkVolumes(file composition) []string {
	var problems []string
	for _, volume := range s.Volumes {
		from, rest, _ := strings.Cut(volume, ":")
		if !strings.HasPrefix(from, ".") {
			if _, known := file.Volumes[from]; !known {
				problems = append(problems, from+" is no volume")
			}
			continue
		}
		problems = append(problems, missing(from)...)
		if !strings.HasSuffix(rest, ":ro") {
			problems = append(problems, volume+" is mounted to write")
		}
	}
	for _, name := range s.Secrets {
		if _, known := file.Secrets[name]; !known {
			problems = append(problems, name+" is no secret")
		}
	}
	return problems
}

func TestTheStoreOfComposeKnowsTheTokenThatTheGatewayAdds(t *testing.T) {
	inRepository(t)
	token := strings.TrimSpace(read(t, "configs/demo/secrets/store_token"))
	if store := read(t, "configs/compose/store.Caddyfile"); !strings.Contains(store, `"Bearer `+token+`"`) {
		t.Errorf("the store does not ask for %q", token)
	}
}

// provisioning is what Grafana is told of where to find things.
type provisioning struct {
	APIVersion  int `yaml:"apiVersion"`
	Datasources []struct {
		Name, UID, Type, Access, URL string
		IsDefault                    bool              `yaml:"isDefault"`
		JSONData                     map[string]string `yaml:"jsonData"`
	}
	Providers []struct {
		Name, Type     string
		AllowUIUpdates bool `yaml:"allowUiUpdates"`
		Options        struct{ Path string }
	}
}

func TestGrafanaInComposeFindsItsSourcesAndItsDashboard(t *testing.T) {
	inRepository(t)
	compose := read(t, composePath)
	check := func(source string) []string {
		var file provisioning
		if err := decodeYAML(source, &file); err != nil {
			return []string{err.Error()}
		}
		var problems []string
		for _, d := range file.Datasources {
			host, port, _ := strings.Cut(strings.TrimPrefix(d.URL, "http://"), ":")
			if !strings.Contains(compose, "\n  "+host+":\n") || !strings.Contains(compose, `:`+port+`"`) {
				problems = append(problems, d.URL+" is no service of compose")
			}
		}
		for _, p := range file.Providers {
			if !strings.Contains(compose, "../grafana:"+p.Options.Path+":ro\n") || !strings.Contains(compose, p.Options.Path+"/signpost.json\n") {
				problems = append(problems, "the dashboard is not in "+p.Options.Path)
			}
		}
		return problems
	}
	wantChecked(t, "configs/compose/grafana/datasources.yaml", check, map[string]mistake{
		"unknown key":  {"isDefault", "default", "default not found"},
		"another host": {"http://prometheus:", "http://localhost:", "is no service"},
		"another port": {"jaeger:16686", "jaeger:16687", "is no service"},
	})
	wantChecked(t, "configs/compose/grafana/dashboards.yaml", check, map[string]mistake{
		"unknown key":    {"options:", "option:", "option not found"},
		"another folder": {"/var/lib/grafana-dashboards", "/var/lib/dashboards", "the dashboard is not in"},
	})
}
