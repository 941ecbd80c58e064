package openapi

import (
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// isListOfScalars tells the lists that a query has a form for (OpenAPI 3.1.1, section
// 4.8.12.4).
func (o *operation) isListOfScalars(f *form) bool {
	kind := o.forms.of(f.items).kind
	return kind != "array" && kind != "object"
}

// isExploded tells that each value of a list is a parameter of its own: tags=a&tags=b.
func isExploded(p *openapi3.Parameter) bool {
	if p.Explode != nil {
		return *p.Explode
	}
	return p.Style == "" || p.Style == "form" // That is the default.
}

// separator gives what stands between the values of a list that is one parameter.
func separator(style string) string {
	switch style {
	case "spaceDelimited":
		return " "
	case "pipeDelimited":
		return "|"
	}
	return ","
}

// listed gives a list of the query as the one value that a call sends for it: one of
// the list, as a template has no more, or a text with all of them.
func (o *operation) listed(p *openapi3.Parameter, list *form) (*openapi3.Parameter, *form) {
	example := exampleOf(p)
	if example == nil {
		example = list.example
	}
	values, _ := example.([]any)
	single, value := *p, form{about: list.about}
	single.Example, single.Examples = nil, nil
	if !isExploded(p) {
		between := separator(p.Style)
		value.list = fmt.Sprintf("a list: values with %q between them", between)
		if len(values) > 0 && len(values) <= maxEnum {
			single.Example = strings.Join(asTexts(values), between)
		}
		return &single, &value
	}
	item := o.forms.of(list.items)
	value.kind, value.enum, value.pattern, value.list = item.kind, item.enum, item.pattern, "one value of a list"
	if len(values) > 0 {
		single.Example = values[0]
	}
	if standard, is := list.standard.([]any); is && len(standard) == 1 {
		value.standard = standard[0]
	}
	return &single, &value
}

// asTexts gives scalars as texts, and leaves out what is none.
func asTexts(values []any) []string {
	texts := make([]string, 0, len(values))
	for _, v := range values {
		if text, is := asText(v); is {
			texts = append(texts, text)
		}
	}
	return texts
}
