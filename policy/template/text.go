package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"
)

const (
	maxText      = 64 << 10 // Bytes of a text template.
	maxVariables = 256      // Places of variables in a text template.
)

// Kind says whose variable a Ref names.
type Kind string

const (
	// Vars are the variables that extractions read from the answer.
	Vars Kind = "vars"
	// Input are the variables that the bot sent: {{input.x}}, or {{x}} for short.
	Input Kind = "input"
)

// Ref names a variable: {{vars.eta}} is Ref{Vars, "eta"}, and {{x}} is
// Ref{Input, "x"}.
type Ref struct {
	Kind Kind
	Name string
}

// Text is a text with variables in it: the body of a fallback answer, or a value
// or the body of a named call. It does not change and is safe for concurrent use.
type Text struct {
	parts []part
	tail  string // The literal behind the last variable.
	refs  []Ref
}

// part is one variable and the literal before it.
type part struct {
	literal string
	ref     Ref
	place   place
	offset  int // Of the variable in the template, braces included,
	end     int // and of what follows it.
}

// place is where a variable stands, which decides how its value is escaped.
type place int

const (
	plain      place = iota // As it is.
	markup                  // HTML or XML text or a quoted attribute.
	jsonValue               // Where a JSON value may stand.
	jsonString              // Inside a JSON string.
)

// ParseText reads a body of at most 64 KiB with at most 256 {{vars.x}},
// {{input.x}} and {{x}}; every other {{ is an error. contentType decides how values are
// escaped: JSON (application/json, +json), HTML and XML (html, xml, +xml), or
// not at all for everything else and for "".
//
// A JSON template has to be JSON whatever the values are. A variable may stand
// for a whole value or inside a string, but not in a member's name, where a
// value could collide with another member. An empty body is fine for every type.
// In markup a variable belongs in text or in a quoted attribute; scripts and
// styles have rules of their own, which ParseText does not know.
// The error is an *Error.
func ParseText(s, contentType string) (*Text, error) {
	if len(s) > maxText {
		return nil, &Error{maxText, fmt.Sprintf("a body has at most %d bytes", maxText)}
	}
	t := &Text{}
	where := placeOf(contentType)
	end := 0
	for {
		v, ok, err := nextVariable(s, end)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if len(t.parts) == maxVariables {
			return nil, &Error{v.start, fmt.Sprintf("a body has at most %d variables", maxVariables)}
		}
		ref, ok := parseRef(v.inner)
		if !ok {
			return nil, &Error{v.start, "expected {{name}}, {{input.name}} or {{vars.name}}, the name of the form [a-z][a-z0-9_]*"}
		}
		t.parts = append(t.parts, part{s[end:v.start], ref, where, v.start, v.end})
		if !slices.Contains(t.refs, ref) {
			t.refs = append(t.refs, ref)
		}
		end = v.end
	}
	t.tail = s[end:]
	if where == jsonValue && s != "" {
		if err := t.placeInJSON(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// placeOf gives the place of every variable in a body of this media type; in
// JSON it is refined for each of them.
func placeOf(contentType string) place {
	mediaType, _, _ := strings.Cut(contentType, ";")
	_, subtype, _ := strings.Cut(strings.ToLower(strings.TrimSpace(mediaType)), "/")
	if i := strings.LastIndexByte(subtype, '+'); i >= 0 {
		subtype = subtype[i+1:] // RFC 6839: the suffix names the syntax.
	}
	switch subtype {
	case "json":
		return jsonValue
	case "html", "xml":
		return markup
	}
	return plain
}

func parseRef(s string) (Ref, bool) {
	kind, name, qualified := strings.Cut(s, ".")
	if !qualified {
		kind, name = string(Input), s
	}
	ref := Ref{Kind(kind), name}
	return ref, (ref.Kind == Vars || ref.Kind == Input) && validName(name)
}

// Refs gives each variable that the text reads once, in the order of their
// first places. The caller may keep and change the slice.
func (t *Text) Refs() []Ref { return slices.Clone(t.refs) }

// Places gives how many variables stand in the text; filled, it is at most as
// long as the template and that many of the longest value.
func (t *Text) Places() int { return len(t.parts) }

// Append appends the text, filled, to dst. lookup gives a variable as JSON,
// which counts only when it is valid, and as text; a variable that has no JSON
// is the string text. One that is not ok is missing: null where a JSON value
// stands, nothing everywhere else. Text that is not UTF-8 gets U+FFFD in JSON.
// The result is as long as template and values make it, so bound the values.
// Append is safe for concurrent use.
func (t *Text) Append(dst []byte, lookup func(Ref) (json []byte, text string, ok bool)) []byte {
	for _, p := range t.parts {
		dst = append(dst, p.literal...)
		value, text, ok := lookup(p.ref)
		switch {
		case !ok && p.place == jsonValue:
			dst = append(dst, "null"...)
		case !ok:
		case p.place == plain:
			dst = append(dst, text...)
		case p.place == markup:
			dst = append(dst, html.EscapeString(text)...)
		case p.place == jsonString:
			quoted := quoteJSON(text)
			dst = append(dst, quoted[1:len(quoted)-1]...)
		case json.Valid(value):
			dst = append(dst, value...)
		default:
			dst = append(dst, quoteJSON(text)...)
		}
	}
	return append(dst, t.tail...)
}

// quoteJSON gives s as a JSON string, quotes included, without the HTML escapes
// that json.Marshal would add.
func quoteJSON(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		// Unreachable: every string can be encoded. The empty string keeps
		// the answer JSON.
		return []byte(`""`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
