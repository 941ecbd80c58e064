package alert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// mailer delivers mails through one SMTP server, RFC 5321. It is safe for
// concurrent use. Each delivery has a connection of its own.
//
// Messages are composed by go-mail, and sent with its SMTP client command by
// command: its own Send gives up on all recipients when one is refused, and
// leaves connections open on which it failed.
type mailer struct {
	server, host, port string
	from               *mail.Address
	username, password string // templates
	secret             func(template string) (secret.Secret, error)
	dial               func(ctx context.Context, network, address string) (net.Conn, error)
	roots              *x509.CertPool
}

func newMailer(o *Options) (*mailer, error) {
	c := o.Config.SMTP
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, fmt.Errorf("reading the server's address: %w", err)
	}
	from, err := parseAddress(c.From)
	if err != nil {
		return nil, err
	}
	return &mailer{
		server: c.Server, host: host, port: port, from: from,
		username: c.Username, password: c.Password,
		secret: o.Secret, dial: o.dial, roots: o.roots,
	}, nil
}

// deliver sends a letter to its recipients. It takes no longer than ctx.
func (m *mailer) deliver(ctx context.Context, l letter) result {
	credentials, hidden, err := m.credentials()
	if err != nil {
		return result{left: l.recipients, trouble: cleaned(err.Error())}
	}
	message, to, err := m.compose(l)
	if err != nil {
		return result{left: l.recipients, hold: true, trouble: cleaned(err.Error())}
	}
	s, err := m.open(ctx)
	if err == nil {
		defer s.close()
		err = s.authenticate(credentials)
	}
	if err == nil {
		err = s.begin(m.from.Address, to)
	}
	if err != nil {
		lasting := isRefusal(err) || errors.Is(err, errPlainPassword) || errors.Is(err, errNoAuth)
		return result{left: l.recipients, hold: lasting, trouble: hidden.describe(err)}
	}
	r, err := s.send(message, l.recipients, to)
	if err != nil {
		r.trouble = hidden.describe(err)
	}
	return r
}

// compose makes the message, and gives the bare addresses of its recipients.
func (m *mailer) compose(l letter) (*gomail.Msg, []string, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(m.from)
	to := make([]*mail.Address, len(l.recipients))
	bare := make([]string, len(l.recipients))
	for i, text := range l.recipients {
		a, err := parseAddress(text)
		if err != nil {
			return nil, nil, err
		}
		to[i], bare[i] = a, a.Address
	}
	message.ToMailAddress(to...)
	message.Subject(l.subject)
	message.SetDateWithValue(l.date)
	domain := m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	if !isASCII(domain) || strings.ContainsAny(domain, "[]") {
		domain = "signpost.invalid"
	}
	message.SetMessageIDWithValue(l.id + "@" + domain)
	// RFC 3834, section 5: so that no absence note comes back.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, l.text)
	return message, bare, nil
}

// credentials gives user name and password as they are now, or nil where there
// are none, and what of it must not be seen.
func (m *mailer) credentials() (*credentials, hidden, error) {
	if m.username == "" {
		return nil, nil, nil
	}
	username, err := m.secret(m.username)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the user name: %w", err)
	}
	password, err := m.secret(m.password)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the password: %w", err)
	}
	h := hidden{password}
	if strings.Contains(m.username, "{") {
		h = append(h, username)
	}
	return &credentials{username, password}, h, nil
}

// credentials are what a server wants to see.
type credentials struct{ username, password secret.Secret }

// isRefusal tells whether a server said no for good: RFC 5321, section 4.2.1.
func isRefusal(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code >= 500
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
