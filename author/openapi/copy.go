package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// orderKey is the extension of a schema under which the copy keeps the order of
// the properties, which the library's model has lost.
const orderKey = "x-order"

// copier writes the part of a document that chosen operations need, as JSON.
type copier struct {
	*document
	out      []byte
	cost     int
	values   int // how many were copied
	names    map[component]string
	referred map[component]int // how often
	waiting  []named
	mistakes policy.Mistakes
	dropped  int // values that were of the wrong kind, and the first of them
	first    string
}

// component is a value that references lead to, and the shape that it is taken for.
type component struct {
	shape *shape
	value *value
}

// named is a component that is still to be copied, and its name in the copy.
type named struct {
	component
	name string
}

// wrong notes a mistake in the document.
func (c *copier) wrong(at *value, format string, args ...any) {
	if len(c.mistakes) < maxMistakes {
		c.mistakes = append(c.mistakes, c.mistake(at.line, at.column, format, args...))
	}
}

// overpriced tells whether the copy has become too costly to read.
func (c *copier) overpriced() bool { return c.cost > maxCost }

// write adds to the copy what stands at a depth.
func (c *copier) write(depth int, s string) {
	c.cost += len(s) * (depth + 1)
	if !c.overpriced() {
		c.out = append(c.out, s...)
	}
}

// writeText adds a text as JSON.
func (c *copier) writeText(depth int, s string) {
	quoted, err := json.Marshal(s)
	if err != nil {
		quoted = []byte(`""`) // It cannot be: every string has a JSON form.
	}
	c.write(depth, string(quoted))
}

// copy writes a value as its shape has it.
func (c *copier) copy(v *value, s *shape, depth int) {
	if c.overpriced() {
		return
	}
	c.values++
	if s.follows {
		v, s = c.instance(v), anything
	}
	switch {
	case s.section != "" && v.get("$ref").string() != "":
		c.refer(v, s, depth)
	case v.kind == isList:
		c.copyList(v, s, depth)
	case v.kind == isObject && s.members == nil:
		c.copyMap(v, s, depth)
	case v.kind == isObject:
		c.copyObject(v, s, depth)
	case v.kind == isText:
		c.writeText(depth, v.text)
	default:
		c.write(depth, v.text)
	}
}

// instance gives the value of an example, which some documents write as a reference
// to it, or to a component around it.
func (c *copier) instance(v *value) *value {
	ref := v.get("$ref").string()
	if len(v.fields) != 1 || !strings.HasPrefix(ref, "#/") {
		return v
	}
	to := c.local(strings.TrimPrefix(ref, "#"))
	if inner := to.get("value"); inner != nil {
		return inner
	}
	if to == nil {
		return v
	}
	return to
}

// refer writes a reference to a component, which is copied later. One that leads
// nowhere is a mistake by then, and null stands in its place.
func (c *copier) refer(v *value, s *shape, depth int) {
	to := c.target(v)
	if to == nil {
		c.write(depth, "null")
		return
	}
	if to.kind&s.allowed == 0 {
		c.wrong(v.get("$ref"), "the reference %s leads to something else than it is used for", quote(v.get("$ref").text))
		c.write(depth, "null")
		return
	}
	key := component{s, to}
	name, known := c.names[key]
	if !known {
		if len(c.names) == maxComponents {
			c.cost = maxCost + 1
			return
		}
		name = fmt.Sprintf("c%d", len(c.names))
		c.names[key] = name
		c.waiting = append(c.waiting, named{key, name})
	}
	c.referred[key]++
	c.write(depth, `{"$ref":"#/components/`+s.section+"/"+name+`"}`)
}

// fits tells whether a value may stand where a shape is expected. An object in its
// place may be a reference to one.
func (c *copier) fits(v *value, s *shape, name string) bool {
	if v.kind&s.allowed != 0 {
		return true
	}
	if v.kind != isNull { // Null is how generators write what they do not know.
		if c.dropped++; c.first == "" {
			c.first = fmt.Sprintf("line %d: %s", v.line, quote(name))
		}
	}
	return false
}

func (c *copier) copyList(v *value, s *shape, depth int) {
	each := cmp.Or(s.each, anything)
	c.write(depth, "[")
	sep := ""
	for i, item := range v.items {
		if c.overpriced() {
			return
		}
		if s.most > 0 && i == s.most {
			break
		}
		if c.fits(item, each, fmt.Sprint(i)) {
			c.write(depth, sep)
			c.copy(item, each, depth+1)
			sep = ","
		}
	}
	c.write(depth, "]")
}

// copyMap writes an object whose members all have one shape.
func (c *copier) copyMap(v *value, s *shape, depth int) {
	each := cmp.Or(s.each, anything)
	c.write(depth, "{")
	sep := ""
	for i, f := range v.fields {
		if c.overpriced() {
			return
		}
		if s.most > 0 && i == s.most {
			break
		}
		if c.fits(f.value, each, f.name) {
			c.write(depth, sep)
			c.writeText(depth, f.name)
			c.write(depth, ":")
			c.copy(f.value, each, depth+1)
			sep = ","
		}
	}
	c.write(depth, "}")
}

// copyObject writes the members of an object that its shape has.
func (c *copier) copyObject(v *value, s *shape, depth int) {
	c.write(depth, "{")
	sep := ""
	for _, f := range v.fields {
		member := s.members[f.name]
		if member == nil || !c.fits(f.value, member, f.name) {
			continue
		}
		c.write(depth, sep)
		c.writeText(depth, f.name)
		c.write(depth, ":")
		c.copy(f.value, member, depth+1)
		sep = ","
	}
	if properties := v.get("properties"); s.ordered && properties != nil && properties.kind == isObject {
		c.write(depth, sep)
		c.copyOrder(properties, depth)
	}
	c.write(depth, "}")
}

// copyOrder writes the names of properties in their order.
func (c *copier) copyOrder(properties *value, depth int) {
	c.write(depth, `"`+orderKey+`":[`)
	for i, f := range first(properties.fields, maxMembers) {
		if i > 0 {
			c.write(depth, ",")
		}
		c.writeText(depth, f.name)
	}
	c.write(depth, "]")
}

// copied gives the document with the chosen operations alone. It is an error
// where references of theirs lead nowhere, or where it is too much to read.
func (d *document) copied(chosen []choice) ([]byte, error) {
	c := &copier{document: d, names: make(map[component]string), referred: make(map[component]int)}
	c.write(0, `{"openapi":"`+d.version()+`","info":{"title":"a copy","version":"1"}`)
	c.copyMember(d.root, "servers", listOf(serverShape), 1)
	c.copyMember(d.root, "security", securityShape, 1)
	c.copyPaths(chosen)
	c.copyComponents()
	c.write(0, "}")
	if c.overpriced() {
		return nil, d.mistake(0, 0, "the chosen operations are too much to read: expected fewer of them, as --operation chooses")
	}
	if len(c.mistakes) > 0 {
		return nil, c.mistakes
	}
	d.components = len(c.names)
	if c.dropped > 0 {
		d.notes.add("%d values of the document are of the wrong type and were not read, the first one at %s", c.dropped, c.first)
	}
	return c.out, nil
}

// copyMember writes one member of an object behind others, if there is such a one.
func (c *copier) copyMember(v *value, name string, s *shape, depth int) {
	if member := v.get(name); member != nil && c.fits(member, s, name) {
		c.write(depth, `,"`+name+`":`)
		c.copy(member, s, depth)
	}
}

// copyPaths writes the chosen operations, each under its path and method. Those
// of one path follow one another.
func (c *copier) copyPaths(chosen []choice) {
	c.write(1, `,"paths":{`)
	for i, o := range chosen {
		switch {
		case i > 0 && chosen[i-1].path == o.path:
		case i > 0:
			c.write(1, "},")
			fallthrough
		default:
			c.writeText(1, o.path)
			c.write(1, `:{"summary":""`)
			c.copyMember(o.item, "parameters", listOf(parameterShape), 2)
			c.copyMember(o.item, "servers", listOf(serverShape), 2)
		}
		c.write(2, `,"`+strings.ToLower(o.method)+`":`)
		c.copy(o.value, operationShape, 2)
	}
	if len(chosen) > 0 {
		c.write(1, "}")
	}
	c.write(1, "}")
}

// copyComponents writes what references lead to, until nothing more is referred
// to, and all security schemes, which are referred to by name.
func (c *copier) copyComponents() {
	if schemes := c.root.get("components").get("securitySchemes"); schemes != nil {
		for _, f := range schemes.fields {
			if to := c.target(f.value); to != nil && c.fits(to, schemeShape, f.name) {
				c.waiting = append(c.waiting, named{component{schemeShape, to}, f.name})
			}
		}
	}
	body, sections, sizes := c.out, make(map[string][]byte), make(map[component]int)
	for len(c.waiting) > 0 && !c.overpriced() {
		next := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.out = sections[next.shape.section]
		before := c.values
		if len(c.out) > 0 {
			c.write(2, ",")
		}
		c.writeText(2, next.name)
		c.write(2, ":")
		c.copy(next.value, next.shape, 2)
		sections[next.shape.section] = c.out
		sizes[next.component] = c.values - before
	}
	for to, times := range c.referred {
		c.cost += times * sizes[to] * costOfReference
	}
	c.out = append(body, `,"components":{"x-of":"a copy"`...)
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		c.out = append(c.out, `,"`+name+`":{`...)
		c.out = append(append(c.out, sections[name]...), '}')
	}
	c.out = append(c.out, '}')
}
