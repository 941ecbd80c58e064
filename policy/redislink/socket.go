package redislink

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

var (
	errSealed  = errors.New("its connection broke") // what a command meets then.
	errStopped = errors.New("a connection stopped answering")
)

// reaching marks the context of a dial that is permitted in a sealed session.
type reaching struct{}

// dial is one connection, encrypted where that is asked for. In a sealed session
// only Sentinels are dialled whenever rueidis likes, since no call waits for them;
// that a new master is to be dialled is how a session learns that there is one.
func (s *session) dial(ctx context.Context, address string, dialer *net.Dialer, encryption *tls.Config) (net.Conn, error) {
	sentinel := s.link.o.Sentinel != "" && dialer.Timeout == sentinelTimeout
	if s.sealed.Load() && !sentinel && ctx.Value(reaching{}) == nil {
		if s.mode == cluster {
			s.missing.Store(true)
		} else {
			s.fail("the sentinels name another master")
		}
		return nil, &placed{address, errSealed}
	}
	ctx, cancel := context.WithTimeout(ctx, dialer.Timeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil && encryption != nil {
		conn, err = encrypted(ctx, conn, address, encryption)
	}
	if err != nil {
		return nil, &placed{address, err}
	}
	return s.keep(&socket{Conn: conn, session: s, sentinel: sentinel})
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

// socket is a connection that tells its session when it breaks.
type socket struct {
	net.Conn
	session  *session
	sentinel bool // its end says nothing of Redis.
}

func (s *socket) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if err != nil {
		s.broke(err)
	}
	return n, err
}

func (s *socket) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	if err != nil {
		s.broke(err)
	}
	return n, err
}

// Close is what rueidis does to a connection that it gave up.
func (s *socket) Close() error {
	s.broke(errStopped)
	s.session.mu.Lock()
	delete(s.session.sockets, s)
	s.session.mu.Unlock()
	return s.Conn.Close()
}

// broke ends a sealed session. In a Cluster it may have been another node's, so
// that the one with the counters is asked at once whether it is there.
func (s *socket) broke(err error) {
	switch {
	case s.sentinel || !s.session.sealed.Load():
	case s.session.mode == cluster:
		s.session.shaken.Store(true)
		s.session.doubt()
	default:
		s.session.fail(reason(err, 0))
	}
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

// keep has a socket end with its session.
func (s *session) keep(c *socket) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ctx.Err(); err != nil {
		c.abort()
		return nil, err
	}
	s.sockets[c] = struct{}{}
	return c, nil
}

// abort closes all sockets, so that whoever waits for an answer waits no longer.
func (s *session) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		c.abort()
	}
}
