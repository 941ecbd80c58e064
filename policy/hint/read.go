package hint

import (
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/types"
)

// source says where in an Env a value comes from.
type source uint8

const (
	srcStatus source = iota
	srcOutcome
	srcOK
	srcAnswered
	srcLatency
	srcAttempts
	srcTenant
	srcPlan
	srcVars
	srcVar
	srcInput
	srcInputOne
	srcHeaders
	srcHeader
	srcBody
	srcText
	srcExists
	srcPath
	srcRequest // only a step to one of the following, never read itself
	srcMethod
	srcURLPath
	srcQuery
	srcQueryOne
	srcRequestHeaders
	srcRequestHeader
	lastSource
)

// roots are the names that a condition may begin with, but for the functions
// exists and path.
var roots = map[string]source{
	"status":     srcStatus,
	"outcome":    srcOutcome,
	"ok":         srcOK,
	"answered":   srcAnswered,
	"latency_ms": srcLatency,
	"attempts":   srcAttempts,
	"tenant":     srcTenant,
	"plan":       srcPlan,
	"vars":       srcVars,
	"input":      srcInput,
	"headers":    srcHeaders,
	"body":       srcBody,
	"text":       srcText,
	"request":    srcRequest,
}

// requestMembers are the members of request.
var requestMembers = map[string]source{
	"method":  srcMethod,
	"path":    srcURLPath,
	"query":   srcQuery,
	"headers": srcRequestHeaders,
}

// functions are the names that are called with a literal path.
var functions = map[string]source{"exists": srcExists, "path": srcPath}

// Names of the functions that a compiled condition calls. They begin with a sign
// that the source of a condition is refused for.
const (
	fnRead    = "$read"
	fnTick    = "$tick"
	fnCharge  = "$charge"
	fnReplace = "$replace"
	fnJoin    = "$join"
)

// declared gives the types of all names that a condition may hold.
func declared(s Scope) types.Map {
	anyMap := types.Map{types.Extra: types.Any}
	return types.Map{
		"status":     types.Int,
		"outcome":    types.String,
		"ok":         types.Bool,
		"answered":   types.Bool,
		"latency_ms": types.Float64,
		"attempts":   types.Int,
		"tenant":     types.String,
		"plan":       types.String,
		"vars":       members(s.Vars),
		"input":      members(s.Inputs),
		"headers":    anyMap,
		"body":       types.Any,
		"text":       types.String,
		"request": types.Map{
			"method": types.String, "path": types.String, "query": anyMap, "headers": anyMap,
		},
		"exists": types.TypeOf(func(string) bool { return false }),
		"path":   types.TypeOf(func(string) any { return nil }),
	}
}

// compiled adds the functions that a rewritten condition calls. The virtual
// machine calls these three types without reflection.
func compiled(s Scope) types.Map {
	m := declared(s)
	m[fnRead] = types.TypeOf((func(any) any)(nil))
	m[fnCharge] = types.TypeOf((func(any) any)(nil))
	m[fnTick] = types.TypeOf((func() any)(nil))
	m[fnReplace] = types.TypeOf((func(...any) any)(nil))
	m[fnJoin] = types.TypeOf((func(...any) any)(nil))
	return m
}

func members(names []string) types.Map {
	m := make(types.Map, len(names))
	for _, name := range names {
		m[name] = types.Any
	}
	return m
}

// read is one value that a condition reads from an Env.
type read struct {
	source source
	key    string // a variable's name, a canonical header name, a path
	keep   string // the key under which a fetched value is remembered
}

// of gives the read's value out of what was fetched: exists and path share it.
func (r *read) of(f found) any {
	if r.source == srcExists {
		return f.ok
	}
	return f.value
}

func newRead(src source, key string) read {
	r := read{source: src, key: key}
	switch src {
	case srcHeader, srcRequestHeader:
		r.key = textproto.CanonicalMIMEHeaderKey(key)
	case srcBody:
		r.keep = "body"
	case srcText:
		r.keep = "text"
	case srcHeaders:
		r.keep = "headers"
	case srcRequestHeaders:
		r.keep = "request.headers"
	case srcQuery:
		r.keep = "request.query"
	case srcQueryOne:
		r.keep = "query " + key
	case srcPath, srcExists:
		r.keep = "path " + key
	}
	return r
}

// reading is a place in the source that reads a value: a read and, below it, the
// members and indexes that the condition names literally.
type reading struct {
	name  string
	read  int
	steps []any // string or int
}

// walk follows the steps; nil where one leads nowhere.
func walk(v any, steps []any) any {
	for _, step := range steps {
		switch at := v.(type) {
		case map[string]any:
			name, _ := step.(string)
			v = at[name]
		case []any:
			i, ok := step.(int)
			if i < 0 {
				i += len(at)
			}
			if !ok || i < 0 || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// stepName writes a step as it would stand in a condition.
func stepName(step any) string {
	name, ok := step.(string)
	if !ok {
		return "[" + strconv.Itoa(step.(int)) + "]"
	}
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return "[" + strconv.Quote(name) + "]"
		}
	}
	if name == "" {
		return `[""]`
	}
	return "." + name
}

// list writes known names for an error message, at most 20 of them.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	const most = 20
	names = slices.Sorted(slices.Values(names))
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
