package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// transportModule is the transport of Caddy's own reverse proxy. It brings TLS,
// HTTP/2 and pooling, and the configuration that operators know.
const transportModule = "http.reverse_proxy.transport.http"

// transportLoader gives the engine its base transports: Caddy's, with every way
// to a socket led through the dial guard.
func transportLoader(ctx caddy.Context) func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) {
	return func(spec policy.PolicySpec, guard *dialguard.Guard) (http.RoundTripper, error) {
		raw := spec.Transport
		if raw == nil {
			raw = json.RawMessage("{}")
		}
		loaded, err := ctx.LoadModuleByID(transportModule, raw)
		if err != nil {
			return nil, fmt.Errorf("loading the transport: %w", err)
		}
		module, ok := loaded.(*reverseproxy.HTTPTransport)
		if !ok || module.Transport == nil {
			return nil, errors.New("loading the transport: it is not the one of net/http")
		}
		t := module.Transport
		// Taken away from the module, whose Cleanup would close connections while
		// calls of this configuration are still in flight; the engine does it.
		module.Transport = nil
		var keepAlive time.Duration
		if module.KeepAlive != nil {
			keepAlive = time.Duration(module.KeepAlive.ProbeInterval)
		}
		t.DialContext = dialguard.Dialer(guard, time.Duration(module.DialTimeout), keepAlive).DialContext
		// Caddy's own TLS dialer is closed over the dialer without a guard, and
		// a proxy would be judged in place of the third party.
		t.DialTLSContext, t.Proxy = nil, nil
		// Which codings are asked for is the engine's to decide.
		t.DisableCompression = true
		if t.MaxResponseHeaderBytes == 0 {
			t.MaxResponseHeaderBytes = policy.MaxAnswerHeader
		}
		return t, nil
	}
}

// modulePath is this module, as build information names it.
const modulePath = "github.com/signpost-gateway/signpost"

// version is the version of this module in the running binary: "(devel)" where
// it was built from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range append(info.Deps, &info.Main) {
		if dep.Path == modulePath {
			return dep.Version
		}
	}
	return ""
}
