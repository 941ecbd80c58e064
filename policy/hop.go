package policy

import (
	"net/http"
	"strings"
)

// isHopByHop tells the headers that belong to one connection and are not passed
// on (RFC 9110, section 7.6.1), with those that are so by custom.
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// cleanConnection removes what is between the third party and us, the headers
// that Connection names among it. This comes before ours are written, since a
// third party might name those.
func cleanConnection(resp *http.Response) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Header["Connection"] = []string{"Upgrade"}
		return
	}
	dropNamed(resp.Header, resp.Header["Connection"])
	for name := range resp.Header {
		if isHopByHop(name) {
			delete(resp.Header, name)
		}
	}
}

// dropNamed removes the headers that the lines of Connection name.
func dropNamed(header http.Header, connection []string) {
	for _, line := range connection {
		for name := range strings.SplitSeq(line, ",") {
			header.Del(strings.TrimSpace(name))
		}
	}
}

// keepConnection puts back what an outgoing request says about its own
// connection: the protocol that the bot wants to change to, and that trailers
// are welcome.
func keepConnection(out, in http.Header) {
	if hasToken(in["Te"], "trailers") {
		out["Te"] = []string{"trailers"}
	}
	if protocol := AskedProtocol(in); protocol != "" {
		out["Connection"], out["Upgrade"] = []string{"Upgrade"}, []string{protocol}
	}
}

// AskedProtocol is the protocol that a bot may change its connection to, or empty
// (RFC 9110, section 7.8): a name of printable ASCII, and not HTTP/2, since the
// calls inside of that would pass every limit.
func AskedProtocol(header http.Header) string {
	protocol := header.Get("Upgrade")
	if !isPrintable(protocol) || hasToken(header["Upgrade"], "h2c") || !hasToken(header["Connection"], "upgrade") {
		return ""
	}
	return protocol
}

// isPrintable tells whether s is printable ASCII alone.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// hasToken tells whether a header that is a list has the token, in any case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}
