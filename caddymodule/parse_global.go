package caddymodule

import (
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/secret"
)

// secretsUsage is the grammar of `secrets`.
const secretsUsage = "secrets env <PREFIX>, secrets dir <path> or secrets age <file> <identity-file>"

// globalWords are the subdirectives of the global option.
var globalWords = words[Config]{
	"tenant": {
		tenantForm,
		func(s scope, l *line, c *Config) { c.Tenant = readTenant(s, l) },
	},
	"tenant_required": {
		form{usage: "tenant_required"},
		setFlag(func(c *Config) *bool { return &c.TenantRequired }),
	},
	"known_tenants_only": {
		form{usage: "known_tenants_only"},
		setFlag(func(c *Config) *bool { return &c.KnownTenantsOnly }),
	},
	"plan": {
		form{usage: "plan <name> { … }", min: 1, max: 1, many: true, block: mustBlock},
		readPlan,
	},
	"tenants_file": {
		form{usage: "tenants_file <path>", min: 1, max: 1},
		setText(func(c *Config) *string { return &c.TenantsFile }),
	},
	"secrets": {
		form{usage: secretsUsage, min: 1, max: anyNumber, many: true},
		readSecrets,
	},
	"state": {form{usage: stateUsage, min: 1, max: anyNumber, block: mayBlock, private: true}, readState},
	"trace": {
		form{usage: "trace { endpoint <url>; sample <p>%; keep failed slow <duration>; ui <url> }", block: mustBlock},
		readTrace,
	},
	"alerts": {form{usage: "alerts { smtp <host:port> { … }; webhook <url> }", block: mustBlock, private: true}, readAlerts},
	"max_timeout": {
		form{usage: "max_timeout <duration>", min: 1, max: 1},
		setDuration(func(c *Config) *policy.Duration { return &c.MaxTimeout }),
	},
	"policy": {
		form{usage: "policy <name> <base-url> { … }", min: 2, max: 2, many: true, block: mayBlock},
		readPolicy,
	},
}

// planWords are the subdirectives of a plan.
var planWords = words[policy.Plan]{
	"rate_limit": {
		rateLimitForm,
		func(s scope, l *line, p *policy.Plan) { s.rateLimit(l, &p.RateLimits, &p.RateLimitOff) },
	},
	"concurrency": {
		concurrencyForm,
		func(s scope, l *line, p *policy.Plan) { p.Concurrency = append(p.Concurrency, s.concurrency(l)) },
	},
	"timeout": {
		form{usage: "timeout <duration>", min: 1, max: 1},
		setDuration(func(p *policy.Plan) *policy.Duration { return &p.Timeout }),
	},
	"tenants": {
		form{usage: "tenants <name…>", min: 1, max: anyNumber, many: true},
		func(_ scope, l *line, p *policy.Plan) { p.Tenants = append(p.Tenants, l.texts(0)...) },
	},
}

// traceWords are the subdirectives of `trace`.
var traceWords = words[telemetry.Trace]{
	"endpoint": {form{usage: "endpoint <url>", min: 1, max: 1}, readEndpoint},
	"sample": {
		form{usage: "sample <p>%", min: 1, max: 1},
		func(s scope, l *line, t *telemetry.Trace) { p := s.percent(l, 0); t.Sample = &p },
	},
	"keep": {form{usage: "keep failed slow <duration>", min: 1, max: 3}, readKeep},
	"ui":   {form{usage: "ui <url>", min: 1, max: 1}, readUI},
}

func readPlan(s scope, l *line, c *Config) {
	p := policy.Plan{Name: l.arg(0), Places: policy.Places{"plan": l.place}}
	readBlock(s.called(p.Name), l.block, planWords, &p, p.Places)
	c.Plans = append(c.Plans, p)
}

func readSecrets(s scope, l *line, c *Config) {
	source := policy.SecretSource{From: s.oneOf(l, 0, "env", "dir", "age"), Where: l.arg(1), Identity: l.arg(2), Place: l.place}
	wanted := 2
	if source.From == "age" {
		wanted = 3
	}
	switch {
	case source.From == "":
	case len(l.args) != wanted || slices.Contains(l.texts(1), ""):
		s.wrong(l.place, "wrong number of arguments: expected %s", secretsUsage)
	default:
		c.Secrets = append(c.Secrets, source)
	}
}

func readTrace(s scope, l *line, c *Config) {
	c.Trace = &telemetry.Trace{Places: policy.Places{"trace": l.place}}
	readBlock(s, l.block, traceWords, c.Trace, c.Trace.Places)
}

// readEndpoint tests the address as it is when every secret in it has a value.
func readEndpoint(s scope, l *line, t *telemetry.Trace) {
	t.Endpoint = l.arg(0)
	template, err := secret.ParseTemplate(t.Endpoint)
	if err != nil {
		s.wrong(l.place, "%v", err)
		return
	}
	sample := t.Endpoint
	for _, ref := range template.Refs() {
		if ref.TenantOnly {
			s.wrong(l.place, "%s belongs to a tenant: expected a shared secret", ref)
		}
		sample = strings.ReplaceAll(sample, ref.String(), "secret")
	}
	if err := telemetry.CheckEndpoint(sample); err != nil {
		s.wrong(l.place, "%v", err)
	}
}

// readKeep reads `keep failed`, `keep slow <duration>`, or both on one line.
func readKeep(s scope, l *line, t *telemetry.Trace) {
	for i := 0; i < len(l.args); i++ {
		switch what := l.arg(i); {
		case what == "failed" && !t.KeepFailed:
			t.KeepFailed = true
		case what == "slow" && t.KeepSlow == 0 && i+1 < len(l.args):
			i++
			t.KeepSlow = s.duration(l, i)
		default:
			s.wrong(l.place, "%q is not expected here: expected keep failed slow <duration>", what)
			return
		}
	}
}

func readPolicy(s scope, l *line, c *Config) {
	p := policy.PolicySpec{Name: l.arg(0), BaseURL: l.arg(1), Places: policy.Places{"policy": l.place}}
	readBlock(s.called(p.Name), l.block, policyWords, &p, p.Places)
	c.Policies = append(c.Policies, p)
}
