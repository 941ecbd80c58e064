//go:build e2e || soak

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// sidecar is a gateway that shares state with others, in a process of its own.
type sidecar struct {
	gateway
	number int
	admin  string // address of Caddy's admin endpoint, without a slash at its end
	cmd    *exec.Cmd
	ended  chan error
	killed bool
}

// fleet are sidecars on one Redis, before one third party.
type fleet struct {
	*ledger
	sidecars []*sidecar
	env      []string        // of all of them
	bots     *http.Transport // that all bots share
}

// crew is what a fleet is made of.
type crew struct {
	size   int
	config string   // a Caddyfile with {$ADMIN}, {$PORT}, {$STORE} and {$REDIS}
	redis  string   // its address
	binary string   // "": the one that all tests run
	env    []string // for all
	each   func(number int) []string
}

// deploy starts a fleet, which is there until the test ends.
func deploy(t *testing.T, c crew) *fleet {
	t.Helper()
	f := &fleet{ledger: openLedger(t), bots: &http.Transport{MaxIdleConnsPerHost: 256}}
	f.env = append([]string{"STORE=" + f.URL, "REDIS=" + c.redis}, c.env...)
	t.Cleanup(f.bots.CloseIdleConnections)
	for number := range c.size {
		env := slices.Clone(f.env)
		if c.each != nil {
			env = append(env, c.each(number)...)
		}
		program := c.binary
		if program == "" {
			program = binary
		}
		f.sidecars = append(f.sidecars, startSidecar(t, program, number, c.config, env))
	}
	for _, s := range f.sidecars {
		s.awaitHealth(t, s.ended)
	}
	return f
}

// startSidecar runs a gateway, which is asked to end with the test unless it was killed.
func startSidecar(t *testing.T, program string, number int, config string, env []string) *sidecar {
	t.Helper()
	port, admin := freePort(t), freePort(t)
	s := &sidecar{
		gateway: gateway{url: "http://127.0.0.1:" + port, log: new(syncBuffer)}, number: number,
		admin: "http://127.0.0.1:" + admin, ended: make(chan error, 1),
	}
	s.cmd = exec.Command(program, "run", "--adapter", "caddyfile", "--config", "-")
	s.cmd.Dir, s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = root, strings.NewReader(config), s.log, s.log
	s.cmd.Env = append(append(os.Environ(), "XDG_DATA_HOME="+t.TempDir(), "PORT="+port, "ADMIN="+admin), env...)
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting a sidecar: %v", err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	t.Cleanup(func() {
		if !s.killed {
			stop(t, s.cmd, s.ended, s.log)
		}
	})
	return s
}

// kill ends a sidecar as kill -9 does.
func (s *sidecar) kill(t *testing.T) {
	t.Helper()
	s.killed = true
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatalf("killing a sidecar: %v", err)
	}
	<-s.ended
}

// told is what a bot is told, and how long that took.
type told struct {
	sidecar     int
	began, took time.Duration // on the ledger's clock
	status      int
	outcome     string
	header      http.Header
	body        string
	err         error // the call was lost
}

// lost says what no call may meet: no answer, or one that does not say what became of it.
func (a told) lost() error {
	if a.err != nil {
		return fmt.Errorf("sidecar %d: after %s: %w", a.sidecar, a.took.Round(time.Millisecond), a.err)
	}
	for _, name := range []string{"Signpost-Route", "Signpost-Outcome", "Signpost-Next"} {
		if values := a.header.Values(name); len(values) != 1 || values[0] == "" {
			return fmt.Errorf("sidecar %d: %d has %s %q, want one value", a.sidecar, a.status, name, values)
		}
	}
	if a.outcome == "internal" {
		return fmt.Errorf("sidecar %d: the gateway failed: %s", a.sidecar, a.header.Get("Signpost-Reason"))
	}
	return nil
}

// String is what a failing test shows.
func (a told) String() string {
	return fmt.Sprintf("sidecar %d after %s: %d %s: %s", a.sidecar, a.took.Round(100*time.Microsecond), a.status, a.outcome, a.header.Get("Signpost-Reason"))
}

// call has a bot call a sidecar: a policy, what the third party is to do, and for whom.
// It is lost when it takes longer than any deadline.
func (f *fleet) call(ctx context.Context, s *sidecar, policy, kind, tenant string, header ...string) told {
	return f.ask(ctx, s, "/"+policy+"/"+kind+"/"+tenant, tenant, header...)
}

// ask has a bot get a path from a sidecar. header are pairs of name and value.
func (f *fleet) ask(ctx context.Context, s *sidecar, path, tenant string, header ...string) told {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := told{sidecar: s.number, began: f.now()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		a.err = err
		return a
	}
	req.Header.Set("X-Tenant-ID", tenant)
	req.Header.Set(sidecarHeader, strconv.Itoa(s.number))
	req.Header.Set(sentHeader, strconv.FormatInt(a.began.Microseconds(), 10))
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := f.bots.RoundTrip(req)
	if err == nil {
		a.status, a.outcome, a.header = resp.StatusCode, resp.Header.Get("Signpost-Outcome"), resp.Header
		a.body, err = read(resp.Body)
	}
	a.err, a.took = err, f.now()-a.began
	return a
}

// rush has bots call all sidecars at the same moment, so many times each, and gives
// what they were told, by outcome. No call may be lost.
func (f *fleet) rush(t *testing.T, each int, policy, kind, tenant string) map[string][]told {
	t.Helper()
	answers := make(chan told, each*len(f.sidecars))
	gate := make(chan struct{})
	var bots sync.WaitGroup
	for _, s := range f.sidecars {
		for range each {
			bots.Go(func() {
				<-gate
				answers <- f.call(t.Context(), s, policy, kind, tenant)
			})
		}
	}
	close(gate)
	bots.Wait()
	close(answers)
	byOutcome := make(map[string][]told)
	for a := range answers {
		if err := a.lost(); err != nil {
			t.Errorf("%s for %s: %v", policy, tenant, err)
		}
		byOutcome[a.outcome] = append(byOutcome[a.outcome], a)
	}
	return byOutcome
}

// sharing is what a sidecar's admin API tells of its shared state.
type sharing struct {
	Kind, Fail, Reason, Mode string
	There                    bool
	Calls                    uint64                                 // of Redis
	Decided                  struct{ Redis, Local, Refused uint64 } // how many calls, by whom
}

// sharing asks the admin API.
func (s *sidecar) sharing() (state sharing, err error) {
	err = s.inquire("/signpost/state", &state)
	return state, err
}

// loads replaces the configuration of a sidecar.
func (s *sidecar) loads(t *testing.T, config string) {
	t.Helper()
	resp, err := http.Post(s.admin+"/load", "text/caddyfile", bytes.NewReader([]byte(config)))
	if err != nil {
		t.Fatalf("loading a configuration: %v", err)
	}
	text, err := read(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("loading a configuration: %s %s %v", resp.Status, text, err)
	}
}

// awaitThere waits until all sidecars say that Redis is there, or away, and gives when
// the last of them did, on the ledger's clock.
func (f *fleet) awaitThere(t *testing.T, there bool) time.Duration {
	t.Helper()
	for _, s := range f.sidecars {
		if s.killed {
			continue
		}
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			state, err := s.sharing()
			if err == nil && state.There == there {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("sidecar %d says that Redis is there: %+v (%v), want %v", s.number, state, err, there)
			}
		}
	}
	return f.now()
}
