package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// runtimes gives the page about bot runtimes.
func runtimes(t *testing.T) string {
	t.Helper()
	return read(t, "docs/runtimes.md")
}

// linked finds the links of a page.
var linked = regexp.MustCompile(`\]\(([^)]+)\)`)

func TestEveryRuntimeOfTheTableHasASectionAndEverySectionItsRow(t *testing.T) {
	page := runtimes(t)
	table, _, _ := strings.Cut(page, "\n## ")
	for _, heading := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(page, -1)[1:] {
		if !strings.Contains(table, "| ["+heading[1]+"](#"+anchor(heading[1])+") |") {
			t.Errorf("the table has no row for %q", heading[1])
		}
	}
	for _, link := range linked.FindAllStringSubmatch(page, -1) {
		target := link[1]
		if fragment, inside := strings.CutPrefix(target, "#"); inside {
			if !regexp.MustCompile(`(?m)^##+ ` + regexp.QuoteMeta(strings.ReplaceAll(fragment, "-", " ")) + `$`).MatchString(
				strings.ToLower(strings.ReplaceAll(page, "-", " "))) {
				t.Errorf("the link %s leads to no heading", target)
			}
		} else if _, err := os.Stat(target); err != nil {
			t.Errorf("the link %s leads nowhere: %v", target, err)
		}
	}
}

func TestEachRowOfARuntimesTableHasAsManyCellsAsItsHead(t *testing.T) {
	head := 0
	for line := range strings.Lines(fence.ReplaceAllString(runtimes(t), "")) {
		cells := strings.Count(line, "|")
		switch {
		case !strings.HasPrefix(line, "|"):
			head = 0
		case head == 0:
			head = cells
		case cells != head:
			t.Errorf("%d bars, want %d: %s", cells, head, line)
		}
	}
}

func TestEverySectionOfARuntimeSaysWhatToSetAndHowToReadTheRoute(t *testing.T) {
	page := runtimes(t)
	for _, heading := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(page, -1)[1:] {
		text := section(t, page, heading[1])
		if !regexp.MustCompile(`(?m)^\| route\b.+\|$`).MatchString(text) {
			t.Errorf("%s: no row says how the route is read", heading[1])
		}
		if !strings.Contains(text, "call/store/order_status") && !strings.Contains(text, "/store/orders/") {
			t.Errorf("%s: no row says what URL to enter", heading[1])
		}
	}
}
