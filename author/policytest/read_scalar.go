package policytest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-gateway/signpost/policy"
)

// kind is what a scalar is by the core schema of YAML 1.2. The parser decides by
// YAML 1.1, with dates, octal numbers and digits grouped by underscores, and loses
// digits.
type kind int

const (
	textKind kind = iota
	nullKind
	boolKind
	numberKind
	// oddKind are the numbers of YAML that JSON does not have, such as 007, +1,
	// 0x1f, .5, 1e400 and .nan.
	oddKind
)

var (
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	yamlNumber = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// kindOf tells what a scalar is.
func kindOf(n *yaml.Node) kind {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if n.Style&(quoted|yaml.TaggedStyle) != 0 {
		return textKind
	}
	return plainKind(n.Value)
}

// plainKind tells what a scalar without quotes is.
func plainKind(value string) kind {
	switch value {
	case "", "~", "null", "Null", "NULL":
		return nullKind
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return boolKind
	}
	if !strings.ContainsRune("+-.0123456789", rune(value[0])) {
		return textKind
	}
	if jsonNumber.MatchString(value) {
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return oddKind
		}
		return numberKind
	}
	if yamlNumber.MatchString(value) {
		return oddKind
	}
	return textKind
}

// describe names a node for people.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode, yaml.SequenceNode, yaml.ScalarNode:
	default:
		return "an alias"
	}
	switch {
	case n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str":
		return fmt.Sprintf("tagged %.40s, and tags are not allowed", n.Tag)
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch kindOf(n) {
	case nullKind:
		return "null"
	case boolKind:
		return n.Value
	case numberKind, oddKind:
		return fmt.Sprintf("the number %.60s", n.Value)
	default:
		return fmt.Sprintf("the text %.60q", n.Value)
	}
}

// scalar gives the scalar that is meant, nil where n is none.
func (s scope) scalar(n *yaml.Node, expected string) (scope, *yaml.Node) {
	s, n = s.follow(n)
	switch {
	case n == nil:
		return s, nil
	case n.Kind != yaml.ScalarNode || n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str":
		s.wrong(n, "expected %s, but this is %s", expected, describe(n))
		return s, nil
	}
	return s, n
}

// text gives the text of a scalar. A number or a truth value is the text that was
// written: 404 is a good route, and 007 a good header.
func (s scope) text(n *yaml.Node, expected string) (string, bool) {
	s, n = s.scalar(n, expected)
	switch {
	case n == nil:
		return "", false
	case kindOf(n) == nullKind:
		s.wrong(n, "expected %s, but this is null", expected)
		return "", false
	}
	return n.Value, true
}

// matching is text that must match a pattern.
func (s scope) matching(n *yaml.Node, pattern *regexp.Regexp, expected string) string {
	text, ok := s.text(n, expected)
	if ok && !pattern.MatchString(text) {
		s.wrong(n, "%.100q is not allowed here: expected %s", text, expected)
		return ""
	}
	return text
}

// oneOf is text that must be one of these words.
func (s scope) oneOf(n *yaml.Node, words ...string) string {
	text, ok := s.text(n, strings.Join(words, ", "))
	if !ok {
		return ""
	}
	for _, w := range words {
		if text == w {
			return text
		}
	}
	s.wrong(n, "%s", unknown(text, words))
	return ""
}

// outcome is one of the closed list. Of those that are refused elsewhere, with a
// reason, messages say nothing.
func (s scope) outcome(n *yaml.Node, but ...policy.Outcome) policy.Outcome {
	var words []string
	for _, o := range policy.Outcomes() {
		switch {
		case !slices.Contains(but, o):
			words = append(words, string(o))
		case n.Value == string(o):
			return o
		}
	}
	return policy.Outcome(s.oneOf(n, words...))
}

// integer is a whole number from least to most.
func (s scope) integer(n *yaml.Node, least, most int) (int, bool) {
	expected := fmt.Sprintf("a whole number from %d to %d", least, most)
	s, n = s.scalar(n, expected)
	if n == nil {
		return 0, false
	}
	if number, err := strconv.Atoi(n.Value); kindOf(n) == numberKind && err == nil && number >= least && number <= most {
		return number, true
	}
	s.wrong(n, "expected %s, but this is %s", expected, describe(n))
	return 0, false
}

// duration is a span of time of at most most.
func (s scope) duration(n *yaml.Node, most time.Duration) time.Duration {
	text, ok := s.text(n, "a duration such as 500ms, 4s or 2m")
	if !ok {
		return 0
	}
	d, err := policy.ParseDuration(text)
	switch {
	case err != nil:
		s.wrong(n, "%.100q is not a duration: expected one such as 500ms, 4s, 2m, 1h or 1d", text)
	case d.Std() > most:
		s.wrong(n, "%s is too long: at most %s", text, policy.Duration(most))
	default:
		return d.Std()
	}
	return 0
}
