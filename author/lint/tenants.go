package lint

import (
	"errors"
	"slices"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// unknownPlans finds tenants on plans that do not exist. All else that is wrong with
// the tenants file is a mistake.
func unknownPlans(c *checker, r *Rule) {
	file := c.Spec.TenantsFile
	if file == "" {
		return
	}
	_, broken := tenant.Load(file, nil)
	for _, err := range flat(broken) {
		f := Finding{Severity: Error, Place: c.Spec.Places["tenants_file"], Name: "tenants_file", Message: err.Error(), word: "tenants_file"}
		if at := (*tenant.Error)(nil); errors.As(err, &at) && at.Line > 0 {
			f.Place, f.Column, f.Message, f.word = policy.Place{File: at.Path, Line: at.Line}, at.Column, at.Msg, ""
		}
		c.findings = append(c.findings, f)
	}
	if broken != nil {
		return
	}
	_, unknown := tenant.Load(file, func(name string) bool {
		return name == "default" || slices.ContainsFunc(c.Spec.Plans, func(p policy.Plan) bool { return p.Name == name })
	})
	for _, err := range flat(unknown) {
		at := (*tenant.Error)(nil)
		if !errors.As(err, &at) {
			continue // The file has just changed.
		}
		f := c.add(r, policy.Place{File: at.Path, Line: at.Line}, "tenants_file", "", "write the plan, or another one's name: a broken file keeps the gateway from starting", "%s", at.Msg)
		f.Column = at.Column
	}
}

// flat gives the errors that are joined in one.
func flat(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, flat(one)...)
	}
	return all
}
