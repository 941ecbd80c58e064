package draft

import (
	"fmt"
	"io"

	"github.com/signpost-gateway/signpost/policy"
)

// Caddyfile writes the policy as a piece of a Caddyfile, formatted as `caddy fmt`
// does. As it is, the piece is for `import` inside the `signpost` block; whole makes
// it a file that a gateway can run with, on port 8080 of this machine. Nothing is
// written where there is an error: a policy that Signpost would refuse
// (policy.Mistakes), and what a Caddyfile cannot hold, such as a control character or
// the configuration of a transport.
func (d *Draft) Caddyfile(w io.Writer, whole bool) error {
	spec := policy.Spec{Policies: []policy.PolicySpec{d.Policy}}
	if mistakes := policy.Check(&spec); len(mistakes) > 0 {
		return fmt.Errorf("writing the policy %s: %w", OneLine(d.Policy.Name, maxName), mistakes)
	}
	var p page
	if whole {
		d.whole(&p)
	} else {
		d.policy(&p)
	}
	if p.first != nil {
		return fmt.Errorf("writing the policy %s: %w", OneLine(d.Policy.Name, maxName), p.first)
	}
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return fmt.Errorf("writing the policy %s: %w", OneLine(d.Policy.Name, maxName), err)
	}
	return nil
}

// whole writes the file around the policy.
func (d *Draft) whole(p *page) {
	p.block(nil, func() {
		p.block(words("signpost"), func() {
			p.comment("Where secrets are looked up: each is a variable of the environment.")
			p.line(words("secrets", "env", secretPrefix)...)
			p.space()
			d.policy(p)
		})
	})
	p.space()
	p.block(words(":8080"), func() {
		p.line(words("bind", "127.0.0.1")...)
		p.line(words("signpost")...)
	})
}

// policy writes the block, and above it what there is to say.
func (d *Draft) policy(p *page) {
	for _, note := range d.Notes {
		p.comment(note)
	}
	if len(d.Secrets) > 0 {
		p.comment("Secrets to supply, and their variables with `secrets env " + secretPrefix + "`:")
		for _, s := range d.Secrets {
			p.comment("- " + reference(s.Name) + ", " + s.About + ": " + SecretVariable(s.Name))
		}
	}
	for _, warning := range d.Warnings {
		p.comment("Warning: " + warning)
	}
	for _, i := range d.Ignored {
		p.ignore(i)
	}
	spec := &d.Policy
	head := []token{word("policy"), text(spec.Name), text(spec.BaseURL)}
	if isEmptyPolicy(spec) {
		p.line(head...)
		return
	}
	p.block(head, func() {
		p.ownRules(spec)
		p.rules(&spec.Rules)
		for i := range spec.Operations {
			p.space()
			for _, note := range d.Operations[spec.Operations[i].Name] {
				p.comment(note)
			}
			p.operation(&spec.Operations[i])
		}
	})
}
