package tenant

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxMistakes = 20      // Mistakes told of one file.
	maxVars     = 64      // Variables of a tenant.
	maxValue    = 1 << 10 // Bytes of a variable's value.

	// maxMarks bounds the punctuation that can begin a YAML node. The tree of
	// a file with as many takes 1.3 GB in the worst case, while it is read; a tenant
	// with a plan and a variable takes seven marks, so it is enough for half a
	// million of them.
	maxMarks = 4 << 20
)

// parser turns the tree of a YAML file into entries. The tree is walked here
// rather than decoded into structs, because a decoder stops at duplicate keys,
// takes numbers for strings, and follows aliases, which let a few lines stand
// for more entries than fit into memory.
type parser struct {
	path     string
	plans    func(string) bool
	words    map[string]string // Plans and variables' names, each held once.
	mistakes []error
	omitted  int
}

// parse reads the bytes of a tenants file.
func parse(path string, data []byte, plans func(string) bool) (*File, error) {
	p := &parser{path: path, plans: plans, words: make(map[string]string)}
	root, err := p.tree(data)
	if err != nil {
		return nil, err
	}
	f := &File{entries: p.file(root), sum: sha256.Sum256(data)}
	if p.omitted > 0 {
		p.mistakes = append(p.mistakes, &Error{Path: path, Msg: fmt.Sprintf("and %d more mistakes", p.omitted)})
	}
	if err := errors.Join(p.mistakes...); err != nil {
		return nil, err
	}
	return f, nil
}

// tree reads the one YAML document of a file.
func (p *parser) tree(data []byte) (*yaml.Node, error) {
	marks := 0
	for _, mark := range []string{",", ":", "-", "?", "[", "{"} {
		marks += bytes.Count(data, []byte(mark))
	}
	if marks > maxMarks {
		return nil, &Error{Path: p.path, Msg: fmt.Sprintf("a tenants file holds at most %d of the characters ,:-?[{", maxMarks)}
	}
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, &Error{Path: p.path, Msg: `expected "tenants:", but the file is empty`}
	case err != nil:
		return nil, p.syntax(err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, &Error{p.path, second.Line, second.Column, "expected one YAML document"}
	case !errors.Is(err, io.EOF):
		return nil, p.syntax(err)
	}
	return document.Content[0], nil
}

// syntax takes the line out of the YAML library's message.
func (p *parser) syntax(err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		number, text, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			return &Error{Path: p.path, Line: line, Msg: text}
		}
	}
	return &Error{Path: p.path, Msg: msg}
}

// mistake notes what is wrong at n.
func (p *parser) mistake(n *yaml.Node, format string, args ...any) {
	if len(p.mistakes) == maxMistakes {
		p.omitted++
		return
	}
	p.mistakes = append(p.mistakes, &Error{p.path, n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// file reads the whole document.
func (p *parser) file(root *yaml.Node) map[string]Entry {
	var entries map[string]Entry
	if !p.mapping(root, `the mapping "tenants:"`) {
		return nil
	}
	for key, value := range pairs(root) {
		switch {
		case !p.scalar(key):
		case key.Value != "tenants":
			p.mistake(key, "unknown key %q, expected tenants", key.Value)
		case entries != nil:
			p.mistake(key, "tenants occurs twice")
		default:
			entries = p.tenants(value)
		}
	}
	if entries == nil && len(p.mistakes) == 0 {
		p.mistake(root, `expected the key "tenants"`)
	}
	return entries
}

// tenants reads the mapping of names to entries; it is never nil.
func (p *parser) tenants(n *yaml.Node) map[string]Entry {
	entries := make(map[string]Entry)
	if !p.mapping(n, "a mapping of tenants, {} for none") {
		return entries
	}
	entries = make(map[string]Entry, len(n.Content)/2)
	for key, value := range pairs(n) {
		if !p.scalar(key) {
			continue
		}
		name := key.Value
		if err := Check(name); err != nil {
			p.mistake(key, "tenant %.140q: %v", name, err)
			continue
		}
		if _, ok := entries[name]; ok {
			p.mistake(key, "tenant %q occurs twice", name)
			continue
		}
		entries[name] = p.entry(name, value)
	}
	return entries
}

// entry reads what a tenant has; nothing at all is fine.
func (p *parser) entry(name string, n *yaml.Node) Entry {
	var e Entry
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return e
	}
	if !p.mapping(n, "tenant %q to be a mapping with plan and vars", name) {
		return e
	}
	seen := make([]string, 0, 2)
	for key, value := range pairs(n) {
		if !p.scalar(key) {
			continue
		}
		if slices.Contains(seen, key.Value) {
			p.mistake(key, "tenant %q: %s occurs twice", name, key.Value)
			continue
		}
		switch key.Value {
		case "plan":
			e.Plan = p.plan(name, value)
		case "vars":
			e.Vars = p.vars(name, value)
		default:
			p.mistake(key, "tenant %q: unknown key %.100q, expected plan or vars", name, key.Value)
			continue
		}
		seen = append(seen, key.Value)
	}
	return e
}

func (p *parser) plan(name string, n *yaml.Node) string {
	switch {
	case !isString(n) || n.Value == "":
		p.mistake(n, "tenant %q: expected the name of a plan, as a string", name)
	case p.plans != nil && !p.plans(n.Value):
		p.mistake(n, "tenant %q: unknown plan %.100q", name, n.Value)
	default:
		return p.word(n.Value)
	}
	return ""
}

func (p *parser) vars(name string, n *yaml.Node) map[string]string {
	if !p.mapping(n, "vars of tenant %q to be a mapping", name) || len(n.Content) == 0 {
		return nil
	}
	if len(n.Content)/2 > maxVars {
		p.mistake(n, "tenant %q: at most %d variables", name, maxVars)
		return nil
	}
	vars := make(map[string]string, len(n.Content)/2)
	for key, value := range pairs(n) {
		_, twice := vars[key.Value]
		switch {
		case !p.scalar(key):
		case !validName(key.Value):
			p.mistake(key, "tenant %q: the variable %.100q needs a name of the form [a-z][a-z0-9_]*", name, key.Value)
		case twice:
			p.mistake(key, "tenant %q: the variable %.100s occurs twice", name, key.Value)
		case !isString(value):
			p.mistake(value, "tenant %q: the variable %.100s has to be a string; quote it if it looks like something else", name, key.Value)
		case len(value.Value) > maxValue:
			p.mistake(value, "tenant %q: the variable %.100s has more than %d bytes", name, key.Value, maxValue)
		default:
			vars[p.word(key.Value)] = value.Value
		}
	}
	return vars
}

// mapping reports whether n is a mapping, and notes what was expected if not.
func (p *parser) mapping(n *yaml.Node, expected string, args ...any) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		p.mistake(n, "expected "+expected+", and aliases are not allowed", args...)
	case n.Kind != yaml.MappingNode || n.ShortTag() != "!!map":
		p.mistake(n, "expected "+expected, args...)
	default:
		return true
	}
	return false
}

// scalar reports whether n can be a key. What YAML takes for a number, a truth
// value or a time is the text that was written: 007 is a good tenant.
func (p *parser) scalar(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
			return true
		}
	}
	p.mistake(n, "expected a word as the key; null, merge keys, aliases and tags are not allowed")
	return false
}

// word gives s from the words that are already held.
func (p *parser) word(s string) string {
	if held, ok := p.words[s]; ok {
		return held
	}
	p.words[s] = s
	return s
}

// pairs gives the keys and values of a mapping.
func pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

func isString(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str"
}

// validName reports whether s has the form of every variable's name,
// [a-z][a-z0-9_]*.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}
