package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
	"github.com/signpost-gateway/signpost/policy"
)

// policyAnswer is one policy in GET policies.
type policyAnswer struct {
	Name           string             `json:"name"`
	Title          string             `json:"title"` // Empty: none is written.
	BaseURL        string             `json:"base_url"`
	Methods        []string           `json:"methods"` // Empty: all.
	TimeoutMS      int64              `json:"timeout_ms"`
	Limits         []policy.LimitInfo `json:"limits"`
	Concurrency    []policy.LimitInfo `json:"concurrency"`
	Breaker        string             `json:"breaker"`
	OperationsOnly bool               `json:"operations_only"`
	Inject         []string           `json:"inject"`
	mappingAnswer
	Record     int               `json:"record"` // Calls that the log keeps; 0: none.
	Drift      string            `json:"drift"`
	Operations []operationAnswer `json:"operations"`
}

// operationAnswer is one operation of a policy.
type operationAnswer struct {
	Name     string        `json:"name"`
	Title    string        `json:"title"`
	Method   string        `json:"method"`
	Template string        `json:"template"`
	Named    bool          `json:"named"`
	Inputs   []inputAnswer `json:"inputs"`
	mappingAnswer
}

// mappingAnswer is what policies and operations say of answers.
type mappingAnswer struct {
	Extracts  []extractAnswer   `json:"extracts"`
	Hints     []policy.HintInfo `json:"hints"`
	Otherwise string            `json:"otherwise"`
	Fallbacks []string          `json:"fallbacks"`
}

// inputAnswer is a variable of a named call.
type inputAnswer struct {
	Var      string          `json:"var"`
	Type     string          `json:"type"`
	Required bool            `json:"required"`
	Default  json.RawMessage `json:"default"` // null: none is written.
	In       []string        `json:"in"`
	Matches  string          `json:"matches"`
}

// extractAnswer is a variable that is read from answers.
type extractAnswer struct {
	Var      string          `json:"var"`
	Path     string          `json:"path"`
	Default  json.RawMessage `json:"default"` // null: none is written.
	Required bool            `json:"required"`
}

// policies tells what is configured.
func (a *api) policies(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	answers := []policyAnswer{}
	for _, p := range run.Gateway.Policies() {
		answers = append(answers, policyOf(&p))
	}
	return map[string]any{"policies": answers}, nil
}

func policyOf(p *policy.PolicyInfo) policyAnswer {
	answer := policyAnswer{
		Name: p.Name, Title: titleOf(p.Title, p.Name), BaseURL: p.BaseURL, Methods: orEmpty(p.Methods),
		TimeoutMS: wholeMillis(time.Duration(p.Timeout)), Limits: orEmpty(p.Limits), Concurrency: []policy.LimitInfo{},
		Breaker: p.Breaker, OperationsOnly: p.OperationsOnly, Inject: orEmpty(p.Inject), mappingAnswer: mappingOf(&p.MappingInfo),
		Record: p.Record, Drift: p.Drift, Operations: []operationAnswer{},
	}
	for _, c := range p.Concurrency {
		answer.Concurrency = append(answer.Concurrency, policy.LimitInfo{Text: strconv.Itoa(c.Calls), Shared: c.Shared})
	}
	for i := range p.Operations {
		op := &p.Operations[i]
		operation := operationAnswer{
			Name: op.Name, Title: titleOf(op.Title, op.Name), Method: op.Method, Template: op.Template, Named: op.Named,
			Inputs: []inputAnswer{}, mappingAnswer: mappingOf(&op.MappingInfo),
		}
		for _, in := range op.Inputs {
			if in.Type == "" {
				in.Type = "string" // Any text will do, and numbers and bools as well.
			}
			operation.Inputs = append(operation.Inputs, inputAnswer{
				Var: in.Var, Type: in.Type, Required: in.Required, Default: in.Default, In: orEmpty(in.In), Matches: in.Matches,
			})
		}
		answer.Operations = append(answer.Operations, operation)
	}
	return answer
}

// titleOf is the title that is written. The engine gives the name where none is.
func titleOf(title, name string) string {
	if title == name {
		return ""
	}
	return title
}

func mappingOf(m *policy.MappingInfo) mappingAnswer {
	answer := mappingAnswer{Extracts: []extractAnswer{}, Hints: orEmpty(m.Hints), Otherwise: m.Otherwise, Fallbacks: orEmpty(m.Fallbacks)}
	for _, e := range m.Extracts {
		answer.Extracts = append(answer.Extracts, extractAnswer{Var: e.Var, Path: e.Path, Default: e.Default, Required: e.Required})
	}
	return answer
}

// trafficAnswer is what GET traffic gives.
type trafficAnswer struct {
	Now      stamp                     `json:"now"`
	MinuteS  int                       `json:"minute_s"`
	Policies []telemetry.PolicyTraffic `json:"policies"`
}

// traffic tells what became of the calls of the last hour.
func (a *api) traffic(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	now := time.Now()
	return trafficAnswer{Now: stamp(now), MinuteS: 60, Policies: run.Traffic.Snapshot(now)}, nil
}
