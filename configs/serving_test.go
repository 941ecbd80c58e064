package configs_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// served is a configuration that runs in this process. Its sites listen on Unix
// sockets in place of their ports, so that no port is taken.
type served struct{ folder string }

// serve runs a Caddyfile until the test ends.
func serve(t *testing.T, source string) served {
	t.Helper()
	// The name of t.TempDir would be too long for a socket.
	folder, err := os.MkdirTemp("", "sites") //nolint:usetesting // See above.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	s := served{folder}
	config := s.onSockets(t, source)
	if err := caddy.Load(config, true); err != nil {
		t.Fatalf("starting the gateway: %v", err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping the gateway: %v", err)
		}
	})
	return s
}

// onSockets adapts a Caddyfile, and puts sockets in the place of ports, also
// where a site asks another one of the same process.
func (s served) onSockets(t *testing.T, source string) []byte {
	t.Helper()
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("adapting: %v", err)
	}
	var config map[string]any
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatalf("reading what was adapted: %v", err)
	}
	apps := config["apps"].(map[string]any)
	var dials []string
	for _, server := range apps["http"].(map[string]any)["servers"].(map[string]any) {
		listen := server.(map[string]any)["listen"].([]any)
		for i, address := range listen {
			_, port, err := net.SplitHostPort(address.(string))
			if err != nil {
				t.Fatalf("a site listens on %q: %v", address, err)
			}
			listen[i] = "unix/" + s.socket(port)
			dials = append(dials, `"dial":"127.0.0.1:`+port+`"`, `"dial":"unix/`+s.socket(port)+`"`)
		}
	}
	apps["registry_keeper"] = struct{}{}
	config["admin"] = map[string]any{"disabled": true, "config": map[string]any{"persist": false}}
	config["logging"] = map[string]any{"logs": map[string]any{"default": map[string]any{"writer": map[string]any{"output": "discard"}}}}
	config["storage"] = map[string]any{"module": "file_system", "root": s.folder}
	moved, err := json.Marshal(config)
	if err != nil {
		t.Fatalf("writing the configuration: %v", err)
	}
	return []byte(strings.NewReplacer(dials...).Replace(string(moved)))
}

// socket is the place of the site that would listen on port.
func (s served) socket(port string) string { return filepath.Join(s.folder, port) }

// get asks the site of a port, and gives the status and the body of its answer.
func (s served) get(t *testing.T, port, path string) (int, string) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket(port))
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://site"+path, nil)
	if err != nil {
		t.Fatalf("making a request: %v", err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("GET :%s%s: %v", port, path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("GET :%s%s: reading the body: %v", port, path, err)
	}
	return resp.StatusCode, string(body)
}

func TestSitesServeWhatPrometheusAndProbesAskFor(t *testing.T) {
	inRepository(t)
	const tenants = "\nsignpost_tenants "
	type page struct{ port, path, holds string }
	for path, pages := range map[string][]page{
		"configs/compose/Caddyfile":       {{"8080", "/health", ""}, {"9180", "/metrics", tenants}},
		"configs/compose/store.Caddyfile": {{"9090", "/up", ""}},
		"configs/kubernetes/Caddyfile":    {{"8080", "/health", ""}, {"9180", "/health", ""}, {"9180", "/metrics", tenants}},
	} {
		t.Run(path, func(t *testing.T) {
			s := serve(t, withDemoSecrets(read(t, path)))
			for _, p := range pages {
				status, body := s.get(t, p.port, p.path)
				if status != http.StatusOK || !strings.Contains(body, p.holds) {
					t.Errorf("GET :%s%s is answered %d with %d bytes, want 200 with %q in them", p.port, p.path, status, len(body), p.holds)
				}
			}
		})
	}
}

// withDemoSecrets takes secrets from where the demo has them.
func withDemoSecrets(source string) string {
	return strings.ReplaceAll(source, "secrets dir /run/secrets", "secrets dir configs/demo/secrets")
}

func TestTheFakeStoreOfComposeServesNoStranger(t *testing.T) {
	inRepository(t)
	s := serve(t, read(t, "configs/compose/store.Caddyfile"))
	for _, path := range []string{"/v2/orders/1001", "/v2/orders/500", "/"} {
		if status, body := s.get(t, "9090", path); status != http.StatusUnauthorized {
			t.Errorf("GET %s without the token is answered %d with %q, want 401", path, status, body)
		}
	}
}

func TestTheClusterReachesNoPolicyOfAPod(t *testing.T) {
	inRepository(t)
	s := serve(t, withDemoSecrets(read(t, "configs/kubernetes/Caddyfile")))
	for _, path := range []string{"/store/orders/1", "/call/store/order_status", "/health/../store/orders/1", "/"} {
		if status, body := s.get(t, "9180", path); status != http.StatusNotFound || strings.Contains(body, "signpost") {
			t.Errorf("GET :9180%s is answered %d with %q, want 404 from the site itself", path, status, body)
		}
	}
	if config := read(t, "configs/kubernetes/Caddyfile"); !strings.Contains(config, ":8080 {\n\tbind 127.0.0.1\n") {
		t.Error("the gateway of a pod does not bind to loopback alone")
	}
}
