package policytest

import (
	"go.yaml.in/yaml/v3"

	"github.com/signpost-gateway/signpost/policy"
)

// file reads the whole document.
func (r *reader) file(root *yaml.Node, f *File) {
	text := fileText{File: f}
	s := scope{reader: r}
	there := fileFields.read(s, root, &text)
	if there == nil {
		return
	}
	if there["tests"] == nil {
		s.wrong(root, `there are no tests: expected "tests:" and a list of them`)
	}
	named := make(map[string]policy.Place, len(text.tests))
	for _, t := range text.tests {
		if t.keys == nil {
			continue
		}
		t.inherit(f, there)
		if first, twice := named[t.Name]; twice {
			t.scope.wrong(t.keys["name"], "the test in line %d has this name already: expected another one", first.Line)
		} else if t.Name != "" {
			named[t.Name] = t.Place
		}
		f.Tests = append(f.Tests, t.Test)
	}
}

// inherit takes what the test does not say from the file, which has these keys. The
// file's operation is one of the file's policy.
func (t *testText) inherit(f *File, there keys) {
	ofOther := t.keys["policy"] != nil && t.Policy != f.Policy
	switch {
	case t.keys["operation"] != nil:
	case ofOther || there["operation"] == nil:
		t.base = true
	default:
		t.Operation = f.Operation
	}
	switch {
	case t.keys["policy"] != nil:
	case there["policy"] == nil:
		t.scope.wrong(t.node, "no policy is named: write policy, in the test or at the top of the file")
	default:
		t.Policy = f.Policy
	}
	if !t.base {
		return
	}
	for i := range t.Steps {
		if step := &t.Steps[i]; step.Input != nil && step.Request == nil {
			t.scope.wrong(t.node, "input stands in a test without an operation: write operation, or request for a base-URL call")
			return
		}
	}
}

// placeOf is where a node stands.
func (s scope) placeOf(n *yaml.Node) policy.Place { return policy.Place{File: s.path, Line: n.Line} }
