package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/signpost-gateway/signpost/policy"
)

// transportRefusals are settings of Caddy's HTTP transport that would lead
// around the dial guard, crash the process, or silently do nothing.
var transportRefusals = []struct {
	word string
	set  func(t *reverseproxy.HTTPTransport) bool
	why  string
}{
	{"proxy_protocol", func(t *reverseproxy.HTTPTransport) bool { return t.ProxyProtocol != "" },
		"it would tell the third party the bot's address"},
	{"forward_proxy_url", func(t *reverseproxy.HTTPTransport) bool { return t.ForwardProxyURL != "" },
		"a proxy would dial in our place, unseen by the dial guard"},
	{"network_proxy", func(t *reverseproxy.HTTPTransport) bool { return len(t.NetworkProxyRaw) > 0 },
		"a proxy would dial in our place, unseen by the dial guard"},
	{"versions", func(t *reverseproxy.HTTPTransport) bool { return slices.Contains(t.Versions, "3") },
		"HTTP/3 has a dialer of its own, unseen by the dial guard: expected 1.1, 2 or h2c"},
	{"versions", func(t *reverseproxy.HTTPTransport) bool { return slices.ContainsFunc(t.Versions, unknownVersion) },
		"Caddy knows only 1.1, 2 and h2c"},
	{"tls_server_name", func(t *reverseproxy.HTTPTransport) bool {
		return t.TLS != nil && strings.Contains(t.TLS.ServerName, "{")
	},
		"a placeholder has no value here: expected a name"},
	{"tls_except_ports", func(t *reverseproxy.HTTPTransport) bool { return t.TLS != nil && len(t.TLS.ExceptPorts) > 0 },
		"the scheme of the base URL decides about TLS"},
	{"local_address", func(t *reverseproxy.HTTPTransport) bool { return t.LocalAddress != "" }, ownDialer},
	{"resolvers", func(t *reverseproxy.HTTPTransport) bool { return t.Resolver != nil }, ownDialer},
	{"dial_fallback_delay", func(t *reverseproxy.HTTPTransport) bool { return t.FallbackDelay != 0 }, ownDialer},
	{"keepalive_interval", func(t *reverseproxy.HTTPTransport) bool { return t.KeepAlive != nil && t.KeepAlive.ProbeInterval != 0 },
		ownDialer},
	{"read_timeout", func(t *reverseproxy.HTTPTransport) bool { return t.ReadTimeout != 0 }, ownDeadline},
	{"write_timeout", func(t *reverseproxy.HTTPTransport) bool { return t.WriteTimeout != 0 }, ownDeadline},
}

const (
	ownDialer   = "the dial guard dials by itself and would not heed it"
	ownDeadline = "the dial guard dials by itself and would not heed it: timeout bounds the call"
)

func unknownVersion(v string) bool { return !slices.Contains([]string{"1.1", "2", "h2c", "3"}, v) }

// checkTransport tells all that is wrong with the configuration of a base
// transport: unknown members ("protocol" is one: the transport is always HTTP),
// and settings that the dial guard cannot stand. Empty is fine.
func checkTransport(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	var t reverseproxy.HTTPTransport
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&t); err != nil {
		return fmt.Errorf("reading transport: %w", err)
	}
	var refused []error
	for _, r := range transportRefusals {
		if r.set(&t) {
			refused = append(refused, fmt.Errorf("refusing %s: %s", r.word, r.why))
		}
	}
	return errors.Join(refused...)
}

// readTransport hands each line of the block to Caddy's own parser, one by one
// so that all mistakes are found.
func readTransport(s scope, l *line, p *policy.PolicySpec) {
	raw := json.RawMessage("{}")
	for _, sub := range l.block {
		if sub.torn || sub.bare != "" {
			s.wrong(sub.place, "%s", tornText)
			continue
		}
		name := sub.word.text
		if first, again := earlierLine(l, sub, name); again {
			s.in(name).wrong(sub.place, "stands a second time: the first is at %s", first)
			continue
		}
		next, err := transportWith(raw, l, sub)
		if err != nil {
			s.wrong(sub.place, "%v", err)
			continue
		}
		raw = next
	}
	p.Transport = raw
}

// earlierLine finds an earlier line with the same word.
func earlierLine(l, sub *line, name string) (policy.Place, bool) {
	for _, earlier := range l.block {
		if earlier == sub {
			break
		}
		if earlier.word.text == name {
			return earlier.place, true
		}
	}
	return policy.Place{}, false
}

// transportWith adds one line of the block to a transport's configuration.
func transportWith(raw json.RawMessage, l, sub *line) (json.RawMessage, error) {
	var t reverseproxy.HTTPTransport
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, fmt.Errorf("reading transport: %w", err)
	}
	// The block begins with the word and its brace, and ends with a brace.
	tokens := slices.Concat(l.tokens[:2], sub.tokens, l.tokens[len(l.tokens)-1:])
	if err := t.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			// Caddy puts the place behind its words; ours stands in front.
			err = inner
		}
		return nil, err
	}
	next, err := json.Marshal(&t)
	if err != nil {
		return nil, fmt.Errorf("writing transport: %w", err)
	}
	return next, checkTransport(next)
}
