package curl

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// request is what curl would send, before anything is made of it.
type request struct {
	url      word
	hasURL   bool
	urlQuery []word
	method   word
	head     bool
	get      bool
	globOff  bool
	pathAsIs bool

	headers []header
	user    *word
	bearer  *word
	data    []datum

	timeout time.Duration
	retries int

	dropped  []string // the names of what is left out without harm
	warnings []string
}

// header is one that the command sets.
type header struct {
	name  string // canonical
	value word
}

// warn notes what cannot be taken over, once.
func (r *request) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.warnings, text) {
		r.warnings = append(r.warnings, text)
	}
}

// setURL takes the address, of which there is one.
func (r *request) setURL(w word) error {
	switch {
	case r.hasURL:
		return w.wrong("a second address: expected one, and quotes around values that hold blanks")
	case w.text == "" || w.text == "-":
		return w.wrong("an empty address: expected such as https://api.store.example/v2/orders")
	}
	r.url, r.hasURL = w, true
	return nil
}

// methodName is what a method looks like.
var methodName = regexp.MustCompile(`^[A-Za-z][A-Za-z-]{0,19}$`)

func (r *request) setMethod(w word) error {
	if !methodName.MatchString(w.text) {
		return w.wrong("the value of -X is no method: expected such as GET or POST")
	}
	r.method = w.part(strings.ToUpper(w.text))
	return nil
}

// headerName is a token (RFC 9110, section 5.6.2), of a length that somebody would
// write.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// addHeader reads "Name: value". "Name:" leaves one out that curl sends by itself, and
// "Name;" sends it empty.
func (r *request) addHeader(w word) error {
	if strings.HasPrefix(w.text, "@") {
		return w.wrong("a file with headers, which is not read: write them into the command")
	}
	name, value, found := strings.Cut(w.text, ":")
	value = strings.TrimSpace(value)
	if bare, empty := strings.CutSuffix(w.text, ";"); !found && empty {
		name, found = bare, true
	} else if found && value == "" {
		return nil
	}
	if name = strings.TrimSpace(name); !found || !headerName.MatchString(name) {
		return w.wrong("the value of -H is no header: expected 'Name: value'")
	}
	return r.setHeader(name, w.part(value))
}

// setHeader takes one header.
func (r *request) setHeader(name string, value word) error {
	if strings.ContainsFunc(strings.ReplaceAll(value.text, mark, ""), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return value.wrong("a control character in the header %s", name)
	}
	r.headers = append(r.headers, header{http.CanonicalHeaderKey(name), value})
	return nil
}

// named makes what an option does that sets one header.
func named(name string) func(*request, word) error {
	return func(r *request, value word) error { return r.setHeader(name, value) }
}

// addCookie takes cookies. What holds no equals sign is the name of a file to curl.
func (r *request) addCookie(w word) error {
	if !strings.Contains(w.text, "=") && !w.hasVariable() {
		return w.wrong("a file with cookies, which is not read: write them as 'name=value'")
	}
	return r.setHeader("Cookie", w)
}

// byteRange is the value of -r.
var byteRange = regexp.MustCompile(`^[0-9,-]{1,60}$`)

func (r *request) setRange(w word) error {
	if !byteRange.MatchString(w.text) {
		return w.wrong("the value of -r is no range: expected such as 0-499")
	}
	return r.setHeader("Range", w.part("bytes="+w.text))
}

func (r *request) setUser(w word) error {
	r.user = &w
	return nil
}

func (r *request) setBearer(w word) error {
	r.bearer = &w
	return nil
}

// setTimeout reads seconds, which may have a fraction.
func (r *request) setTimeout(w word) error {
	seconds, err := strconv.ParseFloat(w.text, 64)
	if err != nil || !(seconds > 0 && seconds < 1e6) {
		return w.wrong("the value of -m is no number of seconds")
	}
	r.timeout = time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
	return nil
}

func (r *request) setRetries(w word) error {
	n, err := strconv.Atoi(w.text)
	if err != nil || n < 0 {
		return w.wrong("the value of --retry is no count")
	}
	r.retries = n
	return nil
}
