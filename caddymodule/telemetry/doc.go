// Package telemetry brings what the engine knows of a call to those who operate
// it: spans to a collector, metrics to Prometheus, a line to the log. It never
// slows or fails a call, and all it holds is bounded.
//
//	trace.go        what `trace` says
//	export.go       where spans go; spanexporter.go and spanqueue.go, their
//	                bounded way there
//	metrics.go      every metric; series.go and gauges.go, their bounds
//	traffic.go      the last hour of each policy; latency.go, its quantiles
//	nearest.go      tenants that are near a limit
//	logline.go      the log line of a call
//	netlog.go       what net/http may write to the log
//	event.go        Caddy events
//
// It imports no Caddy.
package telemetry
