package dialguard

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listen gives the port of a listener on loopback that accepts and closes.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// resolver answers every A question with the IPv4 addresses given, and every
// AAAA question with the IPv6 ones.
func resolver(addresses ...string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			for answerDNS(server, addresses) == nil {
			}
		}()
		return client, nil
	}}
}

// answerDNS answers one question in the framing of RFC 1035, section 4.2.2.
func answerDNS(c net.Conn, addresses []string) error {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, query); err != nil {
		return err
	}
	end := 12 + strings.IndexByte(string(query[12:]), 0) + 1 + 4
	kind := binary.BigEndian.Uint16(query[end-4:])
	reply := slices.Concat(query[:2], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end])
	n := 0
	for _, text := range addresses {
		a := netip.MustParseAddr(text)
		if a.Is4() != (kind == 1) {
			continue
		}
		raw := a.AsSlice()
		reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(raw)))
		reply = append(reply, raw...)
		n++
	}
	binary.BigEndian.PutUint16(reply[6:], uint16(n))
	_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	return err
}

// dial gives the class for which the connection was refused, "" when it came
// about.
func dial(t *testing.T, d *net.Dialer, address string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", address)
	if err == nil {
		_ = c.Close()
		return ""
	}
	var denied *DeniedError
	if !errors.As(err, &denied) {
		t.Fatalf("dialing %s: %v, want a connection or a DeniedError", address, err)
	}
	return denied.Class
}

func TestTheDialerRefusesWhatANameResolvesTo(t *testing.T) {
	port := listen(t)
	tests := []struct {
		name     string
		resolves []string
		guard    *Guard
		want     string
	}{
		{"loopback", []string{"127.0.0.1"}, &Guard{}, "loopback"},
		{"nil guard", []string{"127.0.0.1"}, nil, "loopback"},
		{"metadata", []string{"169.254.169.254"}, &Guard{}, "link-local"},
		{"metadata, private allowed", []string{"169.254.169.254"}, &Guard{AllowPrivate: true}, "link-local"},
		{"both families", []string{"127.0.0.1", "::1"}, &Guard{}, "loopback"},
		{"nat64", []string{"64:ff9b::7f00:1"}, &Guard{AllowPrivate: true}, "translated"},
		{"private allowed", []string{"127.0.0.1"}, &Guard{AllowPrivate: true}, ""},
		{"every address is asked about", []string{"10.0.0.1", "169.254.169.254", "127.0.0.1"}, &Guard{Named: netip.MustParseAddr("127.0.0.1")}, ""},
		{"another address named", []string{"127.0.0.1"}, &Guard{Named: netip.MustParseAddr("127.0.0.2")}, "loopback"},
		{"mapped address", []string{"::ffff:127.0.0.1"}, &Guard{}, "loopback"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Dialer(tt.guard, time.Second, 0)
			d.Resolver = resolver(tt.resolves...)
			if got := dial(t, d, "api.store.example:"+port); got != tt.want {
				t.Errorf("a name of %v refused as %q, want %q", tt.resolves, got, tt.want)
			}
		})
	}
}

func TestTheDialerRefusesLiteralsUnlessNamed(t *testing.T) {
	port := listen(t)
	for _, host := range []string{"127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"} {
		address := net.JoinHostPort(host, port)
		if got := dial(t, Dialer(&Guard{}, time.Second, 0), address); got == "" {
			t.Errorf("%s connected, want it refused", address)
		}
		a, _ := Literal(host)
		if got := dial(t, Dialer(&Guard{Named: a}, time.Second, 0), address); got != "" {
			t.Errorf("%s refused as %q although it is named", address, got)
		}
	}
}

func TestTheErrorNamesAddressAndClassButNoPort(t *testing.T) {
	err := (&Guard{}).Control(t.Context(), "tcp4", "10.0.0.1:8443", nil)
	const want = "connecting to 10.0.0.1 is not permitted: private address"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %q", err, want)
	}
	if d, ok := err.(interface{ Denied() string }); !ok || d.Denied() != "private" {
		t.Errorf("%T does not say private", err)
	}
}

func TestControlRefusesWhatIsNoIPAddress(t *testing.T) {
	g := &Guard{AllowPrivate: true}
	tests := [][2]string{
		{"unix", "/var/run/docker.sock"}, {"unixgram", "@x"}, {"ip4", "8.8.8.8"}, {"tcp", "8.8.8.8:80"},
		{"tcp4", "8.8.8.8"}, {"tcp4", "localhost:80"}, {"tcp4", ""}, {"tcp4", ":80"},
	}
	for _, tt := range tests {
		var denied *DeniedError
		if err := g.Control(t.Context(), tt[0], tt[1], syscall.RawConn(nil)); !errors.As(err, &denied) || denied.Class != "invalid" {
			t.Errorf("Control(%q, %q) = %v, want it refused as invalid", tt[0], tt[1], err)
		}
	}
	if err := g.Control(t.Context(), "udp6", "[2606:4700::1111]:443", nil); err != nil {
		t.Errorf("Control of a public address = %v", err)
	}
}

func TestNamesPrivateIsForLiteralsOnly(t *testing.T) {
	private := []string{
		"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "[::1]", "[fe80::1%25eth0]", "fd00::1", "::ffff:127.0.0.1",
		"[::ffff:10.0.0.1]", "0.0.0.0", "64:ff9b::7f00:1", "100.64.0.1",
	}
	public := []string{
		"localhost", "api.localhost", "127.0.0.1.", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0x7f000001", "127.0.0.01",
		"[127.0.0.1]", "[::1", "::1]", "", "8.8.8.8", "::ffff:8.8.8.8", "[2606:4700::1111]", "127.0.0.1.nip.io", "127.0.0.1:80",
	}
	for _, host := range private {
		if !NamesPrivate(host) {
			t.Errorf("NamesPrivate(%q) = false, want true", host)
		}
	}
	for _, host := range public {
		if NamesPrivate(host) {
			t.Errorf("NamesPrivate(%q) = true, want false", host)
		}
	}
}

func FuzzControlLetsOnlyPublicAddressesThrough(f *testing.F) {
	for _, address := range []string{"8.8.8.8:80", "[::1]:443", "[fe80::1%eth0]:1", "127.1:80", "[::ffff:1.2.3.4]:1", "x", "1.2.3.4:99999"} {
		f.Add("tcp4", address)
	}
	f.Fuzz(func(t *testing.T, network, address string) {
		if (&Guard{}).Control(t.Context(), network, address, nil) != nil {
			return
		}
		host, _, err := net.SplitHostPort(address)
		ip := net.ParseIP(strings.SplitN(host, "%", 2)[0])
		if err != nil || ip == nil || !ip.IsGlobalUnicast() || ip.IsPrivate() {
			t.Fatalf("Control(%q, %q) let it through", network, address)
		}
	})
}

func FuzzNamesPrivateAgreesWithTheGuard(f *testing.F) {
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost", "0x7f.1", "[fe80::1%25eth0]", "::ffff:1.2.3.4"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		a, ok := Literal(host)
		if !ok {
			if NamesPrivate(host) {
				t.Fatalf("NamesPrivate(%q) although it is no literal", host)
			}
			return
		}
		if refused := (&Guard{}).Check(a.Unmap()) != nil; refused != NamesPrivate(host) {
			t.Fatalf("NamesPrivate(%q) = %v, but the guard refuses: %v", host, !refused, refused)
		}
		if err := (&Guard{Named: a}).Check(a); err != nil {
			t.Fatalf("a guard that names %q refuses it: %v", host, err)
		}
	})
}
