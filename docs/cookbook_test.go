package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// recipe finds the address of a recipe's policy on the page.
var recipe = regexp.MustCompile(`\(\.\./examples/cookbook/([a-z-]+)/Caddyfile\)`)

func TestTheCookbookShowsEveryRecipeByLinesOfIt(t *testing.T) {
	page := read(t, "docs/cookbook.md")
	shown := make(map[string]bool)
	for _, part := range regexp.MustCompile(`(?m)^## `).Split(page, -1)[1:] {
		title, text, _ := strings.Cut(part, "\n")
		link := recipe.FindStringSubmatch(text)
		if link == nil || shown[link[1]] {
			t.Errorf("%s: the section has no link to a policy of its own", title)
			continue
		}
		shown[link[1]] = true
		source := strings.Split(read(t, "examples/cookbook/"+link[1]+"/Caddyfile"), "\n")
		for i := range source {
			source[i] = strings.TrimSpace(source[i])
		}
		for _, b := range blocks(text) {
			for line := range strings.Lines(b.text) {
				if line = strings.TrimSpace(line); line != "" && !slices.Contains(source, line) {
					t.Errorf("%s: the policy in examples/cookbook/%s does not have the line %q", title, link[1], line)
				}
			}
		}
		if !strings.Contains(page, "["+link[1]+"](#"+link[1]+")") {
			t.Errorf("%s: the table at the top does not lead there", title)
		}
	}
	folders, err := filepath.Glob("../examples/cookbook/*/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range folders {
		name := filepath.Base(filepath.Dir(path))
		if !shown[name] {
			t.Errorf("the page does not show examples/cookbook/%s", name)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "policy_test.yaml")); err != nil {
			t.Errorf("examples/cookbook/%s has no tests: %v", name, err)
		}
	}
	if len(folders) != 12 || len(shown) != 12 {
		t.Errorf("there are %d recipes, and %d on the page; it promises twelve", len(folders), len(shown))
	}
}
