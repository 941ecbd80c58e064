package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/secret"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is Caddy's app "signpost": the policies, compiled, with all they share.
// Sites mount it with the handler "signpost".
type App struct {
	Config

	gateway *policy.Gateway
	shared  *shared // nil before it was acquired
	secrets *secret.Store
	export  *telemetry.Export
	events  *telemetry.Events // nil before Start
	alerts  *alert.Sender
	stopped bool
	before  *App // which was in charge before Start; nil after Cleanup
	ctx     caddy.Context
	logger  *zap.Logger

	// missing says which secrets of the collector's address and of alerts are not
	// there.
	missing error
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "signpost", New: func() caddy.Module { return new(App) }}
}

// sharedKey is where the state that outlives configurations is pooled.
const sharedKey = "signpost"

var pool = caddy.NewUsagePool()

// shared is what goes on counting when a configuration takes over from another:
// limits, breakers, stale answers. It is dropped with the last configuration
// that has policies.
type shared struct {
	state    *policy.State
	book     *alert.Book // of what was told when
	inCharge atomic.Pointer[App]
}

func newShared() (caddy.Destructor, error) {
	s := &shared{book: alert.NewBook()}
	s.state = policy.NewState(func(t breaker.Transition) {
		if app := s.inCharge.Load(); app != nil {
			app.events.Breaker(t)
		}
	})
	return s, nil
}

// Destruct is called when no configuration uses the state any more.
func (s *shared) Destruct() error { return nil }

// Provision compiles the configuration. It starts nothing: `caddy validate`
// calls it too.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.logger = ctx, ctx.Logger()
	if err := a.checkJSON(); err != nil {
		return err
	}
	pooled, _, err := pool.LoadOrNew(sharedKey, newShared)
	if err != nil {
		return err
	}
	a.shared, a.secrets = pooled.(*shared), a.Spec.SecretStore()
	if err := a.provisionTracing(ctx); err != nil {
		return fmt.Errorf("setting up tracing: %w", err)
	}
	if err := a.provisionAlerts(); err != nil {
		return fmt.Errorf("setting up alerts: %w", err)
	}
	a.gateway, err = policy.New(a.Spec, policy.Options{
		State:     a.shared.state,
		Transport: transportLoader(ctx),
		Observe:   a.observe,
		Drifted:   a.drifted,
		Storage:   storage{ctx, ctx.Storage()},
		Tracing:   a.export.Tracing(),
		Log:       a.log(),
	})
	if err != nil {
		return err
	}
	if missing := errors.Join(a.gateway.MissingSecrets(), a.missing); missing != nil {
		if !validating() {
			return missing
		}
		a.logger.Warn("the configuration is valid, but does not start while its secrets are not there, or are not good", zap.Error(missing))
	}
	telemetry.GuardLog() // Caddy may have set the logger's output anew for this configuration.
	registry := ctx.GetMetricsRegistry()
	if err := telemetry.Process().Register(registry); err != nil {
		return err
	}
	return registry.Register(telemetry.NewGauges(a.gateway, a.shared.state.Tenants))
}

// maxFrames bounds how far up validating looks.
const maxFrames = 128

// validating tells whether Caddy only validates the configuration. Secrets may be
// missing then, since whoever checks a configuration need not have them. Caddy
// does not tell its modules, so the stack has to; waiting for Start would be too
// late, as apps start in no order and sites would take calls that none can answer.
func validating() bool {
	var callers [maxFrames]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers[:])])
	for {
		frame, more := frames.Next()
		if frame.Function == "github.com/caddyserver/caddy/v2.Validate" {
			return true
		}
		if !more {
			return false
		}
	}
}

// provisionTracing sets up the export of spans. The collector's address may hold
// shared secrets; where one is missing, nothing is exported and Start fails.
func (a *App) provisionTracing(ctx caddy.Context) error {
	traced := a.Trace
	if traced != nil && traced.Endpoint != "" {
		expanded, err := a.withSecrets(traced.Endpoint)
		if errors.Is(err, secret.ErrNotFound) {
			a.missing = errors.Join(a.missing, fmt.Errorf("trace: endpoint: %w", err))
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the endpoint: %w", err)
		}
		with := *traced
		with.Endpoint = expanded.Expose()
		traced = &with
	}
	var err error
	a.export, err = telemetry.New(ctx, traced, a.logger, version())
	return err
}

// withSecrets fills a text that may hold shared secrets, such as {secret.mail}.
func (a *App) withSecrets(text string) (secret.Secret, error) {
	template, err := secret.ParseTemplate(text)
	if err != nil {
		return secret.Secret{}, err
	}
	value, _, err := template.Expand(a.secrets, "")
	return value, err
}

// log is the app's logger for packages that know no zap.
func (a *App) log() *slog.Logger { return slog.New(zapslog.NewHandler(a.logger.Core())) }

// checkJSON tests what a Caddyfile cannot get wrong, but JSON can.
func (a *App) checkJSON() error {
	if a.Tenant != nil {
		if err := checkTenant(*a.Tenant); err != nil {
			return fmt.Errorf("tenant: %w", err)
		}
	}
	if a.Trace != nil && a.Trace.UI != "" {
		if err := telemetry.CheckUI(a.Trace.UI); err != nil {
			return fmt.Errorf("trace: ui: %w", err)
		}
	}
	for i := range a.Policies {
		if raw := a.Policies[i].Transport; raw != nil {
			if err := checkTransport(raw); err != nil {
				return fmt.Errorf("policy %s: transport: %w", a.Policies[i].Name, err)
			}
		}
	}
	return nil
}

// Start begins what runs beside calls, and puts this configuration in charge of
// the shared state.
func (a *App) Start() error {
	if a.missing != nil {
		return a.missing
	}
	if err := a.gateway.Start(); err != nil {
		return err
	}
	telemetry.GuardLog()
	if err := a.startOperator(); err != nil {
		a.gateway.Stop()
		return err
	}
	a.before = a.shared.inCharge.Swap(a)
	return nil
}

// Stop ends what Start began. Calls in flight go on.
func (a *App) Stop() error {
	a.gateway.Stop()
	if a.events != nil && !a.stopped {
		a.stopped = true
		// A configuration that is rejected after it started gives way to the one
		// that goes on.
		a.shared.inCharge.CompareAndSwap(a, a.before)
		a.alerts.Close()
		a.events.Close()
	}
	return nil
}

// Cleanup gives back what Provision took, however far it came.
func (a *App) Cleanup() error {
	if a.events != nil && !a.stopped {
		_ = a.Stop() // Caddy only cleans up what started before something else failed.
	}
	err := a.export.Shutdown(context.Background())
	a.before = nil
	if a.shared != nil {
		if app := a.shared.inCharge.Load(); app != nil && app != a {
			if app.before == a {
				app.before = nil // This one does not come back.
			}
			app.gateway.Adopt() // Now nobody needs what only this one had.
		}
		a.shared = nil
		if _, dropped := pool.Delete(sharedKey); dropped != nil {
			return dropped
		}
	}
	return err
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
