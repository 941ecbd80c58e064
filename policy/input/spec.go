package input

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

const (
	// MaxMembers is the greatest number of variables that a call may send, and
	// that a Set may declare: more could not all be sent.
	MaxMembers = 256

	// MaxMatched is the greatest length of a text that a regular expression is
	// asked about, in bytes. Matching takes time in proportion to it, and cannot
	// be interrupted.
	MaxMatched = 64 << 10
	// MaxPattern is the greatest length of a regular expression in bytes.
	MaxPattern = 1 << 10

	// maxQuote is how many bytes of a faulty word a message repeats.
	maxQuote = 64
)

// Spec declares one variable.
type Spec struct {
	// Name is [a-z][a-z0-9_]*, and unique in its Set.
	Name string

	// Type says what is taken. Text is what stands in quotes in JSON, and
	// everything in forms, queries and paths.
	//
	//	""      any text, number or bool, as it is
	//	string  text
	//	number  a number; text that is exactly a number of JSON
	//	bool    true or false; text that is exactly one of the two words
	//	json    any JSON value, null too; where all is text, JSON in that text
	//
	// For every type but json, null is as good as nothing: the default is
	// taken, or the variable is missing. An empty text is a value. Numbers must
	// be in the range of a double. Default: "".
	Type string

	// Default is the JSON value that is taken where the bot sends none; it has
	// to be one that the bot might have sent. Empty: the variable is required.
	Default json.RawMessage

	// Matches is a regular expression (RE2) that Value.Text has to match from
	// its start to its end. Empty: any text will do. Bound: MaxPattern; a text over
	// MaxMatched does not match.
	Matches string

	// In are the values that are allowed, as text; those of type json as JSON.
	// Texts are compared byte for byte, numbers by value (1.0 is 1), lists and
	// objects by their compact JSON. Empty: all are allowed.
	In []string
}

// SpecError is one mistake in a Spec.
type SpecError struct {
	// Name is the variable's as it was declared. It may be no good name.
	Name string

	// Text says what is wrong, and what was expected. It may repeat up to 64
	// bytes of the declaration.
	Text string
}

// Error gives name and text on one line.
func (e *SpecError) Error() string {
	return fmt.Sprintf("input %s: %s", shortQuote(e.Name), e.Text)
}

// Set is what a call's variables may be. It is safe for concurrent use.
type Set struct {
	inputs []input
	names  []string
}

// input is a Spec that was found good.
type input struct {
	name     string
	takes    rule
	fallback Value // Missing where the variable is required.
	matches  *regexp.Regexp
	in       []allowed
	mismatch string // The text of the Problem when matches does not hold.
	notIn    string // The same when the value is none of in.
}

// Compile makes a Set of specs. The error joins (errors.Join) a *SpecError for
// each mistake, in the order of the specs; there is no Set then.
func Compile(specs []Spec) (*Set, error) {
	s := &Set{inputs: make([]input, len(specs)), names: make([]string, len(specs))}
	var mistakes []error
	if len(specs) > MaxMembers {
		text := fmt.Sprintf("%d inputs are too many: expected at most %d", len(specs), MaxMembers)
		mistakes = append(mistakes, &SpecError{specs[MaxMembers].Name, text})
	}
	var known names
	for i, spec := range specs {
		wrong := func(format string, args ...any) {
			mistakes = append(mistakes, &SpecError{spec.Name, fmt.Sprintf(format, args...)})
		}
		switch {
		case !validName(spec.Name):
			wrong("%s is not a variable's name: expected [a-z][a-z0-9_]*", shortQuote(spec.Name))
		case !known.add(spec.Name):
			wrong("the name is declared twice: expected one input for each variable")
		}
		s.names[i] = spec.Name
		s.inputs[i] = compile(spec, wrong)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return s, nil
}

// compile checks all of a spec but its name, and tells each mistake to wrong.
func compile(spec Spec, wrong func(format string, args ...any)) input {
	in := input{name: spec.Name}
	var ok bool
	if in.takes, ok = rules[spec.Type]; !ok {
		wrong("%s is not a type: expected string, number, bool or json", shortQuote(spec.Type))
		// Whatever else is wrong can be told without the type.
		in.takes = rules["json"]
		spec.In, spec.Default = nil, nil
	}
	if spec.Matches != "" {
		var err error
		if in.matches, err = anchored(spec.Matches); err != nil {
			wrong("matches: %v", err)
		}
		in.mismatch = bounded("does not match " + spec.Matches)
	}
	good := len(spec.In)
	for _, text := range spec.In {
		v, problem := in.takes.fromText(text)
		if problem != "" {
			wrong("in: %s %s", shortQuote(text), problem)
			good--
			continue
		}
		in.in = append(in.in, allow(v))
	}
	in.notIn = bounded("is not one of " + strings.Join(spec.In, ", "))
	if len(spec.Default) > 0 {
		// A default is not judged by a rule that is itself in doubt.
		judge := in
		if good < len(spec.In) {
			judge.in = nil
		}
		v, problem := judge.fromDefault(spec.Default)
		if problem != "" {
			wrong("default: %s %s", shortQuote(string(spec.Default)), problem)
		}
		in.fallback = v
	}
	return in
}

// Names are the variables' names, in the order in which Read gives values. The
// slice is the caller's.
func (s *Set) Names() []string { return append([]string(nil), s.names...) }

// anchored compiles a regular expression so that it matches whole texts only.
func anchored(source string) (*regexp.Regexp, error) {
	if len(source) > MaxPattern {
		return nil, fmt.Errorf("%d bytes are too long: expected at most %d", len(source), MaxPattern)
	}
	// On its own first, because a)|(b would be good between the brackets.
	if _, err := syntax.Parse(source, syntax.Perl); err != nil {
		return nil, fmt.Errorf("expected a regular expression (RE2): %w", err)
	}
	re, err := regexp.Compile(`\A(?:` + source + `)\z`)
	if err != nil {
		// The one thing that is good alone and swallows the bracket.
		return nil, errors.New(`expected a regular expression (RE2) that closes \Q by \E`)
	}
	return re, nil
}

// shortQuote puts at most maxQuote bytes of s in quotes, in printable ASCII.
func shortQuote(s string) string {
	return fmt.Sprintf("%+q", cut(s, maxQuote))
}

// cut gives s, or as many of its characters as fit into size bytes together
// with an ellipsis.
func cut(s string, size int) string {
	const ellipsis = "…"
	if len(s) <= size {
		return s
	}
	size -= len(ellipsis)
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size] + ellipsis
}
