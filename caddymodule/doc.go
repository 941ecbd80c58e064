// Package caddymodule makes the engine a part of Caddy: the app "signpost", which
// holds the policies, the handler of the same name, which a site mounts, and the
// Caddyfile language of both. It is the only package that imports Caddy.
//
//	app.go          lifecycle: state outlives configurations
//	handler.go      from a bot's request to the engine
//	bot.go          the bot's side: its upload, its upgrade
//	forward.go      from the engine's answer to the bot
//	transport.go    Caddy's transport behind the dial guard
//	config.go       what the app's JSON says beside policies
//	caddyfile.go    the grammar; parse_*.go, a table of words for each block
//	telemetry.go    where spans go; span*.go, their bounded way there
//	metrics.go      every metric; series.go and gauges.go, their bounds
//	logline.go      the log line of a call; netlog.go, what net/http may log
//	transition.go   Caddy's events of breakers
package caddymodule
