package console

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard decides which requests come from the operator. It stands against
// three things that another site can make the operator's browser do: sending
// a request that changes something (cross-site request forgery), sending it as
// a plain form, and asking under a name of its own that it made resolve to
// this machine (DNS rebinding).
type guard struct {
	allowChanges bool
	hosts        map[string]bool
	origin       *http.CrossOriginProtection
}

// newGuard makes the guard of a console.
func newGuard(o Options) guard {
	g := guard{allowChanges: o.AllowChanges, hosts: make(map[string]bool, len(o.Hosts)), origin: http.NewCrossOriginProtection()}
	for _, host := range o.Hosts {
		g.hosts[hostname(host)] = true
	}
	return g
}

// The guard's refusals. Each says what to do.
var (
	foreignHost = newProblem(http.StatusMisdirectedRequest, "The console is not served under this host name. "+
		"Open it as localhost or by its IP address, or name the host in signpost_console.")
	changesOff = newProblem(http.StatusForbidden, "This console only shows. "+
		"Say allow_changes in signpost_console to let it change something or send a test call.")
	foreignPage = newProblem(http.StatusForbidden, "The request comes from a page of another site. "+
		"Changes are only made from the console's own page.")
	notJSON = newProblem(http.StatusUnsupportedMediaType, "A body must be sent as Content-Type: application/json.")
)

// host refuses a request whose Host a stranger may have made resolve to this
// machine, and gives nil for all others. Nobody can do that with localhost
// (RFC 6761, section 6.3) or with an IP address. On a loopback connection the
// address must be a loopback one: any other was put there by something in
// between, whose name belongs into Hosts.
func (g guard) host(r *http.Request) *problem {
	name := hostname(r.Host)
	if g.hosts[name] || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return nil
	}
	ip, err := netip.ParseAddr(name)
	if err != nil || (fromHere(r) && !ip.Unmap().IsLoopback()) {
		return foreignHost
	}
	return nil
}

// change refuses a request that would change something and may not, and gives
// nil for all others.
func (g guard) change(r *http.Request) *problem {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	// The origin comes first, so that a stranger's page learns nothing about
	// how the console is configured.
	if err := g.origin.Check(r); err != nil {
		return foreignPage
	}
	if !g.allowChanges {
		return changesOff
	}
	if r.ContentLength == 0 {
		return nil
	}
	// A page of another site may send plain forms and text without asking
	// first, but never JSON.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return notJSON
	}
	return nil
}

// fromHere tells whether the request came over a loopback connection. Where
// the server does not say, it is taken for one: that is the stricter rule.
func fromHere(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	address, err := netip.ParseAddrPort(local.String())
	return err != nil || address.Addr().Unmap().IsLoopback()
}

// hostname gives the name in a Host header in the form in which names are
// compared: without port, brackets and final dot, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}
