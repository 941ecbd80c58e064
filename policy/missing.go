package policy

import "errors"

// MissingSecrets names every secret that a policy or the shared state needs and no
// provider has, with its place. It is nil when there is none, and for a Spec that
// has mistakes.
func MissingSecrets(spec *Spec) error {
	g, mistakes := compile(spec, NewState(nil))
	if len(mistakes) > 0 {
		return nil
	}
	return g.MissingSecrets()
}

// MissingSecrets names every secret that a policy needs and no provider has for
// anyone, and those of the shared state that no provider has for all. It is nil
// when there is none.
func (g *Gateway) MissingSecrets() error {
	var missing []error
	if g.sharing != nil {
		missing = g.sharing.missing(g.secrets)
	}
	for _, name := range g.names() {
		p := g.policies[name]
		for i := range p.inject {
			for _, ref := range p.inject[i].refs() {
				if err := g.secrets.Check(ref); err != nil {
					missing = append(missing, Mistake{Place: p.spec.Inject[i].Place, Name: "policy " + name + ": inject", Text: err.Error()})
				}
			}
			if err := p.inject[i].cannotSign(g.secrets); err != nil {
				missing = append(missing, Mistake{Place: p.spec.Inject[i].Place, Name: "policy " + name + ": inject jwt", Text: err.Error()})
			}
		}
	}
	return errors.Join(missing...)
}
