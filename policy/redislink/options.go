package redislink

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

const (
	defaultPrefix      = "signpost"
	defaultTimeout     = 30 * time.Millisecond
	minTimeout         = time.Millisecond
	maxTimeout         = 5 * time.Second
	defaultConnections = 4
	maxConnections     = 64
)

var prefixes = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// Options is what a Link needs. Only Address must be given.
type Options struct {
	// Address is where Redis is, as ParseURL reads it, without user and password.
	// Several hosts are nodes of a Cluster or, with Sentinel, its Sentinels.
	Address string

	// User and Password give who the gateway is to Redis. They are asked whenever it
	// connects, so that a secret that changed is used from then on. Safe for
	// concurrent use. Default: nobody.
	User     func() (string, error)
	Password func() (string, error)

	// Sentinel is the name under which the Sentinels know the master. Default: the
	// hosts are Redis themselves.
	Sentinel string

	// SentinelUser and SentinelPassword are the same as User and Password, for the
	// Sentinels.
	SentinelUser     func() (string, error)
	SentinelPassword func() (string, error)

	// CA is a file of certificates, in PEM, that Redis's own is tested with.
	// Default: those of the system. It and the next two are read at each
	// connecting, and ask for rediss://.
	CA string

	// Certificate and Key are files, in PEM, of what is shown to Redis. Both or
	// none.
	Certificate string
	Key         string

	// Prefix begins all keys, [a-z0-9_-]{1,32}. Default: "signpost".
	Prefix string

	// Timeout is how long a script may take, from 1ms to 5s. Default: 30ms.
	Timeout time.Duration

	// Connections is how many there are to each node of Redis, 1 to 64. Default: 4.
	// One more hears messages, where there are listeners.
	Connections int

	// OnChange is told once whenever Redis turns out to be there or away, also at
	// the first try, from one goroutine. It must not call Close. Default: nobody.
	OnChange func(Status)
}

// completed are the options with their defaults, and the address that they hold.
func (o Options) completed() (Options, Address, error) {
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Connections == 0 {
		o.Connections = defaultConnections
	}
	address, err := ParseURL(o.Address)
	switch {
	case err != nil:
		return o, address, err
	case address.User != "" || address.Password != "":
		return o, address, errors.New("the address of redis holds a user or a password, which are options of their own")
	case o.Sentinel == "" && len(address.Hosts) > 1 && address.Database != 0:
		return o, address, errors.New("a cluster, which several hosts are, has no database but 0")
	case !prefixes.MatchString(o.Prefix):
		return o, address, fmt.Errorf("the prefix %q is not 1 to 32 of a-z, 0-9, _ and -", o.Prefix)
	case o.Timeout < minTimeout || o.Timeout > maxTimeout:
		return o, address, fmt.Errorf("the timeout %v is not from %v to %v", o.Timeout, minTimeout, maxTimeout)
	case o.Connections < 1 || o.Connections > maxConnections:
		return o, address, fmt.Errorf("%d connections are not 1 to %d", o.Connections, maxConnections)
	case (o.Certificate == "") != (o.Key == ""):
		return o, address, errors.New("a certificate and its key are given both or not at all")
	case !address.TLS && (o.CA != "" || o.Certificate != ""):
		return o, address, errors.New("certificates are of use only with rediss://")
	}
	return o, address, nil
}

// encryption reads the certificates. It is nil where the address asks for no TLS.
func (o Options) encryption(address Address) (*tls.Config, error) {
	if !address.TLS {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates that redis is tested with: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the certificates that redis is tested with: %s holds none in PEM", o.CA)
		}
	}
	if o.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(o.Certificate, o.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate that is shown to redis: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
