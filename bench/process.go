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
var variants = []string{"bare", "empty", "full", "redis", "leases"}

// alone is how many of the variants keep what they know in memory. Those behind
// them share it, and each has a Redis of its own, so that it is known whose work
// that does. They are compared with the last one that is alone.
const alone = 3

// fleet is the processes that the bench starts. They end with the context that
// they were started with, and wait returns when the last one has.
type fleet struct {
	running sync.WaitGroup
	dir     string    // what they write
	binary  string    // that all gateways run
	at      addresses // whom all gateways call
}

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

// process is one of them.
type process struct {
	name string
	pid  int
}

// gateway is a running process of the binary.
type gateway struct {
	process
	url    string       // of the order
	route  string       // which the answer must name
	admin  string       // host:port of Caddy's admin endpoint
	redis  *redisServer // on which it shares state; nil: on none
	before sharedState  // what it said of that when it was started
}

// buildGateway builds the binary that all gateways run.
func (f *fleet) buildGateway(ctx context.Context) error {
	f.binary = filepath.Join(f.dir, "caddy")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", f.binary, "github.com/signpost-gateway/signpost/cmd/caddy")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building the gateway: %w", err)
	}
	return nil
}

// startGateway starts a gateway with the Caddyfile of that name, and waits until
// it answers as it should. redis is nil where it shares no state.
func (f *fleet) startGateway(ctx context.Context, name, caddyfile string, redis *redisServer) (*gateway, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	adminPort, err := freePort()
	if err != nil {
		return nil, err
	}
	config, err := caddyfiles.ReadFile("caddyfiles/" + caddyfile + ".Caddyfile")
	if err != nil {
		return nil, err
	}
	g := &gateway{
		process: process{name: name},
		url:     "http://127.0.0.1:" + port + path,
		route:   wantRoute[caddyfile],
		admin:   "127.0.0.1:" + adminPort,
		redis:   redis,
	}
	logFile, err := os.Create(filepath.Join(f.dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("making the log of %s: %w", name, err)
	}
	defer logFile.Close()
	cmd := exec.CommandContext(ctx, f.binary, "run", "--adapter", "caddyfile", "--config", "-")
	cmd.Dir = f.dir
	cmd.Stdin = strings.NewReader(string(config))
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.Env = append(os.Environ(),
		"XDG_DATA_HOME="+f.dir, // What the gateway learns of answers goes with the run.
		"BENCH_PORT="+port,
		"BENCH_ADMIN="+g.admin,
		"BENCH_UPSTREAM="+f.at.Store,
		"BENCH_COLLECTOR=http://"+f.at.Collector,
		"BENCH_LIMIT="+shareLimit.String(),
		"SIGNPOST_SECRET_STORE_TOKEN="+storeToken,
	)
	if redis != nil {
		cmd.Env = append(cmd.Env, "BENCH_REDIS="+redis.address)
	}
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

// awaitAnswer asks until the gateway gives the order with the right route, and,
// where it shares state, has found its Redis.
func (g *gateway) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := g.check(ctx)
		if err == nil {
			err = g.checkShared(ctx)
		}
		if err == nil {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

// wantRoute is the Signpost-Route that the answer of each Caddyfile must carry,
// so that what is measured is the work that is claimed.
var wantRoute = map[string]string{
	"bare": "", "empty": "success", "full": "shipped", "redis": "shipped", "leases": "shipped",
	"limited": "success", "limited-leases": "success",
}

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
	if got := resp.Header.Get("Signpost-Route"); got != g.route {
		return fmt.Errorf("the route is %q, want %q", got, g.route)
	}
	return nil
}

// ticksPerSecond is the unit of CPU times in /proc: USER_HZ, which is 100 on
// every architecture that Go runs on.
const ticksPerSecond = 100

// cpuTime is the CPU time that the process has used, user and system.
func (p process) cpuTime() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time of %s: %w", p.name, err)
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
