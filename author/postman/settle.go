package postman

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// isGood tells whether a policy passes the check.
func isGood(p policy.PolicySpec) bool { return complaint(p) == nil }

// complaint is what stands against a policy: a mistake, or a text that a Caddyfile
// cannot hold.
func complaint(p policy.PolicySpec) error {
	p.Name = cmp.Or(p.Name, "draft")
	d := draft.Draft{Policy: p}
	err := d.Caddyfile(io.Discard, false)
	var mistakes policy.Mistakes
	if errors.As(err, &mistakes) {
		return errors.New(mistakes[0].Text)
	}
	return err
}

// parts remembers of parts of operations whether they are good, since requests of one
// collection have much in common.
type parts map[string]bool

// good tells whether an operation with that part alone passes the check.
func (p parts) good(part string, inject []policy.Inject, o policy.OperationSpec) bool {
	is, known := p[part]
	if !known {
		o.Name, o.Method, o.Template = "draft", http.MethodGet, "/"
		is = isGood(policy.PolicySpec{BaseURL: "https://a.example", Inject: inject, Operations: []policy.OperationSpec{o}})
		p[part] = is
	}
	return is
}

// note adds a comment to an operation.
func (o *operation) note(format string, args ...any) {
	o.notes = append(o.notes, fmt.Sprintf(format, args...))
}

// alone gives a policy with one operation only.
func (d *drafting) alone(o *operation) policy.PolicySpec {
	p := d.draft.Policy
	spec := o.spec
	spec.Name = "draft"
	p.Operations = []policy.OperationSpec{spec}
	return p
}

// settle leaves out what policy.Check has against the operations together, such as
// two that nobody could tell apart, until it has nothing.
func (d *drafting) settle(all []*operation) []*operation {
	for len(all) > 0 {
		p := d.draft.Policy
		p.Operations = make([]policy.OperationSpec, len(all))
		for i, o := range all {
			p.Operations[i] = o.spec
			// The line of an operation says which one a mistake is about.
			p.Operations[i].Places = policy.Places{"operation": {File: "draft", Line: i + 1}}
		}
		mistakes := policy.Check(&policy.Spec{Policies: []policy.PolicySpec{p}})
		if len(mistakes) == 0 {
			break
		}
		wrong := make(map[int]string, len(mistakes))
		for _, m := range mistakes {
			if wrong[m.Place.Line-1] == "" {
				wrong[m.Place.Line-1] = m.Text
			}
		}
		kept := all[:0:0]
		for i, o := range all {
			if why, is := wrong[i]; is {
				d.warnings.add("%s: %s", o.call.label(), shown(why))
			} else {
				kept = append(kept, o)
			}
		}
		if len(kept) == len(all) {
			return nil // What is wrong belongs to no operation: not reached, as each is good alone.
		}
		all = kept
	}
	return slices.Clip(all)
}
