package hint

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Bounds of a condition's text.
const (
	// MaxSource is the longest text of a condition in bytes.
	MaxSource = 4 << 10
	// MaxNodes is how many nodes its syntax tree may have: names, literals,
	// operators and calls.
	MaxNodes = 1000
)

// Scope says what a condition may read. The zero Scope has no variables.
type Scope struct {
	// Vars are the names of the variables that are extracted, Inputs those of the
	// variables that the bot sends. Reading another one is an error of Compile.
	Vars, Inputs []string
	// CheckPath is asked for the literal path of every exists and path; its error
	// becomes part of Compile's. nil takes every path.
	CheckPath func(path string) error
}

// Condition is a compiled condition. It is immutable and safe for concurrent
// use, each goroutine with an [Env] of its own.
type Condition struct {
	source   string
	program  *vm.Program
	reads    []read
	readings []reading
	needs    Needs
}

// Needs says which parts of a call a condition may read, so that nothing else
// has to be provided. All lists are sorted and without duplicates.
type Needs struct {
	// Body, Text and Headers are those of the answer.
	Body, Text, Headers bool
	// RequestQuery and RequestHeaders are those of the request.
	RequestQuery, RequestHeaders bool
	// Vars and Inputs are the names of the variables; all that the scope has when
	// the condition reads vars or input as a whole.
	Vars, Inputs []string
	// Paths are the literal paths of exists and path.
	Paths []string
}

// Reading is a value that a condition reads.
type Reading struct {
	// Name is the place as it stands in a condition, for instance vars.status,
	// headers["content-type"], body.items[0].id or exists("$.order").
	Name string
	// Value is the value, nil when it is missing. It is shared with the Env, not
	// a copy, and as large as the third party made it.
	Value any
}

// Compile checks a condition against what may be read and makes it ready to be
// asked. The text is at most [MaxSource] bytes and [MaxNodes] nodes; it must be
// true or false, as far as its type is known beforehand. The error is always an
// [*Error]; an error of s.CheckPath can be had from it by errors.Is and As.
func Compile(src string, s Scope) (c *Condition, err error) {
	switch {
	case len(src) > MaxSource:
		return nil, errorAt("", 0, "a condition has at most %d bytes, got %d", MaxSource, len(src))
	case !utf8.ValidString(src):
		return nil, errorAt("", 0, "a condition is UTF-8 text")
	case strings.TrimSpace(src) == "":
		return nil, errorAt(src, 0, "a condition is missing")
	}
	defer func() {
		if r := recover(); r != nil {
			c, err = nil, errorAt(src, 0, "not a condition: %v", r)
		}
	}()
	// The first pass checks the types of what was written; the second makes the
	// program. They are two because the checker passes over a rewritten call
	// whose type is known, with all that is inside. What the rewriting finds is
	// told first: it knows the names.
	plain, plainErr := expr.Compile(src, append(limits(), expr.Env(declared(s)), expr.Optimize(false))...)
	rw := newRewriter(src, s)
	program, err := expr.Compile(src, append(limits(), expr.Env(compiled(s)), expr.Patch(rw), expr.Patch(&numbering{rw}))...)
	switch {
	case rw.err != nil:
		return nil, rw.err
	case plainErr != nil:
		return nil, explain(errorFrom(src, plainErr))
	case err != nil:
		return nil, errorFrom(src, err)
	}
	switch t := plain.Node().Type(); t.Kind() {
	case reflect.Bool, reflect.Interface:
	default:
		return nil, errorAt(src, 0, "a condition is true or false, this one is of type %v", t)
	}
	return &Condition{
		source: src, program: program,
		reads: rw.reads, readings: rw.readings(), needs: needs(rw.reads, s),
	}, nil
}

// limits are the options of both passes.
func limits() []expr.Option {
	options := []expr.Option{expr.MaxNodes(MaxNodes)}
	for _, name := range absent {
		options = append(options, expr.DisableBuiltin(name))
	}
	return options
}

// absent are the language's functions that conditions do without; doc.go says
// why.
var absent = []string{"now", "timezone", "repeat", "uniq"}

// explain puts two of the language's messages into the words of this package:
// with the known names where one is unknown, and with the bound on nodes.
func explain(e *Error) *Error {
	if strings.HasSuffix(e.Msg, "exceeds maximum allowed nodes") {
		e.Msg = fmt.Sprintf("a condition has at most %d names, literals, operators and calls", MaxNodes)
		return e
	}
	name, found := strings.CutPrefix(e.Msg, "unknown name ")
	if !found {
		return e
	}
	if slices.Contains(absent, name) {
		e.Msg = fmt.Sprintf("%s is not available in a condition", name)
		return e
	}
	if name == "null" {
		e.Msg = `unknown name "null": what JSON calls null is nil here`
		return e
	}
	known := []string{"exists", "path"}
	for root := range roots {
		known = append(known, root)
	}
	e.Msg = fmt.Sprintf("unknown name %q, known are %s", name, list(known))
	return e
}

// needs sums up reads.
func needs(reads []read, s Scope) (n Needs) {
	for _, r := range reads {
		switch r.source {
		case srcBody:
			n.Body = true
		case srcText:
			n.Text = true
		case srcHeaders, srcHeader:
			n.Headers = true
		case srcQuery, srcQueryOne:
			n.RequestQuery = true
		case srcRequestHeaders, srcRequestHeader:
			n.RequestHeaders = true
		case srcVar:
			n.Vars = append(n.Vars, r.key)
		case srcVars:
			n.Vars = append(n.Vars, s.Vars...)
		case srcInputOne:
			n.Inputs = append(n.Inputs, r.key)
		case srcInput:
			n.Inputs = append(n.Inputs, s.Inputs...)
		case srcPath, srcExists:
			n.Paths = append(n.Paths, r.key)
		}
	}
	for _, names := range []*[]string{&n.Vars, &n.Inputs, &n.Paths} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return n
}

// String returns the text that was compiled.
func (c *Condition) String() string { return c.source }

// Needs says what the condition may read. The lists belong to the caller.
func (c *Condition) Needs() Needs {
	n := c.needs
	n.Vars, n.Inputs, n.Paths = slices.Clone(n.Vars), slices.Clone(n.Inputs), slices.Clone(n.Paths)
	return n
}

// Holds asks the condition over e. With an error, an [*Error], it does not hold:
// a value was of the wrong kind (null compared with a number), the result was
// neither true nor false, a bound was reached ([ErrBudget]), or a function of
// the Env panicked.
func (c *Condition) Holds(e *Env) (bool, error) {
	result, err := e.run(c)
	if err != nil {
		return false, errorFrom(c.source, err)
	}
	holds, ok := result.(bool)
	if !ok {
		return false, errorAt(c.source, 0, "a condition is true or false, this one gave %s", kindOf(result))
	}
	return holds, nil
}

// Readings returns the values that the condition reads, each place once, in the
// order of the text, for a trace that says why a branch was taken. It is asked
// after [Condition.Holds] over the same Env. It costs nothing until it is
// called, and asks for nothing: a part that no evaluation came to need (behind
// an "or" whose left side held) is left out.
func (c *Condition) Readings(e *Env) []Reading {
	return c.AppendReadings(make([]Reading, 0, len(c.readings)), e)
}

// AppendReadings is [Condition.Readings] for a caller that has the memory.
func (c *Condition) AppendReadings(all []Reading, e *Env) []Reading {
	for i := range c.readings {
		place := &c.readings[i]
		if value, ready := e.peek(&c.reads[place.read]); ready {
			all = append(all, Reading{Name: place.name, Value: walk(value, place.steps)})
		}
	}
	return all
}
