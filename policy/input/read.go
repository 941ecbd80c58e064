package input

import (
	"strings"
	"unicode/utf8"
)

// maxProblem bounds the text of a Problem in bytes. A list of allowed values or
// a regular expression that is longer is cut.
const maxProblem = 128

// Problem says why a variable has no value.
type Problem struct {
	// Name is the variable's, as it was declared.
	Name string

	// Text goes behind the name to make a sentence: "is missing", "is not one
	// of red, green". It repeats nothing of what the bot sent, has at most 128
	// bytes, and is UTF-8 where the declaration is.
	Text string
}

// The texts of problems that all types know.
const (
	isMissing  = "is missing"
	notUTF8    = "is not text: expected UTF-8"
	outOfRange = "is out of range: expected numbers that a double can hold"
	tooLong    = "is too long to be matched: expected at most 64KiB"
)

// rule is what a type takes.
type rule struct {
	text, number, boolean, any bool // any takes null, lists and objects, too.

	problem string
}

// rules are the types by the names of Spec.Type.
var rules = map[string]rule{
	"":       {text: true, number: true, boolean: true, problem: "is a list or an object: expected a text, number or bool"},
	"string": {text: true, problem: "is not a string: expected a string"},
	"number": {number: true, problem: "is not a number: expected a number"},
	"bool":   {boolean: true, problem: "is not a bool: expected true or false"},
	"json":   {text: true, number: true, boolean: true, any: true, problem: "is not JSON: expected JSON"},
}

// Read judges what a bot sent with a named call. It appends one Value for each
// Spec to dst, in the order of the Set, and gives a Problem for each that is
// missing or ill-formed, in the same order; the Value is then a missing one.
// What raw holds beyond the Set is ignored.
func (s *Set) Read(raw Raw, dst []Value) (values []Value, problems []Problem) {
	return s.read(raw, dst, true)
}

// ReadGiven is Read for a call that cannot send all variables, since only its
// path is known: one that is required and absent is a missing Value, and no
// Problem.
func (s *Set) ReadGiven(raw Raw, dst []Value) (values []Value, problems []Problem) {
	return s.read(raw, dst, false)
}

// read is Read; complete tells whether all that is required has to be there.
func (s *Set) read(raw Raw, dst []Value, complete bool) ([]Value, []Problem) {
	var problems []Problem
	for i := range s.inputs {
		v, problem := s.inputs[i].read(raw)
		if problem != "" && (complete || problem != isMissing) {
			problems = append(problems, Problem{s.names[i], problem})
		}
		dst = append(dst, v)
	}
	return dst, problems
}

// read finds the variable and judges it. There are at most MaxMembers members,
// and few nearly always, so looking at each is the fastest.
func (in *input) read(raw Raw) (v Value, problem string) {
	for i := range raw.members {
		m := &raw.members[i]
		if m.name != in.name {
			continue
		}
		if m.isNull() && !in.takes.any {
			break
		}
		if v, problem = in.judge(m); problem != "" {
			return Value{}, problem
		}
		// A value outlives the call in its record. It must not keep a body of
		// 1 MiB alive for the sake of a few bytes.
		v.text = strings.Clone(v.text)
		return v, ""
	}
	if !in.fallback.Exists() {
		return Value{}, isMissing
	}
	return in.fallback, ""
}

// fromDefault judges a default as if the bot had sent it.
func (in *input) fromDefault(source []byte) (Value, string) {
	s := scanner{src: string(source)}
	if s.document(func() error { return s.value(1) }) != nil {
		return Value{}, "is not JSON: expected JSON"
	}
	m := member{value: strings.Trim(s.src, " \t\r\n"), json: true, huge: s.huge}
	if m.isNull() && !in.takes.any {
		return Value{}, "is no value: expected one, or the type json"
	}
	return in.judge(&m)
}

// judge makes a value of a member, or says what is wrong with it.
func (in *input) judge(m *member) (v Value, problem string) {
	if m.json {
		v, problem = in.takes.fromJSON(m.value, m.huge)
	} else {
		v, problem = in.takes.fromText(m.value)
	}
	switch {
	case problem != "":
		return Value{}, problem
	case in.matches != nil && len(v.text) > MaxMatched:
		return Value{}, tooLong
	case in.matches != nil && !in.matches.MatchString(v.text):
		return Value{}, in.mismatch
	case len(in.in) > 0 && !in.allows(v):
		return Value{}, in.notIn
	}
	return v, ""
}

// fromJSON makes a value of valid JSON without blanks around it. It is not
// null, unless the type takes that.
func (r *rule) fromJSON(source string, huge bool) (Value, string) {
	k := kindOf(source[0])
	switch {
	case k == kindText && !r.text:
		return r.fromText(unquote(source[1 : len(source)-1]))
	case k == kindText:
		return Value{kindText, unquote(source[1 : len(source)-1])}, ""
	case k == kindNumber && !r.number, k == kindBool && !r.boolean, k == kindTree && !r.any:
		return Value{}, r.problem
	case huge:
		return Value{}, outOfRange
	}
	return Value{k, compact(source)}, ""
}

// fromText makes a value of what came as text.
func (r *rule) fromText(source string) (Value, string) {
	switch {
	case !utf8.ValidString(source):
		return Value{}, notUTF8
	case r.any:
		s := scanner{src: source}
		if s.document(func() error { return s.value(1) }) != nil {
			return Value{}, r.problem
		}
		return r.fromJSON(strings.Trim(source, " \t\r\n"), s.huge)
	case r.text:
		return Value{kindText, source}, ""
	case r.number && isNumber(source):
		if !inRange(source) {
			return Value{}, outOfRange
		}
		return Value{kindNumber, source}, ""
	case r.boolean && (source == "true" || source == "false"):
		return Value{kindBool, source}, ""
	}
	return Value{}, r.problem
}

// allowed is one of Spec.In.
type allowed struct {
	value   Value
	decimal string // Of a number: its canonical form.
}

// allow makes an allowed value. Of type "", all are read as texts here, and
// those that are numbers stand for numbers as well.
func allow(v Value) allowed {
	a := allowed{value: v}
	if v.kind == kindNumber || v.kind == kindText && isNumber(v.text) {
		a.decimal, _ = decimal(v.text)
	}
	return a
}

// allows reports whether a value is one of those that are allowed.
func (in *input) allows(v Value) bool {
	canonical := ""
	if v.kind == kindNumber {
		canonical, _ = decimal(v.text)
	}
	for i := range in.in {
		a := &in.in[i]
		// Only in JSON are "true" and true two values. Without it, what is
		// allowed was written as text, whatever it stands for.
		same := a.value.text == v.text && (!in.takes.any || a.value.kind == v.kind)
		if same || canonical != "" && canonical == a.decimal && (!in.takes.any || a.value.kind == kindNumber) {
			return true
		}
	}
	return false
}

// bounded cuts the text of a Problem to maxProblem.
func bounded(s string) string { return cut(s, maxProblem) }
