package redislink

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// dialTimeout bounds one connecting, and one greeting after it.
	dialTimeout = time.Second

	// pingGap is after which silence a connection is asked whether it lives, and
	// pingTimeout how long the answer may take, or Timeout where that is longer: a
	// Redis that died while nobody called is found out after both.
	pingGap     = time.Second
	pingTimeout = 2 * time.Second

	// buffer is for reading and for writing, bytes a connection.
	buffer = 32 << 10

	// ringScale is log2 of the commands that one connection can have under way.
	ringScale = 10
)

var (
	errSealed  = errors.New("connecting again")
	errStopped = errors.New("a connection stopped answering")
)

// group are connections that live and die together: those to one Redis. Once
// sealed it dials no more, and the first of its sockets that breaks is its end.
type group struct {
	ctx    context.Context // Done when the group is closed.
	cancel context.CancelFunc
	broke  func(error) // told at most once, of what broke a sealed group.
	ping   time.Duration

	mu      sync.Mutex
	clients []rueidis.Client
	sockets map[*socket]struct{}
	sealed  bool
	broken  error // the first thing that broke.
}

// newGroup is a group in which a script may take timeout.
func newGroup(ctx context.Context, timeout time.Duration, broke func(error)) *group {
	g := &group{broke: broke, ping: max(pingTimeout, timeout), sockets: make(map[*socket]struct{})}
	g.ctx, g.cancel = context.WithCancel(ctx)
	context.AfterFunc(g.ctx, g.abort)
	return g
}

// login gives who the gateway is to a server.
type login func() (rueidis.AuthCredentials, error)

// connect is a client with one connection to the server at address, which is
// there when it returns. It takes at most twice dialTimeout.
func (g *group) connect(address string, who login, encryption *tls.Config, database int) (rueidis.Client, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{address},
		SelectDB:    database,
		ClientName:  defaultPrefix,
		DialCtxFn: func(ctx context.Context, address string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return g.dial(ctx, address, dialer, encryption)
		},
		AuthCredentialsFn: func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) { return who() },
		Dialer:            net.Dialer{Timeout: dialTimeout, KeepAlive: pingGap},
		ConnWriteTimeout:  g.ping,

		ReadBufferEachConn:  buffer,
		WriteBufferEachConn: buffer,
		RingScaleEachConn:   ringScale,
		PipelineMultiplex:   -1, // One connection: which one is taken is decided here.

		// A connection that is not pipelined is closed when a caller's patience ends.
		AlwaysPipelining: true,

		ForceSingleClient: true,
		DisableCache:      true,
		DisableRetry:      true,
		ClientSetInfo:     rueidis.DisableClientSetInfo,
	})
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clients = append(g.clients, client)
	return client, nil
}

// dial is one connection, encrypted where that is asked for.
func (g *group) dial(ctx context.Context, address string, dialer *net.Dialer, encryption *tls.Config) (net.Conn, error) {
	g.mu.Lock()
	sealed := g.sealed
	g.mu.Unlock()
	if sealed {
		g.lose(errStopped)
		return nil, errSealed
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer context.AfterFunc(g.ctx, cancel)()
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if encryption != nil {
		if conn, err = encrypted(ctx, conn, address, encryption); err != nil {
			return nil, err
		}
	}
	s := &socket{Conn: conn, group: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx.Err() != nil {
		conn.Close()
		return nil, g.ctx.Err()
	}
	g.sockets[s] = struct{}{}
	return s, nil
}

func encrypted(ctx context.Context, conn net.Conn, address string, encryption *tls.Config) (net.Conn, error) {
	config := encryption.Clone()
	if host, _, err := net.SplitHostPort(address); err == nil {
		config.ServerName = host
	}
	over := tls.Client(conn, config)
	if err := over.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return over, nil
}

// seal ends the connecting: from here on, whatever breaks is the group's end. It
// is an error when something broke already.
func (g *group) seal() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sealed = true
	return g.broken
}

// lose is told of whatever breaks.
func (g *group) lose(err error) {
	g.mu.Lock()
	first := g.broken == nil && g.ctx.Err() == nil
	if first {
		g.broken = err
	}
	tell := first && g.sealed
	g.mu.Unlock()
	if tell {
		g.broke(err)
	}
}

// abort closes all sockets, so that whoever waits for an answer waits no longer.
func (g *group) abort() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.sockets {
		s.abort()
	}
}

// close ends all connections and returns when nothing is left of them.
func (g *group) close() {
	g.cancel()
	g.abort()
	g.mu.Lock()
	clients := g.clients
	g.clients = nil
	g.mu.Unlock()
	for _, c := range clients {
		c.Close()
	}
}

// socket is a connection that tells its group when it breaks.
type socket struct {
	net.Conn
	group *group
}

func (s *socket) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if err != nil {
		s.group.lose(err)
	}
	return n, err
}

// Close is what rueidis does to a connection that it gave up.
func (s *socket) Close() error {
	s.group.lose(errStopped)
	s.group.mu.Lock()
	delete(s.group.sockets, s)
	s.group.mu.Unlock()
	return s.Conn.Close()
}

// abort closes the socket below TLS too, whose own farewell waits for a peer that
// reads.
func (s *socket) abort() {
	if over, ok := s.Conn.(*tls.Conn); ok {
		over.NetConn().Close()
		return
	}
	s.Conn.Close()
}
