package caddymodule

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/signpost-gateway/signpost/caddymodule/api"
	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
)

func init() {
	caddy.RegisterModule(Admin{})
}

// started is when the process began.
var started = time.Now()

// Admin serves the operator API on Caddy's admin endpoint, below /signpost/,
// where changes are always allowed: whoever reaches the endpoint can replace the
// whole configuration. Caddy makes one for each configuration that it tries, and
// keeps it in use even where the configuration is then rejected, so it holds
// nothing of any: it looks up what is in charge.
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.signpost", New: func() caddy.Module { return new(Admin) }}
}

// Routes gives Caddy the API. Its refusals are answers too, as problem+json, so
// that Caddy has no error to render in its own way.
func (Admin) Routes() []caddy.AdminRoute {
	handler := newAPI(pooled, true)
	return []caddy.AdminRoute{{
		Pattern: "/signpost/",
		Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			handler.ServeHTTP(w, r)
			return nil
		}),
	}}
}

// newAPI makes the operator API over whatever shared state look gives, which is
// nil while there is none.
func newAPI(look func() *shared, allowChanges bool) http.Handler {
	return api.New(api.Source{
		Running: func() *api.Running { return look().running() },
		Version: version(), Started: started, AllowChanges: allowChanges,
	})
}

// pooled gives the state that the configurations of this process share, nil
// while none has a signpost block.
func pooled() (found *shared) {
	pool.Range(func(_, value any) bool {
		found = value.(*shared)
		return false
	})
	return found
}

// running gives the configuration in charge to the API, nil where there is none.
func (s *shared) running() *api.Running {
	if s == nil {
		return nil
	}
	app := s.inCharge.Load()
	if app == nil {
		return nil
	}
	return &api.Running{
		Gateway: app.gateway, Logs: s.state.CallLogs(),
		Traffic: telemetry.ProcessTraffic(), Nearest: telemetry.ProcessNearest(),
		Alerts: app.alerts, Channels: app.channels(),
		TenantHeader: app.tenantHeader(), TraceUI: app.Trace.Link(),
	}
}

// channels are the ways by which alerts leave.
func (c *Config) channels() []string {
	var channels []string
	if c.Alerts != nil && c.Alerts.SMTP != nil {
		channels = append(channels, "mail")
	}
	if c.Alerts != nil && c.Alerts.Webhook != "" {
		channels = append(channels, "webhook")
	}
	return channels
}

// Interface guard
var _ caddy.AdminRouter = (*Admin)(nil)
