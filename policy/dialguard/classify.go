package dialguard

import "net/netip"

// The classes of addresses that are refused. They are words of the product: a
// DeniedError carries one, and logs and answers repeat it.
const (
	classLoopback      = "loopback"
	classPrivate       = "private"
	classShared        = "shared" // RFC 6598, carrier-grade NAT.
	classLinkLocal     = "link-local"
	classMetadata      = "metadata" // Cloud services outside link-local.
	classMulticast     = "multicast"
	classBroadcast     = "broadcast"
	classUnspecified   = "unspecified"
	classSiteLocal     = "site-local"
	classTranslated    = "translated"
	classDocumentation = "documentation"
	classBenchmark     = "benchmark"
	classReserved      = "reserved"
	classInvalid       = "invalid"
)

// special is a registration and its class.
type special struct {
	prefix netip.Prefix
	class  string
}

func specials(class string, prefixes ...string) []special {
	list := make([]special, len(prefixes))
	for i, p := range prefixes {
		list[i] = special{netip.MustParsePrefix(p), class}
	}
	return list
}

func concat(lists ...[]special) (all []special) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// The first prefix that holds the address gives its class, so narrow ones come
// before those that hold them.
var (
	// special4 follows the IPv4 special-purpose registry of RFC 6890.
	special4 = concat(
		// Metadata and platform services of Alibaba, Oracle and Azure. Azure's
		// is a public address that only its own machines can reach.
		specials(classMetadata, "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
		specials(classUnspecified, "0.0.0.0/32"),
		specials(classReserved, "0.0.0.0/8"),
		specials(classLoopback, "127.0.0.0/8"),
		specials(classPrivate, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
		specials(classShared, "100.64.0.0/10"),
		specials(classLinkLocal, "169.254.0.0/16"),
		specials(classReserved, "192.0.0.0/24"),
		specials(classDocumentation, "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
		specials(classTranslated, "192.88.99.0/24"), // 6to4 relays, RFC 7526.
		specials(classBenchmark, "198.18.0.0/15"),
		specials(classMulticast, "224.0.0.0/4"),
		specials(classBroadcast, "255.255.255.255/32"),
		specials(classReserved, "240.0.0.0/4"),
	)

	// special6 follows the IPv6 special-purpose registry of RFC 6890.
	special6 = concat(
		specials(classUnspecified, "::/128"),
		specials(classLoopback, "::1/128"),
		// IPv4-mapped, IPv4-translated, IPv4-compatible, NAT64 (RFC 6052 and
		// RFC 8215), Teredo and 6to4.
		specials(classTranslated, "::ffff:0:0/96", "::ffff:0:0:0/96", "::/96",
			"64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
		specials(classBenchmark, "2001:2::/48"),
		specials(classDocumentation, "2001:db8::/32", "3fff::/20"),
		specials(classReserved, "2001::/23"), // Protocols, RFC 2928.
		// Metadata and credentials of Amazon, Google and Scaleway, in the middle
		// of the unique local addresses.
		specials(classMetadata, "fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128"),
		specials(classPrivate, "fc00::/7"),
		specials(classLinkLocal, "fe80::/10"),
		specials(classSiteLocal, "fec0::/10"), // RFC 3879.
		specials(classMulticast, "ff00::/8"),
	)

	// global6 is all that is handed out as global unicast, RFC 4291.
	global6 = netip.MustParsePrefix("2000::/3")
)

// Classify gives the class of an address that is not on the public internet,
// and "" for one that is. A zone is not looked at. An IPv4-mapped IPv6 address
// is "translated", whatever it maps to. Safe for concurrent use.
func Classify(a netip.Addr) string {
	if !a.IsValid() {
		return classInvalid
	}
	// No prefix holds an address with a zone.
	a = a.WithZone("")
	list := special6
	if a.Is4() {
		list = special4
	}
	for _, s := range list {
		if s.prefix.Contains(a) {
			return s.class
		}
	}
	if a.Is6() && !global6.Contains(a) {
		return classReserved
	}
	return ""
}

// lifted reports whether AllowPrivate lets a class through: what an operator's
// own network is made of. Not the rest, which nobody runs an API on, and which
// holds the services that give a cloud machine's credentials away.
func lifted(class string) bool {
	switch class {
	case classLoopback, classPrivate, classShared:
		return true
	}
	return false
}
