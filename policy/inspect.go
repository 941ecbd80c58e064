package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
)

// maxCells bounds the cells that are shown of one breaker.
const maxCells = 100

// Millis is a time.Duration that stands in JSON as a whole number of
// milliseconds, rounded up: who waits so long does not come too early.
type Millis time.Duration

// MarshalJSON writes the number.
func (m Millis) MarshalJSON() ([]byte, error) {
	ms := time.Duration(m).Milliseconds()
	if time.Duration(m)%time.Millisecond > 0 {
		ms++
	}
	return strconv.AppendInt(nil, ms, 10), nil
}

// PolicyInfo is what an operator may see of a policy. It holds no secret, and no
// value that is injected. What operations say otherwise stands with them.
type PolicyInfo struct {
	Name           string            `json:"name"`
	Title          string            `json:"title"`             // The name, where none is written.
	BaseURL        string            `json:"base_url"`          // As written: {tenant.x} is not filled in.
	Methods        []string          `json:"methods,omitempty"` // Empty: all.
	Timeout        Millis            `json:"timeout_ms"`        // Where neither plan nor request shortens it.
	Limits         []LimitInfo       `json:"limits"`
	Concurrency    []ConcurrencyInfo `json:"concurrency"`
	Breaker        string            `json:"breaker"` // "50% of 20 in 30s, open 15s, 3 probes" or "off".
	OperationsOnly bool              `json:"operations_only"`
	Inject         []string          `json:"inject"` // What is injected where, without values: "bearer", "header X-Api-Key".
	MappingInfo
	Record     int             `json:"record"`     // How many calls the log keeps; 0: none.
	Drift      string          `json:"drift"`      // "watch" or "off".
	Operations []OperationInfo `json:"operations"` // In the order written.
}

// OperationInfo is what an operator may see of an operation. What it has from its
// policy stands there, but for the timeout.
type OperationInfo struct {
	Name     string      `json:"name"`
	Title    string      `json:"title"` // The name, where none is written.
	Method   string      `json:"method"`
	Template string      `json:"template"`
	Timeout  Millis      `json:"timeout_ms"` // As in PolicyInfo.
	Inputs   []InputInfo `json:"inputs"`     // Those declared, then those that only templates read.
	Named    bool        `json:"named"`      // It says more of its request than method and path, so it is meant to be called by name.
	Limits   []LimitInfo `json:"limits"`
	Breaker  string      `json:"breaker,omitempty"` // Empty: the policy's.
	MappingInfo
}

// MappingInfo is how a policy or an operation reads an answer and names the route.
type MappingInfo struct {
	Extracts  []ExtractInfo `json:"extracts"`
	Hints     []HintInfo    `json:"hints"`               // In the order in which they are asked.
	Otherwise string        `json:"otherwise,omitempty"` // Empty: the policy's, else the outcome's own route.
	Fallbacks []string      `json:"fallbacks"`           // For people: `status == 503: stale 10m0s, respond 200`.
}

// LimitInfo is a rate limit: "10/m", for each tenant or for all together.
type LimitInfo struct {
	Text   string `json:"text"`
	Shared bool   `json:"shared"`
}

// ConcurrencyInfo bounds the calls in flight, of each tenant or of all together.
type ConcurrencyInfo struct {
	Calls  int  `json:"calls"`
	Shared bool `json:"shared"`
}

// InputInfo is a variable that an operation is called with.
type InputInfo struct {
	Var      string          `json:"var"`
	Type     string          `json:"type,omitempty"` // Empty: any text, number or bool.
	Required bool            `json:"required"`
	Default  json.RawMessage `json:"default,omitempty"`
	In       []string        `json:"in,omitempty"`      // Empty: every value is allowed.
	Matches  string          `json:"matches,omitempty"` // Empty: so is every text.
}

// ExtractInfo is a variable that is read from the answer.
type ExtractInfo struct {
	Var      string          `json:"var"`
	Path     string          `json:"path"`
	Default  json.RawMessage `json:"default,omitempty"` // Nil: the variable is then missing.
	Required bool            `json:"required"`
}

// HintInfo is a condition and the route that it names.
type HintInfo struct {
	Route string `json:"route"`
	When  string `json:"when"`
}

// Policies tells what is configured: the policies of each file in the order of its
// lines, those without a place by name. Safe for concurrent use; what it gives
// belongs to the caller.
func (g *Gateway) Policies() []PolicyInfo {
	infos := make([]PolicyInfo, 0, len(g.policies))
	for _, p := range g.ordered() {
		info := PolicyInfo{
			Name: p.name, Title: cmp.Or(p.spec.Title, p.name),
			BaseURL: p.spec.BaseURL, // It holds no user: that is a mistake.
			Methods: slices.Clone(p.methods), Timeout: Millis(p.own.ownDeadline(g.ceiling)),
			Limits: limitInfos(p.spec.RateLimits), Concurrency: []ConcurrencyInfo{},
			Breaker: breakerText(p.own.breaker.Config()), OperationsOnly: p.operationsOnly,
			Inject: make([]string, 0, len(p.spec.Inject)), MappingInfo: mappingInfo(&p.spec.Rules),
			Record: p.recording.settings.Calls, Drift: cmp.Or(p.spec.Drift, "watch"),
			Operations: make([]OperationInfo, 0, len(p.operations)),
		}
		for _, k := range p.spec.Concurrency {
			info.Concurrency = append(info.Concurrency, ConcurrencyInfo{k.Calls, k.Shared})
		}
		for i := range p.spec.Inject {
			info.Inject = append(info.Inject, p.spec.Inject[i].target())
		}
		for i, op := range p.operations {
			info.Operations = append(info.Operations, op.info(&p.spec.Operations[i], g.ceiling))
		}
		infos = append(infos, info)
	}
	return infos
}

// ordered gives the policies as they were written.
func (g *Gateway) ordered() []*Policy {
	return slices.SortedFunc(maps.Values(g.policies), func(a, b *Policy) int {
		x, y := a.spec.Places["policy"], b.spec.Places["policy"]
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), cmp.Compare(a.name, b.name))
	})
}

// target tells where the injection goes, and nothing of its value: the user of
// basic may be a secret too.
func (in *Inject) target() string {
	switch {
	case in.As == "header" || in.As == "query":
		return in.As + " " + in.Name
	case in.JWT != nil && in.JWT.Header != "":
		return in.As + " " + in.JWT.Header
	}
	return in.As
}

// info tells of an operation.
func (op *operation) info(spec *OperationSpec, ceiling time.Duration) OperationInfo {
	info := OperationInfo{
		Name: op.name, Title: cmp.Or(spec.Title, op.name), Method: op.method, Template: spec.Template,
		Timeout: Millis(op.ownDeadline(ceiling)), Inputs: make([]InputInfo, 0, len(op.sends.names)),
		Named: op.sends.saysMore(), Limits: limitInfos(spec.RateLimits), MappingInfo: mappingInfo(&spec.Rules),
	}
	if op.breaker != op.policy.own.breaker {
		info.Breaker = breakerText(op.breaker.Config())
	}
	for i, name := range op.sends.names {
		in := InputInfo{Var: name, Required: true}
		if i < len(spec.Inputs) {
			said := &spec.Inputs[i]
			in.Type, in.Matches, in.Required = said.Type, said.Matches, len(said.Default) == 0
			in.Default, in.In = slices.Clone(said.Default), slices.Clone(said.In)
		}
		info.Inputs = append(info.Inputs, in)
	}
	return info
}

func limitInfos(limits []RateLimit) []LimitInfo {
	infos := make([]LimitInfo, 0, len(limits))
	for _, l := range limits {
		infos = append(infos, LimitInfo{l.Rate, l.Shared})
	}
	return infos
}

// mappingInfo tells what one layer of rules says of the mapping.
func mappingInfo(r *Rules) MappingInfo {
	info := MappingInfo{
		Extracts: make([]ExtractInfo, 0, len(r.Extracts)), Hints: make([]HintInfo, 0, len(r.Hints)),
		Otherwise: r.Otherwise, Fallbacks: make([]string, 0, len(r.Fallbacks)),
	}
	for _, e := range r.Extracts {
		info.Extracts = append(info.Extracts, ExtractInfo{e.Var, e.Path, slices.Clone(e.Default), e.Required})
	}
	for _, h := range r.Hints {
		info.Hints = append(info.Hints, HintInfo{h.Route, h.When})
	}
	for i := range r.Fallbacks {
		info.Fallbacks = append(info.Fallbacks, r.Fallbacks[i].text())
	}
	return info
}

// text tells when the fallback is taken and what it does, but for its body.
func (f *Fallback) text() string {
	var does []string
	if f.Stale > 0 {
		does = append(does, "stale "+f.Stale.String())
	}
	if f.Respond != nil {
		does = append(does, strings.TrimSpace(fmt.Sprintf("respond %d %s", f.Respond.Status, respondType(f.Respond))))
	}
	if f.Route != "" {
		does = append(does, "route "+f.Route)
	}
	if f.Next != "" {
		does = append(does, "next "+f.Next)
	}
	if f.When == "" {
		return strings.Join(does, ", ")
	}
	return f.When + ": " + strings.Join(does, ", ")
}

// breakerText tells when a breaker opens and how it closes.
func breakerText(c breaker.Config) string {
	if c.Off {
		return c.String()
	}
	text := fmt.Sprintf("%v, open %v, %d probes", c, c.Open, c.Probes)
	if c.Slow > 0 {
		text += fmt.Sprintf(", slow %v", c.Slow)
	}
	return text
}
