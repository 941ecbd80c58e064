package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// maxAgeMistakes bounds how many mistakes of one file are told.
	maxAgeMistakes = 10
	// maxAgeMarks bounds the punctuation that can begin a YAML node. A tenant's
	// secret has two, a key in PEM form twenty; the tree of a file with as many takes some 130 MB while it is read.
	maxAgeMarks = 256 << 10
	// The two keys of the file.
	sharedKey  = "secrets"
	tenantsKey = "tenants"
)

// ageContent is what a decrypted file says.
type ageContent struct {
	shared  map[string]Secret
	tenants map[string]map[string]Secret
}

// of returns the secrets of a tenant, the shared ones for "". It may be nil.
func (c *ageContent) of(tenant string) map[string]Secret {
	if tenant == "" {
		return c.shared
	}
	return c.tenants[tenant]
}

// ageParser turns the tree of a decrypted file into content. The tree is walked rather than decoded, because a
// decoder takes numbers for strings and follows aliases. Mistakes are told by their place and never quote the file: a
// value that got into the place of a name would stand in the log.
type ageParser struct {
	mistakes []string
	omitted  bool
}

// parseAge reads a decrypted file.
func parseAge(data []byte) (*ageContent, error) {
	root, err := ageTree(data)
	if err != nil {
		return nil, err
	}
	p := &ageParser{}
	content := p.content(root)
	if p.omitted {
		p.mistakes = append(p.mistakes, "and more")
	}
	if len(p.mistakes) > 0 {
		return nil, errors.New(strings.Join(p.mistakes, "; "))
	}
	return content, nil
}

// ageTree reads the one YAML document of a file.
func ageTree(data []byte) (*yaml.Node, error) {
	marks := 0
	for _, mark := range []string{",", ":", "-", "?", "[", "{"} {
		marks += bytes.Count(data, []byte(mark))
	}
	if marks > maxAgeMarks {
		return nil, fmt.Errorf("it holds more than %d of the characters ,:-?[{", maxAgeMarks)
	}
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("it is empty: expected %q or %q", sharedKey+":", tenantsKey+":")
	case err != nil:
		return nil, ageSyntax(err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, fmt.Errorf("line %d: expected one YAML document", second.Line)
	case !errors.Is(err, io.EOF):
		return nil, ageSyntax(err)
	}
	return document.Content[0], nil
}

// ageSyntax keeps no more than the line of the YAML library's error, which may quote the file.
func ageSyntax(err error) error {
	if rest, ok := strings.CutPrefix(err.Error(), "yaml: line "); ok {
		number, _, _ := strings.Cut(rest, ":")
		if line, err := strconv.Atoi(number); err == nil {
			return fmt.Errorf("this is not YAML, near line %d; values with special characters need quotes", line)
		}
	}
	return errors.New("this is not YAML; values with special characters need quotes")
}

// wrong notes a mistake at n.
func (p *ageParser) wrong(n *yaml.Node, text string) {
	if len(p.mistakes) == maxAgeMistakes {
		p.omitted = true
		return
	}
	p.mistakes = append(p.mistakes, fmt.Sprintf("line %d, column %d: %s", n.Line, n.Column, text))
}

// content reads the whole document.
func (p *ageParser) content(root *yaml.Node) *ageContent {
	c := &ageContent{}
	p.mapping(root, "a mapping with the keys secrets and tenants", func(key string, at, value *yaml.Node) {
		switch {
		case key == sharedKey:
			c.shared = p.secrets(value)
		case key == tenantsKey:
			c.tenants = p.tenants(value)
		default:
			p.wrong(at, "unknown key, expected secrets or tenants")
		}
	})
	if c.shared == nil && c.tenants == nil && len(p.mistakes) == 0 {
		p.wrong(root, "expected the key secrets or tenants")
	}
	return c
}

// tenants reads the secrets of each tenant; it is never nil.
func (p *ageParser) tenants(n *yaml.Node) map[string]map[string]Secret {
	tenants := make(map[string]map[string]Secret)
	p.mapping(n, "a mapping of tenants, {} for none", func(tenant string, at, value *yaml.Node) {
		if err := checkAgeTenant(tenant); err != nil {
			p.wrong(at, err.Error())
			return
		}
		tenants[tenant] = p.secrets(value)
	})
	return tenants
}

// secrets reads the secrets of one owner; it is never nil.
func (p *ageParser) secrets(n *yaml.Node) map[string]Secret {
	secrets := make(map[string]Secret)
	p.mapping(n, "a mapping of secrets, {} for none", func(name string, at, value *yaml.Node) {
		switch {
		case !validName(name):
			p.wrong(at, errAgeName.Error())
		case value.Kind != yaml.ScalarNode || value.Anchor != "" || value.ShortTag() != "!!str":
			p.wrong(value, "expected a string; quote it if it looks like something else")
		case value.Value == "":
			p.wrong(value, "the secret is empty")
		case len(value.Value) > maxValue:
			p.wrong(value, fmt.Sprintf("the secret is larger than %d bytes", maxValue))
		default:
			secrets[name] = New(value.Value)
		}
	})
	return secrets
}

// mapping calls entry for each key of n, and notes what was expected where n is no mapping.
func (p *ageParser) mapping(n *yaml.Node, expected string, entry func(key string, at, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode || n.Anchor != "" || n.ShortTag() != "!!map" {
		p.wrong(n, "expected "+expected+"; anchors, aliases and tags are not allowed")
		return
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !isAgeKey(key):
			p.wrong(key, "expected a word as the key; null, merge keys, anchors, aliases and tags are not allowed")
		case seen[key.Value]:
			p.wrong(key, "the key occurs twice")
		default:
			seen[key.Value] = true
			entry(key.Value, key, value)
		}
	}
}

// isAgeKey reports whether n can be a key. What YAML takes for a number, a truth value or a time is the text that was
// written: 007 is a good tenant.
func isAgeKey(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" {
		return false
	}
	switch n.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
		return true
	}
	return false
}

// encode returns the content as YAML, in the order of the names.
func (c *ageContent) encode() ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	appendAge(root, sharedKey, ageSecrets(c.shared))
	if len(c.tenants) > 0 {
		tenants := &yaml.Node{Kind: yaml.MappingNode}
		for _, tenant := range slices.Sorted(maps.Keys(c.tenants)) {
			appendAge(tenants, tenant, ageSecrets(c.tenants[tenant]))
		}
		appendAge(root, tenantsKey, tenants)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(root), encoder.Close()); err != nil {
		return nil, errors.New("a name or value cannot be written as YAML") // The library's error may quote it.
	}
	// Values are any text, and a YAML file that says something else would be a lost credential.
	if again, err := parseAge(b.Bytes()); err != nil || !c.equal(again) {
		return nil, errors.New("a name or value cannot be written as YAML")
	}
	return b.Bytes(), nil
}

func ageSecrets(secrets map[string]Secret) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		appendAge(n, name, ageValue(secrets[name].Expose()))
	}
	return n
}

func appendAge(n *yaml.Node, key string, value *yaml.Node) {
	name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}
	if !validName(key) {
		name.Style = yaml.DoubleQuotedStyle
	}
	n.Content = append(n.Content, name, value)
}

// ageValue returns a node that is the string whatever it looks like. Printable lines, as of a key in PEM form, are
// kept readable for whoever decrypts the file; all else is quoted, since YAML would change some of it.
func ageValue(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
	unreadable := func(r rune) bool { return r != '\n' && (r < ' ' || r >= unicode.MaxASCII) }
	if strings.Contains(s, "\n") && s[0] > ' ' && !strings.ContainsFunc(s, unreadable) {
		n.Style = yaml.LiteralStyle
	}
	return n
}

func (c *ageContent) equal(other *ageContent) bool {
	same := func(a, b map[string]Secret) bool { return maps.EqualFunc(a, b, Secret.Equal) }
	return same(c.shared, other.shared) && maps.EqualFunc(c.tenants, other.tenants, same)
}

// checkAgeTenant says what a tenant may be called: 1 to 128 bytes of printable UTF-8 without spaces at the ends. The
// error holds nothing of the name.
func checkAgeTenant(s string) error {
	notPrintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if s == "" || len(s) > maxTenant || !utf8.ValidString(s) || strings.Trim(s, " ") != s || strings.ContainsFunc(s, notPrintable) {
		return fmt.Errorf("expected a tenant's name of 1 to %d bytes, printable and without spaces at the ends", maxTenant)
	}
	return nil
}
