// Package signpost makes Caddy an outbound API gateway for chatbots. Importing
// it registers the app and the handler "signpost", so that
//
//	xcaddy build --with github.com/signpost-gateway/signpost
//
// builds a Caddy that has them. The code is in caddymodule, which adapts the
// engine to Caddy, and in policy, the engine.
package signpost

import (
	// The app, the handler and their Caddyfile language.
	_ "github.com/signpost-gateway/signpost/caddymodule"
)
