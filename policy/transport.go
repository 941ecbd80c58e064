package policy

import (
	"net/http"
	"time"

	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// MaxAnswerHeader bounds the header of a third party's answer, in bytes, where
// the transport's own configuration does not.
const MaxAnswerHeader = 256 << 10

// dialTimeout bounds one connection attempt of NewTransport.
const dialTimeout = 3 * time.Second

// NewTransport is the base transport where Options.Transport is not set:
// net/http's, dialing through the guard, with HTTP/2, without proxies and
// without compression of its own. It reads no PolicySpec.Transport.
func NewTransport(_ PolicySpec, guard *dialguard.Guard) (http.RoundTripper, error) {
	return &http.Transport{
		DialContext:            dialguard.Dialer(guard, dialTimeout, 0).DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        2 * time.Minute,
		MaxResponseHeaderBytes: MaxAnswerHeader,
	}, nil
}
