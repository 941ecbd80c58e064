package configs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile, with its continuation lines.
type instruction struct{ name, arguments string }

// dockerfile reads the instructions of the image.
func dockerfile(t *testing.T) []instruction {
	t.Helper()
	inRepository(t)
	source := strings.ReplaceAll(read(t, "xcaddy.Dockerfile"), "\\\n", " ")
	var all []instruction
	for line := range strings.SplitSeq(source, "\n") {
		if name, arguments, found := strings.Cut(line, " "); found && !strings.HasPrefix(line, "#") {
			all = append(all, instruction{name, strings.Join(strings.Fields(arguments), " ")})
		}
	}
	return all
}

// finalStage is what the last FROM begins: the image itself.
func finalStage(t *testing.T, all []instruction) []instruction {
	t.Helper()
	for i, in := range slices.Backward(all) {
		if in.name == "FROM" {
			return all[i:]
		}
	}
	t.Fatal("the Dockerfile has no FROM")
	return nil
}

// arguments gives those of each instruction of that name.
func arguments(all []instruction, name string) []string {
	var found []string
	for _, in := range all {
		if in.name == name {
			found = append(found, in.arguments)
		}
	}
	return found
}

func TestTheImageIsBuiltFromExactVersions(t *testing.T) {
	all := dockerfile(t)
	pinned := regexp.MustCompile(`^[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*( AS \w+)?$`)
	for _, from := range arguments(all, "FROM") {
		if !pinned.MatchString(from) {
			t.Errorf("FROM %s, want a tag of three numbers", from)
		}
	}
	build := strings.Join(arguments(all, "RUN"), "\n")
	for _, want := range []string{`xcaddy/cmd/xcaddy@v\d+\.\d+\.\d+`, `xcaddy build v\d+\.\d+\.\d+ --with github\.com/signpost-gateway/signpost=\.`} {
		if !regexp.MustCompile(want).MatchString(build) {
			t.Errorf("the build %q does not contain %s", build, want)
		}
	}
}

func TestTheImageIsBuiltWithTheCaddyThatIsTested(t *testing.T) {
	all := dockerfile(t)
	required := regexp.MustCompile(`github\.com/caddyserver/caddy/v2 (v\S+)`).FindStringSubmatch(read(t, "go.mod"))
	if required == nil {
		t.Fatal("go.mod requires no Caddy")
	}
	if build := strings.Join(arguments(all, "RUN"), "\n"); !strings.Contains(build, "xcaddy build "+required[1]+" ") {
		t.Errorf("go.mod requires Caddy %s, the image is built by %q", required[1], build)
	}
}

func TestTheImagesBuildFailsWithoutTheModule(t *testing.T) {
	build := strings.Join(arguments(dockerfile(t), "RUN"), "\n")
	if !strings.Contains(build, "list-modules | grep -q http.handlers.signpost") {
		t.Errorf("the build %q does not look for http.handlers.signpost", build)
	}
}

func TestTheImageDoesNotRunAsRootAndVerifiesThirdParties(t *testing.T) {
	final := finalStage(t, dockerfile(t))
	users := arguments(final, "USER")
	if len(users) == 0 || !regexp.MustCompile(`^[1-9]\d*(:[1-9]\d*)?$`).MatchString(users[len(users)-1]) {
		t.Errorf("USER %q, want a number that is not root's, as Kubernetes asks for", users)
	}
	if run := strings.Join(arguments(final, "RUN"), "\n"); !strings.Contains(run, "ca-certificates") {
		t.Errorf("the image gets no CA certificates: %q", run)
	}
}

func TestTheImageListensWhereItsHealthIsAsked(t *testing.T) {
	final := finalStage(t, dockerfile(t))
	health := strings.Join(arguments(final, "HEALTHCHECK"), "\n")
	asked := regexp.MustCompile(`http://127\.0\.0\.1(:\d+)/health`).FindStringSubmatch(health)
	if asked == nil {
		t.Fatalf("HEALTHCHECK %q does not ask for /health on loopback", health)
	}
	if config := read(t, "configs/container/Caddyfile"); !strings.Contains(config, "\n"+asked[1]+" {") {
		t.Errorf("the image's Caddyfile has no site %s", asked[1])
	}
	if ports := strings.Join(arguments(final, "EXPOSE"), " "); !slices.Contains(strings.Fields(ports), asked[1][1:]) {
		t.Errorf("EXPOSE %s, want %s in it", ports, asked[1][1:])
	}
}

func TestWhatTheImageCopiesExists(t *testing.T) {
	for _, in := range arguments(finalStage(t, dockerfile(t)), "COPY") {
		if strings.HasPrefix(in, "--from=") {
			continue
		}
		from := strings.Fields(in)[0]
		if _, err := os.Stat(from); err != nil {
			t.Errorf("COPY %s: %v", in, err)
		}
	}
}

func TestTheImageStartsTheConfigurationThatItHolds(t *testing.T) {
	final := finalStage(t, dockerfile(t))
	copied := strings.Join(arguments(final, "COPY"), "\n")
	if !strings.Contains(copied, "configs/container/Caddyfile /etc/caddy/Caddyfile") {
		t.Errorf("COPY %q, want the container's Caddyfile in /etc/caddy", copied)
	}
	if run := strings.Join(arguments(final, "CMD"), "\n"); !strings.Contains(run, `"/etc/caddy/Caddyfile"`) {
		t.Errorf("CMD %s does not name /etc/caddy/Caddyfile", run)
	}
}
