package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// maxTemplate bounds the template of a body, in bytes, and maxInline one that
// stands on a single line.
const (
	maxTemplate = 16 << 10
	maxInline   = 72
)

// nothingRequired stands above operations whose calls would send nothing.
const nothingRequired = "Nothing that it takes is required: write what the bot is to send."

// isJSON tells the media types whose content is JSON.
func isJSON(mediaType string) bool {
	mediaType = bare(mediaType)
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json") || mediaType == "text/json" || mediaType == "*/*"
}

// bare gives a media type without its parameters.
func bare(mediaType string) string {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

// maxContents bounds the media types of one body.
const maxContents = 50

// pick gives the first media type that is wanted, by name.
func pick(content openapi3.Content, wanted func(string) bool) (string, *openapi3.MediaType) {
	if len(content) > maxContents {
		return "", nil
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		if wanted(name) && content[name] != nil {
			return name, content[name]
		}
	}
	return "", nil
}

// body takes the body of the request, in the first of the forms that a policy has.
func (o *operation) body() {
	if o.says.RequestBody == nil || o.says.RequestBody.Value == nil || len(o.says.RequestBody.Value.Content) == 0 {
		return
	}
	content := o.says.RequestBody.Value.Content
	isPlain := func(name string) bool { return strings.HasPrefix(bare(name), "text/") && !isMarkup(name) }
	if _, media := pick(content, func(name string) bool { return bare(name) == "application/json" }); media != nil {
		o.jsonBody(media)
	} else if name, media := pick(content, isJSON); media != nil {
		o.jsonBody(media)
		o.contentType(name)
	} else if _, media := pick(content, func(name string) bool { return bare(name) == "application/x-www-form-urlencoded" }); media != nil {
		o.formBody(media)
	} else if name, media := pick(content, isPlain); media != nil {
		v := o.variable("text", "body")
		o.input(v, o.forms.of(media.Schema), nil, false)
		o.spec.Body = &policy.BodySpec{As: "text", Template: "{{" + v + "}}"}
		o.contentType(name)
	} else if types := typesOf(content); o.says.RequestBody.Value.Required {
		o.leave("its body is %s: a policy sends JSON, a form or text", quote(types))
	} else {
		o.warn("its body, which is optional, is left out: it is %s", quote(types))
	}
}

// typesOf names the media types of a body, or some of them.
func typesOf(content openapi3.Content) string {
	names := slices.Collect(maps.Keys(content))
	if len(names) <= maxContents {
		slices.Sort(names)
	}
	return strings.Join(first(names, 3), ", ")
}

// isMarkup tells the texts in which a value could become a tag.
func isMarkup(mediaType string) bool {
	return strings.Contains(mediaType, "xml") || strings.Contains(mediaType, "html")
}

// contentType sends the media type of the body where it is another than a policy
// sends by itself.
func (o *operation) contentType(mediaType string) {
	if o.spec.Body != nil && !strings.Contains(mediaType, "*") && bare(mediaType) != "text/plain" && holdable(mediaType) {
		o.spec.Header = append(o.spec.Header, policy.Field{Name: "Content-Type", Value: mediaType})
	}
}

// formBody makes the fields of a form.
func (o *operation) formBody(media *openapi3.MediaType) {
	f := o.forms.of(media.Schema)
	o.noteChoice(f)
	body := &policy.BodySpec{As: "form"}
	for _, m := range f.members {
		of := o.forms.of(m.schema)
		switch {
		case of.readOnly:
		case !holdable(m.name) || m.name == "" || m.name == "import":
			if m.required {
				o.leave("its field %s has a name that a policy cannot say", quote(m.name))
			}
		case !m.required && !of.hasStandard():
			o.option(fmt.Sprintf("%s \"{{%s}}\"", m.name, o.proposed(m.name)), of.summary(""))
		default:
			body.Form = append(body.Form, policy.Field{Name: m.name, Value: o.formValue(m, of)})
		}
	}
	o.spec.Body = body
	if len(body.Form) == 0 {
		o.spec.Body = nil
		o.about = append(o.about, nothingRequired)
	}
}

// formValue gives the template of a form's field.
func (o *operation) formValue(m member, f *form) string {
	if fixed, is := f.fixed(); is && m.required && holdable(fixed) {
		return fixed
	}
	v := o.variable(m.name, "body")
	o.input(v, f, nil, f.kind == "object")
	o.warnOfCredential(v, m.name)
	return "{{" + v + "}}"
}

// proposed gives a name for a variable that is not there yet.
func (o *operation) proposed(name string) string {
	v := o.variable(name, "body")
	delete(o.used, v)
	return v
}

// noteChoice tells where a schema has alternatives.
func (o *operation) noteChoice(f *form) {
	if f.choices > 1 {
		o.about = append(o.about, fmt.Sprintf("Its body may have %d forms: this is the first one.", f.choices))
	}
}

// jsonBody makes the template of a JSON body.
func (o *operation) jsonBody(media *openapi3.MediaType) {
	f := o.forms.of(media.Schema)
	o.noteChoice(f)
	var template string
	if len(f.members) == 0 {
		template = o.bodyValue(member{name: "body", required: true}, f, nest{})
	} else {
		template = o.object(f, nest{})
	}
	if len(template) > maxTemplate {
		o.leave("its body is too large: a template has at most %d bytes here", maxTemplate)
	}
	if strings.HasSuffix(strings.TrimRight(template, "}"), "{") {
		o.about = append(o.about, nothingRequired)
	}
	o.spec.Body = &policy.BodySpec{As: "json", Template: template}
	o.exampleInputs(media)
}

// nest is where an object stands in a body.
type nest struct {
	path   []string // the names of the members that lead there
	prefix string   // what the names of variables below begin with
	indent int      // by how many tabs it is indented
}

// below is where the objects of a member stand. An object that is alone, as an
// envelope is, lends its name to nothing.
func (n nest) below(m member, alone bool) nest {
	inner := nest{path: append(slices.Clone(n.path), m.name), prefix: m.name + " ", indent: n.indent + 1}
	if alone {
		inner.prefix, inner.indent = n.prefix, n.indent
	}
	return inner
}

// object makes the template of an object: of the members that are required or have
// a default. The others become comments.
func (o *operation) object(f *form, at nest) string {
	var members []string
	writable := o.writable(f)
	for _, m := range writable {
		if o.left != "" {
			return ""
		}
		of := o.forms.of(m.schema)
		name, err := json.Marshal(m.name)
		switch {
		case err != nil || !holdable(m.name):
			if m.required {
				o.leave("its member %s has a name that a policy cannot say", quote(m.name))
			}
		case len(writable) == 1 && of.kind == "object" && len(of.members) > 0 && len(at.path) < maxNesting:
			return "{" + string(name) + ": " + o.object(of, at.below(m, true)) + "}"
		case !m.required && !of.hasStandard():
			if len(at.prefix) == 0 {
				o.option(string(name)+": "+placeholder(of, o.proposed(m.name)), of.summary(""))
			}
		case of.kind == "object" && len(at.path) < maxNesting && o.hasRequired(of):
			members = append(members, string(name)+": "+o.object(of, at.below(m, false)))
		default:
			members = append(members, string(name)+": "+o.bodyValue(m, of, at))
		}
	}
	if inline := "{" + strings.Join(members, ", ") + "}"; len(inline) <= maxInline && !strings.Contains(inline, "\n") {
		return inline
	}
	tabs := strings.Repeat("\t", at.indent)
	return "{\n\t" + tabs + strings.Join(members, ",\n\t"+tabs) + "\n" + tabs + "}"
}

// writable gives the members that a call may send.
func (o *operation) writable(f *form) []member {
	return slices.DeleteFunc(slices.Clone(f.members), func(m member) bool { return o.forms.of(m.schema).readOnly })
}

// bodyValue makes the template of what has one value.
func (o *operation) bodyValue(m member, f *form, at nest) string {
	if literal, is := f.literal(); is && m.required {
		return literal
	}
	v := o.variable(at.prefix+m.name, "body")
	o.places[v] = append(slices.Clone(at.path), m.name)
	o.input(v, f, nil, !f.isScalar())
	o.warnOfCredential(v, o.places[v]...)
	return placeholder(f, v)
}

// warnOfCredential says that a body cannot have credentials injected, where one of the
// names that lead to a variable is that of a credential.
func (o *operation) warnOfCredential(v string, path ...string) {
	if slices.ContainsFunc(path, draft.IsPrivate) {
		o.warn("{{%s}}, a part of the body, may be a credential: Signpost injects those into headers and queries alone, so the bot has to send it", v)
	}
}

// placeholder is where a variable stands in JSON: in quotes, if it is a text.
func placeholder(f *form, v string) string {
	if f.kind == "string" {
		return `"{{` + v + `}}"`
	}
	return "{{" + v + "}}"
}

// hasRequired tells whether an object has a member that calls send.
func (o *operation) hasRequired(f *form) bool {
	return slices.ContainsFunc(f.members, func(m member) bool {
		of := o.forms.of(m.schema)
		return !of.readOnly && holdable(m.name) && (m.required || of.hasStandard())
	})
}

// literal gives the only value that there is as JSON, if there is only one.
func (f *form) literal() (string, bool) {
	only := f.constant
	if only == nil && len(f.enum) == 1 {
		only = f.enum[0]
	}
	text, is := asText(only)
	if !is || !holdable(text) {
		return "", false
	}
	raw, err := json.Marshal(only)
	return string(raw), err == nil
}
