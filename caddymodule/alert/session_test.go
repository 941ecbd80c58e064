package alert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/signpost-gateway/signpost/policy/secret"
)

func TestAServerThatMisbehavesIsTriedAgainWithinItsTime(t *testing.T) {
	const ehlo = "250 mail.example.com\r\n"
	for name, c := range map[string]struct {
		lines []string
		want  string
		hold  bool
	}{
		"hangs before it greets":   {want: "reading the greeting: "},
		"hangs after the greeting": {lines: []string{"220 hello\r\n"}, want: "greeting: "},
		"hangs at MAIL":            {lines: []string{"220 hello\r\n", ehlo}, want: "naming the sender: "},
		"hangs at DATA":            {lines: []string{"220 hello\r\n", ehlo, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n"}, want: "beginning the message: "},
		"hangs after the message": {
			lines: []string{"220 hello\r\n", ehlo, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "354 go on\r\n"},
			want:  "ending the message: ",
		},
		"hangs in STARTTLS":         {lines: []string{"220 hello\r\n", "250-mail\r\n250 STARTTLS\r\n", "220 go on\r\n"}, want: "beginning TLS: "},
		"is no SMTP server":         {lines: []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, want: "reading the greeting: "},
		"sends bytes of all kinds":  {lines: []string{"\x00\xff\x1b[2J\r\n"}, want: "reading the greeting: "},
		"sends without end":         {lines: []string{strings.Repeat("x", 2*maxServerBytes)}, want: "reading the greeting: the server sent more than"},
		"is busy":                   {lines: []string{"421 4.3.2 busy\r\n"}, want: `reading the greeting: 421 "4.3.2 busy"`},
		"wants no mail":             {lines: []string{"554 5.3.2 no mail here\r\n"}, want: `reading the greeting: 554 "5.3.2 no mail here"`, hold: true},
		"refuses us":                {lines: []string{"220 hello\r\n", ehlo, "550 5.7.1 not from you\r\n"}, want: `naming the sender: 550 "5.7.1 not from you"`, hold: true},
		"is over quota":             {lines: []string{"220 hello\r\n", ehlo, "452 4.2.2 later\r\n"}, want: `naming the sender: 452 "4.2.2 later"`},
		"answers what was not said": {lines: []string{"220 hello\r\n", ehlo, "220 hello\r\n"}, want: `naming the sender: 220 "hello"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mailerTo(t, "mail.example.com:25", scripted(t, c.lines...), SMTP{}, nil, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if !strings.HasPrefix(name, "hangs") {
				ctx = patiently(t)
			}
			start := time.Now()
			r := m.deliver(ctx, toAnn())
			if took := time.Since(start); took > deliveryPatience/2 {
				t.Errorf("it took %v", took)
			}
			if !strings.HasPrefix(r.trouble, c.want) || r.hold != c.hold || !slices.Equal(r.left, toAnn().recipients) || !isPlain(r.trouble) {
				t.Errorf("got %+v, want %q and hold %t", r, c.want, c.hold)
			}
		})
	}
}

func TestAMailThatWasTakenCountsHoweverTheServerSaysGoodbye(t *testing.T) {
	m := mailerTo(t, "mail.example.com:25", scripted(t,
		"220 hello\r\n", "250 mail\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "354 go on\r\n"+"250 taken\r\n"), SMTP{}, nil, nil)
	if r := m.deliver(patiently(t), toAnn()); !reflect.DeepEqual(r, result{}) {
		t.Errorf("got %+v", r)
	}
}

func TestCloseWaitsForNoServerAndLeavesNothingRunning(t *testing.T) {
	for _, lines := range [][]string{nil, {"220 hello\r\n", "250 mail\r\n", "250 ok\r\n", "250 ok\r\n"}} {
		address := scripted(t, lines...)
		before := runtime.NumGoroutine()
		s, err := New(Options{
			Config: &Config{
				SMTP:    &SMTP{Server: "mail.example.com:25", From: "signpost@example.com"},
				Webhook: "http://hooks.example.com/",
			},
			Recipients: map[string][]string{"store": {"ann@example.com"}},
			Book:       NewBook(), Log: quietLog, dial: dialing(address),
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		s.Failed(timedOut("store"))
		waitUntil(t, func() bool { st := s.Status(); return len(st) == 1 && st[0].Pending == 2 })
		start := time.Now()
		s.Close()
		if took := time.Since(start); took > closePatience/2 {
			t.Errorf("close took %v", took)
		}
		// The scripted server has a goroutine for each of the two connections.
		waitUntil(t, func() bool { return runtime.NumGoroutine() <= before+2 })
	}
}

// waitUntil waits for something that happens soon.
func waitUntil(t testing.TB, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(deliveryPatience); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

func TestReadingStopsAtItsBound(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	go func() { _, _ = server.Write(make([]byte, 10)) }()
	got, err := io.ReadAll(&boundedConn{Conn: client, left: 7})
	if len(got) != 7 || !errors.Is(err, errTalkative) {
		t.Errorf("got %d bytes and %v", len(got), err)
	}
}

func TestAShortSecretKeepsTheWordsOfTheServerOut(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&textproto.Error{Code: 535, Msg: "5.7.8 not with abc"}, "the server answered 535 5.7.8"},
		{fmt.Errorf("naming the sender: %w", &textproto.Error{Code: 421, Msg: "abc"}), "the server answered 421"},
		{textproto.ProtocolError("malformed: abc"), "talking to the server did not succeed"},
		{fmt.Errorf("authenticating: %w", errNoAuth), "authenticating: " + errNoAuth.Error()},
		{fmt.Errorf("connecting: %w", context.Canceled), "called off"},
		{fmt.Errorf("connecting: %w", os.ErrDeadlineExceeded), "the server did not answer in time"},
		{fmt.Errorf("reading: %w", io.EOF), "the server closed the connection"},
	} {
		if got := (hidden{secret.New("abc")}).describe(c.err); got != c.want {
			t.Errorf("got %q for %v, want %q", got, c.err, c.want)
		}
	}
}

func TestSMTPUTF8IsAskedForOnlyWhereAnAddressNeedsIt(t *testing.T) {
	for to, want := range map[string]bool{"ann@example.com": false, "änn@example.com": true} {
		asked := make(chan bool, 1)
		server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return utf8Session{asked}, nil }))
		server.EnableSMTPUTF8 = true
		listener := listen(t)
		ended := make(chan struct{})
		go func() { defer close(ended); _ = server.Serve(listener) }()
		m := mailerTo(t, "mail.example.com:25", listener.Addr().String(), SMTP{}, nil, nil)
		r := m.deliver(patiently(t), letter{id: "ABC", recipients: []string{to}, subject: "s", text: "t"})
		_ = server.Close()
		<-ended
		if got := <-asked; got != want || r.trouble != "" {
			t.Errorf("%s: got it asked for %t and %+v, want %t", to, got, r, want)
		}
	}
}

// utf8Session tells whether MAIL asked for SMTPUTF8.
type utf8Session struct{ asked chan bool }

func (utf8Session) Reset()                               {}
func (utf8Session) Logout() error                        { return nil }
func (utf8Session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (utf8Session) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func (s utf8Session) Mail(_ string, o *smtp.MailOptions) error {
	s.asked <- o.UTF8
	return nil
}
