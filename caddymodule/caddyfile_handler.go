package caddymodule

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/signpost-gateway/signpost/policy"
)

// handlerForm is the line of the directive.
var handlerForm = form{usage: "signpost [<matcher>] [<policy>] { tenant … }", max: 1, block: mayBlock}

// handlerWords are the subdirectives of the directive.
var handlerWords = words[Handler]{
	"tenant": {
		tenantForm,
		func(s scope, l *line, h *Handler) { h.Tenant = readTenant(s, l) },
	},
}

// UnmarshalCaddyfile reads the directive; Caddy has taken the matcher away.
// Syntax:
//
//	signpost [<matcher>] [<policy>] {
//	    # whose call it is; default: as the global option says
//	    tenant header <Name> | <placeholder>
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	s := newScope()
	l := readSegment(d, s)
	if l == nil {
		return d.ArgErr()
	}
	h.read(s.in(directive), l)
	return s.err()
}

// read fills the handler from the directive's line.
func (h *Handler) read(s scope, l *line) {
	handlerForm.fits(s, l)
	h.Policy = l.arg(0)
	readBlock(s, l.block, handlerWords, h, make(policy.Places))
}

// parseDirective reads the directive in a site, where the policies of the
// global option are known.
func parseDirective(helper httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	s := newScope()
	l := readSegment(helper.Dispenser, s)
	if l == nil {
		return nil, helper.ArgErr()
	}
	s = s.in(directive)
	h := new(Handler)
	h.read(s, l)
	names := policyNames(helper.Option(directive))
	switch {
	case h.Policy == "" || slices.Contains(names, h.Policy):
	case len(names) == 0:
		s.wrong(l.place, "there is no policy %q: the global options declare none", h.Policy)
	default:
		s.wrong(l.place, "there is no policy %q: expected one of %s", h.Policy, strings.Join(names, ", "))
	}
	if err := s.err(); err != nil {
		return nil, oneALine(err)
	}
	return h, nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Handler)(nil)
