package stage

import (
	"slices"

	"github.com/signpost-gateway/signpost/policy"
)

// prune gives the part of a configuration that some calls can meet, nil where it
// lacks their policy: to compile the rest would take most of the time of a call.
// What is shared with the Spec is not changed.
func prune(spec *policy.Spec, o Options) *policy.Spec {
	at := slices.IndexFunc(spec.Policies, func(p policy.PolicySpec) bool { return p.Name == o.Policy })
	if at < 0 {
		return nil
	}
	part, only := *spec, spec.Policies[at]
	if o.Operations != nil {
		// Others are not even copied: there may be thousands, of hundreds of bytes each.
		var called []policy.OperationSpec
		for i := range only.Operations {
			if slices.Contains(o.Operations, only.Operations[i].Name) {
				called = append(called, only.Operations[i])
			}
		}
		only.Operations = called
	}
	part.Policies = []policy.PolicySpec{only}
	if o.Callers != nil {
		part.Plans = plansOf(spec.Plans, o.Callers)
	}
	return &part
}

// plansOf gives the plans without the tenants that make no calls, of which there
// may be thousands.
func plansOf(plans []policy.Plan, callers []string) []policy.Plan {
	fewer := slices.Clone(plans)
	for i := range fewer {
		fewer[i].Tenants = slices.DeleteFunc(slices.Clone(fewer[i].Tenants), func(t string) bool {
			return t != policy.Anonymous && !slices.Contains(callers, t) // Whoever names no tenant is that one.
		})
	}
	return fewer
}
