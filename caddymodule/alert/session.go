package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/signpost-gateway/signpost/policy/secret"
)

const (
	// maxServerBytes is how much an SMTP server may send in a session: replies
	// are short, a chain of certificates is a few KiB.
	maxServerBytes = 256 << 10

	// quitPatience is how long a server may take to say goodbye.
	quitPatience = time.Second
)

var (
	// errPlainPassword is the error of a password that would leave this machine
	// for everyone to read.
	errPlainPassword = errors.New("the server offers no STARTTLS, and a password is sent in the clear to this machine only")

	// errNoAuth is the error of a server with which go no user name and password.
	errNoAuth = errors.New("the server offers neither AUTH PLAIN nor AUTH LOGIN")

	// errTalkative is the error of a server that sends without end.
	errTalkative = fmt.Errorf("the server sent more than %d bytes", maxServerBytes)
)

// session is a connection to an SMTP server that greeted us.
type session struct {
	client    *smtp.Client
	conn      net.Conn
	host      string
	encrypted bool
	release   func() bool
}

// open connects, and begins TLS: at once on port 465, elsewhere where the
// server offers it, RFC 3207.
func (m *mailer) open(ctx context.Context) (_ *session, err error) {
	raw, err := m.dial(ctx, "tcp", m.server)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	conn := net.Conn(&boundedConn{Conn: raw, left: maxServerBytes})
	// The client knows no contexts. Closing the connection ends whatever waits.
	s := &session{conn: conn, host: m.host, release: context.AfterFunc(ctx, func() { _ = raw.Close() })}
	defer func() {
		if err != nil {
			s.release()
			_ = raw.Close()
		}
	}()
	if deadline, bounded := ctx.Deadline(); bounded {
		if err := raw.SetDeadline(deadline); err != nil {
			return nil, fmt.Errorf("setting the deadline: %w", err)
		}
	}
	security := &tls.Config{ServerName: m.host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}
	if m.port == implicitTLSPort {
		secured := tls.Client(conn, security)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("beginning TLS: %w", err)
		}
		conn, s.encrypted = secured, true
	}
	if s.client, err = smtp.NewClient(conn, m.host); err != nil {
		return nil, fmt.Errorf("reading the greeting: %w", err)
	}
	if err := s.client.Hello(ownName()); err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if offered, _ := s.client.Extension("STARTTLS"); offered && !s.encrypted {
		if err := s.client.StartTLS(security); err != nil {
			return nil, fmt.Errorf("beginning TLS: %w", err)
		}
		s.encrypted = true
	}
	return s, nil
}

// ownName is how we greet.
func ownName() string {
	name, err := os.Hostname()
	if err != nil || !isASCII(name) || !isPlain(name) || strings.Contains(name, " ") {
		return "localhost"
	}
	return name
}

// authenticate proves who we are, with the mechanism that the server offers,
// RFC 4954. Without credentials it does nothing.
func (s *session) authenticate(c *credentials) error {
	if c == nil {
		return nil
	}
	if !s.encrypted && !isThisMachine(s.host) {
		return fmt.Errorf("authenticating: %w", errPlainPassword)
	}
	_, offered := s.client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	var auth smtp.Auth
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		auth = smtp.PlainAuth("", c.username.Expose(), c.password.Expose(), s.host, true)
	case slices.Contains(mechanisms, "LOGIN"):
		auth = smtp.LoginAuth(c.username.Expose(), c.password.Expose(), s.host, true)
	default:
		return fmt.Errorf("authenticating: %w", errNoAuth)
	}
	if err := s.client.Auth(auth); err != nil {
		return fmt.Errorf("authenticating: %w", err)
	}
	return nil
}

// isThisMachine tells whether what is sent to a host stays here.
func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// begin names the sender of a message to some addresses.
func (s *session) begin(from string, to []string) error {
	// Servers further on may not know SMTPUTF8, RFC 6531; it is asked for only
	// where an address needs it.
	s.client.SkipSMTPUTF8(isASCII(from + strings.Join(to, "")))
	if err := s.client.Mail(enveloped(from)); err != nil {
		return fmt.Errorf("naming the sender: %w", err)
	}
	return nil
}

// enveloped is an address as MAIL and RCPT want it, quoted where it must be.
func enveloped(address string) string { return (&mail.Address{Address: address}).String() }

// send names the recipients, whose bare addresses are to, and sends the message
// to those that the server accepts. The result lacks its trouble, which is in
// the error.
func (s *session) send(message *gomail.Msg, recipients, to []string) (result, error) {
	var r result
	var accepted []string
	var troubles []error
	fail := func(err error, failed ...string) {
		troubles = append(troubles, err)
		if isRefusal(err) {
			r.refused = append(r.refused, failed...)
		} else {
			r.left = append(r.left, failed...)
		}
	}
	for i, address := range to {
		if err := s.client.Rcpt(enveloped(address)); err != nil {
			fail(fmt.Errorf("naming the recipient %s: %w", address, err), recipients[i])
		} else {
			accepted = append(accepted, recipients[i])
		}
	}
	if len(accepted) > 0 {
		if err := s.data(message); err != nil {
			fail(err, accepted...)
		}
	}
	return r, errors.Join(troubles...)
}

// data sends a message to the recipients that were accepted.
func (s *session) data(message *gomail.Msg) error {
	w, err := s.client.Data()
	if err != nil {
		return fmt.Errorf("beginning the message: %w", err)
	}
	if _, err := message.WriteTo(w); err != nil {
		return fmt.Errorf("sending the message: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("ending the message: %w", err)
	}
	return nil
}

// close says goodbye and ends the connection. What was sent is sent, so no
// error of it matters.
func (s *session) close() {
	_ = s.conn.SetDeadline(time.Now().Add(quitPatience))
	_ = s.client.Quit()
	s.release() // Not sooner: a Sender that closes waits for no goodbye.
	_ = s.conn.Close()
}

// boundedConn is a connection that can be read so far. It is read by one
// goroutine at a time.
type boundedConn struct {
	net.Conn
	left int
}

// Read reads, and fails when the bound is reached.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// hidden are the secrets that were sent, and that a server may echo.
type hidden []secret.Secret

// minHidden is the length in bytes from which a Scrubber finds a secret.
const minHidden = 8

// enhancedCode finds the code of RFC 3463 with which a reply begins.
var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// describe puts an error into one line without secrets. Where one is too short
// to be found, the words of the server are left out.
func (h hidden) describe(err error) string {
	if slices.ContainsFunc(h, func(s secret.Secret) bool { return len(s.Expose()) < minHidden }) {
		return h.briefly(err)
	}
	text := []byte(err.Error())
	secret.NewScrubber(h).Bytes(text)
	return cleaned(string(text))
}

// briefly describes an error in words of our own.
func (hidden) briefly(err error) string {
	var reply *textproto.Error
	var timeout net.Error
	switch {
	case errors.As(err, &reply):
		return strings.TrimSpace(fmt.Sprintf("the server answered %03d %s", reply.Code, enhancedCode.FindString(reply.Msg)))
	case errors.Is(err, errPlainPassword), errors.Is(err, errNoAuth):
		return cleaned(err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed):
		return "called off"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the server did not answer in time"
	case errors.Is(err, io.EOF):
		return "the server closed the connection"
	default:
		return "talking to the server did not succeed"
	}
}
