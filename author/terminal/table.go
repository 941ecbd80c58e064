package terminal

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table is text in columns. The zero value is an empty one; it is not safe for
// concurrent use.
type Table struct {
	// Head are the headings. Default: none.
	Head []string

	// Right tells of each column whether it is aligned to the right, as numbers are.
	// Default: to the left.
	Right []bool

	// Indent is how many blanks each line begins with.
	Indent int

	rows [][]Cell
}

// Cell is one field of a table.
type Cell struct {
	// Text is made safe by the table; it stands on one line.
	Text string

	// Paint colours the text once it has been cut, such as Style.Good. Default: it
	// stays plain.
	Paint func(string) string
}

// Row adds a row of plain cells.
func (t *Table) Row(texts ...string) {
	cells := make([]Cell, len(texts))
	for i, text := range texts {
		cells[i].Text = text
	}
	t.Cells(cells...)
}

// Cells adds a row. Rows may differ in length.
func (t *Table) Cells(cells ...Cell) {
	safe := slices.Clone(cells)
	for i := range safe {
		safe[i].Text = Safe(safe[i].Text)
	}
	t.rows = append(t.rows, safe)
}

// Len is how many rows there are.
func (t *Table) Len() int { return len(t.rows) }

// gap is what stands between two columns.
const gap = "  "

// minCut is how many columns of a cell stay at least, however narrow the terminal.
const minCut = 8

// Write writes the table. Where w is a terminal, the widest columns are cut until
// each row fits on a line; elsewhere nothing is cut.
func (t *Table) Write(w io.Writer) error {
	return t.write(w, For(w), Columns(w))
}

// write is Write for that many columns; 0: nothing is cut.
func (t *Table) write(w io.Writer, style Style, columns int) error {
	widths := t.widths()
	if columns > 0 {
		shrink(widths, columns-t.Indent-len(gap)*(len(widths)-1))
	}
	out := bufio.NewWriter(w) // It keeps the first error for Flush.
	if len(t.Head) > 0 {
		head := make([]Cell, len(t.Head))
		for i, text := range t.Head {
			head[i] = Cell{Text: text, Paint: style.Bold}
		}
		t.line(out, head, widths)
	}
	for _, row := range t.rows {
		t.line(out, row, widths)
	}
	return out.Flush()
}

// widths are how many columns each column needs.
func (t *Table) widths() []int {
	var widths []int
	measure := func(i int, text string) {
		if i == len(widths) {
			widths = append(widths, 0)
		}
		widths[i] = max(widths[i], Width(text))
	}
	for i, text := range t.Head {
		measure(i, text)
	}
	for _, row := range t.rows {
		for i := range row {
			measure(i, row[i].Text)
		}
	}
	return widths
}

// shrink makes the widest columns narrower until all fit into what there is, or none
// can give any more.
func shrink(widths []int, room int) {
	over := -room
	for _, width := range widths {
		over += width
	}
	for over > 0 {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= minCut {
			return
		}
		// Down to the next widest at once, or it would take a step for each column.
		next := minCut
		for i := range widths {
			if i != widest && widths[i] < widths[widest] {
				next = max(next, widths[i])
			}
		}
		less := min(over, max(widths[widest]-next, 1))
		widths[widest] -= less
		over -= less
	}
}

// line writes one row.
func (t *Table) line(out *bufio.Writer, row []Cell, widths []int) {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", t.Indent))
	for i, cell := range row {
		if i > 0 {
			b.WriteString(gap)
		}
		text := Cut(cell.Text, widths[i])
		before, after := pad(text, widths[i], i < len(t.Right) && t.Right[i])
		if cell.Paint != nil {
			text = cell.Paint(text)
		}
		b.WriteString(before + text)
		if i < len(row)-1 {
			b.WriteString(after)
		}
	}
	// The last cell may be empty, and then the blanks before it are of no use.
	fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
}
