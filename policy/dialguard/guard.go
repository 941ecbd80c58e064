package dialguard

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Guard decides which addresses may be connected to. The zero value, and a nil
// Guard, lets public addresses through and nothing else. Safe for concurrent
// use while its fields are not changed.
type Guard struct {
	// AllowPrivate lets loopback, private (RFC 1918 and unique local) and shared
	// (RFC 6598) addresses through too. Link-local, metadata, multicast,
	// unspecified, translated and reserved addresses stay refused.
	AllowPrivate bool

	// Named is an address that is let through whatever its class, because the
	// operator wrote it into the configuration: see Literal. The zero value
	// names none.
	Named netip.Addr
}

// DeniedError is the refusal to connect to an address. It comes out of
// net.Dialer inside a *net.OpError: use errors.As.
type DeniedError struct {
	// Addr is the address, without a port. Invalid when what was to be dialed
	// is no IP address, such as a Unix socket.
	Addr netip.Addr

	// Class says what the address is: "loopback", "private", "link-local", …
	Class string
}

// Error names the address and its class.
func (e *DeniedError) Error() string {
	if !e.Addr.IsValid() {
		return "connecting to anything but an IP address is not permitted"
	}
	return "connecting to " + e.Addr.String() + " is not permitted: " + e.Class + " address"
}

// Denied gives the class. It lets a package that does not import this one tell
// the error apart.
func (e *DeniedError) Denied() string { return e.Class }

// Check gives a *DeniedError when the address may not be connected to.
func (g *Guard) Check(a netip.Addr) error {
	class := Classify(a)
	if class == "" || g != nil && g.lets(a, class) {
		return nil
	}
	return &DeniedError{Addr: a, Class: class}
}

func (g *Guard) lets(a netip.Addr, class string) bool {
	return g.AllowPrivate && lifted(class) || g.Named.IsValid() && g.Named.Unmap() == a.Unmap()
}

// Control is for net.Dialer.ControlContext, which calls it with each resolved
// address before connecting. It refuses networks other than TCP and UDP over
// IP, and addresses that Check refuses.
func (g *Guard) Control(_ context.Context, network, address string, _ syscall.RawConn) error {
	switch network {
	case "tcp4", "tcp6", "udp4", "udp6":
	default:
		return &DeniedError{Class: classInvalid}
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &DeniedError{Class: classInvalid}
	}
	return g.Check(ap.Addr())
}

// Dialer makes a dialer that asks the guard. A timeout of 0 is none but the
// context's; a keepAlive of 0 is 15 seconds, and a negative one switches it
// off. Both of a host's address families are tried, as net.Dialer does.
func Dialer(g *Guard, timeout, keepAlive time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: keepAlive, ControlContext: g.Control}
}

// Literal gives the address that a URL's host names, with or without brackets.
// It is false for names: "localhost" is one, and so are "2130706433", "0x7f.1"
// and "127.1", which some resolvers turn into addresses. What a name resolves
// to is the guard's to judge.
func Literal(host string) (netip.Addr, bool) {
	if inner, found := strings.CutPrefix(host, "["); found {
		if inner, found = strings.CutSuffix(inner, "]"); !found {
			return netip.Addr{}, false
		}
		a, err := netip.ParseAddr(inner)
		return a, err == nil && a.Is6()
	}
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

// NamesPrivate reports whether a URL's host names, literally, an address that
// the zero Guard refuses to connect to.
func NamesPrivate(host string) bool {
	a, ok := Literal(host)
	return ok && Classify(a.Unmap()) != ""
}
