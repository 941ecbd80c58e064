//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// twins are the two sidecars of the README's section, on ports of their own.
type twins struct {
	redis *redisserver.Server
	url   [2]string
	admin [2]string
	ports *strings.Replacer // what the README's commands call, for where it is
}

// startTwins runs configs/sidecars/Caddyfile twice, as the README's commands do.
func startTwins(t *testing.T) *twins {
	t.Helper()
	d := &twins{redis: redisserver.Start(t)}
	store := freePort(t)
	for i := range d.url {
		bots, console, admin := freePort(t), freePort(t), freePort(t)
		config := string(readFile(t, "configs/sidecars/Caddyfile"))
		for _, listens := range [][2]string{
			{"\n:8{$SIDECAR:0}80 ", "\n:" + bots + " "}, {"\n:8{$SIDECAR:0}81 ", "\n:" + console + " "},
			{"localhost:2{$SIDECAR:0}19\n", "127.0.0.1:" + admin + "\n"},
			{"\n:9090 ", "\n:" + store + " "}, {"127.0.0.1:9090", "127.0.0.1:" + store},
			{"\tfail local\n", "\tfail local\n\t\t\t" + patient + "\n"},
		} {
			if strings.Count(config, listens[0]) != 1 {
				t.Fatalf("the sidecars of the README do not name %q once", listens[0])
			}
			config = strings.Replace(config, listens[0], listens[1], 1)
		}
		g := start(t, []byte(config), bots, "SIDECAR="+strconv.Itoa(i), "REDIS="+d.redis.URL())
		d.url[i], d.admin[i] = g.url, "http://127.0.0.1:"+admin
	}
	_, port, _ := strings.Cut(d.redis.Addr(), ":")
	d.ports = strings.NewReplacer(
		"http://localhost:8$((i % 2))80", "$([ $((i % 2)) = 0 ] && echo "+d.url[0]+" || echo "+d.url[1]+")",
		"http://localhost:8080", d.url[0], "http://localhost:8180", d.url[1],
		"http://localhost:2019", d.admin[0], "http://localhost:2119", d.admin[1],
		"redis-cli ", "redis-cli -p "+port+" ",
	)
	return d
}

// run gives what a command of the README prints.
func (d *twins) run(t *testing.T, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "bash", "-c", d.ports.Replace(command)).CombinedOutput()
	if err != nil && !strings.Contains(command, "redis-cli") { // Redis hangs up on who ends it.
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// shows waits until a command of the README prints a text.
func (d *twins) shows(t *testing.T, command, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		out := d.run(t, command)
		if strings.Contains(out, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s prints\n%s\nwant %q in it", command, out, text)
		}
	}
}

// readmesCommands gives the commands of the section's last block, of which continued lines are one.
func readmesCommands(t *testing.T) []string {
	t.Helper()
	_, section, found := strings.Cut(string(readFile(t, "README.md")), "\n## Several sidecars, one limit\n")
	if !found {
		t.Fatal("the README has no section on several sidecars")
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, 2)
	const starts = "go run ./cmd/caddy run --config configs/sidecars/Caddyfile"
	if len(blocks) != 2 || strings.Count(blocks[0][1], starts) != 2 || strings.Count(blocks[0][1], "\nSIDECAR=1 "+starts) != 1 {
		t.Fatalf("the section begins with %q, want the two commands that start the sidecars", blocks)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(blocks[1][1], "\\\n", " ")), "\n")
}

func TestTheReadmesCommandsShowTwoSidecarsWithOneLimit(t *testing.T) {
	t.Parallel()
	d := startTwins(t)
	const state = "curl -s http://localhost:2119/signpost/state"
	for _, command := range []string{"curl -s http://localhost:2019/signpost/state", state} {
		d.shows(t, command, `"there":true`)
	}
	var routes []string
	for _, command := range readmesCommands(t) {
		out := d.run(t, command)
		command, says, _ := strings.Cut(command, " # ")
		switch {
		case strings.HasPrefix(says, "the 11th: busy"):
			routes = strings.Fields(strings.ReplaceAll(strings.ToLower(out), "signpost-route:", ""))
			if got, want := strings.Join(routes, " "), strings.Repeat("shipped ", 10)+"busy"; got != want {
				t.Errorf("eleven calls of both sidecars take the routes %q, want %q", got, want)
			}
		case strings.HasPrefix(says, "Signpost-Outcome: "):
			outcome, _, _ := strings.Cut(strings.TrimPrefix(says, "Signpost-Outcome: "), ",")
			if !regexp.MustCompile(`(?i)signpost-outcome: ` + outcome + "\r").MatchString(out) {
				t.Errorf("%s prints\n%s\nwant the outcome %s", command, out, outcome)
			}
		case strings.HasPrefix(says, "shipped"):
			if !regexp.MustCompile("(?i)signpost-route: shipped\r").MatchString(out) {
				t.Errorf("%s prints\n%s\nwant the route shipped", command, out)
			}
		case strings.HasPrefix(says, `"there":false`):
			if !strings.Contains(out, `"there":false`) || !strings.Contains(out, `"reason":"`) {
				t.Errorf("%s prints\n%s\nwant that Redis is away, and why", command, out)
			}
		}
	}
	if routes == nil {
		t.Error("the README does not show an eleventh call")
	}
	d.redis.Restart()
	d.shows(t, state, `"there":true`)
}

func TestTheRedisOfConfigsLetsSidecarsInAndNobodyElse(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	password := filepath.Join(dir, "redis_password")
	if err := os.WriteFile(password, []byte("a-password-of-the-tests\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "redis.conf")
	whole := append(readFile(t, "configs/redis/redis.conf"), "\nbind 127.0.0.1\nport "+port+"\ndir "+dir+"\n"...)
	if err := os.WriteFile(config, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer("/run/secrets/redis_password", password, "/etc/redis/redis.conf", config).
		Replace(string(readFile(t, "configs/redis/start.sh")))
	cmd := exec.Command("sh")
	var said syncBuffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // The script became Redis itself.
		_ = cmd.Wait()
	})
	asks := func(as string, words ...string) string {
		client := exec.CommandContext(t.Context(), "redis-cli", append([]string{"-p", port, "--no-auth-warning"}, words...)...)
		client.Env = append(os.Environ(), "REDISCLI_AUTH="+as)
		out, _ := client.CombinedOutput() // That it is refused is an answer.
		return string(bytes.TrimSpace(out))
	}
	const sidecar = "a-password-of-the-tests"
	soon(t, "Redis to start: "+said.String(), func() bool {
		return asks(sidecar, "--user", "signpost", "ping") == "PONG"
	})
	for _, c := range []struct {
		as    string
		words []string
		want  string
	}{
		{"", []string{"ping"}, "NOAUTH"},
		{"another", []string{"--user", "signpost", "ping"}, "WRONGPASS"},
		{sidecar, []string{"--user", "signpost", "set", "{signpost}:x", "1"}, "OK"},
		{sidecar, []string{"--user", "signpost", "set", "{signpost:s7}:x", "1"}, "OK"},
		{sidecar, []string{"--user", "signpost", "set", "{signpost-of-others}:x", "1"}, "NOPERM"},
		{sidecar, []string{"--user", "signpost", "get", "{signpost}:x"}, "NOPERM"},
		{sidecar, []string{"--user", "signpost", "flushall"}, "NOPERM"},
		{sidecar, []string{"--user", "signpost", "config", "get", "*"}, "NOPERM"},
	} {
		if got := asks(c.as, c.words...); !strings.Contains(got, c.want) {
			t.Errorf("redis-cli %s answers %q, want %s", strings.Join(c.words, " "), got, c.want)
		}
	}
}
