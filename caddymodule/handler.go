package caddymodule

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signpost-gateway/signpost/policy"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// Handler is the directive `signpost` of a site: it answers calls with the
// policies of the app, all of them by name, or one that the whole path belongs
// to. It is terminal: no handler behind it is asked.
type Handler struct {
	// Policy is the only policy of this site. Default: all, each below the path
	// /<policy>/, with GET /health beside them.
	Policy string `json:"policy,omitempty"`

	// Tenant tells where the tenant's name comes from on this site.
	// Default: what the app says.
	Tenant *TenantSource `json:"tenant,omitempty"`

	gateway *policy.Gateway
	proxy   *httputil.ReverseProxy
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.signpost", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the app and the policy.
func (h *Handler) Provision(ctx caddy.Context) error {
	loaded, err := ctx.App("signpost")
	if err != nil {
		return fmt.Errorf("loading the signpost app: %w", err)
	}
	app := loaded.(*App)
	h.gateway = app.gateway
	if h.Policy != "" && h.gateway.Policy(h.Policy) == nil {
		return fmt.Errorf("there is no policy %q", h.Policy)
	}
	if h.Tenant == nil {
		h.Tenant = app.Tenant
	}
	if h.Tenant == nil {
		h.Tenant = &TenantSource{Header: defaultTenantHeader}
	}
	if err := checkTenant(*h.Tenant); err != nil {
		return fmt.Errorf("tenant: %w", err)
	}
	h.proxy = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      h.gateway,
		ModifyResponse: releaseUpload,
		ErrorHandler:   refuseUpgrade,
		BufferPool:     &copyBuffers{},
		ErrorLog:       quietLog(ctx.Logger()),
	}
	return nil
}

// defaultTenantHeader names the tenant where nothing else is said.
const defaultTenantHeader = "X-Tenant-ID"

// ServeHTTP hands the call to the engine, and the engine's answer to the bot.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if h.Policy == "" && r.URL.Path == "/health" && !r.URL.IsAbs() && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return health(w)
	}
	b := &bot{call: h.address(r), writer: w}
	h.nameTenant(b.call, r)
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		b.upload = &upload{body: r.Body}
		r.Body = b.upload
		// An answer that comes before the bot has sent everything must not wait
		// for the rest. Writers that cannot do both at once say so here, and
		// then it waits.
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	refuseProtocol(b.call, r)
	ctx := policy.WithCall(withBot(withRemoteParent(r), b), b.call)
	defer flushBroken(w)
	h.proxy.ServeHTTP(w, r.WithContext(ctx))
	return nil
}

// flushBroken sends what there is of an answer whose body breaks off, for which
// ReverseProxy panics: the bot learns outcome and route, although the rest of
// the body will not come.
func flushBroken(w http.ResponseWriter) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault == http.ErrAbortHandler {
		_ = http.NewResponseController(w).Flush()
	}
	panic(fault)
}

// refuseProtocol refuses an upgrade to a protocol whose name is not printable
// ASCII. ReverseProxy would do so by itself, and name no route.
func refuseProtocol(call *policy.Call, r *http.Request) {
	for _, c := range []byte(r.Header.Get("Upgrade")) {
		if c >= ' ' && c <= '~' {
			continue
		}
		r.Header.Del("Upgrade")
		if call.Refusal == nil {
			call.Refusal = &policy.Refusal{Outcome: policy.BadRequest, Reason: "The header Upgrade names no protocol."}
		}
		return
	}
}

// health answers whoever asks whether the sidecar is up.
func health(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("OK\n"))
	return err
}

// Why calls are refused before a policy is looked at.
const (
	reasonTunnel    = "Tunnels are not opened: use the gateway's address as the API's base URL."
	reasonNamedCall = "Named calls are not available yet."
)

// address finds out which policy the request means.
func (h *Handler) address(r *http.Request) *policy.Call {
	call := &policy.Call{}
	switch {
	case r.Method == http.MethodConnect:
		call.Refusal = &policy.Refusal{Outcome: policy.Denied, Reason: reasonTunnel}
		return call
	case r.URL.IsAbs():
		call.Policy, call.Path = h.gateway.Locate(r.URL)
		if h.Policy != "" && call.Policy != h.Policy {
			call.Policy = ""
		}
	case h.Policy != "":
		call.Policy, call.Path = h.Policy, r.URL.EscapedPath()
	default:
		call.Policy, call.Path = policy.SplitPath(r.URL.EscapedPath())
	}
	switch {
	case call.Policy == "call":
		call.Refusal = &policy.Refusal{Outcome: policy.NotFound, Reason: reasonNamedCall}
	case call.Policy == "":
		call.Refusal = &policy.Refusal{Outcome: policy.NotFound, Reason: "No policy answers to this address."}
	}
	return call
}

// nameTenant finds out on whose behalf the call leaves.
func (h *Handler) nameTenant(call *policy.Call, r *http.Request) {
	if h.Tenant.Header != "" {
		call.TenantHeader = h.Tenant.Header
		// Two headers name no tenant that could be told apart from a trick:
		// joined by a line end they are one that is not allowed.
		call.Tenant = strings.Join(r.Header.Values(h.Tenant.Header), "\n")
		return
	}
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		call.Tenant = replacer.ReplaceAll(h.Tenant.Placeholder, "")
	}
}

// rewrite leaves the request as it is but for what ReverseProxy did to it. The
// engine builds the outgoing one.
func rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.RawQuery = p.In.URL.RawQuery // ReverseProxy drops what it cannot parse.
}

// releasePatience is how long an own answer waits for the rest of an upload
// that nobody will read.
const releasePatience = 2 * time.Millisecond

// releaseUpload keeps an answer from waiting for a bot that stalls its upload:
// net/http reads the rest of the body before it answers. A third party's answer
// needs no such help, since its connection is full duplex.
func releaseUpload(resp *http.Response) error {
	b, ok := resp.Request.Context().Value(botKey{}).(*bot)
	if !ok || b.upload == nil || b.upload.ended.Load() {
		return nil
	}
	verdict := b.call.Verdict()
	if verdict.UpstreamStatus != 0 && verdict.Fallback == "" {
		return nil
	}
	// The deadline is set here, and not when the call begins, since Caddy's
	// idle timeout arms its own on every read.
	_ = http.NewResponseController(b.writer).SetReadDeadline(time.Now().Add(releasePatience))
	return nil
}

// refuseUpgrade answers where the engine's answer cannot be passed on: an
// upgrade to a protocol that the bot did not ask for.
func refuseUpgrade(w http.ResponseWriter, _ *http.Request, _ error) {
	w.WriteHeader(http.StatusBadGateway)
}

// withRemoteParent makes the bot's trace the parent of the call's, unless
// Caddy's own tracing has done so already.
func withRemoteParent(r *http.Request) *http.Request {
	ctx := r.Context()
	if trace.SpanContextFromContext(ctx).IsValid() || r.Header.Get("Traceparent") == "" {
		return r
	}
	return r.WithContext(propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header)))
}

// copyBuffers lends buffers for copying bodies.
type copyBuffers struct{ free sync.Pool }

// copyBufferSize is that of the buffers ReverseProxy would make, in bytes.
const copyBufferSize = 32 << 10

// Get lends a buffer.
func (p *copyBuffers) Get() []byte {
	if lent, ok := p.free.Get().(*[]byte); ok {
		return *lent
	}
	return make([]byte, copyBufferSize)
}

// Put takes one back.
func (p *copyBuffers) Put(buffer []byte) { p.free.Put(&buffer) }

// quietLog is where ReverseProxy complains about connections that broke: the
// log line of the call says so already.
func quietLog(logger *zap.Logger) *log.Logger {
	quiet, err := zap.NewStdLogAt(logger, zapcore.DebugLevel)
	if err != nil {
		return log.Default() // Not reached: the level exists.
	}
	return quiet
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
