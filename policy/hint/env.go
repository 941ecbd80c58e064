package hint

import (
	"maps"
	"net/url"
	"strings"
	"sync"

	"github.com/expr-lang/expr/vm"
)

// Env is what conditions are asked over: one call as it stands. The fields are
// set by the caller and may be changed between two questions (the outcome, when
// success did not hold); a part that is supplied by a function is asked for once
// and remembered until [Env.Forget].
//
// The zero Env is ready for use; [NewEnv] gives one whose parts are reused. An
// Env is used by one goroutine at a time. Conditions change nothing in it.
type Env struct {
	// Status is the third party's HTTP status, 0 when there was no answer.
	Status int
	// Outcome is one word of the closed list of outcomes.
	Outcome string
	// OK says that the call succeeded; Answered, that the third party answered.
	OK, Answered bool
	// LatencyMS is how long the call has taken so far, in milliseconds.
	LatencyMS float64
	// Attempts is how many requests were sent to the third party.
	Attempts int
	// Tenant and Plan are names.
	Tenant, Plan string
	// Vars holds the extracted variables that are not missing, Input those that
	// the bot sent: strings, bools, int and float64, nil, []any, map[string]any.
	Vars, Input map[string]any
	// Header is the answer's header under canonical names, as net/http has it.
	// Several lines of one name read as one, joined by ", " (RFC 9110, 5.3).
	Header map[string][]string
	// Body gives the decoded JSON of the answer, nil when it has none.
	Body func() any
	// Text gives the answer's bytes as peeked at.
	Text func() string
	// Path gives what a JSONPath finds in the answer, for exists and path. It is
	// asked for each distinct path once.
	Path func(path string) (value any, found bool)
	// Method and URLPath are those of the request, RawQuery its query as sent. A
	// query reads as the first value of each name; pairs that cannot be parsed
	// are passed over.
	Method, URLPath, RawQuery string
	// RequestHeader is the bot's header, read as Header is.
	RequestHeader map[string][]string

	kept           map[string]found
	query          url.Values
	boxes          [lastSource]any
	asked          *Condition
	steps          int
	names          map[string]any
	machine        vm.VM
	queryWasParsed bool
}

// found is a remembered answer of one of the Env's functions.
type found struct {
	value any
	ok    bool
}

var envs = sync.Pool{New: func() any { return new(Env) }}

// NewEnv returns an empty Env, reusing one that was given back by [Env.Release].
func NewEnv() *Env { return envs.Get().(*Env) }

// Forget drops what the Env's functions gave, so that they are asked again: for
// a further attempt, whose answer is another one. The fields stay as they are.
func (e *Env) Forget() {
	clear(e.kept)
	e.query, e.queryWasParsed = nil, false
	for src := range e.boxes {
		// Status and outcome come from short lists; all else belongs to a call.
		if src := source(src); src != srcStatus && src != srcOutcome {
			e.boxes[src] = nil
		}
	}
	// The machine's stack still points to the values of the last evaluation. One
	// that has looped holds more of them, out of reach, and is given up.
	if e.machine.Scopes != nil || e.machine.Variables != nil {
		e.machine = vm.VM{}
	}
	clear(e.machine.Stack[:cap(e.machine.Stack)])
}

// Release empties the Env and gives it back for reuse. It must not be touched
// afterwards.
func (e *Env) Release() {
	e.Forget()
	*e = Env{kept: e.kept, boxes: e.boxes, names: e.names, machine: e.machine}
	envs.Put(e)
}

// run evaluates a condition's program. Everything a program can reach stands in
// names, which is made once in the life of an Env.
func (e *Env) run(c *Condition) (any, error) {
	if e.names == nil {
		e.names = map[string]any{
			fnRead:    e.read,
			fnTick:    e.tick,
			fnCharge:  e.charge,
			fnReplace: replace,
			fnJoin:    join,
		}
	}
	e.machine.MemoryBudget = MaxElements
	e.asked, e.steps = c, 0
	result, err := e.machine.Run(c.program, e.names)
	e.asked = nil
	return result, err
}

// read is what a name in a condition becomes: the number of one of its reads.
func (e *Env) read(number any) any {
	r := &e.asked.reads[number.(int)]
	if value, ready := e.peek(r); ready {
		return value
	}
	f := e.fetch(r)
	if e.kept == nil {
		e.kept = make(map[string]found)
	}
	e.kept[r.keep] = f
	return r.of(f)
}

// peek gives a value that is at hand: a field's, or one fetched before.
func (e *Env) peek(r *read) (any, bool) {
	switch r.source {
	case srcStatus:
		return box(&e.boxes[srcStatus], e.Status), true
	case srcOutcome:
		return box(&e.boxes[srcOutcome], e.Outcome), true
	case srcOK:
		return e.OK, true
	case srcAnswered:
		return e.Answered, true
	case srcLatency:
		return box(&e.boxes[srcLatency], e.LatencyMS), true
	case srcAttempts:
		return box(&e.boxes[srcAttempts], e.Attempts), true
	case srcTenant:
		return box(&e.boxes[srcTenant], e.Tenant), true
	case srcPlan:
		return box(&e.boxes[srcPlan], e.Plan), true
	case srcVar:
		return e.Vars[r.key], true
	case srcVars:
		return e.Vars, true
	case srcInputOne:
		return e.Input[r.key], true
	case srcInput:
		return e.Input, true
	case srcHeader:
		return line(e.Header[r.key]), true
	case srcRequestHeader:
		return line(e.RequestHeader[r.key]), true
	case srcMethod:
		return box(&e.boxes[srcMethod], e.Method), true
	case srcURLPath:
		return box(&e.boxes[srcURLPath], e.URLPath), true
	}
	f, ready := e.kept[r.keep]
	return r.of(f), ready
}

// fetch asks for a value that costs something to have.
func (e *Env) fetch(r *read) (f found) {
	switch r.source {
	case srcBody:
		if e.Body != nil {
			f.value = e.Body()
		}
	case srcText:
		f.value = ""
		if e.Text != nil {
			f.value = e.Text()
		}
	case srcPath, srcExists:
		if e.Path != nil {
			f.value, f.ok = e.Path(r.key)
		}
	case srcHeaders:
		f.value = lines(e.Header)
	case srcRequestHeaders:
		f.value = lines(e.RequestHeader)
	case srcQuery:
		all := make(map[string]any)
		for name := range maps.Keys(e.parsedQuery()) {
			all[name] = e.query.Get(name)
		}
		f.value = all
	case srcQueryOne:
		if values := e.parsedQuery()[r.key]; len(values) > 0 {
			f.value = values[0]
		}
	}
	return f
}

func (e *Env) parsedQuery() url.Values {
	if !e.queryWasParsed {
		// The error names the pairs passed over; the good ones are there.
		e.query, _ = url.ParseQuery(e.RawQuery)
		e.queryWasParsed = true
	}
	return e.query
}

// box gives v as an interface, reusing the one in slot while the value is the
// same: several conditions read status, and boxing it each time would allocate.
func box[T comparable](slot *any, v T) any {
	if old, ok := (*slot).(T); !ok || old != v {
		*slot = v
	}
	return *slot
}

// line gives a header's value, nil when there is no such line.
func line(values []string) any {
	switch len(values) {
	case 0:
		return nil
	case 1:
		return values[0]
	default:
		return strings.Join(values, ", ")
	}
}

func lines(header map[string][]string) map[string]any {
	all := make(map[string]any, len(header))
	for name, values := range header {
		all[strings.ToLower(name)] = line(values)
	}
	return all
}
