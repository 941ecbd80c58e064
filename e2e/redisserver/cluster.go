package redisserver

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// slots is how many there are in a Cluster.
const slots = 16384

// Cluster is a Redis Cluster of three masters, each with a replica that takes its
// place when it is away for a second.
type Cluster struct {
	Masters, Replicas []*Server // Replicas[i] begins as that of Masters[i]
}

// StartCluster runs a Cluster until the test ends, and waits until it serves every
// slot. directives are for all nodes.
func StartCluster(t testing.TB, directives ...string) *Cluster {
	t.Helper()
	c := new(Cluster)
	for range 3 {
		c.Masters = append(c.Masters, startNode(t, directives))
		c.Replicas = append(c.Replicas, startNode(t, directives))
	}
	first := c.Masters[0]
	for i, master := range c.Masters {
		master.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		master.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/3), strconv.Itoa((i+1)*slots/3-1))
	}
	for _, node := range c.nodes()[1:] {
		node.Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(first.port), strconv.Itoa(first.bus))
	}
	for _, node := range c.nodes() {
		node.await("its view of the Cluster", func() error { return node.sees(len(c.nodes())) })
	}
	for i, replica := range c.Replicas {
		replica.Do("CLUSTER", "REPLICATE", c.Masters[i].Do("CLUSTER", "MYID").Text)
	}
	for _, replica := range c.Replicas {
		replica.await("its link to the master", func() error { return replica.says("master_link_status", "up") })
	}
	for _, master := range c.Masters {
		master.await("its replica", func() error { return master.says("connected_slaves", "1") })
	}
	return c
}

// startNode runs a node that nobody knows yet.
func startNode(t testing.TB, directives []string) *Server {
	t.Helper()
	// The port of the nodes among themselves would else be higher by 10,000, and
	// that is not always a port.
	bus := freePort(t)
	node := Start(t, append([]string{
		"cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 1000", "cluster-port " + strconv.Itoa(bus),
	}, directives...)...)
	node.bus = bus
	return node
}

func (c *Cluster) nodes() []*Server { return append(append([]*Server{}, c.Masters...), c.Replicas...) }

// sees tells whether a node knows all others, and that all slots are served.
func (s *Server) sees(nodes int) error {
	reply, err := s.Try("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	for _, want := range []string{"cluster_state:ok", fmt.Sprintf("cluster_known_nodes:%d", nodes)} {
		if !strings.Contains(reply.Text, want+"\r\n") {
			return fmt.Errorf("it does not say %s", want)
		}
	}
	return nil
}

// URL is the addresses of the masters as one redis://.
func (c *Cluster) URL() string {
	var hosts []string
	for _, master := range c.Masters {
		hosts = append(hosts, master.Addr())
	}
	return "redis://" + strings.Join(hosts, ",")
}

// Owner is the number of the master that began with the slot of a key.
func (c *Cluster) Owner(key string) int {
	c.Masters[0].t.Helper()
	slot, err := strconv.Atoi(c.Replicas[0].Do("CLUSTER", "KEYSLOT", key).Text)
	if err != nil {
		c.Masters[0].t.Fatalf("asking for the slot of %q: %v", key, err)
	}
	owner := 0
	for slot >= (owner+1)*slots/3 {
		owner++
	}
	return owner
}

// AwaitPromotion waits until a replica, by number, is a master and serves, as the
// nodes that are left agree.
func (c *Cluster) AwaitPromotion(replica int) {
	node := c.Replicas[replica]
	node.t.Helper()
	node.await("its promotion", func() error {
		if err := node.says("role", "master"); err != nil {
			return err
		}
		return node.sees(len(c.nodes()))
	})
}
