// Command engine is a bot in Go that has Signpost's engine in its own
// http.Client: no Caddy, no sidecar, no further process.
//
//	go run ./examples/engine 1001 4711 close 1001 1001
//
// bot.go is what a program of yours would hold; main.go gives it a store to
// talk to.
package main
