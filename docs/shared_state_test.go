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

// calledByScripts finds what the scripts of the engine call at Redis.
func calledByScripts(t *testing.T) []string {
	t.Helper()
	called := make(map[string]bool)
	err := filepath.WalkDir(filepath.Join("..", "policy"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`\bp?call\(["']([A-Za-z]+)["']`).FindAllSubmatch(source, -1) {
			called["+"+strings.ToLower(string(m[1]))] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Clone(ofConnections)
	for command := range called {
		all = append(all, command)
	}
	slices.Sort(all)
	return all
}

func TestTheUserOfThePageMayDoWhatSidecarsDoAndNothingMore(t *testing.T) {
	var granted []string
	for _, word := range rights(t) {
		if strings.HasPrefix(word, "+") {
			granted = append(granted, word)
		}
	}
	slices.Sort(granted)
	called := calledByScripts(t)
	if len(called) < 20 {
		t.Fatalf("only %q is called by scripts, which cannot be all", called)
	}
	for _, command := range called {
		if !slices.Contains(granted, command) {
			t.Errorf("%s is called, and the page does not grant it", command)
		}
	}
	for _, command := range granted {
		if !slices.Contains(called, command) {
			t.Errorf("%s is granted, and nobody calls it", command)
		}
	}
}

func TestTheUserOfThePageIsTheOneThatShips(t *testing.T) {
	_, shipped, found := strings.Cut(read(t, "configs/redis/start.sh"), "--user signpost on \"#$hash\" ")
	if !found {
		t.Fatal("start.sh lets no user signpost in")
	}
	words := strings.Fields(strings.NewReplacer("\\\n", " ", "'", "").Replace(shipped))
	if want := rights(t); !slices.Equal(words, want) {
		t.Errorf("start.sh grants\n%s\nand the page\n%s", words, want)
	}
}
