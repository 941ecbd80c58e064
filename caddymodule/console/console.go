package console

import (
	"net/http"
	"slices"
	"strings"
)

// Options are what a console is made of.
type Options struct {
	// API is the operator API; it serves paths that begin with /signpost/. It
	// must not be nil.
	API http.Handler

	// AllowChanges lets requests through to the API that change something or
	// send a test call. Default: none.
	AllowChanges bool

	// Hosts are further names by which the console may be asked for, beside
	// those that no stranger can point at it: localhost and IP addresses.
	// Case and ports do not matter.
	Hosts []string
}

// apiRoot is the path segment below which the operator API lies.
const apiRoot = "signpost"

// apiWords are the first words of the operator API's paths.
var apiWords = []string{"info", "state", "policies", "traffic", "calls", "breakers", "tenants", "drift", "alerts", "test"}

// contentSecurityPolicy lets the page use its own files and its own API, and
// nothing else: no inline script or style, no form that leaves, no frame
// around it.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// console serves the page and, beneath the same path, the operator API.
type console struct {
	api    http.Handler
	guard  guard
	assets map[string]asset
}

// New gives the handler of a console. It may be mounted below any path, as it
// looks at the end of a request's path alone: what follows the first
// /signpost/ and a word of the API is the API's, a path that ends in a slash
// is the page, a file's name is that file. It is safe for concurrent use.
func New(o Options) http.Handler {
	return &console{api: o.API, guard: newGuard(o), assets: embedded()}
}

// ServeHTTP answers a request for the page, one of its files, or the API.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	writeHeader(w.Header())
	if p := c.guard.host(r); p != nil {
		p.write(w)
		return
	}
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if slices.ContainsFunc(segments, isDots) {
		notFound.write(w)
		return
	}
	if i := apiStart(segments); i >= 0 {
		c.serveAPI(w, r, segments[i:])
		return
	}
	c.serveFile(w, r, segments[len(segments)-1])
}

// writeHeader sets what every answer of the console carries, the API's
// included.
func writeHeader(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// apiStart finds where in a path the API's own part begins, or gives -1. It is
// the first place, for what follows may be the name of a policy or tenant.
func apiStart(segments []string) int {
	for i := range len(segments) - 1 {
		if segments[i] == apiRoot && slices.Contains(apiWords, segments[i+1]) {
			return i
		}
	}
	return -1
}

// isDots tells whether a segment is one that a server or browser in between
// may have understood as a way up, however it is written.
func isDots(segment string) bool {
	switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
	case ".", "..":
		return true
	}
	return false
}

// serveAPI hands a request on to the API under the path that it knows, when
// the guard lets it through.
func (c *console) serveAPI(w http.ResponseWriter, r *http.Request, segments []string) {
	if p := c.guard.change(r); p != nil {
		p.write(w)
		return
	}
	rest := strings.Join(segments, "/")
	inner := new(http.Request)
	*inner = *r
	url := *r.URL
	inner.URL = &url
	// The path was unescaped once when the request was read, so that its
	// escaped end always is an escaped path.
	url.Path = "/" + unescape(rest)
	url.RawPath = "/" + rest
	inner.RequestURI = url.RequestURI()
	c.api.ServeHTTP(w, inner)
}

// serveFile answers with the page or one of its files, or sends the browser to
// where the page is.
func (c *console) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		wrongMethod.write(w)
		return
	}
	if name == "" {
		name = pageName
	}
	if file, ok := c.assets[name]; ok {
		file.serve(w, r)
		return
	}
	// A name with a dot is a file that there is not; all else is the page's
	// folder, of which only the slash is missing.
	if strings.Contains(name, ".") {
		notFound.write(w)
		return
	}
	// The leading ./ keeps the last segment a segment: never a scheme, and
	// never another host.
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Location", "./"+name+"/")
	w.WriteHeader(http.StatusFound)
}
