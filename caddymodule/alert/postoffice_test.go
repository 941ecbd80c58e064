package alert

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// postOffice is a real SMTP server on this machine.
type postOffice struct {
	login  bool                  // offers AUTH LOGIN alone
	auth   bool                  // offers AUTH at all
	refuse func(to string) error // answers RCPT
	rest   chan struct{}         // DATA waits for it, if there is one

	mu    sync.Mutex
	mails []postedMail
	users []string // who authenticated, as user:password
}

// postedMail is a mail that the office took.
type postedMail struct {
	from string
	to   []string
	raw  string
	tls  bool
}

// open starts the office and gives its address. It ends with the test.
func (o *postOffice) open(t testing.TB, security *tls.Config, implicit bool) string {
	t.Helper()
	listener := listen(t)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, encrypted := c.TLSConnectionState()
		s := &postSession{office: o, tls: encrypted}
		if o.auth {
			return &postAuthSession{s}, nil
		}
		return s, nil
	}))
	server.Domain = "mail.example.com"
	server.AllowInsecureAuth = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	serving := listener
	if implicit {
		serving = tls.NewListener(listener, security)
	} else {
		server.TLSConfig = security
	}
	var ended sync.WaitGroup
	ended.Go(func() { _ = server.Serve(serving) })
	t.Cleanup(func() {
		_ = server.Close()
		ended.Wait()
	})
	return listener.Addr().String()
}

// taken gives the mails that the office took.
func (o *postOffice) taken() []postedMail {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]postedMail(nil), o.mails...)
}

// known gives who authenticated.
func (o *postOffice) known() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.users, " ")
}

type postSession struct {
	office *postOffice
	mail   postedMail
	tls    bool
}

func (s *postSession) Reset()        { s.mail = postedMail{} }
func (s *postSession) Logout() error { return nil }

func (s *postSession) Mail(from string, _ *smtp.MailOptions) error {
	s.mail = postedMail{from: from, tls: s.tls}
	return nil
}

func (s *postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.office.refuse != nil {
		if err := s.office.refuse(to); err != nil {
			return err
		}
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *postSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.office.rest != nil {
		<-s.office.rest
	}
	s.mail.raw = string(raw)
	s.office.mu.Lock()
	s.office.mails = append(s.office.mails, s.mail)
	s.office.mu.Unlock()
	return nil
}

type postAuthSession struct{ *postSession }

func (s *postAuthSession) AuthMechanisms() []string {
	if s.office.login {
		return []string{sasl.Login}
	}
	return []string{sasl.Plain}
}

func (s *postAuthSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(username, password string) error {
		s.office.mu.Lock()
		s.office.users = append(s.office.users, username+":"+password)
		s.office.mu.Unlock()
		if password != "sesame-sesame" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not " + username + " with " + password}
		}
		return nil
	}
	if mechanism == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, username, password string) error { return check(username, password) }), nil
}

// loginServer is the server's side of AUTH LOGIN.
type loginServer struct {
	check    func(username, password string) error
	username string
	asked    int
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.username = string(response)
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.check(l.username, string(response))
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// scripted is a server that greets and then says its lines, one after each line
// of the client, and nothing more. It gives the address, and what the client
// said once the test is over.
func scripted(t testing.TB, lines ...string) string {
	t.Helper()
	listener := listen(t)
	var mu sync.Mutex
	var open []net.Conn
	var ended sync.WaitGroup
	talk := func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for i, line := range lines {
			if i > 0 {
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
			}
			if _, err := io.WriteString(conn, line); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, in)
	}
	ended.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			ended.Go(func() { talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		ended.Wait()
	})
	return listener.Addr().String()
}

// certificate makes a key and certificate for mail.example.com, and a pool that
// trusts it.
func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.com", "hooks.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}, pool
}

// dialing connects to an address whatever is asked for.
func dialing(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// lookup gives secrets as templates name them.
func lookup(values map[string]string) func(string) (secret.Secret, error) {
	return func(template string) (secret.Secret, error) {
		name, ok := strings.CutPrefix(template, "{secret.")
		if !ok {
			return secret.New(template), nil
		}
		value, known := values[strings.TrimSuffix(name, "}")]
		if !known {
			return secret.Secret{}, errors.New("looking up " + template + ": secret not found")
		}
		return secret.New(value), nil
	}
}

// readMail parses what the office took.
func readMail(t testing.TB, raw string) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return m
}
