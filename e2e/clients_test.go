//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clients are the bots of examples/clients and how each is started.
var clients = map[string][]string{
	"node":   {"node", "examples/clients/node/bot.mjs"},
	"python": {"python3", "examples/clients/python/bot.py"},
	"curl":   {"bash", "examples/clients/curl/bot.sh"},
	"go":     {"go", "run", "./examples/clients/go"},
}

// ask runs a bot against a gateway and gives what it says.
func ask(t *testing.T, gateway string, command []string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // `go run` compiles.
	defer cancel()
	all := append(append([]string{}, command...), arguments...)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SIGNPOST_URL="+gateway)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(all, " "), err, complaints.String())
	}
	return strings.TrimSuffix(string(said), "\n")
}

// startExamples runs the gateway of the examples, and the fake store beside it.
func startExamples(t *testing.T, port, storePort string) gateway {
	t.Helper()
	return start(t, readFile(t, "examples/clients/Caddyfile"), port, "PORT="+port, "STORE_PORT="+storePort)
}

func TestEveryBotTakesTheBranchThatTheGatewayNames(t *testing.T) {
	port := freePort(t)
	g := startExamples(t, port, freePort(t))
	for name, command := range clients {
		t.Run(name, func(t *testing.T) {
			tests := []struct{ branch, order, want string }{
				{"shipped", "1001", `Order 1001 is on its way and arrives Mon 23 Nov – before noon\.`},
				{"not found", "4711", `I cannot find order 4711\.`},
				{"third party down", "500", `The store is not answering\. Let me ask a colleague\.`},
			}
			for _, test := range tests {
				wantSaid(t, test.branch, ask(t, g.url, command, test.order, name), test.want)
			}
			g.useUpLimit(t, name)
			wantSaid(t, "rate limited", ask(t, g.url, command, "1001", name),
				`That was a lot of questions\. Please ask again in [1-9]\d* seconds\.`)
		})
	}
}

func TestEveryBotHasABranchForAGatewayThatIsAway(t *testing.T) {
	nobody := "http://127.0.0.1:" + freePort(t)
	for name, command := range clients {
		t.Run(name, func(t *testing.T) {
			wantSaid(t, "gateway away", ask(t, nobody, command, "1001"), `The store is not answering\. Let me ask a colleague\.`)
		})
	}
}

// converse gives messages, one a line, to a bot that holds a conversation, and
// returns its answers.
func converse(t *testing.T, gateway string, command []string, messages ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SIGNPOST_URL="+gateway)
	cmd.Stdin = strings.NewReader(strings.Join(messages, "\n") + "\n")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, complaints.String())
	}
	answers := strings.Split(strings.TrimSuffix(string(said), "\n"), "\n")
	if len(answers) != len(messages) {
		t.Fatalf("%d answers to %d messages, want one to each:\n%s", len(answers), len(messages), said)
	}
	return answers
}

func TestAConversationInPythonTakesFourRoutes(t *testing.T) {
	port := freePort(t)
	g := startExamples(t, port, freePort(t))
	messages := []string{"Hello!", "Where is my order 1001?", "And 4711?", "And 500?"}
	for range 7 {
		messages = append(messages, "1001?") // With these the tenant has asked ten times.
	}
	messages = append(messages, "Once more: 1001?")
	answers := converse(t, g.url, clients["python"], messages...)
	wantSaid(t, "no number", answers[0], `Which order\? Please tell me its number\.`)
	wantSaid(t, "shipped", answers[1], `Order 1001 is on its way and arrives Mon 23 Nov – before noon\.`)
	wantSaid(t, "not found", answers[2], `I cannot find order 4711\.`)
	wantSaid(t, "third party down", answers[3], `The store is not answering\. Let me ask a colleague\.`)
	wantSaid(t, "the tenth question", answers[10], `Order 1001 is on its way .*`)
	wantSaid(t, "rate limited", answers[11], `That was a lot of questions\. Please ask again in [1-9]\d* seconds\.`)
}

func TestAConversationInPythonGoesOnWhenTheStoreIsClosed(t *testing.T) {
	port := freePort(t)
	config := string(readFile(t, "examples/clients/Caddyfile"))
	closed := strings.Replace(config, "http://127.0.0.1:{$STORE_PORT:9090}", "http://127.0.0.1:"+freePort(t), 1)
	if closed == config {
		t.Fatal("the Caddyfile of the examples has no store to close")
	}
	g := start(t, []byte(closed), port, "PORT="+port, "STORE_PORT="+freePort(t))
	for i, said := range converse(t, g.url, clients["python"], "Where is my order 1001?", "And 4711?") {
		wantSaid(t, "message "+strconv.Itoa(i), said, `The store is not answering\. Let me ask a colleague\.`)
	}
}

// useUpLimit calls until the tenant's limit of 10 a minute is reached.
func (g gateway) useUpLimit(t *testing.T, tenant string) {
	t.Helper()
	for range 11 {
		if resp, _ := g.get(t, tenant, "/store/orders/1001"); resp.StatusCode == http.StatusTooManyRequests {
			return
		}
	}
	t.Fatalf("11 calls of %s were let through, want 10 a minute", tenant)
}

// wantSaid compares what a bot says with a pattern.
func wantSaid(t *testing.T, branch, got, want string) {
	t.Helper()
	if !regexp.MustCompile("^" + want + "$").MatchString(got) {
		t.Errorf("%s: the bot says %q, want %q", branch, got, want)
	}
}

func TestEveryClientHasAReadme(t *testing.T) {
	for name := range clients {
		path := filepath.Join("examples/clients", name, "README.md")
		if text := string(readFile(t, path)); !strings.Contains(text, "examples/clients/"+name) {
			t.Errorf("%s does not say how the bot is started", path)
		}
	}
}
