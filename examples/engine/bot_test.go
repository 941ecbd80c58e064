package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

// newTestBot makes a bot with a store of its own.
func newTestBot(t *testing.T) (*bot, *httptest.Server) {
	t.Helper()
	store := httptest.NewServer(http.HandlerFunc(serveStore))
	t.Cleanup(store.Close)
	b, err := newBot(store.URL)
	if err != nil {
		t.Fatalf("making the bot: %v", err)
	}
	t.Cleanup(b.close)
	return b, store
}

// wantSaid asks for an order and compares what the bot says.
func wantSaid(t *testing.T, b *bot, tenant, number, pattern string) {
	t.Helper()
	said, err := b.answer(t.Context(), tenant, number)
	if err != nil {
		t.Fatalf("asking for order %q: %v", number, err)
	}
	if !regexp.MustCompile("^" + pattern + "$").MatchString(said) {
		t.Errorf("order %q of %s: the bot says %q, want %q", number, tenant, said, pattern)
	}
}

func TestTheBotHasASentenceForEveryBranch(t *testing.T) {
	b, _ := newTestBot(t)
	wantSaid(t, b, "acme", "1001", `Order 1001 is on its way and arrives on 2026-11-23\.`)
	wantSaid(t, b, "acme", "4711", `I cannot find order 4711\.`)
	wantSaid(t, b, "acme", "500", `The store is not answering\. Let me ask a colleague\.`)
	wantSaid(t, b, "acme", "1001", `That was a lot of questions\. Please ask again in \d+ seconds\.`)
}

func TestTheConversationGoesAsTheReadmeSays(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```sh\ngo run ./examples/engine (.*?)\n```\n\n```\n(.*?)```").FindStringSubmatch(string(readme))
	if shown == nil {
		t.Fatal("README.md does not show a command and what it prints")
	}
	var said strings.Builder
	if err := run(t.Context(), &said, strings.Fields(shown[1])); err != nil {
		t.Fatalf("running %s: %v", shown[1], err)
	}
	// A slow machine may have fewer seconds left to wait.
	seconds := regexp.MustCompile(`\d+ seconds`)
	got, want := seconds.ReplaceAllString(said.String(), "n seconds"), seconds.ReplaceAllString(shown[2], "n seconds")
	if got != want {
		t.Errorf("%s: the bot says\n%s\nand README.md\n%s", shown[1], got, want)
	}
}

func TestOneTenantsQuestionsDoNotCountForAnother(t *testing.T) {
	b, _ := newTestBot(t)
	for range 4 {
		wantSaid(t, b, "acme", "4711", `.*`)
	}
	wantSaid(t, b, "globex", "4711", `I cannot find order 4711\.`)
}

func TestAStoreThatIsGoneIsABranchAndNotAnError(t *testing.T) {
	b, store := newTestBot(t)
	store.Close()
	wantSaid(t, b, "acme", "1001", `The store is not answering\. Let me ask a colleague\.`)
}

func TestAnOrderNumberCannotLeaveItsSegment(t *testing.T) {
	b, _ := newTestBot(t)
	// Order 1001 exists: whoever got out of the segment would be told of it.
	wantSaid(t, b, "acme", "../orders/1001", `The store is not answering\. Let me ask a colleague\.`)
	wantSaid(t, b, "acme", "1001?x=", `I cannot find order 1001\?x=\.`)
}
