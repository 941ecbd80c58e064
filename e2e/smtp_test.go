//go:build e2e

package e2e

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// postOffice is a real SMTP server. It takes mails over STARTTLS alone, from
// those who log in, until it is told to behave otherwise.
type postOffice struct {
	net.Listener

	mu     sync.Mutex
	silent bool           // it accepts connections, and greets nobody
	reply  error          // to RCPT
	held   []net.Conn     // that were not greeted
	logins []string       // user and password
	mails  []receivedMail // that it took
}

// receivedMail is a mail that arrived.
type receivedMail struct {
	tls     bool
	from    string
	to      []string // as RCPT names them
	header  mail.Header
	subject string // decoded
	text    string // decoded
}

// mailUser and mailPassword open the post office.
const (
	mailUser     = "signpost-mailer"
	mailPassword = "password-of-the-post-office"
)

// openPostOffice starts a server that ends with the test.
func openPostOffice(t *testing.T, security *tls.Config) *postOffice {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	office := &postOffice{Listener: listener}
	server := smtp.NewServer(office)
	server.Domain, server.TLSConfig = "mail.example.com", security
	server.ErrorLog = log.New(io.Discard, "", 0)
	var ended sync.WaitGroup
	ended.Go(func() { _ = server.Serve(office) }) // It ends with the listener.
	t.Cleanup(func() {
		_ = server.Close()
		office.letGo()
		ended.Wait()
	})
	return office
}

// Accept gives the connections that are greeted.
func (o *postOffice) Accept() (net.Conn, error) {
	for {
		conn, err := o.Listener.Accept()
		if err != nil {
			return nil, err
		}
		o.mu.Lock()
		silent := o.silent
		if silent {
			o.held = append(o.held, conn)
		}
		o.mu.Unlock()
		if !silent {
			return conn, nil
		}
	}
}

// behave says whether the server greets, and how it answers RCPT.
func (o *postOffice) behave(silent bool, reply error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.silent, o.reply = silent, reply
}

// waiting is how many connections still wait for a greeting.
func (o *postOffice) waiting() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, conn := range o.held {
		// A client that waits says nothing; one that gave up has closed.
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			n++
		}
	}
	return n
}

// letGo ends the connections that were not greeted.
func (o *postOffice) letGo() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, conn := range o.held {
		_ = conn.Close()
	}
	o.held = nil
}

// received gives the mails, the first one first.
func (o *postOffice) received() []receivedMail {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]receivedMail(nil), o.mails...)
}

// awaitMails waits until at least so many mails have come, and gives all.
func (o *postOffice) awaitMails(t *testing.T, n int) []receivedMail {
	t.Helper()
	await(t, "the mail", func() bool { return len(o.received()) >= n })
	return o.received()
}

// NewSession begins to talk to a client.
func (o *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &mailSession{office: o, tls: encrypted}, nil
}

// mailSession is one client's.
type mailSession struct {
	office *postOffice
	tls    bool
	login  bool
	mail   receivedMail
}

// AuthMechanisms are those that a client may choose from. The server offers them
// over TLS alone.
func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth lets a client log in.
func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.office.mu.Lock()
		defer s.office.mu.Unlock()
		s.office.logins = append(s.office.logins, user+" "+password)
		if s.login = user == mailUser && password == mailPassword; !s.login {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

// Mail begins a mail.
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if !s.login {
		return smtp.ErrAuthRequired
	}
	s.mail = receivedMail{tls: s.tls, from: from}
	return nil
}

// Rcpt names a recipient.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.office.mu.Lock()
	defer s.office.mu.Unlock()
	if s.office.reply != nil {
		return s.office.reply
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

// Data takes the mail.
func (s *mailSession) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body := message.Body
	if strings.EqualFold(message.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return err
	}
	s.mail.header, s.mail.subject, s.mail.text = message.Header, subject, strings.ReplaceAll(string(text), "\r\n", "\n")
	s.office.mu.Lock()
	defer s.office.mu.Unlock()
	s.office.mails = append(s.office.mails, s.mail)
	return nil
}

// Reset forgets a mail that was begun.
func (s *mailSession) Reset() { s.mail = receivedMail{} }

// Logout ends the session.
func (s *mailSession) Logout() error { return nil }
