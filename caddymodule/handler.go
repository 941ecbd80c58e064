package caddymodule

import (
	"fmt"
	"log"
	"net/http"
	"strings"

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
	inside  []string // headers that do not go out from this site
	tunnels *tunnels // nil before Provision
	quiet   *log.Logger
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
	h.Tenant = asHeader(h.Tenant)
	if header := h.Tenant.Header; header != "" {
		if found := app.sendsTenant(header); len(found) > 0 {
			return found
		}
	}
	if header := app.tenantHeader(); header != "" && !strings.EqualFold(header, h.Tenant.Header) {
		h.inside = []string{header} // It names nobody here, but never goes out all the same.
	}
	h.quiet = quietLog(ctx.Logger())
	h.tunnels = newTunnels()
	return nil
}

// Cleanup closes the tunnels, each after the answer that is on its way. Only a
// process that ends has to wait for that.
func (h *Handler) Cleanup() error {
	if h.tunnels == nil {
		return nil
	}
	h.tunnels.end()
	if caddy.Exiting() {
		h.tunnels.cut()
		h.tunnels.wait(exitPatience)
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
	if h.opens(r) {
		return h.openTunnel(w, r)
	}
	b := &bot{gateway: h.gateway}
	h.address(&b.call, r)
	b.call.Consumed = append(append(consumed(r), h.inside...), inheritedBy(r).consumed...)
	h.answer(w, r, b)
	return nil
}

// answer sends an addressed call through the engine.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, b *bot) {
	h.nameTenant(&b.call, r)
	b.takeUpload(r)
	defer b.letGo(w, r)
	r = withRemoteParent(r)
	if policy.AskedProtocol(r.Header) != "" {
		b.upgrade(w, r, h)
		b.answered = true
		return
	}
	b.call.Header, b.call.OneReader = w.Header(), true
	resp := h.gateway.Answer(r, &b.call)
	b.release(w, r)
	b.forward(w, resp)
	b.answered = true
}

// health answers whoever asks whether the sidecar is up.
func health(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := w.Write([]byte("OK\n"))
	return err
}

// Why calls are refused before a policy is looked at.
const (
	reasonNobody = "No policy answers to this address: expected /<policy>/... or /call/<policy>/<operation>."
)

// address finds out which policy the request means.
func (h *Handler) address(call *policy.Call, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		call.Refusal = &policy.Refusal{Outcome: policy.Denied, Reason: reasonTunnel}
		return
	case r.URL.IsAbs():
		call.Policy, call.Path = h.gateway.Locate(r.URL)
		call.Host = r.URL.Host
		if h.Policy != "" && call.Policy != h.Policy {
			call.Policy = ""
			call.Refusal = &policy.Refusal{Outcome: policy.NotFound, Reason: policy.ReasonNoPolicy}
		}
	case h.Policy != "":
		call.Policy, call.Path = h.Policy, r.URL.EscapedPath()
	default:
		call.Policy, call.Path = policy.SplitPath(r.URL.EscapedPath())
		if name, operation, named := policy.SplitCall(r.URL.EscapedPath()); named {
			call.Policy, call.Operation = name, operation
		}
		if call.Policy == "" {
			call.Refusal = &policy.Refusal{Outcome: policy.NotFound, Reason: reasonNobody}
		}
	}
}

// nameTenant finds out on whose behalf the call leaves.
func (h *Handler) nameTenant(call *policy.Call, r *http.Request) {
	if h.Tenant.Header != "" {
		call.TenantHeader = h.Tenant.Header
		// Two headers name no tenant that could be told apart from a trick:
		// joined by a line end they are one that is not allowed.
		values := r.Header.Values(h.Tenant.Header)
		if from := inheritedBy(r); len(values) == 0 && from.header == h.Tenant.Header {
			values = from.tenant
		}
		call.Tenant = strings.Join(values, "\n")
		return
	}
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		call.Tenant = replacer.ReplaceAll(h.Tenant.Placeholder, "")
	}
}

// consumed are the headers that an authentication of the site has read: they
// were for the sidecar.
func consumed(r *http.Request) []string {
	if len(r.Header["Authorization"]) == 0 {
		return nil
	}
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		if user, known := replacer.GetString("http.auth.user.id"); known && user != "" {
			return []string{"Authorization"}
		}
	}
	return nil
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
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
