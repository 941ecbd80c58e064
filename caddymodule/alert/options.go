package alert

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// Told is a message that became due.
type Told struct {
	// Policy is what it is about.
	Policy string

	// Digest is what happened since the message before: calls that failed, changes
	// of answers, or both.
	Digest
}

// Options are what a Sender needs.
type Options struct {
	// Config says where messages go. Default: nowhere.
	Config *Config

	// Recipients are the addresses of `alert` in each policy, at most 10.
	// Policies without any get no mail.
	Recipients map[string][]string

	// Titles are the display names of policies. Default: their names.
	Titles map[string]string

	// Book is shared by the Senders of all configurations. It is required.
	Book *Book

	// Log hears of deliveries that did not succeed, at most once a minute.
	// Default: slog.Default().
	Log *slog.Logger

	// Secret puts secrets into a text such as "{secret.smtp_password}". It is
	// asked for each delivery, so that rotation needs no reload. Default: texts
	// are as they stand, and no secret is found in them.
	Secret func(template string) (secret.Secret, error)

	// TraceURL gives the page of a trace, or "". Default: the trace's id.
	TraceURL func(traceID string) string

	// Counted hears of each delivery: the channel is "mail" or "webhook", the
	// result "sent", "retried" or "refused"; a delivery may have several. It
	// must not wait. Default: nobody counts.
	Counted func(channel, result string)

	// OnTold is called when a message became due, also where nothing delivers
	// it, on a goroutine of its own, one at a time. While 64 wait for a slow one,
	// further ones are left out. Default: nothing is called.
	OnTold func(Told)

	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool // Default: those of the system.
}

// fill puts the defaults where nothing is said.
func (o *Options) fill() {
	if o.Config == nil {
		o.Config = &Config{}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Secret == nil {
		o.Secret = func(text string) (secret.Secret, error) { return secret.New(text), nil }
	}
	if o.TraceURL == nil {
		o.TraceURL = func(string) string { return "" }
	}
	if o.Counted == nil {
		o.Counted = func(string, string) {}
	}
	if o.OnTold == nil {
		o.OnTold = func(Told) {}
	}
	if o.dial == nil {
		o.dial = new(net.Dialer).DialContext
	}
}
