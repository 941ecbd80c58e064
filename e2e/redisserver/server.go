package redisserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience bounds how long anything may take that is waited for.
	patience = 20 * time.Second

	// step is how long to wait before something is looked at again.
	step = 5 * time.Millisecond

	// startTries is how many ports are tried: another process may take one that was free.
	startTries = 5
)

// Server is a redis-server process. Its methods fail the test where they cannot do
// what they are asked, and so belong to the test's own goroutine.
type Server struct {
	t          testing.TB
	port       int
	bus        int // where nodes of a Cluster talk to it
	dir        string
	directives []string
	arguments  []string // behind the file of directives: what makes a server a Sentinel
	process    *process
	user, word string // who Do is to the server
}

// Start runs a redis-server until the test ends. It keeps nothing on disk. directives
// are lines of its configuration, like "maxmemory 4mb".
func Start(t testing.TB, directives ...string) *Server {
	t.Helper()
	return run(t, nil, directives...)
}

// run starts a server on a free port, and waits until it answers.
func run(t testing.TB, arguments []string, directives ...string) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), directives: directives, arguments: arguments}
	t.Cleanup(s.end)
	for range startTries {
		s.port = freePort(t)
		s.launch()
		if err := s.awaitAnswer(); err == nil {
			return s
		} else if !s.process.over() {
			t.Fatalf("starting redis-server: %v\n%s", err, s.process.output)
		}
	}
	t.Fatalf("starting redis-server: it ended %d times:\n%s", startTries, s.process.output)
	return nil
}

// launch starts the process on the server's port.
func (s *Server) launch() {
	s.t.Helper()
	lines := append([]string{
		"port " + strconv.Itoa(s.port), "bind 127.0.0.1", "dir " + s.dir, "save \"\"", "appendonly no",
		// Replicas that begin are sent everything at once, without a file.
		"repl-diskless-sync yes", "repl-diskless-sync-delay 0", "repl-diskless-load on-empty-db",
	}, s.directives...)
	if s.arguments != nil { // A Sentinel knows none of what servers keep.
		lines = append(lines[:3], s.directives...)
	}
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatalf("writing the configuration of redis-server: %v", err)
	}
	process, err := launch(s.dir, "redis-server", append([]string{file}, s.arguments...)...)
	if err != nil {
		s.t.Fatalf("%v (it is in Debian's package redis-server)", err)
	}
	s.process = process
}

// awaitAnswer waits until the server answers. That it wants a password is an answer.
func (s *Server) awaitAnswer() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(step) {
		reply, err := ask(s.Addr(), []string{"PING"})
		if err == nil || reply.Err != nil && !strings.HasPrefix(reply.Err.Error(), "LOADING") {
			return nil
		}
		if s.process.over() || time.Now().After(deadline) {
			return err
		}
	}
}

// end kills the server, and shows what it said where the test failed.
func (s *Server) end() {
	if s.process == nil {
		return
	}
	s.process.kill()
	if s.t.Failed() {
		s.t.Logf("redis-server at %s said:\n%s", s.Addr(), s.process.output)
	}
}

// Addr is where the server listens: host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the server's address as redis://, without user and password.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// As makes Do and Try speak to the server as a user with a password. The user
// "default" is the one that requirepass is about.
func (s *Server) As(user, password string) { s.user, s.word = user, password }

// Do has the server do a command and gives what it replies. A reply that is an error
// fails the test.
func (s *Server) Do(words ...string) Reply {
	s.t.Helper()
	reply, err := s.Try(words...)
	if err != nil {
		s.t.Fatalf("redis-server at %s: %v", s.Addr(), err)
	}
	return reply
}

// Try is Do for a command that may fail. It may be used by any goroutine.
func (s *Server) Try(words ...string) (Reply, error) {
	if s.user == "" {
		return ask(s.Addr(), words)
	}
	return ask(s.Addr(), []string{"AUTH", s.user, s.word}, words)
}

// Info gives a field of INFO, "" where it has none.
func (s *Server) Info(field string) string {
	s.t.Helper()
	text, err := s.info(field)
	if err != nil {
		s.t.Fatalf("redis-server at %s: %v", s.Addr(), err)
	}
	return text
}

func (s *Server) info(field string) (string, error) {
	reply, err := s.Try("INFO", "everything")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(reply.Text) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name == field {
			return value, nil
		}
	}
	return "", nil
}

// Clients is how many connections the server has, without that which asks, and
// without those of replicas, masters and Sentinels.
func (s *Server) Clients() int {
	s.t.Helper()
	n := 0
	for line := range strings.Lines(s.Do("CLIENT", "LIST").Text) {
		if !slices.ContainsFunc(ownClients, func(mark string) bool { return strings.Contains(line, mark) }) {
			n++
		}
	}
	return n
}

// ownClients mark, in CLIENT LIST, those that Clients does not count.
var ownClients = []string{" cmd=client|list ", " flags=S ", " flags=M ", " name=sentinel-"}

// Kill ends the server as kill -9 does. What it knew is lost.
func (s *Server) Kill() {
	s.t.Helper()
	s.process.kill()
}

// Restart starts a server that was killed, on the same port and empty.
func (s *Server) Restart() {
	s.t.Helper()
	if !s.process.over() {
		s.t.Fatalf("redis-server at %s is still running", s.Addr())
	}
	s.launch()
	if err := s.awaitAnswer(); err != nil {
		s.t.Fatalf("starting redis-server anew: %v\n%s", err, s.process.output)
	}
}

// Pause stops the server's process, as SIGSTOP does: connections are accepted by the
// kernel, and nothing is answered.
func (s *Server) Pause() { s.t.Helper(); s.signal(syscall.SIGSTOP) }

// Resume has a paused server go on. What was sent meanwhile is done then.
func (s *Server) Resume() { s.t.Helper(); s.signal(syscall.SIGCONT) }

func (s *Server) signal(which syscall.Signal) {
	s.t.Helper()
	if err := s.process.signal(which); err != nil {
		s.t.Fatal(err)
	}
}

// Follow makes the server a replica of another, and waits until it has all data.
func (s *Server) Follow(master *Server) {
	s.t.Helper()
	s.Do("REPLICAOF", "127.0.0.1", strconv.Itoa(master.port))
	s.await("its link to the master", func() error { return s.says("master_link_status", "up") })
}

// Lead makes a replica a master of its own.
func (s *Server) Lead() {
	s.t.Helper()
	s.Do("REPLICAOF", "NO", "ONE")
}

// says tells whether a field of INFO is as wanted.
func (s *Server) says(field, want string) error {
	got, err := s.info(field)
	if err == nil && got != want {
		err = fmt.Errorf("%s is %q, want %q", field, got, want)
	}
	return err
}

// await waits until something is so.
func (s *Server) await(what string, is func() error) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(step) {
		err := is()
		if err == nil {
			return
		}
		if time.Now().After(deadline) || s.process.over() {
			s.t.Fatalf("waiting for %s of redis-server at %s: %v\n%s", what, s.Addr(), err, s.process.output)
		}
	}
}

// given are the ports that freePort gave, so that it gives none twice.
var given sync.Map

// freePort asks the kernel for a port of loopback that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("looking for a free port: %v", err)
		}
		address, ok := listener.Addr().(*net.TCPAddr)
		listener.Close()
		if !ok {
			t.Fatal(errors.New("looking for a free port: TCP has another kind of address"))
		}
		if _, before := given.LoadOrStore(address.Port, true); !before {
			return address.Port
		}
	}
}
