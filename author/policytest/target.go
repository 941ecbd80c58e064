package policytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/template"
)

// target is what a test calls: a policy, or one of its operations.
type target struct {
	policy    string
	operation *policy.OperationInfo // nil: base-URL calls
	path      *template.Path        // of the operation
	inputs    []string              // the names of its variables
	vars      []string              // what its calls may extract
	samples   map[string]sample     // of its inputs, as far as some were wanted
}

// sample is a value of an input that the operation allows, or why there is none.
type sample struct {
	value json.RawMessage
	err   error
}

// target finds what a test calls. The error says that it is not there.
func (c *config) target(policyName, operation string) (*target, error) {
	label := labelOf(policyName, operation)
	if t := c.targets[label]; t != nil {
		return t, nil
	}
	info := c.policy(policyName)
	if info == nil {
		names := make([]string, 0, len(c.policies))
		for i := range c.policies {
			names = append(names, c.policies[i].Name)
		}
		return nil, fmt.Errorf("the policy %s", unknown(policyName, names))
	}
	t := &target{policy: policyName, samples: make(map[string]sample)}
	t.extracts(info.Extracts)
	var names []string
	for i := range info.Operations {
		op := &info.Operations[i]
		names = append(names, op.Name)
		if op.Name == operation {
			t.operation = op
		}
		if operation == "" || op.Name == operation {
			t.extracts(op.Extracts)
		}
	}
	if operation != "" {
		if t.operation == nil {
			return nil, fmt.Errorf("the operation %s", unknown(operation, names))
		}
		path, err := template.ParsePath(t.operation.Template)
		if err != nil {
			return nil, fmt.Errorf("reading the template of %s: %w", label, err) // Not reached: it was compiled.
		}
		t.path = path
		for _, in := range t.operation.Inputs {
			t.inputs = append(t.inputs, in.Var)
		}
	}
	c.targets[label] = t
	return t, nil
}

// extracts notes variables that calls may extract.
func (t *target) extracts(extracts []policy.ExtractInfo) {
	for _, e := range extracts {
		if !slices.Contains(t.vars, e.Var) {
			t.vars = append(t.vars, e.Var)
		}
	}
}

// labelOf names what is called: "store" or "store.order_status".
func labelOf(policyName, operation string) string {
	if operation == "" {
		return policyName
	}
	return policyName + "." + operation
}

// method is that of a base-URL call that says none.
func (t *target) method() string {
	if t.operation == nil {
		return http.MethodGet
	}
	return t.operation.Method
}

// sample gives a value for an input.
func (t *target) sample(in policy.InputInfo) (json.RawMessage, error) {
	s, known := t.samples[in.Var]
	if !known {
		s.value, s.err = sampleOf(in, slices.Contains(t.path.Names(), in.Var))
		t.samples[in.Var] = s
	}
	return s.value, s.err
}

// sampleInputs gives sample values for the required inputs, of a call that gives
// none. The error names the first one that there is no sample for.
func (t *target) sampleInputs() (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage, len(t.inputs))
	for _, in := range t.operation.Inputs {
		if !in.Required {
			continue
		}
		value, err := t.sample(in)
		if err != nil {
			return nil, err
		}
		all[in.Var] = value
	}
	return all, nil
}

// samplePath is the path of a base-URL call that says none.
func (t *target) samplePath() (string, error) {
	if t.operation == nil {
		return "/", nil
	}
	texts := make(map[string]string, len(t.inputs))
	for _, in := range t.operation.Inputs {
		if !slices.Contains(t.path.Names(), in.Var) {
			continue
		}
		value, err := t.sample(in)
		if err != nil {
			return "", err
		}
		texts[in.Var] = plain(value)
	}
	return string(t.path.Append(nil, func(name string) string { return texts[name] }, func(*template.ValueError) {})), nil
}

// plain is a JSON value as it stands in a path: a string without its quotes.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
