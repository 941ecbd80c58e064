// Package caddymodule makes the engine a part of Caddy: the app "signpost", which
// holds the policies, the handler of the same name, which a site mounts, and the
// Caddyfile language of both. It is the only package that imports Caddy.
//
//	app.go          lifecycle: state outlives configurations
//	handler.go      from a bot's request to the engine
//	bot.go          the bot's side: its upload, its upgrade
//	tunnel.go       plain HTTP inside a CONNECT; tunnels.go, their end
//	forward.go      from the engine's answer to the bot
//	transport.go    Caddy's transport behind the dial guard
//	operator.go     who is told of calls: metrics, log, alerts, events
//	admin.go        the operator's API at Caddy's admin endpoint; console.go, the
//	                directive of the console
//	command.go      the commands below caddy signpost; host.go, what they need of
//	                Caddy, and host_sites.go, the sites that they look at
//	storage.go      what outlives a restart
//	config.go       what the app's JSON says beside policies
//	caddyfile.go    the grammar; parse_*.go, a table of words for each block
//
// What operators see is in packages below this one: telemetry (spans, metrics, log
// and events), alert (mail and webhook), api and console. What authors of policies
// type is in command, which does not import Caddy.
package caddymodule
