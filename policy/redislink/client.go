package redislink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// cluster is what Redis may be, in the words of Status.
const cluster = string(rueidis.ClientModeCluster)

const (
	// dialTimeout bounds one connecting, and one greeting after it. A Sentinel has
	// less time, since there are others; by that it is also known which of the two a
	// dialer is for.
	dialTimeout     = time.Second
	sentinelTimeout = 500 * time.Millisecond

	// topologyGap is how often Sentinels are asked for the master, beside listening
	// to what they say of it.
	topologyGap = time.Second

	// pingGap is after which silence a connection is asked whether it lives, and
	// pingTimeout how long the answer may take, or Timeout where that is longer: a
	// Redis that died while nobody called is found out after both.
	pingGap     = time.Second
	pingTimeout = 2 * time.Second

	// buffer is for reading and for writing, bytes a connection.
	buffer = 32 << 10

	// ringScale is log2 of the commands that one connection can have under way.
	ringScale = 10

	// foundTimeout is after which no further host is tried in one attempt.
	foundTimeout = time.Second

	// maxRedirects bounds how often nodes of a Cluster send one command on.
	maxRedirects = 3
)

var errNoCluster = errors.New("the hosts are not a cluster: name one of them, or the master that sentinels know")

// option is how rueidis connects for this session, once to each node.
func (s *session) option() (rueidis.ClientOption, error) {
	l := s.link
	encryption, err := l.o.encryption(l.address)
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	o := rueidis.ClientOption{
		InitAddress:      l.endpoints,
		SelectDB:         l.address.Database,
		ClientName:       defaultPrefix,
		TLSConfig:        encryption,
		DialCtxFn:        s.dial,
		Dialer:           net.Dialer{Timeout: dialTimeout, KeepAlive: pingGap},
		ConnWriteTimeout: max(pingTimeout, l.o.Timeout),

		ReadBufferEachConn:  buffer,
		WriteBufferEachConn: buffer,
		RingScaleEachConn:   ringScale,
		PipelineMultiplex:   -1, // One connection: which one is taken is decided here.

		// A connection that is not pipelined is closed when a caller's patience ends.
		AlwaysPipelining: true,

		ClusterOption: rueidis.ClusterOption{MaxMovedRedirections: maxRedirects},
		DisableCache:  true,
		DisableRetry:  true,
		ClientSetInfo: rueidis.DisableClientSetInfo,
	}
	if l.o.Sentinel == "" {
		// Asked anew for a node of a Cluster that is connected later.
		o.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) { return l.login() }
		return o, nil
	}
	return o, s.watched(&o)
}

// watched has Sentinels name the master. The function that gives credentials would
// be asked for Sentinels too, which is why it is not used.
func (s *session) watched(o *rueidis.ClientOption) error {
	redis, err := s.link.login()
	if err != nil {
		return err
	}
	sentinel, err := s.link.sentinelLogin()
	if err != nil {
		return err
	}
	o.Username, o.Password = redis.Username, redis.Password
	o.Sentinel = rueidis.SentinelOption{
		MasterSet:               s.link.o.Sentinel,
		Username:                sentinel.Username,
		Password:                sentinel.Password,
		ClientName:              o.ClientName,
		TLSConfig:               o.TLSConfig,
		Dialer:                  net.Dialer{Timeout: sentinelTimeout, KeepAlive: pingGap},
		TopologyRefreshInterval: topologyGap,
	}
	return nil
}

// first makes the first client, and has o make more of what it found.
func (s *session) first(o *rueidis.ClientOption) error {
	client, err := s.found(o)
	if err != nil {
		return err
	}
	s.mode = string(client.Mode())
	if s.mode != cluster {
		for address := range client.Nodes() {
			o.InitAddress = []string{address}
		}
		o.ForceSingleClient, o.Sentinel = true, rueidis.SentinelOption{}
	}
	s.add(client)
	return nil
}

// found is a client of the first host that leads to Redis, beginning with the one
// that did so last. Hosts of a Cluster are tried one after the other, since rueidis
// waits for up to a second where one of several is down. What takes long is gone on
// with in the next attempt.
func (s *session) found(o *rueidis.ClientOption) (rueidis.Client, error) {
	l := s.link
	if l.o.Sentinel != "" {
		return s.open(*o) // Of several Sentinels, rueidis tries each.
	}
	var first error
	began := time.Now()
	for range l.endpoints {
		address := l.endpoints[l.turn%len(l.endpoints)]
		o.InitAddress = []string{address}
		client, err := s.open(*o)
		if err == nil && len(l.endpoints) > 1 && client.Mode() != rueidis.ClientModeCluster {
			client.Close()
			err = &placed{address, errNoCluster}
		}
		if err == nil {
			return client, nil
		}
		if first == nil {
			first = err
		}
		l.turn++
		if time.Since(began) > foundTimeout {
			break
		}
	}
	return nil, first
}

// open makes a client that has reached the node with the counters.
func (s *session) open(o rueidis.ClientOption) (rueidis.Client, error) {
	client, err := rueidis.NewClient(o)
	if err == nil {
		ctx, cancel := context.WithTimeout(s.ctx, 2*dialTimeout)
		defer cancel()
		err = client.Do(ctx, client.B().Ping().Build().SetSlot(s.key)).Error()
	}
	if err == nil {
		return client, nil
	}
	if client != nil {
		client.Close()
	}
	return nil, s.explained(err, o.InitAddress)
}

// explained is an error with where it was met and, for what is easily got wrong,
// the remedy.
func (s *session) explained(err error, hosts []string) error {
	var at *placed
	if err == nil || errors.As(err, &at) {
		return err
	}
	if name := s.link.o.Sentinel; name != "" {
		return &placed{"the master that sentinels know as " + name, err}
	}
	if e, refused := refusal(err); refused && strings.HasPrefix(e.Error(), "unknown command") {
		err = fmt.Errorf("it runs no scripts (if it is a sentinel, name the master that it knows): %w", err)
	}
	return &placed{strings.Join(hosts, ","), err}
}
