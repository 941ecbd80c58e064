package caddymodule

import (
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// inputUsage is the grammar of `input`.
const inputUsage = "input <var> [string|number|bool|json] [default <json>] [matches <regexp>] [in <value…>]"

// inputTypes are the words that may stand behind an input's name.
var inputTypes = []string{"string", "number", "bool", "json"}

// callWords are the subdirectives that say what a named call sends.
var callWords = words[policy.OperationSpec]{
	"input": {form{usage: inputUsage, min: 1, max: anyNumber, many: true}, readInput},
	"query": {
		form{usage: "query <name> <template>, in quotes where it holds blanks", min: 2, max: 2, many: true},
		addField(func(o *policy.OperationSpec) *[]policy.Field { return &o.Query }),
	},
	"header": {
		form{usage: "header <name> <template>, in quotes where it holds blanks", min: 2, max: 2, many: true},
		addField(func(o *policy.OperationSpec) *[]policy.Field { return &o.Header }),
	},
	"json": {form{usage: "json <template>, in backticks or a heredoc", min: 1, max: 1}, readBody},
	"form": {form{usage: "form { <name> <template> … }", block: mustBlock}, readBody},
	"text": {form{usage: "text <template>, in quotes where it holds blanks", min: 1, max: 1}, readBody},
}

// fieldForm is a line of `form`, whose first word is the field's name.
var fieldForm = form{usage: "<name> <template>, in quotes where it holds blanks", min: 1, max: 1, many: true}

// addField makes the reader of a word with a name and a value.
func addField[T any](fields func(*T) *[]policy.Field) func(scope, *line, *T) {
	return func(_ scope, l *line, into *T) {
		all := fields(into)
		*all = append(*all, policy.Field{Name: l.arg(0), Value: l.arg(1), Place: l.place})
	}
}

// readInput keeps an input even where its tail is wrong, so that what reads the
// variable is not complained of as well.
func readInput(s scope, l *line, o *policy.OperationSpec) {
	in := policy.InputSpec{Var: l.arg(0), Place: l.place}
	s = s.called(in.Var)
	rest := l.args[1:]
	if len(rest) > 0 && rest[0].quote == 0 && slices.Contains(inputTypes, rest[0].text) {
		in.Type, rest = rest[0].text, rest[1:]
	}
tail:
	for len(rest) > 0 {
		switch what, values := rest[0], rest[1:]; {
		case what.says("default") && in.Default == nil && len(values) > 0:
			value, err := defaultValue(values[0])
			if err != nil {
				s.wrong(l.place, "%v", err)
				break tail
			}
			in.Default, rest = value, values[1:]
		case what.says("matches") && in.Matches == "" && len(values) > 0:
			if values[0].text == "" {
				// Empty means "not said" to the engine.
				s.wrong(l.place, "the regular expression behind matches is empty")
				break tail
			}
			in.Matches, rest = values[0].text, values[1:]
		case what.says("in") && len(values) > 0:
			in.In, rest = s.allowed(l, values), nil
		default:
			s.wrong(l.place, "%q is not expected here: expected %s, and quotes around what holds blanks", what.text, inputUsage)
			break tail
		}
	}
	o.Inputs = append(o.Inputs, in)
}

// allowed reads the values behind `in`. A list as expressions have it would
// silently become values with brackets and commas.
func (s scope) allowed(l *line, values []argument) []string {
	var texts []string
	for _, v := range values {
		if v.quote == 0 && (strings.HasPrefix(v.text, "[") || strings.HasSuffix(v.text, ",")) {
			s.wrong(l.place, "the values behind in stand without brackets and commas: expected such as in red green, and quotes where they belong to the value")
			return nil
		}
		if v.says("default") || v.says("matches") {
			s.wrong(l.place, "%s stands behind in, which takes the rest of the line: expected it before in, or in quotes where it is a value", v.text)
			return nil
		}
		texts = append(texts, v.text)
	}
	return texts
}

// readBody reads `json`, `form` or `text`, of which an operation has one.
func readBody(s scope, l *line, o *policy.OperationSpec) {
	body := policy.BodySpec{As: l.word.text, Place: l.place}
	if body.As == "form" {
		body.Form = readForm(s, l)
	} else {
		body.Template = l.arg(0)
	}
	if first := o.Body; first != nil {
		s.wrong(l.place, "the body is %s already, at %s: expected one of json, form and text", first.As, first.Place)
		return
	}
	o.Body = &body
}

// readForm reads the fields of a form. Their names are free, so there is no
// table.
func readForm(s scope, l *line) []policy.Field {
	var fields []policy.Field
	for _, sub := range l.block {
		name := sub.word.text
		switch {
		case sub.torn || sub.word.isBare():
			s.wrong(sub.place, "%s", tornText)
		case sub.bare != "":
			s.in(name).bare(sub)
		case fieldForm.fits(s.in(name), sub):
			fields = append(fields, policy.Field{Name: name, Value: sub.arg(0), Place: sub.place})
		}
	}
	return fields
}
