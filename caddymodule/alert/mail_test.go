package alert

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// mailerTo gives a mailer for a server of that name, which is at an address.
func mailerTo(t testing.TB, name, address string, with SMTP, roots *x509.CertPool, secrets map[string]string) *mailer {
	t.Helper()
	with.Server = name
	if with.From == "" {
		with.From = "Signpost <signpost@example.com>"
	}
	o := Options{Config: &Config{SMTP: &with}, Secret: lookup(secrets), dial: dialing(address), roots: roots}
	if wrong := Check(o.Config, nil); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	o.fill()
	m, err := newMailer(&o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// toAnn is a letter.
func toAnn() letter {
	return letter{
		id: "ABC", date: time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC),
		recipients: []string{"Ann <ann@example.com>", "bob@example.com"},
		subject:    "Signpost: Bäckerei fails (3 calls): timeout",
		text:       "Ä first line\n.a line with a dot\nFrom here to there\n" + strings.Repeat("long ", 300) + "\n",
	}
}

// patiently is a context that is long enough for a server that answers.
func patiently(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), deliveryPatience)
	t.Cleanup(cancel)
	return ctx
}

func TestAMailArrivesAsItWasWritten(t *testing.T) {
	var office postOffice
	m := mailerTo(t, "mail.example.com:25", office.open(t, nil, false), SMTP{}, nil, nil)
	l := toAnn()
	if r := m.deliver(patiently(t), l); !reflect.DeepEqual(r, result{}) {
		t.Fatalf("got %+v", r)
	}
	taken := office.taken()
	if len(taken) != 1 || taken[0].from != "signpost@example.com" ||
		!slices.Equal(taken[0].to, []string{"ann@example.com", "bob@example.com"}) {
		t.Fatalf("got %+v", taken)
	}
	got := readMail(t, taken[0].raw)
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != l.subject {
		t.Errorf("got the subject %q, %v; want %q", subject, err, l.subject)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated",
		"Message-Id":     "<ABC@example.com>",
		"Date":           "Fri, 20 Nov 2026 15:04:05 +0000",
		"From":           `"Signpost" <signpost@example.com>`,
		"To":             `"Ann" <ann@example.com>, <bob@example.com>`,
		"User-Agent":     "",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("got %s: %q, want %q", name, value, want)
		}
	}
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if text := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || strings.TrimSpace(text) != strings.TrimSpace(l.text) {
		t.Errorf("got the text %q, %v\nwant %q", text, err, l.text)
	}
}

func TestTLSIsBegunWhereItIsOfferedAndProvesTheServer(t *testing.T) {
	security, roots := certificate(t)
	for name, c := range map[string]struct {
		server   string
		implicit bool
		roots    *x509.CertPool
		wrong    string
	}{
		"STARTTLS":               {server: "mail.example.com:587", roots: roots},
		"port 465":               {server: "mail.example.com:465", implicit: true, roots: roots},
		"unknown authority":      {server: "mail.example.com:587", roots: x509.NewCertPool(), wrong: "beginning TLS: tls: failed to verify certificate"},
		"another name":           {server: "mail.example.org:587", roots: roots, wrong: "beginning TLS: tls: failed to verify certificate"},
		"another name, port 465": {server: "mail.example.org:465", implicit: true, roots: roots, wrong: "beginning TLS: tls: failed to verify certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			office := postOffice{auth: true}
			m := mailerTo(t, c.server, office.open(t, security, c.implicit),
				SMTP{Username: "bot", Password: "{secret.mail}"}, c.roots, map[string]string{"mail": "sesame-sesame"})
			r := m.deliver(patiently(t), toAnn())
			if c.wrong != "" {
				if !strings.HasPrefix(r.trouble, c.wrong) || len(r.left) != 2 || len(office.taken()) != 0 || office.known() != "" {
					t.Errorf("got %+v, %d mails and the users %q", r, len(office.taken()), office.known())
				}
				return
			}
			if taken := office.taken(); r.trouble != "" || len(taken) != 1 || !taken[0].tls || office.known() != "bot:sesame-sesame" {
				t.Errorf("got %+v, %+v and the users %q", r, taken, office.known())
			}
		})
	}
}

func TestAPasswordIsSentOverTLSOrToThisMachineAlone(t *testing.T) {
	for name, c := range map[string]struct {
		server string
		login  bool
		sent   bool
	}{
		"to another machine":     {server: "mail.example.com:25"},
		"to a private address":   {server: "10.0.0.5:25"},
		"to localhost":           {server: "localhost:25", sent: true},
		"to 127.0.0.1":           {server: "127.0.0.1:25", sent: true},
		"to ::1 with AUTH LOGIN": {server: "[::1]:25", login: true, sent: true},
	} {
		t.Run(name, func(t *testing.T) {
			office := postOffice{auth: true, login: c.login}
			m := mailerTo(t, c.server, office.open(t, nil, false),
				SMTP{Username: "bot", Password: "{secret.mail}"}, nil, map[string]string{"mail": "sesame-sesame"})
			r := m.deliver(patiently(t), toAnn())
			if c.sent {
				if r.trouble != "" || office.known() != "bot:sesame-sesame" || len(office.taken()) != 1 {
					t.Errorf("got %+v and the users %q", r, office.known())
				}
				return
			}
			if !r.hold || !strings.Contains(r.trouble, "offers no STARTTLS") || office.known() != "" || len(office.taken()) != 0 {
				t.Errorf("got %+v and the users %q", r, office.known())
			}
		})
	}
}

func TestWithoutCredentialsAServerIsNotAskedForAUTH(t *testing.T) {
	office := postOffice{auth: true}
	m := mailerTo(t, "mail.example.com:25", office.open(t, nil, false), SMTP{}, nil, nil)
	if r := m.deliver(patiently(t), toAnn()); r.trouble != "" || office.known() != "" {
		t.Errorf("got %+v and the users %q", r, office.known())
	}
}

func TestAServerThatOffersNoAUTHGetsNoMail(t *testing.T) {
	security, roots := certificate(t)
	var office postOffice
	m := mailerTo(t, "mail.example.com:587", office.open(t, security, false),
		SMTP{Username: "bot", Password: "{secret.mail}"}, roots, map[string]string{"mail": "sesame-sesame"})
	r := m.deliver(patiently(t), toAnn())
	if !r.hold || len(r.left) != 2 || r.trouble != "authenticating: "+errNoAuth.Error() {
		t.Errorf("got %+v", r)
	}
}

func TestASecretThatTheServerEchoesIsInNoError(t *testing.T) {
	for _, password := range []string{"open-sesame-long", "short"} {
		office := postOffice{auth: true}
		m := mailerTo(t, "127.0.0.1:25", office.open(t, nil, false),
			SMTP{Username: "{secret.user}", Password: "{secret.mail}"}, nil, map[string]string{"user": "bot-of-acme", "mail": password})
		r := m.deliver(patiently(t), toAnn())
		if !strings.HasPrefix(office.known(), "bot-of-acme:"+password) {
			t.Fatalf("got the users %q", office.known())
		}
		if !r.hold || !strings.Contains(r.trouble, "535") {
			t.Errorf("got %+v, want it held because of 535", r)
		}
		for _, hidden := range []string{password, "bot-of-acme"} {
			if strings.Contains(r.trouble, hidden) {
				t.Errorf("%q shows %q", r.trouble, hidden)
			}
		}
	}
}

func TestASecretThatIsMissingIsNamedAndTriedAgain(t *testing.T) {
	m := mailerTo(t, "127.0.0.1:25", "127.0.0.1:1", SMTP{Username: "bot", Password: "{secret.mail}"}, nil, nil)
	want := result{left: toAnn().recipients, trouble: "reading the password: looking up {secret.mail}: secret not found"}
	if r := m.deliver(patiently(t), toAnn()); !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
}

func TestAnAnswerToOneRecipientIsNoAnswerToTheOthers(t *testing.T) {
	greylisted := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "come back later"}
	unknown := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	for name, c := range map[string]struct {
		refuse map[string]error
		want   result
		taken  int
	}{
		"both greylisted": {
			refuse: map[string]error{"ann@example.com": greylisted, "bob@example.com": greylisted},
			want:   result{left: toAnn().recipients},
		},
		"one greylisted": {
			refuse: map[string]error{"bob@example.com": greylisted},
			want:   result{left: []string{"bob@example.com"}},
			taken:  1,
		},
		"one unknown": {
			refuse: map[string]error{"ann@example.com": unknown},
			want:   result{refused: []string{"Ann <ann@example.com>"}},
			taken:  1,
		},
		"one greylisted, one unknown": {
			refuse: map[string]error{"ann@example.com": unknown, "bob@example.com": greylisted},
			want:   result{refused: []string{"Ann <ann@example.com>"}, left: []string{"bob@example.com"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			office := postOffice{refuse: func(to string) error { return c.refuse[to] }}
			m := mailerTo(t, "mail.example.com:25", office.open(t, nil, false), SMTP{}, nil, nil)
			r := m.deliver(patiently(t), toAnn())
			for to, err := range c.refuse {
				var said *smtp.SMTPError
				if !errors.As(err, &said) || !strings.Contains(r.trouble, to) || !strings.Contains(r.trouble, said.Message) {
					t.Errorf("%q does not say what became of %s", r.trouble, to)
				}
			}
			r.trouble = ""
			if !reflect.DeepEqual(r, c.want) || len(office.taken()) != c.taken {
				t.Errorf("got %+v and %d mails, want %+v and %d", r, len(office.taken()), c.want, c.taken)
			}
		})
	}
}

func TestARefusalOfTheMessageIsNotTriedAgain(t *testing.T) {
	for reply, want := range map[string]result{
		"554 spam":  {refused: toAnn().recipients},
		"451 later": {left: toAnn().recipients},
	} {
		m := mailerTo(t, "mail.example.com:25", scripted(t, "220 hello\r\n", "250 mail\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", reply+"\r\n"), SMTP{}, nil, nil)
		r := m.deliver(patiently(t), toAnn())
		if code := reply[:3]; !strings.HasPrefix(r.trouble, "beginning the message: "+code) {
			t.Errorf("got %q, want it to say %s", r.trouble, code)
		}
		r.trouble = ""
		if !reflect.DeepEqual(r, want) {
			t.Errorf("got %+v, want %+v", r, want)
		}
	}
}

func TestAServerThatIsDownIsTriedAgain(t *testing.T) {
	listener := listen(t)
	address := listener.Addr().String()
	_ = listener.Close()
	m := mailerTo(t, "mail.example.com:25", address, SMTP{}, nil, nil)
	r := m.deliver(patiently(t), toAnn())
	if !strings.HasPrefix(r.trouble, "connecting: ") || r.hold || len(r.left) != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestALineBreakInAnAddressReachesNoServer(t *testing.T) {
	for _, address := range []string{"ann@example.com\r\nRCPT TO:<eve@example.com>", "ann@example.com\n", "\"a\r\n b\"@example.com", "ann@example.com\x00"} {
		if a, err := parseAddress(address); err == nil {
			t.Errorf("%q is read as %q", address, a.Address)
		}
	}
	if got := enveloped(`a b` + "@example.com"); got != `<"a b"@example.com>` {
		t.Errorf("got %s", got)
	}
}
