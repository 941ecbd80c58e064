package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
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
