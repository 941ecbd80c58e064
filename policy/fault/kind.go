package fault

import "strconv"

// Kind says which outcome a failure is.
type Kind uint8

// The kinds of failures.
const (
	// None is no failure.
	None Kind = iota
	// Timeout is a deadline that passed, at whatever step.
	Timeout
	// Unreachable is a third party that could not be connected to: DNS,
	// connect, TLS.
	Unreachable
	// Incomplete is an answer that did not come, broke off, or was not HTTP.
	Incomplete
	// Denied is an address that the dialer refused.
	Denied
	// Canceled is a caller that went away.
	Canceled
	// Internal is everything else: the fault is on our side.
	Internal
)

// String gives the product's word for the outcome: "timeout", "unreachable",
// "incomplete", "denied", "canceled" or "internal"; and "none".
func (k Kind) String() string {
	names := [...]string{"none", "timeout", "unreachable", "incomplete", "denied", "canceled", "internal"}
	if int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// The error tokens of RFC 9209, section 2.3, that a round trip can come to.
const (
	tokenDNSError           = "dns_error"
	tokenDNSTimeout         = "dns_timeout"
	tokenRefused            = "connection_refused"
	tokenConnectTimeout     = "connection_timeout"
	tokenUnroutable         = "destination_ip_unroutable"
	tokenProhibited         = "destination_ip_prohibited"
	tokenUnavailable        = "destination_unavailable"
	tokenCertificate        = "tls_certificate_error"
	tokenTLSProtocol        = "tls_protocol_error"
	tokenAlert              = "tls_alert_received"
	tokenTerminated         = "connection_terminated"
	tokenIncomplete         = "http_response_incomplete"
	tokenProtocol           = "http_protocol_error"
	tokenHeaderSize         = "http_response_header_section_size"
	tokenContentCoding      = "http_response_content_coding"
	tokenResponseTimeout    = "http_response_timeout"
	tokenProxyInternalError = "proxy_internal_error"
)
