package postman

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// template makes the path template of an operation of the segments below the base
// URL. Variables are :id and {{id}}; what looks like an example of one becomes one.
func (c *call) template(in *inputs) (string, error) {
	if len(c.path) == 0 {
		return "/", nil
	}
	var b strings.Builder
	seen := make(map[string]bool)
	before := "" // the last fixed segment
	for _, segment := range c.path {
		name, err := c.segment(in, segment, before)
		if err != nil {
			return "", err
		}
		b.WriteByte('/')
		if name == "" {
			before = c.scope.resolve(segment)
			b.WriteString(escaped(before))
			continue
		}
		if seen[name] {
			return "", fmt.Errorf("its path holds %s twice", quote(segment))
		}
		seen[name] = true
		b.WriteString("{{" + name + "}}")
	}
	return b.String(), nil
}

// errCredential is a credential where a policy cannot put one.
var errCredential = errors.New("a credential stands in its path, where a policy cannot put one")

// segment gives the input that a segment is, nothing for one that is fixed.
func (c *call) segment(in *inputs, segment, before string) (string, error) {
	if name, is := strings.CutPrefix(segment, ":"); is && name != "" && !strings.Contains(name, "{{") {
		return in.own(name, c.sample(name)), nil
	}
	if name, is := whole(segment); is {
		if strings.HasPrefix(name, secretMark) {
			return "", errCredential
		}
		return in.of(name, c.scope.value(name)), nil
	}
	if strings.Contains(segment, "{{") {
		if strings.Contains(c.scope.resolve(segment), "{{") {
			return "", fmt.Errorf("%s in its path has a variable in it: one stands for a whole segment", quote(segment))
		}
		return "", nil
	}
	if isExample(segment) && before != "" {
		return in.own(draft.Singular(draft.Word(before))+" id", segment), nil
	}
	return "", nil
}

// sample is what stood for a variable of the path.
func (c *call) sample(name string) string {
	value := c.scope.resolve(c.samples[name])
	if strings.Contains(value, "{{") {
		return ""
	}
	return value
}

// value is a variable's, with those in it filled; nothing where it has none.
func (s *scope) value(name string) string {
	value := s.resolve("{{" + name + "}}")
	if strings.Contains(value, "{{") {
		return ""
	}
	return value
}

// fixedNames are variables of a path that are the same in all calls.
var fixedNames = regexp.MustCompile(`(?:^|_)(?:version|ver|path|prefix|base|api|root|stage)$`)

// isFixed tells variables of a path that belong to the address, by name or by value.
func isFixed(name string, values *scope) bool {
	value := values.value(name)
	return value != "" && (fixedNames.MatchString(draft.Word(name)) || prefix.MatchString(value) || strings.Contains(value, "/"))
}

// example finds segments that were typed in to try a request: numbers and UUIDs.
var example = regexp.MustCompile(`^(?:[0-9]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{24})$`)

// expand fills the variables of a path that belong to the address. One may hold
// several segments.
func (c *call) expand(segments []string) []string {
	var all []string
	for _, segment := range segments {
		if name, is := whole(segment); is && isFixed(name, c.scope) {
			all = append(all, strings.Split(strings.Trim(c.scope.value(name), "/"), "/")...)
		} else {
			all = append(all, segment)
		}
	}
	return all
}

// isExample tells segments that differ from call to call.
func isExample(segment string) bool { return example.MatchString(segment) }
