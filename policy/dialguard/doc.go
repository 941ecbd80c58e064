// Package dialguard keeps outgoing connections away from addresses that are
// not on the public internet: loopback, private networks, cloud metadata
// services, and the notations of IPv6 that hide an IPv4 address.
//
// The guard is asked by net.Dialer once the name is resolved and for every
// address that is tried, right before the socket connects. So a name that
// resolves to something else on the second look (DNS rebinding), or to a
// public and a private address at once, cannot get around it.
//
// What is public is said positively: an IPv6 address must lie in 2000::/3, the
// only part that is handed out as global unicast, and in none of its special
// registrations; an IPv4 address must lie in none of the special-purpose
// registrations of RFC 6890. Addresses that translate to IPv4 are refused
// without looking inside, because what they reach depends on the network.
package dialguard
