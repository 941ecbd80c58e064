package replay

import (
	"slices"

	"github.com/signpost-gateway/signpost/policy"
)

// calm gives the configuration without what makes one call depend on others: rate
// limits, concurrency and breakers. The Spec is not changed.
func calm(spec *policy.Spec) *policy.Spec {
	quiet := *spec
	quiet.Plans = slices.Clone(spec.Plans)
	hasDefault := false
	for i := range quiet.Plans {
		p := &quiet.Plans[i]
		p.RateLimits, p.RateLimitOff, p.Concurrency = nil, true, nil
		hasDefault = hasDefault || p.Name == "default"
	}
	if !hasDefault {
		quiet.Plans = append(quiet.Plans, policy.Plan{Name: "default", RateLimitOff: true})
	}
	quiet.Policies = slices.Clone(spec.Policies)
	for i := range quiet.Policies {
		p := &quiet.Policies[i]
		p.Concurrency = nil
		calmRules(&p.Rules)
		p.Breaker = &policy.BreakerSpec{Trip: "off"}
		p.Operations = slices.Clone(p.Operations)
		for j := range p.Operations {
			calmRules(&p.Operations[j].Rules)
		}
	}
	return &quiet
}

// plain gives the configuration without what costs time and decides nothing: the
// call log keeps none of the calls, though it shows them whole, and structures are
// not compared. The Spec is not changed.
func plain(spec *policy.Spec) *policy.Spec {
	bare := *spec
	bare.Policies = slices.Clone(spec.Policies)
	for i := range bare.Policies {
		p := &bare.Policies[i]
		record := &policy.RecordSpec{Bodies: MaxSent}
		if p.Record != nil {
			record.Redact = p.Record.Redact
		}
		p.Record, p.Drift = record, "off"
		p.Operations = slices.Clone(p.Operations)
		for j := range p.Operations {
			p.Operations[j].Drift = "off"
		}
	}
	return &bare
}

// calmRules takes limits and breaker out of rules.
func calmRules(r *policy.Rules) {
	r.RateLimits, r.RateLimitOff, r.Breaker = nil, true, nil
}
