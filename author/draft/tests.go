package draft

import (
	"io"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// WriteTests writes the tests as YAML. config is the path of the configuration that
// they test, as it stands in the file; where it is empty, it is the Caddyfile beside
// it. Nothing is written where there is an error.
func (d *Draft) WriteTests(w io.Writer, config string) error {
	return policytest.Encode(w, policytest.File{Config: config, Policy: d.Policy.Name, Tests: d.Tests})
}

// CompleteTests adds sample values for the required inputs that tests lack, as a test
// that names some inputs sends no others. A test of which none can be found is left as
// it is: it fails, and says what to write. The policy must pass policy.Check.
func (d *Draft) CompleteTests() {
	gateway, err := policy.New(policy.Spec{Policies: []policy.PolicySpec{d.Policy}}, policy.Options{})
	if err != nil {
		return
	}
	operations := make(map[string]*policy.OperationInfo)
	for _, p := range gateway.Policies() {
		for i := range p.Operations {
			operations[p.Operations[i].Name] = &p.Operations[i]
		}
	}
	for i := range d.Tests {
		op := operations[d.Tests[i].Operation]
		for k := range d.Tests[i].Steps {
			step := &d.Tests[i].Steps[k]
			if op == nil || step.Input == nil || step.Request != nil {
				continue
			}
			if all, err := policytest.Complete(op, step.Input); err == nil {
				step.Input = all
			}
		}
	}
}
