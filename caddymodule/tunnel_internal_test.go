package caddymodule

import (
	"bufio"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// thirdParty is a transport that answers without a network.
type thirdParty func(*http.Request) (*http.Response, error)

func (f thirdParty) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says is a third party with a body of that length.
func says(length int) thirdParty {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: make(http.Header), ContentLength: int64(length), Body: io.NopCloser(strings.NewReader(strings.Repeat("x", length))),
		}, nil
	}
}

// hijackable is a writer that gives its connection away.
type hijackable struct {
	http.ResponseWriter
	conn net.Conn
}

func (w hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// halfOpen is a connection that can be closed for writing alone, and tells
// whether it was.
type halfOpen struct {
	net.Conn
	closed atomic.Bool
}

func (c *halfOpen) CloseWrite() error {
	c.closed.Store(true)
	return nil
}

// tunnelled is a tunnel on a pipe, whose clock is the test's.
type tunnelled struct {
	t    *testing.T
	h    *Handler
	bot  net.Conn
	conn *halfOpen // the gateway's end
	from *bufio.Reader
	over chan struct{} // closed when the handler of the CONNECT has returned
}

// newTunnelled opens a tunnel. It is for synctest.
func newTunnelled(t *testing.T, upstream http.RoundTripper) *tunnelled {
	t.Helper()
	gateway, err := policy.New(policy.Spec{
		Plans:    []policy.Plan{{Name: "default", RateLimitOff: true}},
		Policies: []policy.PolicySpec{{Name: "api", BaseURL: "http://api.example"}},
	}, policy.Options{Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return upstream, nil }})
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	x := &tunnelled{t: t, over: make(chan struct{})}
	x.h = &Handler{gateway: gateway, Tenant: &TenantSource{Header: defaultTenantHeader}, tunnels: newTunnels(), quiet: log.New(io.Discard, "", 0)}
	bot, conn := net.Pipe()
	x.bot, x.conn = bot, &halfOpen{Conn: conn}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, "//api.example:80", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(x.over)
		if err := x.h.ServeHTTP(hijackable{conn: x.conn}, r, nil); err != nil {
			t.Errorf("opening the tunnel: %v", err)
		}
	}()
	x.from = bufio.NewReader(x.bot)
	got := make([]byte, len(established))
	if _, err := io.ReadFull(x.from, got); err != nil || string(got) != established {
		t.Fatalf("CONNECT gave %q (%v), want %q", got, err, established)
	}
	return x
}

// ask calls the third party, and reads the answer whole.
func (x *tunnelled) ask() {
	x.t.Helper()
	io.WriteString(x.bot, "GET /x HTTP/1.1\r\nHost: api.example\r\n\r\n")
	resp, err := http.ReadResponse(x.from, nil)
	if err != nil || resp.StatusCode != 200 {
		x.t.Fatalf("got %+v and %v, want 200", resp, err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		x.t.Fatal(err)
	}
}

// endsAfter checks how long the gateway holds the tunnel from now on.
func (x *tunnelled) endsAfter(want time.Duration) {
	x.t.Helper()
	began := time.Now()
	<-x.over
	if took := time.Since(began); took != want {
		x.t.Errorf("the tunnel ended after %v, want %v", took, want)
	}
	if len(x.h.tunnels.open) != 0 {
		x.t.Error("a tunnel that is over is still kept")
	}
}

func TestATunnelEndsWhenTheBotLeavesItIdle(t *testing.T) {
	for name, tc := range map[string]struct {
		say  func(*tunnelled)
		want time.Duration
	}{
		"without a byte":       {func(*tunnelled) {}, 2 * time.Minute},
		"after a request":      {func(x *tunnelled) { x.ask() }, 2 * time.Minute},
		"in its first header":  {func(x *tunnelled) { io.WriteString(x.bot, "GET /x HT") }, 30 * time.Second},
		"in its second header": {func(x *tunnelled) { x.ask(); io.WriteString(x.bot, "GET /x HT") }, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTunnelled(t, says(10))
				tc.say(x)
				if strings.Contains(name, "header") {
					go io.Copy(io.Discard, x.from)
				}
				synctest.Wait()
				x.endsAfter(tc.want)
			})
		})
	}
}

func TestATunnelIsNotIdleWhileItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTunnelled(t, says(10))
		for range 20 {
			time.Sleep(tunnelIdle - time.Second)
			x.ask()
		}
		x.bot.Close()
		x.endsAfter(0)
	})
}

func TestABotThatTakesNothingOfAnAnswerLosesItsTunnel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTunnelled(t, says(1<<20))
		io.WriteString(x.bot, "GET /x HTTP/1.1\r\nHost: api.example\r\n\r\n")
		x.endsAfter(tunnelIdle)
	})
}

func TestABotThatIsRefusedForTLSGetsToSendWhatItHasBegun(t *testing.T) {
	for name, tc := range map[string]struct {
		length int
		cut    bool // not all of it is read
	}{"a handshake": {2000, false}, "much more": {tunnelRest - 1, false}, "too much": {tunnelRest + 100_000, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTunnelled(t, says(10))
				sent := make(chan error)
				go func() {
					_, err := io.WriteString(x.bot, "\x16"+strings.Repeat("h", tc.length-1))
					sent <- err
				}()
				resp, err := http.ReadResponse(x.from, nil)
				if err != nil || resp.StatusCode != 403 || !resp.Close {
					t.Fatalf("got %+v and %v, want a 403 that closes", resp, err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Fatal(err)
				}
				if err := <-sent; (err != nil) != tc.cut {
					t.Errorf("sending ended with %v, want an error: %t", err, tc.cut)
				}
				if !x.conn.closed.Load() {
					t.Error("the bot was not told that nothing more comes")
				}
				if tc.cut {
					x.endsAfter(0)
				} else {
					x.endsAfter(lingering)
				}
			})
		})
	}
}

func TestCleaningUpEndsTunnelsInEveryState(t *testing.T) {
	answering := make(chan struct{})
	slow := thirdParty(func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(3 * time.Second):
			close(answering)
			return says(10)(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	})
	t.Run("no request yet", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := newTunnelled(t, slow)
			synctest.Wait()
			x.cleanUp()
			x.endsAfter(0)
		})
	})
	t.Run("half a request", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := newTunnelled(t, slow)
			io.WriteString(x.bot, "GET /x HT")
			synctest.Wait()
			x.cleanUp()
			x.endsAfter(0)
		})
	})
	t.Run("a call in flight", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			answering = make(chan struct{})
			x := newTunnelled(t, slow)
			io.WriteString(x.bot, "GET /x HTTP/1.1\r\nHost: api.example\r\n\r\n")
			synctest.Wait()
			x.cleanUp()
			began := time.Now()
			waited := make(chan time.Duration)
			go func() {
				x.h.tunnels.wait(exitPatience)
				waited <- time.Since(began)
			}()
			resp, err := http.ReadResponse(x.from, nil)
			if err != nil || resp.StatusCode != 200 || !resp.Close {
				t.Fatalf("got %+v and %v, want a 200 that closes", resp, err)
			}
			io.Copy(io.Discard, resp.Body)
			<-answering
			if took := <-waited; took != 3*time.Second {
				t.Errorf("whoever waits for the tunnels waited %v, want until the call was answered", took)
			}
			x.endsAfter(0)
		})
	})
	t.Run("a call that goes on for too long", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			endless, end := io.Pipe()
			x := newTunnelled(t, thirdParty(func(r *http.Request) (*http.Response, error) {
				resp, err := says(0)(r)
				resp.ContentLength, resp.Body = -1, endless
				return resp, err
			}))
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					if _, err := io.WriteString(end, "data: x\n\n"); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			io.WriteString(x.bot, "GET /x HTTP/1.1\r\nHost: api.example\r\n\r\n")
			go io.Copy(io.Discard, x.from)
			synctest.Wait()
			x.cleanUp()
			began := time.Now()
			x.h.tunnels.wait(exitPatience)
			if took := time.Since(began); took != exitPatience {
				t.Errorf("whoever waits for the tunnels waited %v, want %v", took, exitPatience)
			}
			x.bot.Close()
			<-x.over
			<-stopped
		})
	})
}

// cleanUp does what a reload does, twice.
func (x *tunnelled) cleanUp() {
	x.t.Helper()
	if err := errors.Join(x.h.Cleanup(), x.h.Cleanup()); err != nil {
		x.t.Error(err)
	}
}

func TestNoTunnelIsOpenedOnceTheSiteIsCleanedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTunnelled(t, says(10))
		x.cleanUp()
		x.endsAfter(0)
		bot, conn := net.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, "//api.example:80", nil)
		if err != nil {
			t.Fatal(err)
		}
		go x.h.ServeHTTP(hijackable{conn: conn}, r, nil)
		if said, err := io.ReadAll(bot); len(said) > 0 || err != nil {
			t.Errorf("the bot got %q and %v, want a closed connection", said, err)
		}
	})
}

func TestAHandlerThatWasNeverProvisionedIsCleanedUp(t *testing.T) {
	if err := new(Handler).Cleanup(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}
