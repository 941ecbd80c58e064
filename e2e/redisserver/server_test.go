//go:build e2e

package redisserver

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAServerKeepsWhatItIsToldUntilItIsKilled(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Do("SET", "a", "b")
	if got := s.Do("GET", "a").Text; got != "b" {
		t.Errorf("GET gives %q, want b", got)
	}
	s.Kill()
	if reply, err := s.Try("GET", "a"); err == nil {
		t.Errorf("a killed server replies %q", reply)
	}
	s.Restart()
	if got := s.Do("EXISTS", "a").Text; got != "0" {
		t.Errorf("a server that was started anew has %q of what it knew, want 0", got)
	}
}

func TestAPausedServerAnswersWhenItGoesOn(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Pause()
	answered := make(chan error, 1)
	go func() {
		_, err := s.Try("PING")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Errorf("a paused server answers: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	s.Resume()
	if err := <-answered; err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestDirectivesUsersAndPasswordsAreTheServers(t *testing.T) {
	t.Parallel()
	s := Start(t, "maxmemory 4mb", "requirepass sesame")
	if reply, err := s.Try("PING"); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a password: %q, %v", reply, err)
	}
	s.As("default", "sesame")
	if got := s.Info("maxmemory"); got != "4194304" {
		t.Errorf("maxmemory is %q, want 4194304", got)
	}
	if n := s.Clients(); n != 0 {
		t.Errorf("there are %d connections, want none", n)
	}
	s.As("default", "wrong")
	if reply, err := s.Try("PING"); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("with a wrong password: %q, %v", reply, err)
	}
}

func TestAReplicaFollowsRefusesWritesAndLeads(t *testing.T) {
	t.Parallel()
	master, replica := Start(t), Start(t)
	master.Do("SET", "a", "b")
	replica.Follow(master)
	if got := replica.Do("GET", "a").Text; got != "b" {
		t.Errorf("the replica has %q, want b", got)
	}
	if reply, err := replica.Try("SET", "a", "c"); err == nil || !strings.Contains(err.Error(), "READONLY") {
		t.Errorf("the replica takes a write: %q, %v", reply, err)
	}
	replica.Lead()
	replica.Do("SET", "a", "c")
}

func TestSentinelsMakeAReplicaTheMaster(t *testing.T) {
	t.Parallel()
	w := StartWatched(t, 1)
	first := w.Master()
	if first != w.Servers[0] {
		t.Fatalf("the master is %v, want that which was started as one", first)
	}
	first.Kill()
	began := time.Now()
	second := w.AwaitMaster(first)
	t.Logf("another master after %s", time.Since(began).Round(time.Millisecond))
	second.Do("SET", "a", "b")
}

func TestAClusterServesAllSlotsAlsoWithoutAMaster(t *testing.T) {
	t.Parallel()
	c := StartCluster(t)
	for key, slot := range map[string]string{"{signpost}:x": "", "a": "15495", "b": "3300", "c": "7365"} {
		if got := c.Masters[0].Do("CLUSTER", "KEYSLOT", key).Text; slot != "" && got != slot {
			t.Errorf("the slot of %q is %s, want %s", key, got, slot)
		}
		c.Masters[c.Owner(key)].Do("SET", key, "1")
	}
	owner := c.Owner("a")
	c.Replicas[owner].await("the write", func() error {
		reply, err := c.Replicas[owner].Try("DBSIZE")
		if err == nil && reply.Text == "0" {
			err = errors.New("there is none")
		}
		return err
	})
	c.Masters[owner].Kill()
	began := time.Now()
	c.AwaitPromotion(owner)
	t.Logf("a replica is master after %s", time.Since(began).Round(time.Millisecond))
	if got := c.Replicas[owner].Do("GET", "a").Text; got != "1" {
		t.Errorf("the replica has %q, want 1", got)
	}
}
