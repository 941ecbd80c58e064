package caddymodule

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/signpost-gateway/signpost/policy"
)

// bot is the caller's side of one call.
type bot struct {
	call   *policy.Call
	writer http.ResponseWriter
	upload *upload // nil without a body
}

// botKey is where a bot is kept in a request's context.
type botKey struct{}

// withBot puts the bot into the request's context.
func withBot(r *http.Request, b *bot) context.Context {
	return context.WithValue(r.Context(), botKey{}, b)
}

// upload is the bot's request body, which knows whether it was read to its end.
// Closing it does nothing: net/http closes the body behind it when the handler
// has returned, and before that would wait for a bot that stalls.
type upload struct {
	body  io.ReadCloser
	ended atomic.Bool
}

// Read reads on.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.body.Read(p)
	if err != nil {
		u.ended.Store(true)
	}
	return n, err
}

// Close does nothing.
func (u *upload) Close() error { return nil }
