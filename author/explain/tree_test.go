package explain_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

func TestATreeNamesThePathOfEachValueAndCutsLists(t *testing.T) {
	got := explain.Tree([]byte(`{"order":{"status":"shipped","items":[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5},{"id":6},{"id":7}],"none":{},"a b":null},"total":12.50}`), terminal.Style{})
	want := `$                   $
  order             $.order
    status "shipped"  $.order.status
    items           $.order.items
      [0]           $.order.items[0]
        id 1        $.order.items[0].id
      [1]           $.order.items[1]
        id 2        $.order.items[1].id
      [2]           $.order.items[2]
        id 3        $.order.items[2].id
      [3]           $.order.items[3]
        id 4        $.order.items[3].id
      [4]           $.order.items[4]
        id 5        $.order.items[4].id
      … 2 elements more
    none {}         $.order.none
    ['a b'] null    $.order['a b']
  total 12.50       $.total
`
	if normal(got) != normal(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	column := -1
	for line := range strings.Lines(got) {
		if at := strings.Index(line, "$"); strings.Contains(line, "  $") && !strings.HasPrefix(line, "$") {
			if column >= 0 && at != column {
				t.Errorf("a path begins at column %d, others at %d: %s", at, column, line)
			}
			column = at
		}
	}
}

// normal takes out how wide columns are.
func normal(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		lines = append(lines, line[:indent]+strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestListsInListsAreCutEachByItself(t *testing.T) {
	got := explain.Tree([]byte(`[[1,2,3,4,5,6],[1,2,3,4,5,6,7],3,4,5,6]`), terminal.Style{})
	var notes []string
	for line := range strings.Lines(got) {
		if strings.Contains(line, "…") {
			notes = append(notes, strings.TrimRight(line, "\n"))
		}
	}
	if want := []string{"    … 1 element more", "    … 2 elements more", "  … 1 element more"}; !slices.Equal(notes, want) {
		t.Errorf("got %q, want %q in\n%s", notes, want, got)
	}
}

func TestALongAnswerIsShownInPart(t *testing.T) {
	doc := "{"
	for i := range 400 {
		doc += fmt.Sprintf(`"m%d":%d,`, i, i)
	}
	got := explain.Tree([]byte(doc+`"last":"`+strings.Repeat("long ", 100)+`"}`), terminal.Style{})
	if lines := strings.Count(got, "\n"); lines != 201 || !strings.HasSuffix(got, "… 202 values more\n") {
		t.Errorf("%d lines are shown, the end is %q", lines, got[max(len(got)-40, 0):])
	}
	for line := range strings.Lines(explain.Tree([]byte(`{"text":"`+strings.Repeat("long ", 100)+`"}`), terminal.Style{})) {
		if width := terminal.Width(line); width > 100 {
			t.Errorf("a line takes %d columns: %s", width, line)
		}
	}
}

func TestWhatIsNoJSONIsShownAsText(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{"", ""},
		{"plain\r\ntext", "plain\ntext\n"},
		{"\x1b[2J\xff", "\\x1b[2J?\n"},
		{strings.Repeat("x", 5000), strings.Repeat("x", 4096) + "\n… 904 bytes more\n"},
		{`"just a text"`, "$ \"just a text\"  $\n"},
		{`"\u001b[2J\u202e"`, "$ \"\\u001b[2J\\u202e\"  $\n"},
	} {
		if got := explain.Tree([]byte(test.body), terminal.Style{}); got != test.want {
			t.Errorf("%.40q: got %.200q, want %.200q", test.body, got, test.want)
		}
	}
}

func FuzzTree(f *testing.F) {
	for _, seed := range []string{shipped, `[[[]]]`, `{"a":{"b":[1,{"c":null}]}}`, `{"\u001b":"\u009b"}`, `{"a":1,"a":[2]}`, strings.Repeat("[", 130)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := explain.Tree(doc, terminal.Style{})
		if strings.ContainsAny(got, "\x1b\x00\r\u009b") {
			t.Errorf("%q is printed as it is: %q", doc, got)
		}
		if strings.Count(got, "\n") > 1300 {
			t.Errorf("%q takes %d lines", doc, strings.Count(got, "\n"))
		}
		lines := explain.LinesFor(200, doc, policy.MappingInfo{})
		for _, line := range lines.Extract {
			if strings.ContainsAny(line, "\n\r") {
				t.Errorf("%q: the line %q is several", doc, line)
			}
		}
		if json.Valid(doc) && len(lines.Extract) > 0 {
			if _, _, err := extract.Places(doc); err != nil {
				t.Errorf("%q: %v", doc, err)
			}
		}
	})
}
