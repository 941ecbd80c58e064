package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody bounds the bodies of changes, in bytes.
const maxBody = 64 << 10

// parameters are those of a request's query, each at most once.
type parameters map[string]string

// readQuery reads a query, in which only these parameters may stand. One with
// nothing behind it is as good as none.
func readQuery(r *http.Request, allowed ...string) (parameters, *problem) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, bad("The query cannot be read: %v.", err)
	}
	read := make(parameters, len(values))
	for name, given := range values {
		switch {
		case len(allowed) == 0:
			return nil, bad("Unknown parameter %q: this path takes none.", name)
		case !slices.Contains(allowed, name):
			return nil, bad("Unknown parameter %q: expected %s.", name, strings.Join(allowed, ", "))
		case len(given) > 1:
			return nil, bad("The parameter %q stands %d times: expected it once.", name, len(given))
		}
		if given[0] != "" {
			read[name] = given[0]
		}
	}
	return read, nil
}

// text gives a parameter, nil where it is not there.
func (p parameters) text(name string) *string {
	if value, there := p[name]; there {
		return &value
	}
	return nil
}

// readBody reads a body of at most so many bytes.
func readBody(r *http.Request, bound int64) ([]byte, *problem) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, bound+1))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		bound, err = tooLarge.Limit, nil
	} else if err == nil && int64(len(body)) <= bound {
		return body, nil
	}
	if err != nil {
		return nil, bad("The body cannot be read.")
	}
	return nil, wrong(http.StatusRequestEntityTooLarge, "The body is larger than %d bytes.", bound)
}

// readJSON reads a body that is one JSON object with no members but those of
// into, which usage describes.
func readJSON(r *http.Request, bound int64, into any, usage string) *problem {
	body, p := readBody(r, bound)
	if p != nil {
		return p
	}
	if !strings.HasPrefix(strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n"), "{") {
		return bad("The body is not a JSON object: expected %s.", usage)
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return bad("The body cannot be read: %s; expected %s.", strings.TrimPrefix(err.Error(), "json: "), usage)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return bad("Something stands behind the body's JSON object: expected %s alone.", usage)
	}
	return nil
}

// noBody refuses a body where none is expected.
func noBody(r *http.Request) *problem {
	body, p := readBody(r, maxBody)
	if p == nil && len(strings.TrimSpace(string(body))) > 0 && strings.TrimSpace(string(body)) != "{}" {
		return bad("This request takes no body.")
	}
	return p
}

// nothingSaid refuses a request that says more than its path.
func nothingSaid(r *http.Request) *problem {
	if _, p := readQuery(r); p != nil {
		return p
	}
	if r.Method == http.MethodPost {
		return noBody(r)
	}
	return nil
}
