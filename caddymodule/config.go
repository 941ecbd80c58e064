package caddymodule

import (
	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
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
	Trace *telemetry.Trace `json:"trace,omitempty"`

	// Alerts says who is told that calls fail. Default: nobody.
	Alerts *alert.Config `json:"alerts,omitempty"`

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
