package curl

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// address is a URL in its parts, as they were written.
type address struct {
	scheme string
	user   *word // user:password
	host   string
	path   string // escaped, and beginning with a slash
	query  word
}

// globs are what curl makes several addresses of: {a,b} and [1-9].
var globs = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]`)

// parseAddress takes an address apart as curl does: http where no scheme stands, and
// without the fragment, which is never sent.
func (r *request) parseAddress() (*address, error) {
	w := r.url
	if !r.hasURL {
		return nil, fmt.Errorf("there is no address: %s", remedy)
	}
	rest, _, _ := strings.Cut(w.text, "#")
	a := &address{scheme: "http"}
	if scheme, behind, found := strings.Cut(rest, "://"); found && !strings.ContainsAny(scheme, "/?@") {
		a.scheme, rest = strings.ToLower(scheme), behind
	}
	if a.scheme != "http" && a.scheme != "https" {
		return nil, w.wrong("an address that is not of http or https")
	}
	authority, behind := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, behind = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user := w.part(authority[:i])
		a.user, authority = &user, authority[i+1:]
	}
	path, query, _ := strings.Cut(behind, "?")
	if !r.globOff && (globs.MatchString(behind) || strings.ContainsAny(authority, "{}")) {
		return nil, w.wrong("{ } or [ ] in the address, of which curl makes several: expected one, and -g where the braces are part of it")
	}
	a.host, a.path, a.query = strings.ToLower(authority), escapedPath(path), w.part(query)
	if !r.pathAsIs {
		a.path = withoutDots(a.path)
	}
	return a, a.check(w, authority)
}

// check refuses what cannot be a base URL.
func (a *address) check(w word, authority string) error {
	if strings.Contains(authority, mark) {
		return w.part(authority).plain()
	}
	u, err := url.Parse(a.scheme + "://" + a.host + "/")
	if err != nil || u.Hostname() == "" || u.Host != a.host || strings.ContainsAny(a.host, " \"'\\^`|<>") {
		return w.wrong("the host of the address is none: expected such as https://api.store.example/v2/orders")
	}
	return nil
}

// escapedPath encodes what cannot stand in a path as it is, and leaves all else.
func escapedPath(path string) string {
	if path == "" {
		return "/"
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c != mark[0] && (c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0) {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// withoutDots removes dot segments (RFC 3986, section 5.2.4), as curl does.
func withoutDots(path string) string {
	segments := strings.Split(path, "/")[1:]
	var kept []string
	for i, s := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(s), "%2e", ".") {
		case ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
