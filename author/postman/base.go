package postman

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// origin is where a request goes, without a path: https://api.store.example.
type origin string

// locate resolves the address of a request: its origin, and the segments of its path.
// It fails where the collection does not say what a variable of it is.
func (c *call) locate(server string) error {
	place := c.url
	if name, rest, begins := beginning(place); begins {
		value := c.scope.resolve("{{" + name + "}}")
		if strings.HasPrefix(value, "{{") && server != "" && !isSecret(name) {
			value = server
		}
		if strings.HasPrefix(value, "{{") {
			return unknown(name)
		}
		value = strings.TrimRight(value, "/")
		place = value + rest
		if _, path, found := strings.Cut(afterScheme(value), "/"); found {
			c.derived = len(c.expand(strings.Split(path, "/")))
		}
	}
	proto, rest, says := strings.Cut(place, "://")
	if !says {
		proto, rest = "https", place
	}
	authority, path, _ := strings.Cut(rest, "/")
	proto, authority = strings.ToLower(c.scope.resolve(proto)), c.scope.resolve(authority)
	if still := open(authority); len(still) > 0 {
		return unknown(still[0])
	}
	authority = strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:])
	u, err := url.Parse(proto + "://" + authority)
	if err != nil || proto != "http" && proto != "https" || u.Hostname() == "" || u.Path != "" {
		return errors.New("its address is not one of https://host/path")
	}
	if !says && isLocal(u.Hostname()) {
		proto = "http"
	}
	c.base = origin(proto + "://" + u.Host)
	if path != "" || strings.HasSuffix(rest, "/") {
		c.path = c.expand(strings.Split(path, "/"))
	}
	return nil
}

// unknown says what whoever imports can do about a variable in an address.
func unknown(name string) error {
	return fmt.Errorf("the collection does not say what {{%s}} in its address is: give its value, %s=https://… for instance", shown(name), shown(name))
}

// beginning tells the variable that an address begins with.
func beginning(s string) (name, rest string, begins bool) {
	m := reference.FindStringSubmatchIndex(s)
	if m == nil || m[0] != 0 {
		return "", "", false
	}
	return strings.TrimSpace(s[m[2]:m[3]]), s[m[1]:], true
}

// afterScheme drops https:// from an address.
func afterScheme(s string) string {
	if _, after, found := strings.Cut(s, "://"); found {
		return after
	}
	return s
}

// choose gives the requests to the host that most of them go to. The others are told
// of by their hosts.
func choose(calls []*call, w *warnings) (origin, []*call) {
	many := make(map[origin]int)
	for _, c := range calls {
		many[c.base]++
	}
	var best origin
	for _, c := range calls { // In their order, so that the first of equals is taken.
		if many[c.base] > many[best] {
			best = c.base
		}
	}
	for _, other := range slices.Sorted(maps.Keys(many)) {
		if other != best {
			w.add("%s to %s: a policy has one host, and most requests go to %s", count(many[other], "request"), shown(string(other)), shown(string(best)))
		}
	}
	return best, slices.DeleteFunc(calls, func(c *call) bool { return c.base != best })
}

// count gives a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// prefix is what a path may begin with that belongs to the base URL: a version, and
// words that say that this is an API.
var prefix = regexp.MustCompile(`^(?i:api|apis|rest|public|gateway|v[0-9]+(?:[._-][0-9a-z]+)*|20[0-9]{2}-[01][0-9](?:-[0-3][0-9])?)$`)

// sharedPath is how many segments at the beginning of all paths belong to the base
// URL: what the address variable of all holds, or else what looks like it.
func sharedPath(calls []*call) int {
	first := calls[0]
	shared, derived := len(first.path), first.derived
	for _, c := range calls {
		derived = min(derived, c.derived)
		shared = min(shared, len(c.path))
		for i := range shared {
			if c.path[i] != first.path[i] {
				shared = i
				break
			}
		}
	}
	n := 0
	for n < shared && (n < derived || prefix.MatchString(first.path[n])) && !varies(first.path[n]) && !isExample(first.path[n]) {
		n++
	}
	return n
}

// varies tells segments that are no fixed text.
func varies(segment string) bool {
	return segment == "" || strings.HasPrefix(segment, ":") || strings.ContainsAny(segment, "{}")
}

// baseURL makes the policy's base URL, and takes its path off the requests'.
func baseURL(base origin, calls []*call) (string, error) {
	n := sharedPath(calls)
	var b strings.Builder
	b.WriteString(string(base))
	for _, segment := range calls[0].path[:n] {
		b.WriteString("/" + escaped(segment))
	}
	for _, c := range calls {
		c.path = c.path[n:]
	}
	if _, err := url.Parse(b.String()); err != nil {
		return "", fmt.Errorf("making a base URL of %s: it is none", cmp.Or(shown(b.String()), "nothing"))
	}
	return b.String(), nil
}

// escaped gives a literal segment as it stands in a URL. What is percent-encoded
// already stays so.
func escaped(segment string) string {
	decoded, err := url.PathUnescape(segment)
	if err != nil {
		decoded = segment
	}
	return url.PathEscape(decoded)
}
