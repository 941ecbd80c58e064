package caddymodule

import (
	"log"

	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
)

// ChargeGoesOn tells whether the configuration that the shared state believes to
// be in charge is one that runs.
func ChargeGoesOn() bool {
	running := false
	pool.Range(func(_, value any) bool {
		app := value.(*shared).inCharge.Load()
		running = app != nil && !app.stopped
		return false
	})
	return running
}

// GuardsLog tells whether the standard library's logger is guarded.
func GuardsLog() bool {
	before := logOutput()
	telemetry.GuardLog()
	return before == logOutput()
}

func logOutput() any { return log.Writer() }
