package caddymodule

import (
	"github.com/signpost-gateway/signpost/policy"
)

// Config is the content of the global option `signpost { … }`, and of
// apps.signpost in JSON.
type Config struct {
	// Tenant tells where the tenant's name of a call comes from.
	// Default: the header X-Tenant-ID.
	Tenant *TenantSource `json:"tenant,omitempty"`

	// Trace sets up the export of spans. Default: the OTEL_* variables do, and
	// without them nothing is exported.
	Trace *Trace `json:"trace,omitempty"`

	// Spec is everything else: plans, secrets, policies.
	policy.Spec
}

// TenantSource is `tenant header <Name>` or `tenant <placeholder>`. Exactly one
// of its fields is set.
type TenantSource struct {
	// Header names the request header that holds the tenant. It is removed
	// from what goes out.
	Header string `json:"header,omitempty"`

	// Placeholder is a Caddy placeholder, such as {http.auth.user.id}.
	Placeholder string `json:"placeholder,omitempty"`
}

// Trace is `trace { endpoint <url>; sample <p>%; keep failed slow <d> }`.
type Trace struct {
	// Endpoint is the OTLP/HTTP URL of a collector: http://localhost:4318.
	// Default: what the OTEL_* variables say.
	Endpoint string `json:"endpoint,omitempty"`

	// Sample is the percentage of traces that are exported, where the bot's
	// own traceparent does not decide. Default: what OTEL_TRACES_SAMPLER says,
	// else 100.
	Sample *float64 `json:"sample,omitempty"`

	// KeepFailed exports every failed call whatever the sampling.
	KeepFailed bool `json:"keep_failed,omitempty"`

	// KeepSlow exports every call that took at least as long. Default: none.
	KeepSlow policy.Duration `json:"keep_slow,omitempty"`

	// Places tells where the words of the block stand.
	Places policy.Places `json:"-"`
}
