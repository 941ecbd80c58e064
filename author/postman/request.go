package postman

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// call is one request of the collection in the form that all of them get.
type call struct {
	name        string
	folders     []string // around it, from the outside
	description string
	method      string
	url         string            // without query and fragment
	query       []param           // those that are sent
	unsent      []string          // names of those that are there and not sent
	samples     map[string]string // of :variables of the path
	header      []param           // those that are sent
	body        *body             // nil: none
	auth        *auth             // nil: none
	responses   []response
	scope       *scope
	refused     error             // why it cannot become an operation
	sends       map[string]string // the credentials of it that can be put into a policy, by their places

	base    origin
	path    []string // segments below the origin, as written
	derived int      // how many of them came out of the variable that the address begins with
}

// label is how warnings name the request.
func (c *call) label() string {
	return quote(strings.Join(append(slices.Clone(c.folders), c.name), " / "))
}

// newCall brings a request into its form.
func newCall(it *item, folders []string, names *scope, inherited *auth) *call {
	r := it.Request
	c := &call{
		name: string(it.Name), folders: folders, description: string(it.Description),
		method: strings.ToUpper(strings.TrimSpace(r.Method)),
		auth:   inherited, responses: it.Response, scope: names, refused: r.refused,
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	if c.description == "" {
		c.description = string(r.Description)
	}
	if r.Auth != nil && r.Auth.Kind != "" {
		c.auth = r.Auth
	}
	if c.auth != nil && c.auth.Kind == "noauth" {
		c.auth = nil
	}
	if r.Body != nil && !r.Body.Disabled && r.Body.Mode != "" {
		c.body = r.Body
	}
	for _, h := range r.Header {
		if !h.Disabled && strings.TrimSpace(string(h.Key)) != "" {
			c.header = append(c.header, h)
		}
	}
	c.where(&r.URL)
	return c
}

// where takes an address apart.
func (c *call) where(a *address) {
	a.split()
	c.url = string(a.Raw)
	for _, q := range a.Query {
		switch {
		case q.Key == "":
		case q.Disabled:
			c.unsent = append(c.unsent, string(q.Key))
		default:
			c.query = append(c.query, q)
		}
	}
	c.samples = make(map[string]string, len(a.Variable))
	for _, v := range a.Variable {
		c.samples[v.name()] = string(v.Value)
	}
}

// name is what a variable is called.
func (p param) name() string {
	if p.Key == "" {
		return string(p.ID)
	}
	return string(p.Key)
}

// split takes the query off an address that is one text, and makes one of an address
// in pieces.
func (a *address) split() {
	if a.Raw = text(strings.TrimSpace(string(a.Raw))); a.Raw == "" {
		a.Raw = text(a.compose())
	}
	place, query, _ := strings.Cut(string(a.Raw), "?")
	place, _, _ = strings.Cut(place, "#")
	query, _, _ = strings.Cut(query, "#")
	a.Raw = text(place)
	if len(a.Query) == 0 {
		a.Query = splitQuery(query)
	}
}

// compose makes one text of an address in pieces.
func (a *address) compose() string {
	var b strings.Builder
	if a.Protocol != "" {
		b.WriteString(strings.TrimSuffix(string(a.Protocol), "://") + "://")
	}
	b.WriteString(strings.Join(a.Host, "."))
	if a.Port != "" {
		b.WriteString(":" + string(a.Port))
	}
	for i, segment := range a.Path {
		if i > 0 || !strings.HasPrefix(segment, "/") {
			b.WriteByte('/')
		}
		b.WriteString(segment)
	}
	return b.String()
}

// splitQuery takes a query apart.
func splitQuery(query string) []param {
	var all []param
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name != "" {
			all = append(all, param{Key: text(name), Value: text(value)})
		}
		if len(all) > maxFields {
			break // There are too many already.
		}
	}
	return all
}

// reference finds {{name}}, in which Postman allows nearly every character.
var reference = regexp.MustCompile(`\{\{([^{}]+)\}\}`)

// whole gives the name of the variable that a text is, if it is one and nothing
// else.
func whole(s string) (name string, is bool) {
	m := reference.FindStringSubmatchIndex(s)
	if m == nil || m[0] != 0 || m[1] != len(s) {
		return "", false
	}
	return strings.TrimSpace(s[m[2]:m[3]]), true
}
