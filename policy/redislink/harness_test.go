package redislink

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// patience is how long tests wait for what must happen.
const patience = 30 * time.Second

// echo is a script whose answer is its first argument.
var echo = rueidis.NewLuaScript(`redis.call('SET', KEYS[1], ARGV[1]) return ARGV[1]`)

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waiting in vain for: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// linked is a Link whose changes are in a channel.
type linked struct {
	*Link
	changes chan Status
}

// newLink is a Link that is closed after the test, not yet started.
func newLink(t *testing.T, o Options) *linked {
	t.Helper()
	changes := make(chan Status, 1000)
	if o.Timeout == 0 {
		o.Timeout = maxTimeout
	}
	if o.OnChange == nil {
		o.OnChange = func(s Status) { changes <- s }
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l.Preload(echo)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the link: %+v", l.Status())
		}
		for t.Failed() && len(changes) > 0 {
			t.Logf("it turned: %+v", <-changes)
		}
		l.Close()
	})
	return &linked{l, changes}
}

// startLink is a started Link for which Redis is there.
func startLink(t *testing.T, o Options) *linked {
	t.Helper()
	l := newLink(t, o)
	l.Start()
	for {
		select {
		case s := <-l.changes:
			if s.There {
				return l
			}
		case <-time.After(patience):
			t.Fatalf("redis is not there: %+v", l.Status())
		}
	}
}

// turns waits for the next change, which must be to there or to away.
func (l *linked) turns(t *testing.T, there bool) Status {
	t.Helper()
	select {
	case s := <-l.changes:
		if s.There != there {
			t.Fatalf("redis turned there: %v (%s), want %v", s.There, s.Reason, there)
		}
		return s
	case <-time.After(patience):
		t.Fatalf("redis did not turn there: %v; %+v", there, l.Status())
		return Status{}
	}
}

// ask runs echo.
func (l *linked) ask(ctx context.Context, patience time.Duration, text string) (string, error) {
	return l.Run(ctx, patience, echo, []string{l.Key("k")}, []string{text}).ToString()
}

// at is the address of the node that a Link has connected to.
func (l *linked) at() string {
	s := l.live.Load()
	if s == nil {
		return ""
	}
	for address := range s.main[0].client.Nodes() {
		return address
	}
	return ""
}

// fake is a server that answers as a test wants it to.
type fake struct {
	net.Listener
	answer   atomic.Pointer[func(words []string) string] // RESP; "" never answers.
	open     atomic.Int32                                // connections that are open,
	most     atomic.Int32                                // the most at any time,
	accepted atomic.Int32                                // and all that ever were.
	commands atomic.Int32                                // scripts that were sent.

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

const (
	hello   = "%3\r\n+proto\r\n:3\r\n+mode\r\n+standalone\r\n+role\r\n+master\r\n"
	null    = "_\r\n"
	silence = ""
)

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

// wellBehaved answers as a Redis would whose scripts all do what echo does.
func wellBehaved(words []string) string {
	switch strings.ToUpper(words[0]) {
	case "HELLO":
		return hello
	case "PING":
		return "+PONG\r\n"
	case "CLUSTER":
		return "-ERR This instance has cluster support disabled\r\n"
	case "ROLE":
		return role("master")
	case "EVALSHA", "EVAL":
		return bulk(words[len(words)-1])
	case "SUBSCRIBE":
		var b strings.Builder
		for i, channel := range words[1:] {
			b.WriteString(">3\r\n+subscribe\r\n" + bulk(channel) + ":" + strconv.Itoa(i+1) + "\r\n")
		}
		return b.String()
	}
	return "+OK\r\n"
}

func role(name string) string { return "*3\r\n" + bulk(name) + ":0\r\n*0\r\n" }

// but answers like wellBehaved, except to one command.
func but(command string, answer func(words []string) string) func([]string) string {
	return func(words []string) string {
		if strings.EqualFold(words[0], command) {
			return answer(words)
		}
		return wellBehaved(words)
	}
}

// always answers with the same to a command.
func always(command, answer string) func([]string) string {
	return but(command, func([]string) string { return answer })
}

func newFake(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{Listener: l, conns: make(map[net.Conn]struct{})}
	f.behave(wellBehaved)
	go f.serve()
	t.Cleanup(func() {
		f.Close()
		f.hangUp()
	})
	return f
}

func (f *fake) address() string { return "redis://" + f.Addr().String() }

func (f *fake) behave(answer func([]string) string) { f.answer.Store(&answer) }

// hangUp ends all connections.
func (f *fake) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close()
	}
}

func (f *fake) serve() {
	for {
		conn, err := f.Accept()
		if err != nil {
			return
		}
		f.accepted.Add(1)
		now := f.open.Add(1)
		for most := f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); most = f.most.Load() {
		}
		f.mu.Lock()
		f.conns[conn] = struct{}{}
		f.mu.Unlock()
		go f.talk(conn)
	}
}

func (f *fake) talk(conn net.Conn) {
	defer func() {
		conn.Close()
		f.mu.Lock()
		delete(f.conns, conn)
		f.mu.Unlock()
		f.open.Add(-1)
	}()
	r := bufio.NewReader(conn)
	for {
		words, err := readWords(r)
		if err != nil {
			return
		}
		if strings.HasPrefix(words[0], "EVAL") {
			f.commands.Add(1)
		}
		if _, err := io.WriteString(conn, (*f.answer.Load())(words)); err != nil {
			return
		}
	}
}

// readWords is one command.
func readWords(r *bufio.Reader) ([]string, error) {
	count, err := readNumber(r, '*')
	if err != nil || count < 1 {
		return nil, io.ErrUnexpectedEOF
	}
	words := make([]string, count)
	for i := range words {
		length, err := readNumber(r, '$')
		if err != nil {
			return nil, err
		}
		word := make([]byte, length+2)
		if _, err := io.ReadFull(r, word); err != nil {
			return nil, err
		}
		words[i] = string(word[:length])
	}
	return words, nil
}

func readNumber(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("a line begins with %q, not %q", line[0], kind)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// settles waits until no more goroutines run than before.
func settles(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines run, want at most %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}
