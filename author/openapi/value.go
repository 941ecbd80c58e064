package openapi

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy"
)

// kind is what a value is. Kinds are bits, so that a table can allow several.
type kind uint8

const (
	isNull kind = 1 << iota
	isBool
	isNumber
	isText
	isList
	isObject

	isAnything = isNull | isBool | isNumber | isText | isList | isObject
)

// value is one value of the document. Values may be shared, where YAML has an
// alias, but never contain themselves.
type value struct {
	kind   kind
	text   string         // of a text; of a number, true, false or null, as JSON
	items  []*value       // of a list
	fields []field        // of an object, in the document's order
	depth  int            // 1 more than that of the deepest value inside
	line   int            // where it begins, counted from 1
	column int            // counted from 1, in bytes; 0: not known
	places map[string]int // of fields by name, where there are many
}

// field is one member of an object.
type field struct {
	name  string
	value *value
}

// fewFields is up to how many members looking at each is faster than a table.
const fewFields = 12

// get gives a member, nil where v is no object or has none of that name.
func (v *value) get(name string) *value {
	if v == nil || v.kind != isObject {
		return nil
	}
	if i := v.place(v.fields, name); i >= 0 {
		return v.fields[i].value
	}
	return nil
}

// place finds a name among members that are v's own, or the first of them.
func (v *value) place(fields []field, name string) int {
	if v.places != nil {
		if i, found := v.places[name]; found {
			return i
		}
		return -1
	}
	return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
}

// string gives a text, and nothing where v is none.
func (v *value) string() string {
	if v == nil || v.kind != isText {
		return ""
	}
	return v.text
}

// list gives the values of a list, none where v is none.
func (v *value) list() []*value {
	if v == nil {
		return nil
	}
	return v.items
}

// document is a tree and what is known of its text.
type document struct {
	file   string
	source []byte
	root   *value
	values int // how many were made so far

	// components is how many of them references of the chosen operations lead to.
	components int

	// dropped is how many examples did not become tests.
	dropped int

	notes *warnings // what is not taken over
	told  *warnings // what else there is to say
}

// mistake says what is wrong at a place of the document: its line, with a caret
// where the column is known.
func (d *document) mistake(line, column int, format string, args ...any) policy.Mistake {
	m := policy.Mistake{Text: fmt.Sprintf(format, args...)}
	if line > 0 {
		m.Place = policy.Place{File: d.file, Line: line}
		m.Snippet = d.snippet(line, column)
	} else {
		m.Name = d.file
	}
	if column > 0 {
		m.Text = fmt.Sprintf("column %d: %s", column, m.Text)
	}
	return m
}

// shown is how much of a long line a message shows, in bytes.
const shown = 100

// snippet gives a line, or the part of it around the column, and a caret.
func (d *document) snippet(line, column int) string {
	rest := d.source
	for range line - 1 {
		_, after, found := bytes.Cut(rest, []byte("\n"))
		if !found {
			return ""
		}
		rest = after
	}
	text, _, _ := bytes.Cut(rest, []byte("\n"))
	if column == 0 {
		return printable(string(text[:min(len(text), shown)]))
	}
	at := min(column-1, len(text))
	before := printable(string(text[max(0, at-shown/2):at]))
	after := printable(string(text[at:min(len(text), at+shown/2)]))
	return before + after + "\n" + strings.Repeat(" ", utf8.RuneCountInString(before)) + "^"
}

// finish notes what is known of a list or an object when all of it was read: its
// depth, and a table of many members. Of members that have the same name the last
// one counts, as in JSON parsers.
func (d *document) finish(v *value) error {
	for _, item := range v.items {
		v.depth = max(v.depth, item.depth)
	}
	for i := range v.fields {
		v.depth = max(v.depth, v.fields[i].value.depth)
	}
	v.depth++
	if v.depth > maxDepth {
		return d.mistake(v.line, v.column, "the document nests deeper than %d levels", maxDepth)
	}
	if v.kind == isObject {
		d.unique(v)
	}
	return nil
}

// unique leaves one member of each name.
func (d *document) unique(v *value) {
	if len(v.fields) > fewFields {
		v.places = make(map[string]int, len(v.fields))
	}
	kept := v.fields[:0]
	for _, f := range v.fields {
		if i := v.place(kept, f.name); i >= 0 {
			d.notes.add("line %d: %s stands twice in one object: the last one counts", f.value.line, quote(f.name))
			kept[i].value = f.value
			continue
		}
		if v.places != nil {
			v.places[f.name] = len(kept)
		}
		kept = append(kept, f)
	}
	v.fields = kept
}
