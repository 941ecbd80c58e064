package postman

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// What a policy does not send.
var (
	errMultipart = errors.New("its body is multipart/form-data, which a named call does not send")
	errFile      = errors.New("its body is a file")
	errMarkup    = errors.New("variables stand in a body that is neither JSON nor plain text, where a value could end what it stands in")
	errMember    = errors.New("a variable stands in the name of a member of its body")
)

// payload makes the body of an operation. kind is the type that the request says it
// has; the type that is left to say by a header is given back.
func (c *call) payload(in *inputs, kind string) (b *policy.BodySpec, left string, err error) {
	if c.body == nil {
		return nil, "", nil
	}
	switch c.body.Mode {
	case "raw":
		return c.raw(in, kind)
	case "urlencoded":
		return c.form(in), "", nil
	case "graphql":
		b, err = c.graphQL(in)
		return b, "", err
	case "formdata":
		if !slices.ContainsFunc(c.body.FormData, func(p param) bool { return !p.Disabled && p.Key != "" }) {
			return nil, "", nil
		}
		return nil, "", errMultipart
	case "file":
		if file := string(c.body.File); file == "" || file == "null" || file == "{}" {
			return nil, "", nil
		}
		return nil, "", errFile
	}
	return nil, "", fmt.Errorf("its body is of the kind %s, which is not known", quote(c.body.Mode))
}

// raw makes a body of text.
func (c *call) raw(in *inputs, kind string) (*policy.BodySpec, string, error) {
	source := strings.TrimSpace(string(c.body.Raw))
	if source == "" {
		return nil, "", nil
	}
	media, _, _ := strings.Cut(strings.ToLower(kind), ";")
	media = strings.TrimSpace(media)
	said := c.body.Options.Raw.Language
	if isJSON(source, media, said) {
		b, err := c.json(in, []byte(source))
		if media == "application/json" {
			kind = ""
		}
		return b, kind, err
	}
	if media == "application/x-www-form-urlencoded" {
		c.body.URLEncoded = splitQuery(source)
		return c.form(in), "", nil
	}
	plain := media == "text/plain" || media == "" && said != "xml" && said != "html" && said != "javascript"
	if !plain && strings.Contains(source, "{{") {
		return nil, "", errMarkup
	}
	if kind == "" && !plain {
		kind = map[string]string{"xml": "application/xml", "html": "text/html"}[said]
	}
	if media == "text/plain" {
		kind = ""
	}
	return &policy.BodySpec{As: "text", Template: in.fill(source, c.scope)}, kind, nil
}

// isJSON tells whether a body is JSON: by its type, by what the collection says, or
// by how it begins.
func isJSON(source, media, said string) bool {
	switch {
	case media != "":
		return media == "application/json" || strings.HasSuffix(media, "+json")
	case said == "xml" || said == "html":
		return false
	}
	begins := bytes.TrimSpace(asJSON([]byte(source)))
	return said == "json" || len(begins) > 0 && (begins[0] == '{' || begins[0] == '[')
}

// form makes a body of fields.
func (c *call) form(in *inputs) *policy.BodySpec {
	b := &policy.BodySpec{As: "form"}
	for _, f := range c.body.URLEncoded {
		if f.Disabled || f.Key == "" {
			continue
		}
		key, value := decoded(string(f.Key)), decoded(string(f.Value))
		if strings.Contains(key, "{{") {
			in.left = append(in.left, shown(key))
			continue
		}
		if isConstant(key) && value != "" && !strings.Contains(value, "{{") {
			b.Form = append(b.Form, policy.Field{Name: key, Value: value})
			continue
		}
		b.Form = append(b.Form, policy.Field{Name: key, Value: in.field(key, value, true, c.scope)})
	}
	if len(b.Form) == 0 {
		return nil
	}
	return b
}

// constant are fields of a form that belong to the request, not to what is said.
var constant = regexp.MustCompile(`^(?:grant_type|response_type|scope|format|action|method|version|locale|lang|language)$`)

// isConstant tells them by their names.
func isConstant(key string) bool { return constant.MatchString(draft.Word(key)) }

// decoded undoes the percent-encoding of a name or a value, if it is any.
func decoded(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// graphQL makes a body of a query with its variables.
func (c *call) graphQL(in *inputs) (*policy.BodySpec, error) {
	g := c.body.GraphQL
	if g == nil {
		return nil, nil
	}
	document := `{"query":` + string(marshal(string(g.Query)))
	if g.OperationName != "" {
		document += `,"operationName":` + string(marshal(string(g.OperationName)))
	}
	if variables := strings.TrimSpace(string(g.Variables)); variables != "" {
		document += `,"variables":` + variables
	}
	return c.json(in, []byte(document+"}"))
}

// json makes a body of a JSON document.
func (c *call) json(in *inputs, document []byte) (*policy.BodySpec, error) {
	template, samples, err := draft.JSONTemplateWith(asJSON(document), &in.names, func(s string) (string, bool) {
		return in.keep(s, c.scope)
	})
	if err != nil {
		return nil, fmt.Errorf("its body is not JSON: %w", err)
	}
	if strings.Contains(template, `\u007b\u007b`) && reference.Match(document) {
		return nil, errMember
	}
	in.take(samples)
	return &policy.BodySpec{As: "json", Template: template}, nil
}

// bareMark begins the text that a variable becomes that stands in a document without
// quotes.
const bareMark = "\uf8ff"

// keep gives a text of a document with variables in it as the part of a template.
func (in *inputs) keep(s string, values *scope) (string, bool) {
	if name, is := strings.CutPrefix(s, bareMark); is {
		variable, _ := whole(name)
		return "{{" + in.typed(variable, values) + "}}", true
	}
	if !reference.MatchString(s) {
		return "", false
	}
	var b strings.Builder
	b.WriteByte('"')
	rest := s
	for {
		m := reference.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		name := strings.TrimSpace(rest[m[2]:m[3]])
		b.WriteString(inString(rest[:m[0]]) + "{{" + in.of(name, values.value(name)) + "}}")
		rest = rest[m[1]:]
	}
	b.WriteString(inString(rest) + `"`)
	return b.String(), true
}

// typed gives the input of a variable that stands bare: where its value is a number
// or a truth value, it has to be one.
func (in *inputs) typed(variable string, values *scope) string {
	value := values.value(variable)
	_, known := in.byName[variable]
	name := in.of(variable, "")
	if known || value == "" || !json.Valid([]byte(value)) || len(value) > maxText {
		return name
	}
	kind := map[byte]string{'t': "bool", 'f': "bool", '{': "json", '[': "json", 'n': "json"}[value[0]]
	if kind == "" && value[0] != '"' {
		kind = "number"
	}
	if kind != "" && !isSecret(variable) {
		in.declared = append(in.declared, policy.InputSpec{Var: name, Type: kind})
		in.samples[name] = json.RawMessage(value)
		in.example(name, json.RawMessage(value))
	}
	return name
}

// inString escapes a text for the inside of a JSON string of a template.
func inString(s string) string {
	quoted := string(marshal(s))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], "{", `\u007b`)
}

// asJSON makes JSON of what Postman allows beside it: comments are left out, and
// variables that stand without quotes become texts with a mark.
func asJSON(source []byte) []byte {
	out := make([]byte, 0, len(source)+64)
	quoted := false
	for i := 0; i < len(source); i++ {
		rest := source[i:]
		switch c := source[i]; {
		case quoted && c == '\\' && len(rest) > 1:
			out = append(out, c, rest[1])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '/' && len(rest) > 1 && rest[1] == '/':
			i += lineEnd(rest) - 1
			continue
		case c == '/' && len(rest) > 1 && rest[1] == '*':
			i += commentEnd(rest) - 1
			continue
		case c == '{':
			if m := bareReference.Find(rest); m != nil {
				out = append(out, `"`+bareMark...)
				out = append(out, m...)
				out = append(out, '"')
				i += len(m) - 1
				continue
			}
		}
		out = append(out, source[i])
	}
	return out
}

// bareReference is a variable at the beginning of what is left, in one line.
var bareReference = regexp.MustCompile(`^\{\{[^{}"\\\n]{1,200}\}\}`)

// lineEnd gives the length of a comment that ends with its line.
func lineEnd(s []byte) int {
	if i := bytes.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// commentEnd gives the length of a comment that ends by itself.
func commentEnd(s []byte) int {
	if i := bytes.Index(s[2:], []byte("*/")); i >= 0 {
		return i + 4
	}
	return len(s)
}

// contentType is the header that says what a body is.
const contentType = "Content-Type"

// kindOf gives the type that a request says its body has.
func (c *call) kindOf() string {
	for _, h := range c.header {
		if http.CanonicalHeaderKey(strings.TrimSpace(string(h.Key))) == contentType {
			return c.scope.resolve(string(h.Value))
		}
	}
	return ""
}
