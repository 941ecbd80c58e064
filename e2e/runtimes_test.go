//go:build e2e

package e2e

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// colleague is what every bot says when the store, or the gateway, is down.
const colleague = `The store is not answering\. Let me ask a colleague\.`

// bot gives what a bot replies to somebody who asks for an order.
type bot func(t *testing.T, order string) string

// wantEveryBranch leads bots, by their tenants, through the four routes of a
// gateway and a store that listen on these ports, and then into their absence.
func wantEveryBranch(t *testing.T, port, storePort string, bots map[string]bot) {
	t.Helper()
	t.Run("with a gateway", func(t *testing.T) {
		g := startExamples(t, port, storePort)
		for tenant, say := range bots {
			t.Run(tenant, func(t *testing.T) {
				wantSaid(t, "shipped", say(t, "1001"), `Order 1001 is on its way and arrives Mon 23 Nov – before noon\.`)
				wantSaid(t, "not found", say(t, "4711"), `I cannot find order 4711\.`)
				wantSaid(t, "third party down", say(t, "500"), colleague)
				g.useUpLimit(t, tenant)
				wantSaid(t, "rate limited", say(t, "1001"), `That was a lot of questions\. Please ask again in [1-9]\d* seconds\.`)
			})
		}
	})
	t.Run("without a gateway", func(t *testing.T) {
		for tenant, say := range bots {
			wantSaid(t, tenant, say(t, "1001"), colleague)
		}
	})
}

func TestNodeREDBranchesOnTheRouteOfBaseURLsAndOfProxiedCalls(t *testing.T) {
	install(t, "nodered")
	port, storePort, chatPort := freePort(t), freePort(t), freePort(t)
	nodeRED := launch(t, t.TempDir(),
		[]string{"SIGNPOST_URL=http://127.0.0.1:" + port, "STORE_URL=http://127.0.0.1:" + storePort},
		client(t, "nodered/node_modules/.bin/node-red"), "--settings", client(t, "nodered/settings.js"), "--userDir", ".", "--port", chatPort)
	nodeRED.await(t, 0, `Started flows()`)
	ask := func(endpoint, tenant string) bot {
		return func(t *testing.T, order string) string {
			t.Helper()
			return nodeRED.chat(t, "http://127.0.0.1:"+chatPort+"/"+endpoint+"?"+url.Values{"order": {order}, "tenant": {tenant}}.Encode())
		}
	}
	wantEveryBranch(t, port, storePort, map[string]bot{
		"nodered":         ask("chat", "nodered"),
		"nodered-proxied": ask("proxied-chat", "nodered-proxied"),
	})
}

func TestABotFrameworkDialogBranchesOnTheRoute(t *testing.T) {
	install(t, "botframework")
	port := freePort(t)
	framework := launch(t, t.TempDir(), []string{"SIGNPOST_URL=http://127.0.0.1:" + port, "TENANT=botframework"},
		"node", client(t, "botframework/bot.mjs"))
	wantEveryBranch(t, port, freePort(t), map[string]bot{"botframework": func(t *testing.T, order string) string {
		t.Helper()
		return framework.tell(t, "order "+order, `(.*)\n`)
	}})
	wantSaid(t, "no number", framework.tell(t, "Hello!", `(.*)\n`), `Which order\? Please tell me its number\.`)
}

func TestHubotBranchesOnTheRoute(t *testing.T) {
	install(t, "hubot")
	port, dir := freePort(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".hubot_history"), nil, 0o600); err != nil {
		t.Fatal(err) // Hubot would complain that it is missing.
	}
	hubot := launch(t, dir, []string{"SIGNPOST_URL=http://127.0.0.1:" + port, "TENANT=hubot", "HUBOT_LOG_LEVEL=fatal"},
		client(t, "hubot/node_modules/.bin/hubot"), "--disable-httpd", "--adapter", "Shell", "--name", "Bot", "--require", client(t, "hubot/scripts"))
	hubot.await(t, 0, `Bot> ()`) // With nothing else to log, it prompts first when its scripts are loaded.
	wantEveryBranch(t, port, freePort(t), map[string]bot{"hubot": func(t *testing.T, order string) string {
		t.Helper()
		return hubot.tell(t, "order "+order, "\x1b\\[1m(.*)\x1b\\[22m") // A reply is in bold.
	}})
}

func TestAClientThatSleepsOnRetryAfterBranchesAtOnceInAnEnvelope(t *testing.T) {
	install(t, "ky")
	port := freePort(t)
	wantEveryBranch(t, port, freePort(t), map[string]bot{"ky": func(t *testing.T, order string) string {
		t.Helper()
		const tries = 3 // A machine that is busy elsewhere may make one slow; Retry-After would make all slow.
		for try := 1; ; try++ {
			began := time.Now()
			said := ask(t, "http://127.0.0.1:"+port, []string{"node", "examples/clients/ky/bot.mjs"}, order, "ky")
			if took := time.Since(began); took < 4*time.Second {
				return said
			} else if try == tries {
				t.Fatalf("order %s: the bot was silent for %s, want less than its own timeout, 4s", order, took)
			}
		}
	}})
}

func TestEveryRuntimeHasAReadmeAndExactVersions(t *testing.T) {
	exact := regexp.MustCompile(`"[a-z-]+": "\d+\.\d+\.\d+(-preview)?",?\n`)
	for _, name := range []string{"nodered", "botframework", "hubot", "ky"} {
		path := filepath.Join("examples/clients", name)
		if text := string(readFile(t, path+"/README.md")); !strings.Contains(text, "cd "+path+" && npm ci") {
			t.Errorf("%s/README.md does not say how the bot is installed", path)
		}
		_, dependencies, _ := strings.Cut(string(readFile(t, path+"/package.json")), `"dependencies": {`)
		dependencies, _, _ = strings.Cut(dependencies, "}")
		if rest := strings.TrimSpace(exact.ReplaceAllString(dependencies, "")); rest != "" || dependencies == "" {
			t.Errorf("%s/package.json depends on %s, want exact versions", path, rest)
		}
	}
}

// client gives the absolute path of a file in examples/clients.
func client(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(filepath.Join(root, "examples/clients", path))
	if err != nil {
		t.Fatalf("finding %s: %v", path, err)
	}
	return absolute
}

// installing is held by whoever installs packages: tests that run side by side
// may want the same.
var installing sync.Mutex

// install brings the packages that a bot's lock file names. They stay beside the
// bot until the lock file is newer than what npm wrote when it was done.
func install(t *testing.T, name string) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	dir := client(t, name)
	wanted, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatalf("installing packages: %v", err)
	}
	if done, err := os.Stat(filepath.Join(dir, "node_modules/.package-lock.json")); err == nil && !wanted.ModTime().After(done.ModTime()) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", dir, err, out)
	}
}

// process is a program that goes on until the test ends.
type process struct {
	input  io.Writer
	output *syncBuffer // its standard output
}

// launch starts a program in a folder. What it said is shown where the test fails.
func launch(t *testing.T, dir string, env []string, command ...string) process {
	t.Helper()
	var output, complaints syncBuffer // Apart, as newer Nodes warn of what old packages use.
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &complaints
	cmd.Env = append(os.Environ(), env...)
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("starting %s: %v", command[0], err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", command[0], err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // It may have ended by now.
		_ = cmd.Wait()         // It was killed, which is no news.
		if t.Failed() {
			t.Logf("%s said:\n%s\nand complained:\n%s", command[0], &output, &complaints)
		}
	})
	return process{input: input, output: &output}
}

// await waits until the program has said, behind its first bytes, what a pattern
// matches, and gives the pattern's group.
func (p process) await(t *testing.T, from int, pattern string) string {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if found := expression.FindStringSubmatch(p.output.String()[from:]); found != nil {
			return found[1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("the program has not said %q within %s", pattern, patience)
		}
	}
}

// tell gives the program a line, and returns the group of the pattern that its
// reply matches.
func (p process) tell(t *testing.T, message, reply string) string {
	t.Helper()
	said := len(p.output.String())
	if _, err := io.WriteString(p.input, message+"\n"); err != nil {
		t.Fatalf("telling the program %q: %v", message, err)
	}
	return p.await(t, said, reply)
}

// chat asks an HTTP endpoint of the program and gives its reply.
func (p process) chat(t *testing.T, address string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatalf("asking %s: %v", address, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("asking %s: %v", address, err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("asking %s: reading the reply: %v", address, err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("asking %s: status %d with %q, want 200", address, resp.StatusCode, reply)
	}
	return string(reply)
}
