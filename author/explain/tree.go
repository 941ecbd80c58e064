package explain

import (
	"fmt"
	"strings"

	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// Bounds of a tree.
const (
	// treeElements is how many elements of each list are shown.
	treeElements = 5
	// treeLines is how many values are shown in all.
	treeLines = 200
	// treeLabel is how many columns a name with its value takes at most.
	treeLabel = 64
	// treeText is how much is shown of a body that is no JSON, in bytes.
	treeText = 4 << 10
)

// Tree gives a JSON document as an indented tree, with the JSONPath of each value at
// its right, and a line break at its end. Of a list there are the first 5 elements,
// and at most 200 values in all. A document that is no JSON stands as it is, cut to
// 4 KiB. What strangers wrote in it is safe for a terminal.
func Tree(doc []byte, style terminal.Style) string {
	places, leftOut, err := extract.PlacesWithin(doc, treeElements)
	if err != nil {
		return text(doc, style)
	}
	if len(places) > treeLines {
		leftOut += len(places) - treeLines
		places = places[:treeLines]
	}
	rows, width := treeRows(places)
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.Repeat(" ", r.indent))
		if r.note != "" {
			b.WriteString(style.Dim(r.note) + "\n")
			continue
		}
		b.WriteString(style.Bold(r.name))
		if r.name != "" && r.value != "" {
			b.WriteString(" ")
		}
		gap := strings.Repeat(" ", width-r.columns()+2)
		b.WriteString(r.value + gap + style.Name(terminal.Safe(r.path)) + "\n")
	}
	if leftOut > 0 {
		b.WriteString(style.Dim(fmt.Sprintf("… %s more", count(leftOut, "value", "values"))) + "\n")
	}
	return b.String()
}

// text gives a body that is no JSON.
func text(body []byte, style terminal.Style) string {
	if len(body) == 0 {
		return ""
	}
	shown := terminal.SafeText(strings.ToValidUTF8(string(body[:min(len(body), treeText)]), "?"))
	if !strings.HasSuffix(shown, "\n") {
		shown += "\n"
	}
	if len(body) > treeText {
		shown += style.Dim(fmt.Sprintf("… %s more", count(len(body)-treeText, "byte", "bytes"))) + "\n"
	}
	return shown
}

// treeRow is one line of a tree: a value with its path, or a note.
type treeRow struct {
	indent            int
	name, value, path string
	note              string
}

// columns is how many columns the line takes before the path.
func (r *treeRow) columns() int {
	n := r.indent + terminal.Width(r.name) + terminal.Width(r.value)
	if r.name != "" && r.value != "" {
		n++
	}
	return n
}

// treeRows lays the places out, and gives the columns that the widest takes.
func treeRows(places []extract.Named) (rows []treeRow, width int) {
	above := make([]string, 0, 16) // The paths of those that hold the next one, by depth.
	var cut []extract.Named
	flush := func(depth int) { // The lists that are over, with what is not shown of them.
		for len(cut) > 0 && cut[len(cut)-1].Depth >= depth {
			list := cut[len(cut)-1]
			cut = cut[:len(cut)-1]
			rows = append(rows, treeRow{indent: 2 * (list.Depth + 1), note: "… " + count(list.Skipped, "element", "elements") + " more"})
		}
	}
	for _, p := range places {
		flush(p.Depth)
		above = append(above[:p.Depth], p.Path) // What is listed has all that holds it listed before.
		row := treeRow{indent: 2 * p.Depth, path: p.Path, name: "$", value: scalar(p.Value)}
		if p.Depth > 0 {
			row.name = lastName(strings.TrimPrefix(p.Path, above[p.Depth-1]))
		}
		row.name = terminal.Cut(terminal.Safe(row.name), treeLabel/2)
		row.value = terminal.Cut(row.value, max(treeLabel-row.indent-terminal.Width(row.name)-1, treeLabel/4))
		width = max(width, row.columns())
		rows = append(rows, row)
		if p.Skipped > 0 {
			cut = append(cut, p)
		}
	}
	flush(0)
	return rows, width
}

// lastName is the last segment of a path as a tree has it: a member's name, or an
// element's number in brackets.
func lastName(segment string) string { return strings.TrimPrefix(segment, ".") }

// scalar writes a value that holds no others, as JSON; of the others it says what
// they are where they hold nothing.
func scalar(v extract.Value) string {
	encoded := string(v.AppendJSON(nil))
	switch v.Kind() {
	case extract.Object, extract.Array:
		if strings.TrimSpace(encoded[1:len(encoded)-1]) == "" {
			return encoded
		}
		return ""
	default:
		return terminal.Safe(encoded)
	}
}
