package policytest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// config is a configuration that tests call.
type config struct {
	path     string
	spec     *policy.Spec
	tenants  *tenant.File
	whole    *stage.Stage
	policies []policy.PolicyInfo
	branches []policy.Branch
	targets  map[string]*target // by label
	tested   map[string]bool    // the policies that tests call
}

// configs are all configurations that files name, in that order, each loaded once.
type configs struct {
	load  func(File) (*policy.Spec, error)
	known map[string]*config // nil for one that cannot be loaded
	all   []*config
}

// of gives the configuration of a file, nil where it was told already what is wrong
// with it.
func (cs *configs) of(f *File) (*config, error) {
	key := f.ConfigPath() + "\x00" + f.Adapter
	if c, known := cs.known[key]; known {
		return c, nil
	}
	c, err := open(f, cs.load)
	cs.known[key] = c
	if err != nil {
		return nil, err
	}
	cs.all = append(cs.all, c)
	return c, nil
}

// open loads and compiles the configuration of a file.
func open(f *File, load func(File) (*policy.Spec, error)) (*config, error) {
	c := &config{path: f.ConfigPath(), targets: make(map[string]*target), tested: make(map[string]bool)}
	var err error
	if c.spec, err = load(*f); err != nil {
		return nil, c.cannot(f, err)
	}
	if c.spec.TenantsFile != "" {
		if c.tenants, err = tenant.Load(c.spec.TenantsFile, c.hasPlan); err != nil {
			return nil, c.cannot(f, err)
		}
	}
	if c.whole, err = stage.New(c.spec, stage.Options{Tenants: c.tenants}); err != nil {
		return nil, c.cannot(f, err)
	}
	c.policies, c.branches = c.whole.Gateway().Policies(), c.whole.Gateway().Branches()
	return c, nil
}

// hasPlan tells whether a tenants file may name the plan.
func (c *config) hasPlan(name string) bool {
	return name == "default" || slices.ContainsFunc(c.spec.Plans, func(p policy.Plan) bool { return p.Name == name })
}

// cannot is why a configuration cannot be tested. Mistakes in it have places of
// their own.
func (c *config) cannot(f *File, err error) error {
	if _, placed := errors.AsType[policy.Mistakes](err); placed {
		return err
	}
	return policy.Mistakes{{
		Place: policy.Place{File: f.Path, Line: 1}, Name: "config",
		Text: fmt.Sprintf("loading %s: %v", c.path, err),
	}}
}

// policy gives what is configured of the policy of that name, nil where there is
// none.
func (c *config) policy(name string) *policy.PolicyInfo {
	for i := range c.policies {
		if c.policies[i].Name == name {
			return &c.policies[i]
		}
	}
	return nil
}
