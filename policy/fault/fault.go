package fault

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"syscall"
)

// ProxyError gives the error token of RFC 9209 for the error of a round trip,
// or of reading its answer's body, and the kind of failure. The token is empty
// for nil and for Canceled, of which there is nobody left to tell. Errors that
// come from a context with a cause of its own are known only if the cause
// wraps context.Canceled or context.DeadlineExceeded. Safe for concurrent use.
func ProxyError(err error) (token string, kind Kind) {
	return classify(err, stepUnknown)
}

// rule gives a kind other than None if it knows the error.
type rule func(err error, at step) (token string, kind Kind)

// rules are asked in order. An error can fit several: a resolver's timeout is
// a timeout and a DNS error, and a broken connection can have a malformed
// answer as its cause. The more telling rule comes first.
var rules = []rule{denied, canceled, resolving, encrypting, timeout, connecting, decoding, speaking, breaking, mumbling}

func classify(err error, at step) (string, Kind) {
	if err == nil {
		return "", None
	}
	for _, r := range rules {
		if token, kind := r(err, at); kind != None {
			return token, kind
		}
	}
	return tokenProxyInternalError, Internal
}

func denied(err error, _ step) (string, Kind) {
	if _, ok := errors.AsType[interface {
		error
		Denied() string
	}](err); ok {
		return tokenProhibited, Denied
	}
	return "", None
}

func canceled(err error, _ step) (string, Kind) {
	if errors.Is(err, context.Canceled) {
		return "", Canceled
	}
	return "", None
}

func resolving(err error, _ step) (string, Kind) {
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return "", None
	case dns.IsTimeout:
		return tokenDNSTimeout, Timeout
	}
	return tokenDNSError, Unreachable
}

func encrypting(err error, _ step) (string, Kind) {
	if is[*tls.CertificateVerificationError](err) || is[x509.UnknownAuthorityError](err) ||
		is[x509.HostnameError](err) || is[x509.CertificateInvalidError](err) {
		return tokenCertificate, Unreachable
	}
	// crypto/tls reports alerts as operations, and most of the rest as text.
	switch operation(err) {
	case "remote error":
		return tokenAlert, Unreachable
	case "local error":
		return tokenTLSProtocol, Unreachable
	}
	if is[tls.RecordHeaderError](err) || errors.Is(err, http.ErrSchemeMismatch) || strings.HasPrefix(root(err).Error(), "tls: ") {
		return tokenTLSProtocol, Unreachable
	}
	return "", None
}

func timeout(err error, at step) (string, Kind) {
	network, ok := errors.AsType[net.Error](err)
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) && (!ok || !network.Timeout()) {
		return "", None
	}
	switch {
	case operation(err) == "dial" || says(err, "TLS handshake timeout"):
		return tokenConnectTimeout, Timeout
	case errors.Is(err, syscall.ETIMEDOUT):
		// Not a deadline: the system gave an established connection up.
		return "", None
	case at == stepResolving:
		return tokenDNSTimeout, Timeout
	case at == stepWaiting || at == stepConnecting || at == stepHandshaking:
		return tokenConnectTimeout, Timeout
	}
	return tokenResponseTimeout, Timeout
}

// unroutable are the system's words for an address that no way leads to,
// firewalls included.
var unroutable = []error{
	syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN,
	syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EACCES, syscall.EPERM,
}

func connecting(err error, _ step) (string, Kind) {
	if !slices.Contains([]string{"dial", "proxyconnect", "socks connect"}, operation(err)) {
		return "", None
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return tokenRefused, Unreachable
	case isAny(err, unroutable):
		return tokenUnroutable, Unreachable
	case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		return tokenProxyInternalError, Internal
	}
	return tokenUnavailable, Unreachable
}

func decoding(err error, _ step) (string, Kind) {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || is[flate.CorruptInputError](err) {
		return tokenContentCoding, Incomplete
	}
	return "", None
}

// Texts of net/http for which it has no type. HTTP/2's are beside HTTP/1's.
var (
	tooLarge = []string{"server response headers exceeded", "response header list larger than advertised limit"}

	illFormed = []string{
		"malformed HTTP", "malformed chunked encoding", "invalid byte in chunk length", "chunk length too large",
		"chunked encoding contains too much", "header line too long", "suspiciously long trailer", "unsupported transfer encoding",
		"too many transfer encodings", "bad Content-Length", "invalid empty Content-Length", "multiple Content-Length headers",
		"PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "COMPRESSION_ERROR", "FLOW_CONTROL_ERROR", "http2: frame too large",
	}

	brokenOff = []string{
		"server closed idle connection", "stream error: ", "sent GOAWAY", "received GOAWAY", "graceful shutdown GOAWAY",
		"client connection lost", "client conn is closed", "client conn not usable",
	}
)

func speaking(err error, _ step) (string, Kind) {
	switch {
	case saysAny(err, tooLarge):
		return tokenHeaderSize, Incomplete
	case is[textproto.ProtocolError](err) || saysAny(err, illFormed):
		return tokenProtocol, Incomplete
	}
	return "", None
}

func breaking(err error, at step) (string, Kind) {
	truncated := errors.Is(err, io.ErrUnexpectedEOF)
	if op := operation(err); !truncated && op != "read" && op != "write" && !errors.Is(err, io.EOF) &&
		!errors.Is(err, net.ErrClosed) && !saysAny(err, brokenOff) &&
		!isAny(err, []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, syscall.ETIMEDOUT}) {
		return "", None
	}
	switch {
	case at == stepHandshaking:
		return tokenTLSProtocol, Unreachable
	case truncated || at == stepAnswering:
		return tokenIncomplete, Incomplete
	}
	return tokenTerminated, Incomplete
}

// mumbling is what net/http says when it gives a connection up over an answer
// that none of the other rules knows.
func mumbling(err error, _ step) (string, Kind) {
	if says(err, "transport connection broken") {
		return tokenProtocol, Incomplete
	}
	return "", None
}

// operation gives what the network was doing, or "".
func operation(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op
	}
	return ""
}

// root gives the innermost error. Its text begins with the words of the package
// that made it, never with those of a third party.
func root(err error) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func isAny(err error, targets []error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

func says(err error, text string) bool { return strings.Contains(err.Error(), text) }

func saysAny(err error, texts []string) bool {
	message := err.Error()
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(message, text) })
}
