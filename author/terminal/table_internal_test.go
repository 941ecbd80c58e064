package terminal

import (
	"strings"
	"testing"
)

func TestATableAlignsColumnsByTheWidthOfSigns(t *testing.T) {
	table := Table{Head: []string{"route", "calls"}, Right: []bool{false, true}}
	table.Row("shipped", "7")
	table.Row("日本", "1234")
	table.Row("ä")
	table.Row("", "x", "third")
	got := written(t, &table, 0)
	want := `route    calls
shipped      7
日本      1234
ä
             x  third
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOnlyATerminalCutsAndTheWidestColumnsFirst(t *testing.T) {
	table := Table{Indent: 2}
	table.Row("store.order_status", strings.Repeat("long ", 20), "404")
	table.Row("x", "日本日本日本日本日本日本日本日本日本日本", "1")
	if got := written(t, &table, 0); !strings.Contains(got, strings.Repeat("long ", 20)) {
		t.Errorf("something was cut where there is no terminal:\n%s", got)
	}
	got := written(t, &table, 40)
	want := "  store.order_…  long long long lo…  404\n  x              日本日本日本日本…   1\n"
	for line := range strings.Lines(got) {
		if width := Width(strings.TrimRight(line, "\n")); width > 40 {
			t.Errorf("a line takes %d columns, want at most 40: %s", width, line)
		}
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestACellIsCutBeforeItIsColouredAndNeverBringsColoursOfItsOwn(t *testing.T) {
	table := Table{}
	table.Cells(Cell{Text: "0123456789\x1b[31m\nx", Paint: Coloured().Good})
	if got, want := written(t, &table, 8), "\x1b[32m0123456…\x1b[0m\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestATableThatCannotFitEndsAllTheSame(t *testing.T) {
	table := Table{Head: make([]string, 30)}
	for i := range table.Head {
		table.Head[i] = strings.Repeat("x", 8+i)
	}
	if got := written(t, &table, 20); len(got) != 30*minCut+29*len(gap)+1+30*len("…")-30-len("…")+1 {
		t.Errorf("got %d bytes: %s", len(got), got)
	}
}

func TestATextIsCutAtASignAndNeverInIt(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"shipped", 7, "shipped"},
		{"shipped", 6, "shipp…"},
		{"shipped", 1, "…"},
		{"shipped", 0, ""},
		{"shipped", -1, ""},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"👩‍👩‍👧👩‍👩‍👧", 3, "👩‍👩‍👧…"},
		{"e\u0301e\u0301", 1, "…"},
	} {
		got := Cut(test.text, test.columns)
		if got != test.want {
			t.Errorf("Cut(%q, %d) is %q, want %q", test.text, test.columns, got, test.want)
		}
	}
}

func written(t *testing.T, table *Table, columns int) string {
	t.Helper()
	var b strings.Builder
	if err := table.write(&b, Style{}, columns); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
