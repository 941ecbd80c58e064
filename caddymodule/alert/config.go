package alert

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/secret"
)

const (
	// maxRecipients is how many addresses `alert` takes in a policy.
	maxRecipients = 10

	// maxAddress is the length in bytes of a mail address with its display
	// name: the 254 of RFC 5321 and room for a name.
	maxAddress = 512

	// implicitTLSPort is where TLS begins with the connection, as RFC 8314,
	// section 3.3, recommends.
	implicitTLSPort = "465"
)

// Config is `alerts { smtp <host:port> { … }; webhook <url> }`. With neither,
// nobody is told, but times are kept and Options.OnTold is called.
type Config struct {
	// SMTP is the server that takes the mails. Default: no mails.
	SMTP *SMTP `json:"smtp,omitempty"`

	// Webhook is an http or https URL that takes {"text": "…"}, as Slack,
	// Mattermost, Rocket.Chat and Discord's /slack do. It hears of every policy.
	// It may hold shared secrets, {secret.NAME}. Default: none.
	Webhook string `json:"webhook,omitempty"`

	// Places tells where the words of the block stand.
	Places policy.Places `json:"-"`
}

// SMTP is `smtp <host:port> { from …; username …; password … }`.
type SMTP struct {
	// Server is the host and port. TLS is begun with STARTTLS where the server
	// offers it, and at once on port 465; its certificate is verified.
	Server string `json:"server"`

	// From is the address that mails come from, with or without a name.
	From string `json:"from"`

	// Username and Password may hold shared secrets, {secret.NAME}. They are
	// sent over TLS, or to this machine itself, and nowhere else. Default: none.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`

	// Places tells where the words of the block stand.
	Places policy.Places `json:"-"`
}

// Templates are the texts that may hold secrets, without those that are empty,
// so that a configuration can be refused whose secrets nobody has.
func (c *Config) Templates() []string {
	if c == nil {
		return nil
	}
	texts := []string{c.Webhook}
	if c.SMTP != nil {
		texts = append(texts, c.SMTP.Username, c.SMTP.Password)
	}
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// Check gives all that is wrong with c, which may be nil, and with the addresses
// that `alert` names in each policy; at most 10 in each. The mistakes of a
// policy are named `policy store: alert` and have no place: where the policy
// stands is not known here. They hold neither the webhook nor the credentials.
func Check(c *Config, recipients map[string][]string) policy.Mistakes {
	var k checker
	if c != nil {
		k.webhook(c)
		if c.SMTP != nil {
			k.smtp(c.SMTP)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(recipients)) {
		if len(recipients[name]) > 0 {
			k.recipients("policy "+name+": alert", recipients[name], c != nil && c.SMTP != nil)
		}
	}
	return k.mistakes
}

// checker gathers mistakes.
type checker struct{ mistakes policy.Mistakes }

// wrong notes a mistake.
func (k *checker) wrong(at policy.Place, name, format string, args ...any) {
	k.mistakes = append(k.mistakes, policy.Mistake{Place: at, Name: name, Text: fmt.Sprintf(format, args...)})
}

func (k *checker) webhook(c *Config) {
	if c.Webhook == "" {
		return
	}
	at, name := c.Places["webhook"], "alerts: webhook"
	if !k.template(at, name, c.Webhook) {
		return
	}
	fixed, _, templated := strings.Cut(c.Webhook, "{")
	switch {
	case templated && fixed != "" && !hasWebScheme(fixed):
		k.wrong(at, name, "expected an http or https URL")
	case !templated:
		if _, err := parseWebhook(c.Webhook); err != nil {
			k.wrong(at, name, "%v", err)
		}
	}
}

// errWebhook does not quote the address: whoever knows it can write there.
var errWebhook = errors.New("expected an http or https URL")

// parseWebhook reads the address of a webhook.
func parseWebhook(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || !hasWebScheme(address) || u.Hostname() == "" {
		return nil, errWebhook
	}
	return u, nil
}

func hasWebScheme(address string) bool {
	scheme, _, found := strings.Cut(address, "://")
	return found && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

func (k *checker) smtp(s *SMTP) {
	at := s.Places["smtp"]
	if err := checkServer(s.Server); err != nil {
		k.wrong(at, "alerts: smtp", "%v", err)
	}
	place := func(word string) policy.Place {
		if p, known := s.Places[word]; known {
			return p
		}
		return at
	}
	if s.From == "" {
		k.wrong(at, "alerts: smtp", "from is missing: expected from <address>")
	} else if _, err := parseAddress(s.From); err != nil {
		k.wrong(place("from"), "alerts: smtp: from", "%v", err)
	}
	if (s.Username == "") != (s.Password == "") {
		k.wrong(at, "alerts: smtp", "username and password belong together: expected both or none")
	}
	k.template(place("username"), "alerts: smtp: username", s.Username)
	k.template(place("password"), "alerts: smtp: password", s.Password)
}

// template tests a text that may hold shared secrets.
func (k *checker) template(at policy.Place, name, text string) bool {
	t, err := secret.ParseTemplate(text)
	if err != nil {
		k.wrong(at, name, "%v", err)
		return false
	}
	for _, ref := range t.Refs() {
		if ref.TenantOnly {
			k.wrong(at, name, "%s belongs to a tenant: expected a shared one, {secret.%s}", ref, ref.Name)
			return false
		}
	}
	return true
}

func (k *checker) recipients(name string, addresses []string, mails bool) {
	if !mails {
		k.wrong(policy.Place{}, name, "alert needs alerts { smtp … }")
	}
	if len(addresses) > maxRecipients {
		k.wrong(policy.Place{}, name, "%d addresses: expected at most %d", len(addresses), maxRecipients)
		return
	}
	seen := map[string]bool{}
	for _, text := range addresses {
		a, err := parseAddress(text)
		if err != nil {
			k.wrong(policy.Place{}, name, "%v", err)
			continue
		}
		if folded := strings.ToLower(a.Address); seen[folded] {
			k.wrong(policy.Place{}, name, "%s is there twice", a.Address)
		} else {
			seen[folded] = true
		}
	}
}

// checkServer tests a host and port.
func checkServer(server string) error {
	host, port, err := net.SplitHostPort(server)
	if err != nil || host == "" || strings.ContainsAny(host, " \t{}/@") || !isPlain(host) {
		return fmt.Errorf("%q is not a server: expected host:port, such as mail.example.com:587", clipped(server))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is not a port: expected 1 to 65535", clipped(port))
	}
	return nil
}

// parseAddress reads a mail address, RFC 5322 section 3.4, on one line, of at
// most maxAddress bytes.
func parseAddress(text string) (*mail.Address, error) {
	if len(text) > maxAddress {
		return nil, fmt.Errorf("the address is %d bytes long: expected at most %d", len(text), maxAddress)
	}
	if !isPlain(text) {
		return nil, fmt.Errorf("the address %q holds a control character", text)
	}
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a mail address: expected name@example.com", text)
	}
	return a, nil
}
