package telemetry

import "github.com/signpost-gateway/signpost/policy"

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
