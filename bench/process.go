package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// path is what every gateway is asked for. Bare Caddy passes it on as it
	// is, and the third party answers whatever the path.
	path = "/store/orders/10042"

	// tenant is on whose behalf.
	tenant = "acme"

	// storeToken is the credential that the full gateway injects.
	storeToken = "bench-token-of-the-store"

	// startPatience bounds the wait for a gateway to answer.
	startPatience = 20 * time.Second
)

// variants are the gateways, in the order of a round. The first is what the
// others are compared with. Each has a Caddyfile of its name.
var variants = []string{"bare", "empty", "full"}

// fleet is the processes that the bench starts. They end with the context that
// they were started with, and wait returns when the last one has.
type fleet struct{ running sync.WaitGroup }

// start starts a process.
func (f *fleet) start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	f.running.Go(func() { _ = cmd.Wait() }) // It is killed, and says so.
	return nil
}

// wait waits for all of them.
func (f *fleet) wait() { f.running.Wait() }

// gateway is a running process of the binary.
type gateway struct {
	name  string
	pid   int
	url   string // of the order
	admin string // host:port of Caddy's admin endpoint
}

// buildGateway builds the binary that all gateways run.
func buildGateway(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "caddy")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", binary, "github.com/signpost-gateway/signpost/cmd/caddy")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building the gateway: %w", err)
	}
	return binary, nil
}

// startGateway starts one variant and waits until it answers as it should.
func (f *fleet) startGateway(ctx context.Context, binary, dir, name string, at addresses) (*gateway, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	adminPort, err := freePort()
	if err != nil {
		return nil, err
	}
	config, err := caddyfiles.ReadFile("caddyfiles/" + name + ".Caddyfile")
	if err != nil {
		return nil, err
	}
	g := &gateway{name: name, url: "http://127.0.0.1:" + port + path, admin: "127.0.0.1:" + adminPort}
	logFile, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("making the log of %s: %w", name, err)
	}
	defer logFile.Close()
	cmd := exec.CommandContext(ctx, binary, "run", "--adapter", "caddyfile", "--config", "-")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(string(config))
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.Env = append(os.Environ(),
		"XDG_DATA_HOME="+dir, // What the gateway learns of answers goes with the run.
		"BENCH_PORT="+port,
		"BENCH_ADMIN="+g.admin,
		"BENCH_UPSTREAM="+at.Store,
		"BENCH_COLLECTOR=http://"+at.Collector,
		"SIGNPOST_SECRET_STORE_TOKEN="+storeToken,
	)
	if err := f.start(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	g.pid = cmd.Process.Pid
	if err := g.awaitAnswer(ctx); err != nil {
		said, _ := os.ReadFile(logFile.Name()) // For people: what it holds, however much that is.
		return nil, fmt.Errorf("starting %s: %w; its log:\n%s", name, err, said)
	}
	return g, nil
}

// freePort asks the kernel for a port that nobody listens on.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// awaitAnswer asks until the gateway gives the order with the right route.
func (g *gateway) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := g.check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// wantRoute is the Signpost-Route that a variant's answer must carry, so that
// what is measured is the work that is claimed.
var wantRoute = map[string]string{"bare": "", "empty": "success", "full": "shipped"}

// check asks once.
func (g *gateway) check(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Tenant-ID", tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if string(body) != string(order) {
		return fmt.Errorf("status %d with a body of %d bytes, want the order", resp.StatusCode, len(body))
	}
	if got, want := resp.Header.Get("Signpost-Route"), wantRoute[g.name]; got != want {
		return fmt.Errorf("the route is %q, want %q", got, want)
	}
	return nil
}

// ticksPerSecond is the unit of CPU times in /proc: USER_HZ, which is 100 on
// every architecture that Go runs on.
const ticksPerSecond = 100

// cpuTime is the CPU time that the process has used, user and system.
func (g *gateway) cpuTime() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(g.pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time of %s: %w", g.name, err)
	}
	return parseCPUTime(string(stat))
}

// parseCPUTime reads fields 14 and 15 of /proc/<pid>/stat (proc_pid_stat(5)).
func parseCPUTime(stat string) (time.Duration, error) {
	// The program's name, which may hold anything, ends at the last bracket;
	// the field behind it is the third.
	_, rest, found := strings.Cut(stat[max(strings.LastIndexByte(stat, ')'), 0):], ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 13 {
		return 0, errors.New("reading CPU time: want the format of proc_pid_stat(5)")
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}
