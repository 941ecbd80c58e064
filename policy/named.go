package policy

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy/input"
	"github.com/signpost-gateway/signpost/policy/template"
)

// Bounds of what a named call's variables may grow to, in bytes.
const (
	// maxInputs is how much a bot may send: a body, or a query.
	maxInputs = 1 << 20
	// maxLine is how long a value may be in a path, a query or a header.
	maxLine = 8 << 10
	// maxSent is how large the body may become that goes out.
	maxSent = 4 << 20
)

// blueprint is the request that a named call sends, compiled: what an operation
// says of it beside method and path. Each value is filled and escaped for where
// it stands, so that no variable can change anything else.
type blueprint struct {
	inputs   *input.Set // the declared variables, then those that templates read
	names    []string   // of inputs, in order
	declared bool       // an input is written, so that captured segments are judged
	query    []entry
	header   []entry
	form     []entry
	body     *template.Text // of json and text; nil: form, or no body
	kind     string         // the Content-Type of form and body, or empty
}

// saysMore tells whether the operation says more of its request than method and
// path, so that a bot could say something else where it sends the request itself.
func (b *blueprint) saysMore() bool {
	return len(b.query)+len(b.header)+len(b.form) > 0 || b.kind != ""
}

// entry is a name and the template of its value.
type entry struct {
	name  string
	value *template.Text
}

// fill makes the request that a named call sends out of its variables. What is
// wrong with them is told of each.
func (b *blueprint) fill(path *template.Path, values []input.Value) (asked, []input.Problem) {
	f := filling{names: b.names, values: values}
	a := asked{header: make(http.Header, len(b.header)+1)}
	a.path = string(path.Append(nil, f.line, func(err *template.ValueError) { f.wrong(err.Name, err.Msg) }))
	a.query = strings.ReplaceAll(f.encoded(b.query, f.text), "+", "%20") // Not every third party reads a plus as a blank.
	if b.kind != "" {
		a.header["Content-Type"] = []string{b.kind}
		a.body = f.body(b)
	}
	for _, e := range b.header {
		a.header[http.CanonicalHeaderKey(e.name)] = []string{f.header(e.value)}
	}
	return a, f.problems
}

// filling is a request on its way from templates to text.
type filling struct {
	names    []string
	values   []input.Value
	problems []input.Problem
}

// wrong notes what is wrong with a variable, once.
func (f *filling) wrong(name, text string) {
	if !slices.ContainsFunc(f.problems, func(p input.Problem) bool { return p.Name == name }) {
		f.problems = append(f.problems, input.Problem{Name: name, Text: text})
	}
}

// value gives a variable.
func (f *filling) value(name string) input.Value {
	if i := slices.Index(f.names, name); i >= 0 && i < len(f.values) {
		return f.values[i]
	}
	return input.Value{}
}

// lookup gives a variable to a template.
func (f *filling) lookup(ref template.Ref) (json []byte, text string, ok bool) {
	v := f.value(ref.Name)
	return v.JSON(), v.Text(), v.Exists()
}

// line gives a variable for a place on a line of HTTP, where it cannot be long.
func (f *filling) line(name string) string {
	text := f.value(name).Text()
	if len(text) > maxLine {
		f.wrong(name, fmt.Sprintf("is too long: a path, a query or a header takes at most %s", Size(maxLine)))
		return "-"
	}
	return text
}

// text fills a template whose values stand on a line.
func (f *filling) text(t *template.Text) []byte {
	return t.Append(nil, func(ref template.Ref) ([]byte, string, bool) { return nil, f.line(ref.Name), true })
}

// header fills a header's value, which holds no control characters.
func (f *filling) header(t *template.Text) string {
	return string(t.Append(nil, func(ref template.Ref) ([]byte, string, bool) {
		text := f.line(ref.Name)
		if strings.ContainsFunc(text, isControl) {
			f.wrong(ref.Name, "holds a control character, which cannot stand in a header")
			text = ""
		}
		return nil, text, true
	}))
}

// isControl tells the characters that cannot stand in a header (RFC 9110, section
// 5.5).
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// encoded writes fields as a form has them.
func (f *filling) encoded(fields []entry, fill func(*template.Text) []byte) string {
	var b strings.Builder
	for i, e := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(e.name) + "=" + url.QueryEscape(string(fill(e.value))))
	}
	return b.String()
}

// body fills the body, which is bounded.
func (f *filling) body(b *blueprint) []byte {
	fill := func(t *template.Text) []byte { return t.Append(nil, f.lookup) }
	room := maxSent
	if b.body != nil {
		if !f.fits(b.body, &room) {
			return nil
		}
		return fill(b.body)
	}
	for _, e := range b.form {
		if !f.fits(e.value, &room) {
			return nil
		}
	}
	return []byte(f.encoded(b.form, fill))
}

// fits takes what a template needs at most, when it is filled, from the room
// that is left.
func (f *filling) fits(t *template.Text, room *int) bool {
	longest := 0
	for _, ref := range t.Refs() {
		v := f.value(ref.Name)
		longest = max(longest, len(v.Text()), len(v.JSON()))
		if t.Places()*longest > *room {
			f.wrong(ref.Name, fmt.Sprintf("is too long: a body takes at most %s", Size(maxSent)))
			return false
		}
	}
	*room -= t.Places() * longest
	return true
}
