package api

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Source is what an API is made of.
type Source struct {
	// Running gives what is in charge at the moment, nil while nothing is. It is
	// asked for each request, so that a reload needs no new API. It must not be
	// nil.
	Running func() *Running

	// Version is the gateway's, and Started when its process began.
	Version string
	Started time.Time

	// AllowChanges lets requests through that change something or send a test
	// call. Default: they are refused (403).
	AllowChanges bool
}

// Running is one configuration at work.
type Running struct {
	// Gateway and Logs must not be nil.
	Gateway *policy.Gateway
	Logs    *calllog.Logs

	// Traffic and Nearest must not be nil.
	Traffic *telemetry.Traffic
	Nearest *telemetry.Nearest

	// Alerts is nil where nobody keeps any, and Channels are the ways by which
	// they leave: "mail", "webhook".
	Alerts   Alerts
	Channels []string

	// TenantHeader is the header that names the tenant of a bot's call, which does not
	// go out with a test call either. Default: none does.
	TenantHeader string

	// TraceUI is a URL in which {trace_id} stands for the id of a trace. Default:
	// none.
	TraceUI string
}

// Alerts is what the API asks of an alert.Sender.
type Alerts interface {
	Status() []alert.Status
	Reset(policy string) bool
}

// Interface guard
var _ Alerts = (*alert.Sender)(nil)

// root is the path that all others begin with.
const root = "/signpost/"

// answerer answers a request while a gateway is running. What it gives is sent as
// JSON, or writes itself where it is an export; nil, where it is an error.
type answerer func(a *api, run *Running, r *http.Request) (any, *problem)

// endpoint says who answers at a path, by method. HEAD is answered like GET.
type endpoint map[string]answerer

// endpoints are all there are, by pattern below root.
var endpoints = map[string]endpoint{
	"info":                                {http.MethodGet: (*api).info},
	"policies":                            {http.MethodGet: (*api).policies},
	"state":                               {http.MethodGet: (*api).state},
	"traffic":                             {http.MethodGet: (*api).traffic},
	"calls":                               {http.MethodGet: (*api).calls},
	"calls/{id}":                          {http.MethodGet: (*api).call},
	"calls/export":                        {http.MethodGet: (*api).export},
	"breakers":                            {http.MethodGet: (*api).breakers},
	"breakers/{name}/reset":               {http.MethodPost: (*api).resetBreaker},
	"breakers/{name}/hold":                {http.MethodPost: (*api).holdBreaker},
	"tenants":                             {http.MethodGet: (*api).tenants},
	"tenants/{tenant}":                    {http.MethodGet: (*api).tenant},
	"drift":                               {http.MethodGet: (*api).structures},
	"drift/{policy}/{operation}":          {http.MethodGet: (*api).structure},
	"drift/{policy}/{operation}/{change}": {http.MethodPost: (*api).changeStructure},
	"alerts":                              {http.MethodGet: (*api).alerts},
	"alerts/{policy}/reset":               {http.MethodPost: (*api).resetAlerts},
	"test":                                {http.MethodPost: (*api).test},
}

// api serves a Source.
type api struct {
	Source
	mux   *http.ServeMux
	tests chan struct{} // has room for those that may be under way
}

// maxTests bounds the test calls that are under way at the same time.
const maxTests = 10

// New gives the handler of the operator API, which serves paths that begin with
// /signpost/. It is safe for concurrent use.
func New(s Source) http.Handler {
	a := &api{Source: s, mux: http.NewServeMux(), tests: make(chan struct{}, maxTests)}
	for pattern, e := range endpoints {
		a.mux.Handle(root+pattern, a.serve(e))
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound.write(w) })
	return a
}

// ServeHTTP answers a request. Paths that a ServeMux would clean up and redirect
// are not found instead, as no client was told of them.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if escaped := r.URL.EscapedPath(); !strings.HasPrefix(escaped, root) || path.Clean(escaped) != escaped {
		notFound.write(w)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// serve answers at one path.
func (a *api) serve(e endpoint) http.Handler {
	methods := slices.Sorted(maps.Keys(e))
	if e[http.MethodGet] != nil {
		methods = append(methods, http.MethodHead)
	}
	allow := strings.Join(methods, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		answer, known := e[method]
		if !known {
			w.Header().Set("Allow", allow)
			wrong(http.StatusMethodNotAllowed, "This path answers %s.", allow).write(w)
			return
		}
		if method != http.MethodGet && !a.AllowChanges {
			changesOff.write(w)
			return
		}
		run := a.Running()
		if run == nil {
			nothingRuns.write(w)
			return
		}
		body, p := answer(a, run, r)
		if p != nil {
			p.write(w)
			return
		}
		if calls, is := body.(export); is {
			calls.write(w)
			return
		}
		writeJSON(w, body)
	})
}
