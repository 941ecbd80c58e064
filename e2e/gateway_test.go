//go:build e2e || soak

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// root is the repository, where the README's commands are given.
const root = ".."

// binary is the gateway that every test runs.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

// buildAndRun builds the gateway once, and removes it after the tests.
func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signpost-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "caddy")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "./cmd/caddy")
	build.Dir, build.Stdout, build.Stderr = root, os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the gateway:", err)
		return 1
	}
	return m.Run()
}

// gateway is a running process of the binary.
type gateway struct {
	url string // without a slash at its end
	log *syncBuffer
}

// patience bounds how long a gateway may take to start, and to stop.
const patience = 20 * time.Second

// start runs the binary in the repository's folder with a Caddyfile on standard
// input, until the test ends. port is the one that its site listens on. Its log
// is shown where the test fails.
func start(t *testing.T, config []byte, port string, env ...string) gateway {
	t.Helper()
	var log syncBuffer
	cmd := exec.Command(binary, "run", "--adapter", "caddyfile", "--config", "-")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = root, bytes.NewReader(config), &log, &log
	cmd.Env = append(append(os.Environ(), "XDG_DATA_HOME="+t.TempDir()), env...) // What it learns is its own.
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the gateway: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { stop(t, cmd, ended, &log) })
	g := gateway{url: "http://127.0.0.1:" + port, log: &log}
	g.awaitHealth(t, ended)
	return g
}

// stop asks the gateway to end, which it must do by itself and without a fault.
func stop(t *testing.T, cmd *exec.Cmd, ended <-chan error, log *syncBuffer) {
	t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("stopping the gateway: %v", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the gateway ended with %v, want a clean exit", err)
		}
	case <-time.After(patience):
		t.Errorf("the gateway did not end within %s", patience)
		_ = cmd.Process.Kill() // It may have ended by now.
	}
	if t.Failed() {
		t.Logf("the gateway's log:\n%s", log)
	}
}

// awaitHealth asks until the gateway says that it is up.
func (g gateway) awaitHealth(t *testing.T, ended <-chan error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(g.url + "/health")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("%s", resp.Status)
		}
		if time.Now().After(deadline) || len(ended) > 0 {
			t.Fatalf("the gateway does not answer GET /health: %v", err)
		}
	}
}

// get calls a path on behalf of a tenant and gives the answer with its body.
func (g gateway) get(t *testing.T, tenant, path string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url+path, nil)
	if err != nil {
		t.Fatalf("making a request: %v", err)
	}
	req.Header.Set("X-Tenant-ID", tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("GET %s: reading the body: %v", path, err)
	}
	return resp, string(body)
}

// given are the ports that freePort gave.
var given sync.Map

// freePort asks the kernel for a port that nobody listens on. It gives none twice:
// Caddy would let two sites share one, and connections would reach either.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("looking for a free port: %v", err)
		}
		_, port, err := net.SplitHostPort(listener.Addr().String())
		listener.Close()
		if err != nil {
			t.Fatalf("looking for a free port: %v", err)
		}
		if _, before := given.LoadOrStore(port, true); !before {
			return port
		}
	}
}

// readFile reads a file of the repository.
func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
	return content
}

// syncBuffer is a buffer that a process writes to while a test may read it.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
