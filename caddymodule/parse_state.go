package caddymodule

import (
	"github.com/signpost-gateway/signpost/policy"
)

// stateUsage is the grammar of `state`.
const stateUsage = "state memory or state redis <url> [{ … }]"

// stateWords are the subdirectives of `state redis`. What may be a credential is
// private, and so is whatever stands in the block, since a password may have lost
// its word.
var stateWords = words[policy.StateSpec]{
	"fail": {
		form{usage: "fail local|closed", min: 1, max: 1},
		func(s scope, l *line, to *policy.StateSpec) { to.Fail = s.oneOf(l, 0, "local", "closed") },
	},
	"user":              {form{usage: "user <name>", min: 1, max: 1}, setText(func(to *policy.StateSpec) *string { return &to.User })},
	"password":          {form{usage: "password <password>", min: 1, max: 1}, setText(func(to *policy.StateSpec) *string { return &to.Password })},
	"sentinel":          {form{usage: "sentinel <master>", min: 1, max: 1}, setText(func(to *policy.StateSpec) *string { return &to.Sentinel })},
	"sentinel_user":     {form{usage: "sentinel_user <name>", min: 1, max: 1}, setText(func(to *policy.StateSpec) *string { return &to.SentinelUser })},
	"sentinel_password": {form{usage: "sentinel_password <password>", min: 1, max: 1}, setText(func(to *policy.StateSpec) *string { return &to.SentinelPassword })},
	"ca":                {form{usage: "ca <file>", min: 1, max: 1}, setText(func(to *policy.StateSpec) *string { return &to.CA })},
	"certificate": {
		form{usage: "certificate <certificate-file> <key-file>", min: 2, max: 2},
		func(_ scope, l *line, to *policy.StateSpec) { to.Certificate, to.Key = l.arg(0), l.arg(1) },
	},
	"prefix":  {form{usage: "prefix <name>", min: 1, max: 1}, setText(func(to *policy.StateSpec) *string { return &to.Prefix })},
	"timeout": {form{usage: "timeout <duration>", min: 1, max: 1}, setDuration(func(to *policy.StateSpec) *policy.Duration { return &to.Timeout })},
	"connections": {
		form{usage: "connections <n>", min: 1, max: 1},
		func(s scope, l *line, to *policy.StateSpec) { to.Connections = s.count(l, 0, 1) },
	},
	"leases": {form{usage: "leases"}, setFlag(func(to *policy.StateSpec) *bool { return &to.Leases })},
	"max_tenants": {
		form{usage: "max_tenants <n>", min: 1, max: 1},
		func(s scope, l *line, to *policy.StateSpec) { to.MaxTenants = s.count(l, 0, 1) },
	},
	"max_stale": {
		form{usage: "max_stale <size>", min: 1, max: 1},
		func(s scope, l *line, to *policy.StateSpec) { to.MaxStale = s.size(l, 0) },
	},
}

// readState reads where limits, breakers and stale answers live. `memory` is the
// default, of which nothing is kept.
func readState(s scope, l *line, c *Config) {
	switch kind := l.arg(0); {
	case kind == "memory" && (len(l.args) > 1 || l.braces):
		s.wrong(l.place, "takes nothing more: expected state memory")
	case kind == "memory", len(l.args) == 0:
	case kind != "redis" && plainWord.MatchString(kind):
		s.wrong(l.place, "%q is not known here: expected memory or redis", kind)
	case kind != "redis":
		s.wrong(l.place, "the first argument is not known here: expected %s", stateUsage)
	default:
		readRedis(s.called(kind), l, c)
	}
}

func readRedis(s scope, l *line, c *Config) {
	c.State = &policy.StateSpec{Redis: l.arg(1), Places: policy.Places{"state": l.place}}
	if len(l.args) != 2 {
		s.wrong(l.place, "wrong number of arguments: expected state redis <url>")
	}
	readBlock(s, l.block, stateWords, c.State, c.State.Places)
}
