package draft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy"
)

// Sample is a variable, and the value that stood in its place.
type Sample struct {
	Input policy.InputSpec

	// Value is the JSON that stood there.
	Value json.RawMessage

	// Private tells that it may be a credential, and is not to be shown.
	Private bool

	// Credential tells that its name or its form says that it is one.
	Credential bool
}

// Bounds of a document that becomes a template.
const (
	// maxDocument bounds it, in bytes: as much as a template may hold.
	maxDocument = 64 << 10
	// maxDocumentDepth bounds its lists and objects within each other.
	maxDocumentDepth = 64
	// maxSamples bounds the variables that are made of it; further values stay.
	maxSamples = 64
	// maxSampleText bounds a text that becomes a variable, in bytes: longer ones are
	// part of the request, not of the conversation.
	maxSampleText = 200
	// maxLine is how long a document may be on one line, in bytes.
	maxLine = 100
)

// JSONTemplate makes the template of a named call's body of a JSON document: each
// text, number and truth value becomes a variable of its type, named by its member,
// and each list one of type json. What is null or empty stays, and so do long texts
// and queries of GraphQL. It fails for what is no JSON, or larger than 64 KiB.
func JSONTemplate(document []byte, names *Names) (template string, samples []Sample, err error) {
	return JSONTemplateWith(document, names, nil)
}

// JSONTemplateWith is JSONTemplate for a document with variables in it already: keep
// is asked for each text that is no member's name, and gives the JSON with {{x}} in it
// that stands there instead. Where it has none, the text is like all others.
func JSONTemplateWith(document []byte, names *Names, keep func(text string) (template string, kept bool)) (template string, samples []Sample, err error) {
	if len(document) > maxDocument {
		return "", nil, fmt.Errorf("reading JSON: it has %d bytes: a template has at most %d", len(document), maxDocument)
	}
	if !utf8.Valid(document) {
		return "", nil, errors.New("reading JSON: it is not UTF-8")
	}
	t := templating{decoder: json.NewDecoder(bytes.NewReader(document)), names: names, keep: keep, many: len(document) > maxLine}
	t.decoder.UseNumber()
	switch err := t.value(nil, 0); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "", nil, errors.New("reading JSON: it ends too early")
	case err != nil:
		return "", nil, fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := t.decoder.Token(); !errors.Is(err, io.EOF) {
		return "", nil, errors.New("reading JSON: more stands behind it")
	}
	return t.b.String(), t.samples, nil
}

// templating is a document on its way to a template.
type templating struct {
	decoder *json.Decoder
	names   *Names
	keep    func(string) (string, bool) // nil: nothing is there already
	b       strings.Builder
	samples []Sample
	many    bool // each member has a line of its own
}

// value writes the next value; path are the members that lead to it.
func (t *templating) value(path []string, depth int) error {
	next, err := t.decoder.Token()
	if err != nil {
		return err
	}
	switch v := next.(type) {
	case json.Delim:
		if depth == maxDocumentDepth {
			return fmt.Errorf("it nests more than %d deep", maxDocumentDepth)
		}
		if v == '[' {
			return t.list(path)
		}
		return t.object(path, depth)
	case string:
		if t.keep != nil {
			if kept, is := t.keep(v); is {
				t.b.WriteString(kept)
				return nil
			}
		}
		if staysText(path, v) && !holdsQuotedPrivate(v) {
			t.b.WriteString(literalText(v))
			return nil
		}
		return t.sample(path, "string", v)
	case json.Number:
		return t.sample(path, "number", v)
	case bool:
		return t.sample(path, "bool", v)
	default:
		t.b.WriteString("null")
		return nil
	}
}

// staysText tells texts that are part of the request.
func staysText(path []string, s string) bool {
	if s == "" || len(s) > maxSampleText || strings.Contains(s, "\n") {
		return true
	}
	return len(path) == 1 && path[0] == "query" && strings.ContainsRune(s, '{')
}

// object writes the members of an object, whose brace is read.
func (t *templating) object(path []string, depth int) error {
	t.b.WriteByte('{')
	for n := 0; t.decoder.More(); n++ {
		if n > 0 {
			t.b.WriteByte(',')
		}
		t.newLine(depth + 1)
		token, err := t.decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // The decoder allows nothing else.
		t.b.WriteString(literalText(name) + ":")
		if t.many {
			t.b.WriteByte(' ')
		}
		if err := t.value(append(path, name), depth+1); err != nil {
			return err
		}
	}
	if !strings.HasSuffix(t.b.String(), "{") {
		t.newLine(depth)
	}
	t.b.WriteByte('}')
	_, err := t.decoder.Token()
	return err
}

// newLine breaks the line before a member.
func (t *templating) newLine(depth int) {
	if t.many {
		t.b.WriteString("\n" + strings.Repeat("  ", depth))
	}
}

// list makes a list one variable, whose bracket is read.
func (t *templating) list(path []string) error {
	items := []json.RawMessage{}
	for t.decoder.More() {
		var item json.RawMessage
		if err := t.decoder.Decode(&item); err != nil {
			return err
		}
		items = append(items, item)
	}
	if _, err := t.decoder.Token(); err != nil {
		return err
	}
	if len(items) == 0 {
		t.b.WriteString("[]")
		return nil
	}
	return t.sample(path, "json", items)
}

// sample writes a variable instead of a value, as long as there are not too many.
func (t *templating) sample(path []string, kind string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(t.samples) == maxSamples {
		t.b.WriteString(literal(raw))
		return nil
	}
	text, _ := v.(string)
	s := Sample{
		Input: policy.InputSpec{Var: t.names.Of(variableWords(path), "body"), Type: kind},
		Value: raw,
	}
	s.Credential = LooksPrivate(text) || holdsQuotedPrivate(text) || kind != "bool" && anyPrivate(path) || kind == "json" && holdsPrivate(raw)
	s.Private = s.Credential || kind == "json" && len(raw) > maxSampleText // What is long is not looked through by anybody.
	t.samples = append(t.samples, s)
	t.b.WriteString("{{" + s.Input.Var + "}}")
	return nil
}

// variableWords are the last two members of a path, which say enough.
func variableWords(path []string) string {
	return strings.Join(path[max(0, len(path)-2):], " ")
}

// anyPrivate tells whether a value stands in a member of a private name.
func anyPrivate(path []string) bool {
	for _, name := range path {
		if IsPrivate(name) || policy.IsPrivateName(name) && Word(name) != "code" {
			return true
		}
	}
	return false
}

// holdsPrivate tells whether a list may hold a credential.
func holdsPrivate(raw []byte) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := d.Token()
		if err != nil {
			return false // It is JSON, of which this is the end.
		}
		// A member's name and a text are looked at alike.
		if s, is := token.(string); is && (LooksPrivate(s) || anyPrivate([]string{s})) {
			return true
		}
	}
}

// literalText writes a text as JSON that no template has variables in.
func literalText(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // Not reached: every text can be encoded.
	}
	return literal(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// literal writes the braces in the texts of a JSON value as escapes: two of them
// would be a variable.
func literal(raw []byte) string { return escapeJSON(string(raw)) }
