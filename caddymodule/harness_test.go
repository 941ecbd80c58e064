package caddymodule_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/signpost-gateway/signpost"
)

// sidecar is a real Caddy with Signpost that listens on a Unix socket, and a bot
// that calls it. Caddy is one for the process, so tests that start one cannot
// run in parallel.
type sidecar struct {
	t       testing.TB
	socket  string
	globals string
	bot     *http.Client
}

// quiet are the global options of tests that read neither the log nor the admin
// endpoint. Caddy's cleaning of its certificates would touch the home directory,
// and leave a goroutine for five seconds.
const quiet = "admin off\npersist_config off\nstorage_clean_interval off\nlog default {\noutput discard\n}\n"

// start runs Caddy with the policies of a `signpost` block, all of them mounted
// by name on one site.
func start(t testing.TB, signpost string) *sidecar {
	t.Helper()
	return startSite(t, signpost, "signpost")
}

// startSite runs Caddy with a `signpost` block and a site of these directives.
func startSite(t testing.TB, signpost, site string) *sidecar {
	t.Helper()
	return startGlobal(t, quiet, signpost, site)
}

// startGlobal is startSite with these global options beside the `signpost` block.
func startGlobal(t testing.TB, globals, signpost, site string) *sidecar {
	t.Helper()
	s := &sidecar{t: t, socket: filepath.Join(shortDir(t), "bot.sock"), globals: globals}
	s.bot = dialing(s.socket)
	if err := s.load(signpost, site); err != nil {
		t.Fatalf("starting the gateway: %v", err)
	}
	t.Cleanup(func() {
		s.bot.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping the gateway: %v", err)
		}
	})
	return s
}

// shortDir is a folder for sockets, whose paths have at most 104 bytes on some
// systems: t.TempDir holds the test's name.
func shortDir(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "bot") //nolint:usetesting // Its name would be too long for a socket.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// dialing is a bot that knows only this socket.
func dialing(socket string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			},
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// load makes a configuration the running one, as a reload does, and waits until
// the one before has let go of its listeners: Caddy only makes sure that it is
// about to. Until then it answers some calls, and drops those on connections
// on which nothing was asked before.
func (s *sidecar) load(signpost, site string) error {
	defer s.bot.CloseIdleConnections()
	return s.swap(signpost, site)
}

// swap is load while bots call: closing idle connections then would now and then lose
// an answer that net/http has just read.
func (s *sidecar) swap(signpost, site string) error {
	before := opened.Load()
	if err := load(s.source(signpost, site)); err != nil {
		return err
	}
	own := opened.Load() - before
	shortly(s.t, func() bool { return opened.Load()-closed.Load() <= own }, func() string { return "the configuration before still listens" })
	return nil
}

func init() { caddy.RegisterModule(counting{}) }

// counting is a listener wrapper that counts the listeners of sites.
type counting struct{}

// opened and closed count the listeners of all configurations of this process.
var opened, closed atomic.Int64

func (counting) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.listeners.counting", New: func() caddy.Module { return counting{} }}
}

func (counting) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { d.Next(); return nil }

func (counting) WrapListener(l net.Listener) net.Listener {
	opened.Add(1)
	return &counted{Listener: l}
}

type counted struct {
	net.Listener
	once sync.Once
}

func (l *counted) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() { closed.Add(1) })
	return err
}

// source is the Caddyfile of a `signpost` block and a site.
func (s *sidecar) source(signpost, site string) string {
	servers := "servers {\nlistener_wrappers {\ncounting\n}\n}\n"
	if strings.Contains(s.globals, "servers {") {
		servers = ""
	}
	return "{\n" + servers + s.globals + "signpost {\n" + signpost + "\n}\n}\n" +
		"http:// {\nbind unix/" + s.socket + "\n" + site + "\n}\n"
}

// load adapts a Caddyfile and makes it the running configuration.
func load(source string) error {
	config, err := adapt(source)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}

// adapt turns a Caddyfile into JSON, as `caddy adapt` does.
func adapt(source string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(caddyfile.Format([]byte(source)), map[string]any{"filename": "Caddyfile"})
	return config, err
}

// answer is what the bot got.
type answer struct {
	*http.Response
	body string
}

// get calls a path of the sidecar.
func (s *sidecar) get(path string, header ...string) answer {
	s.t.Helper()
	return s.send(http.MethodGet, path, "", header...)
}

// send calls a path of the sidecar. header is names and values in turn.
func (s *sidecar) send(method, path, body string, header ...string) answer {
	s.t.Helper()
	a, err := s.do(s.t.Context(), method, path, body, header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// try is get for a call that may fail, or that ends with ctx. It may be used on
// any goroutine.
func (s *sidecar) try(ctx context.Context, path string, header ...string) (answer, error) {
	return s.do(ctx, http.MethodGet, path, "", header...)
}

func (s *sidecar) do(ctx context.Context, method, path, body string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://sidecar"+path, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("making a request: %w", err)
	}
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	return s.ask(req, header...)
}

// stream is send for a body whose length is not told beforehand.
func (s *sidecar) stream(method, path, body string, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://sidecar"+path, io.MultiReader(strings.NewReader(body)))
	if err != nil {
		s.t.Fatalf("making a request: %v", err)
	}
	a, err := s.ask(req, header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *sidecar) ask(req *http.Request, header ...string) (answer, error) {
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := s.bot.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
	}
	defer resp.Body.Close()
	var read bytes.Buffer
	if _, err := io.Copy(&read, resp.Body); err != nil {
		return answer{}, fmt.Errorf("%s %s: reading the body: %w", req.Method, req.URL.Path, err)
	}
	a := answer{Response: resp, body: read.String()}
	return a, a.check()
}

// check tests what holds for every answer of the gateway: each header that a bot
// steers by stands there once, or the answer is not the gateway's at all.
func (a answer) check() error {
	for _, name := range []string{"Signpost-Route", "Signpost-Outcome", "Signpost-Next", "Signpost-Trace"} {
		values := a.Header.Values(name)
		if ours := a.Header.Get("Signpost-Outcome") != ""; ours && len(values) != 1 || !ours && len(values) != 0 {
			return fmt.Errorf("%s %s: %s is %q; want one value, or none of these headers", a.Request.Method, a.Request.URL.Path, name, values)
		}
	}
	return nil
}

// seconds is the part of a RateLimit field that the clock changes.
var seconds = regexp.MustCompile(`;t=[0-9]+`)

// want compares headers of the answer; an empty value means that there is none.
// RateLimit is compared without the seconds that are left of its windows.
func (a answer) want(t testing.TB, status int, header ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d; body %q", a.StatusCode, status, a.body)
	}
	for i := 0; i+1 < len(header); i += 2 {
		got := strings.Join(a.Header.Values(header[i]), " | ")
		if header[i] == "Ratelimit" {
			got = seconds.ReplaceAllString(got, "")
		}
		if got != header[i+1] {
			t.Errorf("%s is %q, want %q", header[i], got, header[i+1])
		}
	}
}

// thirdParty is an upstream on loopback.
func thirdParty(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}
