package policytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/input"
	"github.com/signpost-gateway/signpost/policy/template"
)

// usual are texts that many variables could have, so that a test reads naturally.
var usual = []string{
	"sample", "1", "42", "12345", "A1", "A-1001", "abc123", "2026-01-31", "2026-01-31T12:00:00Z", "12:00", "1.50", "0",
	"en", "EN", "en-US", "DE", "EUR", "user@example.com", "+4915112345678", "004915112345678", "12345678",
	"https://example.com/", "example.com", "192.0.2.1", "6f1c2a3b-4d5e-4f60-8a7b-9c0d1e2f3a4b", "true", "yes",
}

// sampleOf finds a value that an input allows. In a path it is no segment that
// climbs out of it. The error names the input.
func sampleOf(in policy.InputInfo, inPath bool) (json.RawMessage, error) {
	set, err := input.Compile([]input.Spec{{Name: in.Var, Type: in.Type, Matches: in.Matches, In: in.In}})
	if err != nil {
		return nil, fmt.Errorf("reading the input %s: %w", in.Var, err) // Not reached: it was compiled.
	}
	for _, candidate := range candidates(in) {
		if fits(set, in.Var, candidate, inPath) {
			return candidate, nil
		}
	}
	return nil, fmt.Errorf("no sample value is found for the required input %s: write one under input", in.Var)
}

// candidates are values to try, the likeliest first.
func candidates(in policy.InputInfo) []json.RawMessage {
	var all []json.RawMessage
	add := func(texts ...string) {
		for _, text := range texts {
			all = append(all, asJSON(text, in.Type))
		}
	}
	add(in.In...)
	switch in.Type {
	case "number":
		add("1")
	case "bool":
		add("true", "false")
	case "json":
		add("{}", "[]", "1", "true", `""`)
	}
	add(usual...)
	if in.Matches != "" {
		add(matching(in.Matches)...)
	}
	return slices.DeleteFunc(all, func(v json.RawMessage) bool { return !json.Valid(v) })
}

// asJSON writes a text as a value of the type.
func asJSON(text, kind string) json.RawMessage {
	if kind == "number" || kind == "bool" || kind == "json" {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil // Not reached: any string can be encoded.
	}
	return quoted
}

// fits tells whether an operation allows the value.
func fits(set *input.Set, name string, value json.RawMessage, inPath bool) bool {
	raw, err := input.ParseJSON([]byte(`{"` + name + `":` + string(value) + `}`))
	if err != nil {
		return false
	}
	values, problems := set.Read(raw, nil)
	return len(problems) == 0 && (!inPath || template.CheckSegment(name, values[0].Text()) == nil)
}

// Complete adds sample values for the required inputs of an operation that given lacks.
// The error names the first one that there is no sample for. given is not changed.
func Complete(op *policy.OperationInfo, given map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	path, err := template.ParsePath(op.Template)
	if err != nil {
		return nil, fmt.Errorf("reading the template of %s: %w", op.Name, err) // Not reached: it was compiled.
	}
	all := maps.Clone(given)
	if all == nil {
		all = make(map[string]json.RawMessage, len(op.Inputs))
	}
	for _, in := range op.Inputs {
		if _, there := all[in.Var]; there || !in.Required {
			continue
		}
		if all[in.Var], err = sampleOf(in, slices.Contains(path.Names(), in.Var)); err != nil {
			return nil, err
		}
	}
	return all, nil
}
