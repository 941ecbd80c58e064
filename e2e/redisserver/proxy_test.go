//go:build e2e

package redisserver

import (
	"testing"
	"time"
)

// ping asks through a Proxy, and gives how long it took.
func ping(p *Proxy) (time.Duration, error) {
	began := time.Now()
	_, err := ask(p.Addr(), []string{"PING"})
	return time.Since(began), err
}

func TestABadNetworkIsLateDripsIsSilentOrBreaks(t *testing.T) {
	t.Parallel()
	p := StartProxy(t, Start(t).Addr())
	for _, bad := range []struct {
		name    string
		make    func()
		atLeast time.Duration // 0: it breaks
	}{
		{"late", func() { p.Delay(30 * time.Millisecond) }, 30 * time.Millisecond},
		{"dripping", func() { p.Drip(10 * time.Millisecond) }, time.Duration(len("+PONG\r\n")) * 10 * time.Millisecond},
		{"broken", p.Break, 0},
	} {
		if took, err := ping(p); err != nil {
			t.Errorf("before it is %s: %v after %s", bad.name, err, took)
		}
		bad.make()
		took, err := ping(p)
		if (err != nil) != (bad.atLeast == 0) || took < bad.atLeast {
			t.Errorf("%s: %v after %s, want at least %s", bad.name, err, took, bad.atLeast)
		}
		p.Pass()
	}
	p.Silence()
	answered := make(chan error, 1)
	go func() {
		_, err := ping(p)
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Errorf("silent: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	p.Pass()
	if err := <-answered; err != nil {
		t.Errorf("what was held up does not come: %v", err)
	}
	if n := p.Accepted(); n != 7 {
		t.Errorf("%d connections were accepted, want 7", n)
	}
}

func TestConnectionsThatAreResetCanBeMadeAnew(t *testing.T) {
	t.Parallel()
	p := StartProxy(t, Start(t).Addr())
	p.Silence()
	answered := make(chan error, 1)
	go func() {
		_, err := ping(p)
		answered <- err
	}()
	for p.Accepted() == 0 {
		time.Sleep(step)
	}
	for { // It is accepted a moment before it can be reset.
		p.ResetAll()
		select {
		case err := <-answered:
			if err == nil {
				t.Error("a connection that was reset answers")
			}
			p.Pass()
			if _, err := ping(p); err != nil {
				t.Errorf("anew: %v", err)
			}
			return
		case <-time.After(step):
		}
	}
}

func TestAProxyEndsWithItsTestAlsoWhileItIsSilent(t *testing.T) {
	t.Parallel()
	s := Start(t)
	answered := make(chan error, 1)
	t.Run("silent", func(t *testing.T) {
		p := StartProxy(t, s.Addr())
		p.Silence()
		go func() {
			_, err := ping(p)
			answered <- err
		}()
		for p.Accepted() == 0 {
			time.Sleep(step)
		}
	})
	if err := <-answered; err == nil {
		t.Error("what was held up came although the test was over")
	}
}
