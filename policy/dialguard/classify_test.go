package dialguard

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestClassifyKnowsTheEdgesOfEveryRegistration(t *testing.T) {
	tests := map[string][]string{
		"": {
			"1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
			"126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
			"172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
			"198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255",
			"203.0.114.0", "223.255.255.255", "168.63.129.15",
			"2001:200::", "2001:4860:4860::8888", "2003::", "2606:4700::1111", "2a00::1", "2400:cb00::1%eth0", "2001:db7::1", "2001:db9::1", "3ffe::",
		},
		"loopback":      {"127.0.0.0", "127.0.0.1", "127.255.255.255", "::1", "::1%lo"},
		"private":       {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255", "fc00::", "fdff:ffff::1", "fd00:ec1::1", "fd00:ec3::1"},
		"shared":        {"100.64.0.0", "100.127.255.255"},
		"link-local":    {"169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf:ffff::"},
		"metadata":      {"100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42"},
		"multicast":     {"224.0.0.0", "224.0.0.251", "239.255.255.255", "ff00::", "ff02::1", "ffff::"},
		"broadcast":     {"255.255.255.255"},
		"unspecified":   {"0.0.0.0", "::"},
		"site-local":    {"fec0::1", "feff:ffff::"},
		"documentation": {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::"},
		"benchmark":     {"198.18.0.0", "198.19.255.255", "2001:2::1"},
		"translated": {
			"192.88.99.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "::2", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
			"64:ff9b::8.8.8.8", "64:ff9b:1::1", "64:ff9b:1:ffff::7f00:1", "2001::1", "2001:0:ffff::", "2002::", "2002:7f00:1::1", "2002:ffff::",
		},
		"reserved": {
			"0.0.0.1", "0.255.255.255", "192.0.0.0", "192.0.0.255", "240.0.0.0", "255.255.255.254",
			"100::1", "1fff:ffff::", "4000::", "5f00::1", "64:ff9b:2::1", "fe00::1", "2001:1::1", "2001:10::1", "2001:20::1", "2001:1ff::",
		},
	}
	for want, addresses := range tests {
		for _, text := range addresses {
			if got := Classify(netip.MustParseAddr(text)); got != want {
				t.Errorf("Classify(%s) = %q, want %q", text, got, want)
			}
		}
	}
	if got := Classify(netip.Addr{}); got != "invalid" {
		t.Errorf("Classify of no address = %q, want invalid", got)
	}
}

// The standard library's own words are the second opinion.
func TestWhatIsNotGlobalUnicastIsNeverPublic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	public := 0
	for range 200_000 {
		a := netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		if r.IntN(2) == 0 {
			var b [16]byte
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			a = netip.AddrFrom16(b)
		}
		if Classify(a) != "" {
			continue
		}
		public++
		if !a.IsGlobalUnicast() || a.IsPrivate() {
			t.Fatalf("Classify(%v) = \"\", but it is no public unicast address", a)
		}
	}
	if public == 0 {
		t.Error("no address was public")
	}
}

func TestAllowPrivateLiftsOnlyTheOperatorsOwnNetwork(t *testing.T) {
	g := &Guard{AllowPrivate: true}
	allowed := []string{"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "fd12::1", "100.64.0.1", "8.8.8.8", "2606:4700::1111"}
	refused := []string{
		"169.254.169.254", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255",
		"64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:127.0.0.1", "::127.0.0.1", "2001::1", "fec0::1", "240.0.0.1", "192.0.2.1",
	}
	for _, text := range allowed {
		if err := g.Check(netip.MustParseAddr(text)); err != nil {
			t.Errorf("Check(%s) = %v, want it let through", text, err)
		}
	}
	for _, text := range refused {
		if err := g.Check(netip.MustParseAddr(text)); err == nil {
			t.Errorf("Check(%s) let it through, want it refused", text)
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	for _, text := range []string{"8.8.8.8", "2606:4700::1111"} {
		a := netip.MustParseAddr(text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Classify(a) != "" {
					b.Fatal("not public")
				}
			}
		})
	}
}
