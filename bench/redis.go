package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// findRedis fails where the server is missing that sidecars share state on.
func findRedis() error {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return errors.New("redis-server, on which gateways share state, is missing: apt-get install redis-server (Debian, Ubuntu), brew install redis (macOS)")
	}
	return nil
}

// redisServer is a running Redis.
type redisServer struct {
	process
	address string // host:port
}

// startRedis starts a Redis that keeps nothing, and waits until it listens. Its
// working folder bears that name.
func (f *fleet) startRedis(ctx context.Context, name string) (*redisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(f.dir, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for %s: %w", name, err)
	}
	log := filepath.Join(folder, "log")
	cmd := exec.CommandContext(ctx, "redis-server",
		"--port", port, "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no",
		"--dir", folder, "--logfile", log)
	if err := f.start(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	server := &redisServer{process: process{name: name, pid: cmd.Process.Pid}, address: net.JoinHostPort("127.0.0.1", port)}
	if err := server.awaitListening(ctx); err != nil {
		said, _ := os.ReadFile(log) // For people: what it holds, however much that is.
		return nil, fmt.Errorf("starting %s: %w; its log:\n%s", name, err, said)
	}
	return server, nil
}

// awaitListening connects until that succeeds.
func (s *redisServer) awaitListening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
		if err == nil {
			return conn.Close()
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

// sharedState is what a gateway says of the state that it shares.
type sharedState struct {
	There   bool `json:"there"` // Redis decides
	Decided struct {
		Redis   uint64 `json:"redis"`
		Local   uint64 `json:"local"`
		Refused uint64 `json:"refused"`
	} `json:"decided"` // calls, by who decided on their limits
}

// checkShared fails where the gateway ought to share state and does not, so that
// what is measured is the work that is claimed.
func (g *gateway) checkShared(ctx context.Context) error {
	if g.redis == nil {
		return nil
	}
	state, err := g.shared(ctx)
	if err == nil && !state.There {
		err = fmt.Errorf("%s has not found its Redis", g.name)
	}
	g.before = state
	return err
}

// shared asks the gateway's admin endpoint.
func (g *gateway) shared(ctx context.Context) (sharedState, error) {
	var state sharedState
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+"/signpost/state", nil)
	if err != nil {
		return state, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return state, fmt.Errorf("asking %s for its shared state: %w", g.name, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return state, fmt.Errorf("asking %s for its shared state: it answers %s", g.name, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&state); err != nil {
		return state, fmt.Errorf("asking %s for its shared state: %w", g.name, err)
	}
	return state, nil
}

// wantRedisDecided fails where Redis decided on no call since the gateway was
// started, or the gateway's own memory on any: something else was measured.
func (g *gateway) wantRedisDecided(ctx context.Context) error {
	if g.redis == nil {
		return nil
	}
	now, err := g.shared(ctx)
	if err != nil {
		return err
	}
	if now.Decided.Redis == g.before.Decided.Redis {
		return fmt.Errorf("%s had Redis decide on no call", g.name)
	}
	if own := now.Decided.Local + now.Decided.Refused - g.before.Decided.Local - g.before.Decided.Refused; own > 0 {
		return fmt.Errorf("%s lost its Redis, and decided on %d calls by itself: is this machine busy with something else?", g.name, own)
	}
	return nil
}
