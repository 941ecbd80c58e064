package openapi

import (
	"github.com/getkin/kin-openapi/openapi3"
)

// samples are values of the formats of texts.
var samples = map[string]string{
	"date": "2026-11-20", "date-time": "2026-11-20T10:30:00Z", "time": "10:30:00Z", "duration": "PT30M",
	"email": "somebody@example.com", "uuid": "3f1c8a52-7d4e-4b8e-9a60-2f5d1c7b9e04", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uri": "https://example.com/", "url": "https://example.com/", "hostname": "example.com", "byte": "c2FtcGxl",
}

// made makes up a value that a schema allows.
func (o *operation) made(ref *openapi3.SchemaRef) any {
	m := maker{forms: &forms{known: o.forms.known, left: maxSchemas}, left: maxBody / 2, above: make(map[*openapi3.Schema]bool)}
	return m.value(ref, 0)
}

// maker makes up one value.
type maker struct {
	forms *forms
	left  int                       // how large it may become, in bytes
	above map[*openapi3.Schema]bool // the schemas of what it is inside
}

// value makes up a value that a schema allows, as far as it says so. What is inside
// of another one of the same schema is left out.
func (m *maker) value(ref *openapi3.SchemaRef, depth int) any {
	if ref == nil || ref.Value == nil || m.above[ref.Value] {
		return nil
	}
	m.above[ref.Value] = true
	defer delete(m.above, ref.Value)
	f := m.forms.of(ref)
	for _, known := range append([]any{f.constant, f.example, f.standard}, first(f.enum, 2)...) {
		if known != nil && isSmall(known, min(m.left, largeBody)) {
			m.left -= largeBody / 8
			return known
		}
	}
	m.left -= 8
	switch f.kind {
	case "integer", "number":
		return 1
	case "boolean":
		return true
	case "array":
		if f.items == nil || depth >= maxNesting || m.left < 0 {
			return []any{}
		}
		if item := m.value(f.items, depth+1); item != nil {
			return []any{item}
		}
		return []any{}
	case "object":
		return m.object(f, depth)
	case "string":
		if text, known := samples[f.format]; known {
			return text
		}
		return "text"
	}
	return nil
}

// object makes up an object: with all members above, and with those that are
// required, or simple, further below.
func (m *maker) object(f *form, depth int) any {
	object := make(map[string]any, len(f.members))
	for _, property := range f.members {
		if m.left -= len(property.name); m.left < 0 || depth >= maxNesting {
			break
		}
		if simple := m.forms.of(property.schema).isScalar(); !property.required && depth >= 2 && (!simple || depth >= 4) {
			continue
		}
		if v := m.value(property.schema, depth+1); v != nil {
			object[property.name] = v
		}
	}
	return object
}
