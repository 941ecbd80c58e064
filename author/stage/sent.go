package stage

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// Sent is a request as it went out, of which every credential reads as the policy
// writes it.
type Sent struct {
	Method string

	// URL is the whole address. {secret.NAME} stands in it as it is.
	URL string

	// Header holds the credentials: "Bearer {secret.NAME}", "Basic user:{secret.NAME}",
	// which is not encoded, and {jwt} and {oauth2} where a token is.
	Header http.Header

	Body []byte
}

// disguise knows where a policy puts its credentials, so that what is encoded or
// signed can be shown as it is written.
type disguise struct {
	tokens map[string]string // what stands for a token, by header
	basic  bool
	query  []string // secrets in parameters, as they stand in a query, and as they are written, by turns
}

// newDisguise looks at what a policy injects.
func newDisguise(injected []policy.Inject) disguise {
	d := disguise{tokens: make(map[string]string)}
	for _, in := range injected {
		switch in.As {
		case "basic":
			d.basic = true
		case "jwt":
			if in.JWT != nil && in.JWT.Header != "" {
				d.tokens[http.CanonicalHeaderKey(in.JWT.Header)] = "{jwt}"
			} else {
				d.tokens["Authorization"] = "Bearer {jwt}"
			}
		case "oauth2":
			d.tokens["Authorization"] = "Bearer {oauth2}"
		case "query":
			for _, ref := range reference.FindAllString(in.Value, -1) {
				if encoded := url.QueryEscape(ref); !slices.Contains(d.query, encoded) {
					d.query = append(d.query, encoded, ref)
				}
			}
		}
	}
	return d
}

// read takes what an attempt sends. The error is that of the bot's own body.
func (t *third) read(req *http.Request) (Sent, error) {
	s := Sent{Method: req.Method, URL: req.URL.String(), Header: req.Header.Clone()}
	for name, values := range s.Header {
		if len(values) == 0 {
			delete(s.Header, name) // It keeps net/http from writing its own.
		}
	}
	t.disguise.put(&s)
	if req.Body == nil {
		return s, nil
	}
	defer req.Body.Close()
	var err error
	s.Body, err = io.ReadAll(req.Body) // Which Call bounds, or the engine where it makes it of variables.
	return s, err
}

// put shows credentials as the policy writes them.
func (d *disguise) put(s *Sent) {
	for name, token := range d.tokens {
		if s.Header[name] != nil {
			s.Header[name] = []string{token}
		}
	}
	if coded, found := strings.CutPrefix(s.Header.Get("Authorization"), "Basic "); found && d.basic {
		if pair, err := base64.StdEncoding.DecodeString(coded); err == nil {
			s.Header["Authorization"] = []string{"Basic " + string(pair)}
		}
	}
	if len(d.query) > 0 {
		s.URL = strings.NewReplacer(d.query...).Replace(s.URL)
	}
}
