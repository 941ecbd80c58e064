package redisserver

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

const (
	// chunk is how much a Proxy reads at once, in bytes.
	chunk = 16 << 10

	// underWay bounds how many chunks are on their way, for each direction of a connection.
	underWay = 1024
)

// Proxy stands between clients and a server, and makes the network bad. It begins as
// a good one. Safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	over     chan struct{} // closed when the test ends
	running  sync.WaitGroup

	mu       sync.Mutex
	network  network
	changed  chan struct{} // closed, and made anew, when network changes
	conns    map[net.Conn]bool
	accepted int
}

// network is how bad the network is.
type network struct {
	late   time.Duration // after which what the server says comes
	drip   time.Duration // between any two bytes that the server says
	silent bool          // nothing comes, either way
	broken bool          // connections are reset
}

// StartProxy runs a Proxy before a server, by its host and port, until the test ends.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening for clients of Redis: %v", err)
	}
	p := &Proxy{listener: listener, target: target, over: make(chan struct{}), changed: make(chan struct{}), conns: make(map[net.Conn]bool)}
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where clients connect to: host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is Addr as redis://.
func (p *Proxy) URL() string { return "redis://" + p.Addr() }

// Accepted is how many connections there have been.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Pass lets everything through, what was held up too.
func (p *Proxy) Pass() { p.become(network{}) }

// Delay has all that the server says come so much later, in its order.
func (p *Proxy) Delay(late time.Duration) { p.become(network{late: late}) }

// Drip has what the server says come byte by byte, with a pause before each.
func (p *Proxy) Drip(pause time.Duration) { p.become(network{drip: pause}) }

// Silence has nothing come through, either way, while connections stay and new ones
// are taken.
func (p *Proxy) Silence() { p.become(network{silent: true}) }

// Break resets all connections, and each new one.
func (p *Proxy) Break() {
	p.become(network{broken: true})
	p.ResetAll()
}

// ResetAll resets all connections that there are.
func (p *Proxy) ResetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		reset(conn)
	}
}

func (p *Proxy) become(n network) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network = n
	close(p.changed)
	p.changed = make(chan struct{})
}

// now gives the network, and a channel that is closed when it changes.
func (p *Proxy) now() (network, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.network, p.changed
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // The test is over.
		}
		p.mu.Lock()
		p.accepted++
		broken := p.network.broken
		p.mu.Unlock()
		if broken {
			reset(conn)
			continue
		}
		p.running.Go(func() { p.join(conn) })
	}
}

// join connects a client to the server until either ends.
func (p *Proxy) join(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		reset(client) // As it would be with nobody between them.
		return
	}
	if !p.keep(client, server) {
		return
	}
	var both sync.WaitGroup
	ended := make(chan struct{})
	end := sync.OnceFunc(func() { close(ended); client.Close(); server.Close() })
	both.Go(func() { p.carry(client, server, false, ended); end() })
	both.Go(func() { p.carry(server, client, true, ended); end() })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

// keep remembers two connections, unless the test is over.
func (p *Proxy) keep(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.over:
		reset(client)
		reset(server)
		return false
	default:
		p.conns[client], p.conns[server] = true, true
		return true
	}
}

// piece is something that one end said, and when.
type piece struct {
	bytes []byte
	said  time.Time
}

// carry takes what one end says to the other, as the network lets it.
func (p *Proxy) carry(from, to net.Conn, reply bool, ended <-chan struct{}) {
	pieces := make(chan piece, underWay)
	p.running.Go(func() {
		defer close(pieces)
		for {
			buffer := make([]byte, chunk)
			n, err := from.Read(buffer)
			if n > 0 {
				select {
				case pieces <- piece{buffer[:n], time.Now()}:
				case <-ended:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for next := range pieces {
		if err := p.deliver(next, to, reply, ended); err != nil {
			return
		}
	}
}

// deliver brings one piece when the network lets it.
func (p *Proxy) deliver(next piece, to io.Writer, reply bool, ended <-chan struct{}) error {
	for len(next.bytes) > 0 {
		net, changed := p.now()
		wait, n := time.Duration(0), len(next.bytes)
		switch {
		case net.silent:
			wait = time.Hour
		case reply && net.drip > 0:
			wait, n = net.drip, 1
		case reply && net.late > 0:
			wait = time.Until(next.said.Add(net.late))
		}
		if wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ended:
				timer.Stop()
				return errors.New("the connection is closed")
			case <-p.over:
				timer.Stop()
				return errors.New("the test is over")
			case <-changed:
				timer.Stop()
				continue // The network may let it come at once.
			case <-timer.C:
			}
		}
		if _, err := to.Write(next.bytes[:n]); err != nil {
			return err
		}
		next.bytes = next.bytes[n:]
	}
	return nil
}

// close ends all connections, and waits for what serves them.
func (p *Proxy) close() {
	close(p.over)
	p.listener.Close()
	p.ResetAll()
	p.running.Wait()
}

// reset closes a connection so that its other end is told of an error.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // Where this fails, it is closed in another way.
	}
	conn.Close()
}
