package telemetry

import (
	"errors"
	"net/url"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// Trace is `trace { endpoint <url>; sample <p>%; keep failed slow <d>; ui <url> }`.
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

	// UI is where an operator looks at a trace: the address of Jaeger, or one in
	// which {trace_id} stands for the id. Default: nowhere.
	UI string `json:"ui,omitempty"`

	// Places tells where the words of the block stand.
	Places policy.Places `json:"-"`
}

// idInURL stands for the id of a trace in the address of a trace.
const idInURL = "{trace_id}"

// CheckUI tests an address for looking at traces.
func CheckUI(address string) error {
	u, err := url.Parse(strings.ReplaceAll(address, idInURL, "0"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return errors.New("expected a URL such as http://localhost:16686, without a user")
	}
	return nil
}

// Link is the address in which {trace_id} stands for the id of a trace; empty
// where no address is known.
func (t *Trace) Link() string {
	switch {
	case t == nil || t.UI == "":
		return ""
	case strings.Contains(t.UI, idInURL):
		return t.UI
	}
	return strings.TrimRight(t.UI, "/") + "/trace/" + idInURL // Jaeger's.
}

// LinkTo is the address of one trace, or empty.
func (t *Trace) LinkTo(traceID string) string { return strings.ReplaceAll(t.Link(), idInURL, traceID) }

// onlyUI tells that nothing is said of an export.
func (t *Trace) onlyUI() bool {
	return t.UI != "" && t.Endpoint == "" && t.Sample == nil && !t.KeepFailed && t.KeepSlow == 0
}
