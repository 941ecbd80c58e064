package redisserver

import (
	"fmt"
	"strings"
	"testing"
)

// MasterName is the name under which Sentinels know their master.
const MasterName = "signpost"

// Watched is a master with its replicas, and three Sentinels that watch them. When
// the master is away for half a second, two of them make a replica the master.
type Watched struct {
	Servers   []*Server // the first is the first master
	Sentinels []*Server
}

// StartWatched runs a master, replicas and three Sentinels until the test ends, and
// waits until all know each other. directives are for the master and its replicas.
func StartWatched(t testing.TB, replicas int, directives ...string) *Watched {
	t.Helper()
	w := &Watched{Servers: []*Server{Start(t, directives...)}}
	master := w.Servers[0]
	for range replicas {
		replica := Start(t, directives...)
		replica.Follow(master)
		w.Servers = append(w.Servers, replica)
	}
	for range 3 {
		w.Sentinels = append(w.Sentinels, run(t, []string{"--sentinel"},
			fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 2", MasterName, master.port),
			"sentinel down-after-milliseconds "+MasterName+" 500",
			"sentinel failover-timeout "+MasterName+" 3000",
		))
	}
	for _, sentinel := range w.Sentinels {
		sentinel.await("what it knows of the others", func() error { return knows(sentinel, replicas) })
	}
	return w
}

// knows tells whether a Sentinel sees the other two and all replicas.
func knows(sentinel *Server, replicas int) error {
	if _, err := sentinel.Try("SENTINEL", "CKQUORUM", MasterName); err != nil {
		return err
	}
	reply, err := sentinel.Try("SENTINEL", "MASTER", MasterName)
	if err != nil {
		return err
	}
	fields := make(map[string]string)
	for i := 0; i+1 < len(reply.List); i += 2 {
		fields[reply.List[i].Text] = reply.List[i+1].Text
	}
	if fields["num-other-sentinels"] != "2" || fields["num-slaves"] != fmt.Sprint(replicas) || fields["flags"] != "master" {
		return fmt.Errorf("it sees %s Sentinels, %s replicas, and a master that is %s", fields["num-other-sentinels"], fields["num-slaves"], fields["flags"])
	}
	return nil
}

// URL is the addresses of the Sentinels as one redis://.
func (w *Watched) URL() string {
	var hosts []string
	for _, sentinel := range w.Sentinels {
		hosts = append(hosts, sentinel.Addr())
	}
	return "redis://" + strings.Join(hosts, ",")
}

// Master is the server that most Sentinels say is the master.
func (w *Watched) Master() *Server {
	votes := make(map[string]int)
	for _, sentinel := range w.Sentinels {
		if reply, err := sentinel.Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName); err == nil && len(reply.List) == 2 {
			votes[reply.List[0].Text+":"+reply.List[1].Text]++
		}
	}
	for _, server := range w.Servers {
		if votes[server.Addr()] > len(w.Sentinels)/2 {
			return server
		}
	}
	return nil
}

// AwaitMaster waits until the Sentinels have another master than before, which takes
// writes, and gives it.
func (w *Watched) AwaitMaster(before *Server) (master *Server) {
	sentinel := w.Sentinels[0]
	sentinel.t.Helper()
	sentinel.await("another master", func() error {
		if master = w.Master(); master == nil || master == before {
			return fmt.Errorf("the master is still that at %s", before.Addr())
		}
		return master.says("role", "master")
	})
	return master
}
