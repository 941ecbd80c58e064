// Command caddy is Caddy with its standard modules and Signpost.
//
//	go run ./cmd/caddy run
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	// What every Caddy has.
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	// Signpost itself.
	_ "github.com/signpost-gateway/signpost"
)

func main() {
	caddycmd.Main()
}
