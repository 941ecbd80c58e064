package caddymodule

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// referenceSections gives the parts of docs/reference.md by their headings.
func referenceSections(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]string)
	for _, part := range regexp.MustCompile(`(?m)^##+ `).Split(string(page), -1)[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		sections[heading] = text
	}
	return sections
}

// wordRow finds the rows of the tables of words: their first cell is a word.
var wordRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// wordsOf gives the words that have a row in a section.
func wordsOf(text string) []string {
	_, table, _ := strings.Cut(text, "| word | arguments | default | meaning |")
	var found []string
	for _, m := range wordRow.FindAllStringSubmatch(table, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found
}

func TestEachWordOfTheGrammarHasARowInTheReferenceAndNoOtherHas(t *testing.T) {
	sections := referenceSections(t)
	onlyPolicy := slices.DeleteFunc(policyWords.allowed(), func(name string) bool {
		_, shared := ruleWords[name]
		return shared
	})
	for heading, want := range map[string][]string{
		"Global block":         globalWords.allowed(),
		"Plan":                 planWords.allowed(),
		"Trace":                traceWords.allowed(),
		"Policy":               onlyPolicy,
		"Rules":                ruleWords.allowed(),
		"Words of retry":       retryWords.allowed(),
		"Words of breaker":     breakerWords.allowed(),
		"Words of fallback":    fallbackWords.allowed(),
		"Words of state redis": stateWords.allowed(),
		"Site directive":       handlerWords.allowed(),
		"Console":              consoleWords.allowed(),
	} {
		if got := wordsOf(sections[heading]); !slices.Equal(got, want) {
			t.Errorf("%s: the reference has rows for %q, the grammar has %q", heading, got, want)
		}
	}
}

func TestWhatTheGrammarCallsRepeatableTheReferenceCallsSoToo(t *testing.T) {
	sections := referenceSections(t)
	check := func(heading, name string, many bool) {
		_, table, _ := strings.Cut(sections[heading], "| word | arguments | default | meaning |")
		row := regexp.MustCompile("(?m)^\\| `" + name + "` \\|.*$").FindString(table)
		if got := strings.Contains(row, "repeatable"); got != many {
			t.Errorf("%s: %s: the reference says repeatable %v, the grammar %v", heading, name, got, many)
		}
	}
	for _, name := range globalWords.allowed() {
		check("Global block", name, globalWords[name].many)
	}
	for _, name := range planWords.allowed() {
		check("Plan", name, planWords[name].many)
	}
	for _, name := range ruleWords.allowed() {
		check("Rules", name, ruleWords[name].many)
	}
	for _, name := range policyWords.allowed() {
		if _, shared := ruleWords[name]; !shared {
			check("Policy", name, policyWords[name].many)
		}
	}
}

func TestEachSettingOfTheTransportThatIsRefusedIsListedInTheReference(t *testing.T) {
	text := referenceSections(t)["Dial guard"]
	for _, r := range transportRefusals {
		if !strings.Contains(text, "`"+r.word+"`") {
			t.Errorf("the reference does not list %s among the refused settings", r.word)
		}
	}
}
