package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rights gives the words of the user that the page lets into Redis.
func rights(t *testing.T) []string {
	t.Helper()
	for _, b := range blocks(section(t, read(t, "docs/shared-state.md"), "Security")) {
		if b.kind == "acl" {
			return strings.Fields(strings.TrimPrefix(b.text, "user signpost on "))
		}
	}
	t.Fatal("the section Security shows no user")
	return nil
}

// ofConnections are the rights that no script asks for: those of finding Redis, of
// running scripts, of listening, and of what the client says when it hangs up.
var ofConnections = []string{
	"+cluster|shards", "+cluster|slots", "+eval", "+evalsha", "+ping", "+script|load", "+subscribe",
	"+discard", "+punsubscribe", "+sunsubscribe", "+unsubscribe",
}
