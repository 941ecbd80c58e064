package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// maxHeader bounds the headers of a webhook's answer, in bytes. Its body is not
// read.
const maxHeader = 64 << 10

// webhook delivers texts to one URL. It is safe for concurrent use. It follows
// neither redirects nor the proxies of the environment, and keeps no connection.
type webhook struct {
	address string // a template
	secret  func(template string) (secret.Secret, error)
	client  *http.Client
}

func newWebhook(o *Options) *webhook {
	return &webhook{
		address: o.Config.Webhook,
		secret:  o.Secret,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:            o.dial,
				TLSClientConfig:        &tls.Config{RootCAs: o.roots, MinVersion: tls.VersionTLS12},
				DisableKeepAlives:      true,
				DisableCompression:     true,
				MaxResponseHeaderBytes: maxHeader,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// deliver posts a letter. Its errors never quote the address or the answer:
// whoever knows the address can write there.
func (w *webhook) deliver(ctx context.Context, l letter) result {
	r := result{left: l.recipients}
	address, err := w.secret(w.address)
	if err != nil {
		r.trouble = cleaned(fmt.Sprintf("reading the webhook's address: %v", err))
		return r
	}
	request, err := newPost(ctx, address.Expose(), l.short)
	if err != nil {
		r.hold, r.trouble = true, err.Error()
		return r
	}
	answer, err := w.client.Do(request)
	if err != nil {
		r.trouble = describeTransport(err)
		return r
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return result{}
	}
	r.trouble = fmt.Sprintf("the webhook answered %d", answer.StatusCode)
	switch code := answer.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		r.wait = retryAfter(answer.Header.Get("Retry-After"), time.Now())
	case code < 500 && code != http.StatusRequestTimeout:
		r.hold = true // A redirect, too: what it says is not believed.
	}
	return r
}

// newPost makes the request. Its errors do not quote the address.
func newPost(ctx context.Context, address, text string) (*http.Request, error) {
	u, err := parseWebhook(address)
	if err != nil {
		return nil, fmt.Errorf("reading the webhook's address: %w", err)
	}
	body, err := json.Marshal(struct {
		Text string `json:"text"`
	}{text})
	if err != nil {
		return nil, fmt.Errorf("encoding the text: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("reading the webhook's address: %w", errWebhook)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Signpost")
	return request, nil
}

// retryAfter reads a Retry-After, RFC 9110 section 10.2.3: seconds or a date. It
// is 0 where there is none that can be read.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// describeTransport puts an error of the HTTP client into words of our own,
// since its own quote the address.
func describeTransport(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	var number syscall.Errno
	switch {
	case errors.Is(err, context.Canceled):
		return "called off"
	case errors.As(err, &certificate):
		return "the webhook's certificate is not trusted"
	case errors.As(err, &name):
		return "the webhook's host was not found"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "the webhook did not answer in time"
	case errors.As(err, &number):
		return "connecting to the webhook: " + number.Error()
	default:
		return "the webhook gave no usable answer"
	}
}
