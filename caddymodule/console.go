package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/signpost-gateway/signpost/caddymodule/console"
	"github.com/signpost-gateway/signpost/policy"
)

// consoleDirective is the word that mounts the console in a site.
const consoleDirective = "signpost_console"

func init() {
	caddy.RegisterModule(Console{})
	httpcaddyfile.RegisterHandlerDirective(consoleDirective, parseConsole)
	httpcaddyfile.RegisterDirectiveOrder(consoleDirective, httpcaddyfile.Before, "respond")
}

// Console is the directive `signpost_console` of a site: the page on which an
// operator looks at the gateway, and beneath the same path the operator API. It
// authenticates nobody, which is the site's to do. It is terminal: no handler
// behind it is asked.
type Console struct {
	// AllowChanges lets the console change something, and send test calls.
	// Default: it only shows.
	AllowChanges bool `json:"allow_changes,omitempty"`

	// Hosts are names, at most 100, by which the console may be asked for beside
	// localhost and IP addresses. A name that is not among them could be a
	// stranger's who made it resolve to this machine. Default: none.
	Hosts []string `json:"hosts,omitempty"`

	handler http.Handler
}

// CaddyModule returns the Caddy module information.
func (Console) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.signpost_console", New: func() caddy.Module { return new(Console) }}
}

// errNoBlock is why a console alone cannot be.
var errNoBlock = errors.New("there is no signpost block in the global options, so there is nothing to show")

// Provision finds the app.
func (c *Console) Provision(ctx caddy.Context) error {
	for _, host := range c.Hosts {
		if !isHost(host) {
			return fmt.Errorf("hosts: %q is %s", host, notHost)
		}
	}
	if len(c.Hosts) > maxHosts {
		return fmt.Errorf("hosts: %s", manyHosts)
	}
	loaded, err := ctx.AppIfConfigured("signpost")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return errNoBlock
	}
	if err != nil {
		return fmt.Errorf("loading the signpost app: %w", err)
	}
	state := loaded.(*App).shared
	c.handler = console.New(console.Options{
		API:          newAPI(func() *shared { return state }, c.AllowChanges),
		AllowChanges: c.AllowChanges, Hosts: c.Hosts,
	})
	return nil
}

// ServeHTTP serves the page and the API.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	c.handler.ServeHTTP(w, r)
	return nil
}

// maxHosts bounds the names of a console.
const maxHosts = 100

// hostName is what the name of a host may look like.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$`)

// isHost tells names and IP addresses, these with brackets or without.
func isHost(host string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil || hostName.MatchString(host)
}

// What is wrong with hosts.
const (
	notHost   = "not a host name: expected such as console.example, without scheme, port and path"
	manyHosts = "there are more than 100"
)

// consoleForm is the line of the directive.
var consoleForm = form{usage: "signpost_console [<matcher>] { allow_changes; hosts <name…> }", block: mayBlock}

// consoleWords are the subdirectives of the directive.
var consoleWords = words[Console]{
	"allow_changes": {
		form{usage: "allow_changes"},
		func(_ scope, _ *line, c *Console) { c.AllowChanges = true },
	},
	"hosts": {
		form{usage: "hosts <name…>", min: 1, max: maxHosts},
		func(s scope, l *line, c *Console) {
			c.Hosts = l.texts(0)
			for _, host := range c.Hosts {
				if !isHost(host) {
					s.wrong(l.place, "%q is %s", host, notHost)
				}
			}
		},
	},
}

// UnmarshalCaddyfile reads the directive; Caddy has taken the matcher away.
// Syntax:
//
//	signpost_console [<matcher>] {
//	    # lets the console change something and send test calls
//	    allow_changes
//	    # further names that it may be asked for by
//	    hosts <name...>
//	}
func (c *Console) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	s := newScope()
	l := readSegment(d, s)
	if l == nil {
		return d.ArgErr()
	}
	c.read(s.in(consoleDirective), l)
	return s.err()
}

// read fills the handler from the directive's line.
func (c *Console) read(s scope, l *line) {
	consoleForm.fits(s, l)
	readBlock(s, l.block, consoleWords, c, make(policy.Places))
}

// parseConsole reads the directive in a site, where it is known whether there is
// anything to show.
func parseConsole(helper httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	s := newScope()
	l := readSegment(helper.Dispenser, s)
	if l == nil {
		return nil, helper.ArgErr()
	}
	s = s.in(consoleDirective)
	c := new(Console)
	c.read(s, l)
	if helper.Option(directive) == nil {
		s.wrong(l.place, "%v", errNoBlock)
	}
	if err := s.err(); err != nil {
		return nil, oneALine(err)
	}
	return c, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Console)(nil)
	_ caddyhttp.MiddlewareHandler = (*Console)(nil)
	_ caddyfile.Unmarshaler       = (*Console)(nil)
)
