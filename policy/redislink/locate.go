package redislink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/rueidis"
)

// What Redis may be, in the words of Status.
const (
	standalone = "standalone"
	sentinels  = "sentinel"
	cluster    = "cluster"
)

const (
	// askTimeout bounds one question about who is master.
	askTimeout = 500 * time.Millisecond

	// locateTimeout is after which no further host is tried in one attempt.
	locateTimeout = time.Second
)

// locate connects to the node that holds the counters: the host that is named, the
// master that a Sentinel names, or the master of a slot. It is the session's main.
func (s *session) locate() error {
	if s.link.o.Sentinel != "" {
		return s.link.inTurn(s.locateMasterBy)
	}
	return s.link.inTurn(s.locateFrom)
}

// inTurn tries one host after the other, at first the one that answered last, and
// gives the first error when all fail. What takes long is gone on with in the next
// attempt.
func (l *Link) inTurn(try func(address string) error) error {
	var first error
	began := time.Now()
	for range l.endpoints {
		address := l.host()
		err := try(address)
		if err == nil {
			return nil
		}
		if first == nil {
			first = &placed{address, err}
		}
		l.turn.Add(1)
		if time.Since(began) > locateTimeout {
			break
		}
	}
	return first
}

func (l *Link) host() string { return l.endpoints[int(l.turn.Load())%len(l.endpoints)] }

// locateFrom asks a host what it is, and goes on to the node that it names where it
// is one of a Cluster.
func (s *session) locateFrom(address string) error {
	l := s.link
	n, err := s.newNode(address, l.Key("probe"), s.fail)
	if err != nil {
		return err
	}
	mode, _, err := greet(n.ctx, n.first)
	switch several := len(l.endpoints) > 1; {
	case err != nil:
	case mode == sentinels:
		err = errors.New("this is a sentinel: name the master that it knows")
	case mode == cluster:
		s.mode = cluster
		n, err = s.holder(n)
	case several:
		err = errors.New("the hosts are not a cluster: name one of them, or the master that sentinels know")
	default:
		s.mode = standalone
	}
	if err != nil {
		if n != nil {
			n.close()
		}
		return err
	}
	s.main = n
	return nil
}

// holder is the node of a Cluster that holds the counters.
func (s *session) holder(n *node) (*node, error) {
	table, err := askSlots(n.ctx, n.first, n.address)
	if err != nil {
		return n, err
	}
	s.slots.Store(&table)
	address := table.master(slotOf(n.key))
	switch address {
	case n.address:
		return n, nil
	case "":
		return n, errors.New("no node of the cluster holds the slot of the counters")
	}
	n.close()
	return s.newNode(address, n.key, s.fail)
}

// greet asks a server what it is and which role it has. One that does not know the
// question is a Redis by itself.
func greet(ctx context.Context, client rueidis.Client) (mode, role string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := client.Do(ctx, client.B().Arbitrary("HELLO", "3").Build()).AsMap()
	if _, refused := refusal(err); refused {
		return standalone, "", nil
	}
	if err != nil {
		return "", "", err
	}
	m, r := answer["mode"], answer["role"]
	mode, _ = m.ToString()
	role, _ = r.ToString()
	return mode, role, nil
}

func askSlots(ctx context.Context, client rueidis.Client, address string) (slots, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return readSlots(client.Do(ctx, client.B().ClusterSlots().Build()), address)
}

// errTried is met where a second Sentinel names a master that did not answer.
var errTried = errors.New("it did not answer a moment ago")

// sentinel is a connection to one Sentinel.
type sentinel struct {
	*group
	client rueidis.Client
}

// locateMasterBy asks a Sentinel for the master, and connects to it.
func (s *session) locateMasterBy(address string) error {
	asked, err := s.newSentinel(address)
	if err != nil {
		return err
	}
	master, err := asked.master(s.link.o.Sentinel)
	if err == nil {
		err = s.takeMaster(master)
	}
	if err != nil {
		asked.close()
		return err
	}
	s.mode, s.sentinel = sentinels, asked
	return nil
}

// takeMaster connects to what a Sentinel named, and believes it only where it is a
// master by its own word.
func (s *session) takeMaster(address string) error {
	if address == s.refused {
		return &placed{"master " + address, errTried}
	}
	n, err := s.newNode(address, s.link.Key("probe"), s.fail)
	if err != nil {
		s.refused = address
		return &placed{"master " + address, err}
	}
	_, role, err := greet(n.ctx, n.first)
	if err == nil && role != "" && role != "master" {
		err = fmt.Errorf("the sentinel names %s, which is a %s", address, role)
	}
	if err != nil {
		n.close()
		return err
	}
	s.main = n
	return nil
}

func (s *session) newSentinel(address string) (*sentinel, error) {
	a := &sentinel{group: newGroup(s.ctx, s.link.o.Timeout, func(error) {})}
	var err error
	if a.client, err = a.connect(address, s.link.sentinelLogin, s.encryption, 0); err != nil {
		a.close()
		return nil, err
	}
	return a, a.seal()
}

// master is the address that a Sentinel gives for a name.
func (a *sentinel) master(name string) (string, error) {
	ctx, cancel := context.WithTimeout(a.ctx, askTimeout)
	defer cancel()
	answer, err := a.client.Do(ctx, a.client.B().SentinelGetMasterAddrByName().Master(name).Build()).AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err):
		return "", fmt.Errorf("the sentinel knows no master %q", name)
	case err != nil:
		return "", fmt.Errorf("asking a sentinel for the master: %w", err)
	case len(answer) != 2:
		return "", errors.New("asking a sentinel for the master: the answer is no address")
	}
	return net.JoinHostPort(answer[0], answer[1]), nil
}

// survey is done every second: whoever knows is asked whether the master is still
// the same, and nodes that are wanted are connected.
func (s *session) survey() {
	if s.mode == sentinels {
		s.surveySentinel()
	}
	if s.mode == cluster {
		s.surveyCluster()
		s.reach()
	}
}

// surveySentinel asks the Sentinel that named the master, or, where it is gone, the
// next one. That no Sentinel answers says nothing of Redis.
func (s *session) surveySentinel() {
	if s.sentinel == nil {
		s.link.turn.Add(1)
		asked, err := s.newSentinel(s.link.host())
		if err != nil {
			return
		}
		s.sentinel = asked
	}
	master, err := s.sentinel.master(s.link.o.Sentinel)
	if err != nil {
		s.sentinel.close()
		s.sentinel = nil
		return
	}
	if master != s.main.address {
		s.fail("the sentinels name another master")
	}
}

// surveyCluster asks the main node who holds what.
func (s *session) surveyCluster() {
	c := s.main.pick()
	table, err := askSlots(s.ctx, c.client, s.main.address)
	if err != nil {
		return
	}
	if table.master(slotOf(s.main.key)) != s.main.address {
		s.fail("another node of the cluster holds the slot of the counters")
		return
	}
	s.slots.Store(&table)
}
