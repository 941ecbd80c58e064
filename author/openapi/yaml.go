package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlReader makes a tree of a YAML document. Aliases share the value that they
// stand for, so that no document grows by them.
type yamlReader struct {
	*document
	made    map[*yaml.Node]*value
	opening map[*yaml.Node]bool // those that are being read
}

// readYAML makes a tree of a YAML document.
func (d *document) readYAML() error {
	// Each value takes one of these at least, and the parser a fair amount of
	// memory for each value: they are counted before it is let loose.
	marks := 0
	for _, c := range d.source {
		if c == '\n' || c == ',' || c == ':' || c == '[' || c == '{' || c == '-' || c == '?' {
			marks++
		}
	}
	if marks > 2*maxValues {
		return d.mistake(0, 0, "the document has more than %d values", maxValues)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(d.source))
	var top yaml.Node
	if err := decoder.Decode(&top); err != nil {
		return d.yamlMistake(err)
	}
	r := yamlReader{document: d, made: make(map[*yaml.Node]*value), opening: make(map[*yaml.Node]bool)}
	root, err := r.value(&top, 0)
	if err != nil {
		return err
	}
	d.root = root
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		return d.mistake(second.Line, 0, "a second document begins: expected one")
	} else if !errors.Is(err, io.EOF) {
		return d.yamlMistake(err)
	}
	return nil
}

// yamlLine is how the parser says where something is wrong.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// Messages of the parser that count lines from 0, and of those the ones that tell
// where the block begins and not where it is broken.
var (
	fromZero = regexp.MustCompile(`^(?:did not find expected (?:<|node|',' or|'-'|key)|found (?:undefined tag|duplicate %|incompatible))`)
	ofBlock  = regexp.MustCompile(`^did not find expected (?:'-' indicator|key)$`)
)

// yamlMistake gives the parser's message its place. It knows the line alone.
func (d *document) yamlMistake(err error) error {
	if errors.Is(err, io.EOF) {
		return d.mistake(0, 0, "the document is empty")
	}
	text := brokenYAML(err)
	line := 1 // Of which the parser says nothing.
	if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1])
		if fromZero.MatchString(text) {
			line++
		}
	}
	if ofBlock.MatchString(text) && len(d.source) <= maxBisected {
		line = d.brokenLine(text)
	}
	return d.mistake(line, 0, "reading YAML: %s", printable(text))
}

// brokenYAML gives the parser's message without the place.
func brokenYAML(err error) string {
	return strings.TrimPrefix(yamlLine.ReplaceAllString(err.Error(), ""), "yaml: ")
}

// maxBisected is how large a document is read again to find its broken line.
const maxBisected = 4 << 20

// brokenLine finds the first line with which the document is broken in this way.
func (d *document) brokenLine(text string) int {
	lines := bytes.SplitAfter(d.source, []byte("\n"))
	ends := make([]int, len(lines))
	end := 0
	for i, line := range lines {
		end += len(line)
		ends[i] = end
	}
	return 1 + sort.Search(len(ends)-1, func(i int) bool {
		var n yaml.Node
		err := yaml.Unmarshal(d.source[:ends[i]], &n)
		return err != nil && brokenYAML(err) == text
	})
}

// value reads a node with all that is inside.
func (r *yamlReader) value(n *yaml.Node, depth int) (*value, error) {
	switch {
	case n.Kind == yaml.DocumentNode && len(n.Content) > 0:
		return r.value(n.Content[0], depth)
	case n.Kind == yaml.AliasNode && r.opening[n.Alias]:
		return nil, r.mistake(n.Line, n.Column, "the alias %s stands inside of what it stands for", quote(n.Value))
	case n.Kind == yaml.AliasNode:
		if known := r.made[n.Alias]; known != nil {
			return known, nil
		}
		return r.value(n.Alias, depth)
	case depth > maxDepth:
		return nil, r.mistake(n.Line, n.Column, "the document nests deeper than %d levels", maxDepth)
	}
	if r.values++; r.values > maxValues {
		return nil, r.mistake(n.Line, n.Column, "the document has more than %d values", maxValues)
	}
	v := &value{line: n.Line, column: n.Column}
	r.opening[n] = true
	defer delete(r.opening, n)
	if n.Anchor != "" {
		r.made[n] = v
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return v, r.list(v, n, depth)
	case yaml.MappingNode:
		return v, r.object(v, n, depth)
	}
	v.kind, v.text = scalar(n)
	return v, nil
}

func (r *yamlReader) list(v *value, n *yaml.Node, depth int) error {
	v.kind = isList
	for _, c := range n.Content {
		item, err := r.value(c, depth+1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return r.finish(v)
}

func (r *yamlReader) object(v *value, n *yaml.Node, depth int) error {
	v.kind = isObject
	var merged []field
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		item, err := r.value(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			return r.mistake(key.Line, key.Column, "a name is a list or an object: expected a text")
		case key.ShortTag() == "!!merge":
			merged = append(merged, sources(item)...)
			if r.values += len(merged); r.values > maxValues {
				return r.mistake(key.Line, key.Column, "the document has more than %d values", maxValues)
			}
		default:
			v.fields = append(v.fields, field{key.Value, item})
		}
	}
	v.merge(merged)
	return r.finish(v)
}

// merge adds members that the object does not have itself. Of those that have the
// same name the first one counts.
func (v *value) merge(members []field) {
	if len(members) == 0 {
		return
	}
	own := make(map[string]bool, len(v.fields)+len(members))
	for _, f := range v.fields {
		own[f.name] = true
	}
	for _, f := range members {
		if !own[f.name] {
			own[f.name] = true
			v.fields = append(v.fields, f)
		}
	}
}

// sources are the members that a merge key brings: those of an object, or of each
// object of a list, of which the first one counts.
func sources(v *value) []field {
	fields := slices.Clone(v.fields)
	for _, item := range v.items {
		fields = append(fields, item.fields...)
	}
	return fields
}

// scalar gives what a scalar of YAML is in JSON.
func scalar(n *yaml.Node) (kind, string) {
	switch n.ShortTag() {
	case "!!null":
		return isNull, "null"
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(n.Value)) && n.Value != "" {
			break
		}
		var decoded any
		if n.Decode(&decoded) == nil {
			if asJSON, err := json.Marshal(decoded); err == nil {
				n = &yaml.Node{Kind: yaml.ScalarNode, Tag: n.Tag, Value: string(asJSON)}
				break
			}
		}
		return isText, n.Value // Such as .nan, which JSON does not have.
	default:
		return isText, n.Value
	}
	switch n.Value[0] {
	case 't', 'f':
		return isBool, n.Value
	case '"', '[', '{', 'n':
		return isText, n.Value
	}
	return isNumber, n.Value
}
