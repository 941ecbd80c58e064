package redislink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxAddress  = 4096 // bytes of an address in text.
	maxHosts    = 64   // hosts in one address.
	maxHostName = 253  // bytes of a host's name, as in DNS.
	maxDatabase = 9999 // the largest number of a database.

	portOfRedis    = "6379"
	portOfSentinel = "26379"
)

var (
	hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?$`)

	// placeholder is what stands for a secret in a user or password: it is kept as
	// it is written.
	placeholder = regexp.MustCompile(`\{[a-z_]*secret\.[^{}]*\}`)
)

// Address is where Redis is, and who asks.
type Address struct {
	// Hosts are names or addresses, each with a port or without one, IPv6 in
	// brackets. At least one and at most 64.
	Hosts []string

	// Database is its number, 0 to 9999.
	Database int

	// TLS is whether connections are encrypted: rediss.
	TLS bool

	// User and Password are what stood before the @, literal text with its percent
	// signs decoded. They may hold {secret.NAME}. "" where nothing was said.
	User     string
	Password string
}

// ParseURL reads an address: redis:// or, with TLS, rediss://, then a user and a
// password with an @, hosts with commas between them, and a slash with the number
// of a database, of which only the hosts are needed. Errors say what was expected
// and quote nothing, since anything may be a password in the wrong place.
func ParseURL(text string) (Address, error) {
	if len(text) > maxAddress {
		return Address{}, fmt.Errorf("the address of redis is longer than %d bytes", maxAddress)
	}
	var a Address
	scheme, rest, found := strings.Cut(text, "://")
	switch scheme = strings.ToLower(scheme); {
	case !found || scheme != "redis" && scheme != "rediss":
		return Address{}, errors.New("the address of redis begins with neither redis:// nor rediss://")
	case scheme == "rediss":
		a.TLS = true
	}
	// Hosts hold no @, while a password that nobody encoded may.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if err := a.readUser(rest[:at]); err != nil {
			return Address{}, err
		}
		rest = rest[at+1:]
	}
	hosts, database, _ := strings.Cut(rest, "/")
	if err := a.readHosts(hosts); err != nil {
		return Address{}, err
	}
	if err := a.readDatabase(database); err != nil {
		return Address{}, err
	}
	return a, nil
}

func (a *Address) readUser(text string) (err error) {
	user, password, _ := strings.Cut(text, ":")
	if a.User, err = decoded(user); err == nil {
		a.Password, err = decoded(password)
	}
	if err != nil {
		return errors.New("the user or password in the address of redis holds a % without two hexadecimal digits after it: write it as %25")
	}
	return nil
}

// decoded is text without percent signs, but for what stands for secrets.
func decoded(text string) (string, error) {
	var b strings.Builder
	from := 0
	for _, p := range placeholder.FindAllStringIndex(text, -1) {
		literal, err := url.PathUnescape(text[from:p[0]])
		if err != nil {
			return "", err
		}
		b.WriteString(literal)
		b.WriteString(text[p[0]:p[1]])
		from = p[1]
	}
	literal, err := url.PathUnescape(text[from:])
	if err != nil {
		return "", err
	}
	b.WriteString(literal)
	return b.String(), nil
}

func (a *Address) readHosts(text string) error {
	if strings.Count(text, ",") >= maxHosts {
		return fmt.Errorf("the address of redis names more than %d hosts", maxHosts)
	}
	for i, host := range strings.Split(text, ",") {
		if strings.ContainsAny(host, "?#") {
			return errors.New("the address of redis holds a ? or #, of which nothing is understood: hosts and the number of a database end it")
		}
		host, err := readHost(host)
		if err != nil {
			return fmt.Errorf("host %d in the address of redis %w", i+1, err)
		}
		a.Hosts = append(a.Hosts, host)
	}
	return nil
}

// readHost is a host as it is kept: with a port or without one.
func readHost(text string) (string, error) {
	name, port := text, ""
	if end := strings.LastIndexByte(text, ']'); strings.HasPrefix(text, "[") && end > 0 {
		ip, err := netip.ParseAddr(text[1:end])
		if err != nil || !ip.Is6() {
			return "", errors.New("is no IPv6 address in its brackets")
		}
		name, port = "["+ip.String()+"]", text[end+1:]
	} else {
		if colon := strings.IndexByte(text, ':'); colon >= 0 {
			name, port = text[:colon], text[colon:]
		}
		switch {
		case strings.Count(text, ":") > 1:
			return "", errors.New("holds several colons: an IPv6 address stands in [brackets]")
		case name == "":
			return "", errors.New("has no name")
		case len(name) > maxHostName || !hostName.MatchString(name):
			return "", errors.New("is neither a name nor an address")
		}
	}
	if port == "" {
		return name, nil
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(port, ":"), 10, 16)
	if err != nil || number == 0 || port[0] != ':' {
		return "", errors.New("has a port that is not a number from 1 to 65535")
	}
	return name + ":" + strconv.FormatUint(number, 10), nil
}

func (a *Address) readDatabase(text string) error {
	if text == "" {
		return nil
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil || number > maxDatabase {
		return fmt.Errorf("what follows the hosts in the address of redis is not the number of a database, from 0 to %d", maxDatabase)
	}
	a.Database = int(number)
	return nil
}

// String is the address without user and password, as ParseURL reads it.
func (a Address) String() string {
	var b strings.Builder
	b.WriteString("redis")
	if a.TLS {
		b.WriteByte('s')
	}
	b.WriteString("://")
	b.WriteString(strings.Join(a.Hosts, ","))
	if a.Database != 0 {
		b.WriteByte('/')
		b.WriteString(strconv.Itoa(a.Database))
	}
	return b.String()
}

// Endpoints are the hosts, each with its port: where none is said, 6379, or 26379
// where the hosts are Sentinels.
func (a Address) Endpoints(sentinels bool) []string {
	port := portOfRedis
	if sentinels {
		port = portOfSentinel
	}
	all := make([]string, len(a.Hosts))
	for i, host := range a.Hosts {
		all[i] = host
		if _, _, err := net.SplitHostPort(host); err != nil {
			all[i] = host + ":" + port
		}
	}
	return all
}
