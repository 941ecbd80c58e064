package replay

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// entry is one entry of a HAR 1.2 file, as far as it is looked at.
type entry struct {
	Started  string      `json:"startedDateTime"`
	TimeMS   float64     `json:"time"`
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
}

type harRequest struct {
	Method  string     `json:"method"`
	URL     string     `json:"url"`
	Headers []harField `json:"headers"`
	Post    *harPost   `json:"postData"`
}

type harField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// harPost is the body of a request: its text, or the fields of a form.
type harPost struct {
	Type     string     `json:"mimeType"`
	Text     string     `json:"text"`
	Encoding string     `json:"encoding"`
	Params   []harField `json:"params"`
}

type harResponse struct {
	Status  int        `json:"status"`
	Headers []harField `json:"headers"`
	Content harContent `json:"content"`
}

// harContent is the body of an answer, without content coding. Size is how long it
// is so.
type harContent struct {
	Size     int64   `json:"size"`
	Text     *string `json:"text"`
	Encoding string  `json:"encoding"`
}

// readEntry makes a call of an entry of a HAR file: one that a bot made to Signpost,
// whose answer tells the verdict, or one that somebody made to the third party
// itself. The error is that of the JSON.
func readEntry(raw []byte, number int, tenantHeader string) (Call, error) {
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return Call{}, err
	}
	c := Call{ID: fmt.Sprintf("entry %d", number), Method: e.Request.Method, Header: fieldsOf(e.Request.Headers)}
	c.Time, _ = time.Parse(time.RFC3339Nano, e.Started)
	c.Tenant = strings.Join(c.Header[http.CanonicalHeaderKey(tenantHeader)], "\n") // As a site has it: two name nobody.
	c.Why = c.takeEntry(&e)
	return c, nil
}

// takeEntry reads the parts of an entry.
func (c *Call) takeEntry(e *entry) Reason {
	u, err := url.Parse(e.Request.URL)
	if err != nil || c.Method == "" || u.Host == "" || e.Response.Status < 0 || e.Response.Status > 999 {
		return WhyShape
	}
	switch {
	case c.Method == http.MethodConnect:
		return WhyTunnel
	case e.Response.Status == http.StatusSwitchingProtocols:
		return WhyUpgrade
	}
	c.Query = u.RawQuery
	if !c.takePost(e.Request.Post) {
		return WhyCoding
	}
	g, coded := e.Response.given()
	if !coded {
		return WhyCoding
	}
	if len(c.Body) > MaxBody || len(g.Body) > MaxBody {
		return WhyBody
	}
	g.Duration = millis(e.TimeMS)
	c.Took = g.Duration
	c.Last = true
	if len(g.Header["Signpost-Outcome"]) == 1 {
		return c.takeVerdict(u, g)
	}
	c.URL = u
	if g.Status == 0 {
		g = Given{Outcome: "unreachable", Duration: g.Duration} // A browser says no more.
	}
	c.Given = []Given{g}
	return ""
}

// fieldsOf reads a header. Names that begin with a colon are HTTP/2's own.
func fieldsOf(fields []harField) http.Header {
	header := make(http.Header, len(fields))
	for _, f := range fields {
		addField(header, f.Name, f.Value)
	}
	return header
}

// takePost reads the body of the request; false, where it is not coded as it says.
func (c *Call) takePost(p *harPost) bool {
	switch {
	case p == nil:
	case p.Encoding == "base64":
		body, err := base64.StdEncoding.DecodeString(p.Text)
		c.Body = body
		return err == nil
	case p.Text != "" || len(p.Params) == 0:
		c.Body = []byte(p.Text)
	case strings.HasPrefix(p.Type, "application/x-www-form-urlencoded"):
		pairs := make([]string, len(p.Params))
		for i, field := range p.Params {
			pairs[i] = escapeOnce(field.Name) + "=" + escapeOnce(field.Value)
		}
		c.Body = []byte(strings.Join(pairs, "&"))
	default:
		c.Unread = true // The parts of a form with files.
	}
	return true
}

// escapeOnce escapes a field of a form, unless that was done already: some programs
// write it as it was sent.
func escapeOnce(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil && url.QueryEscape(plain) == s {
		return s
	}
	return url.QueryEscape(s)
}

// given is what the third party did; coded is false where the body is not coded as
// it says.
func (r *harResponse) given() (g Given, coded bool) {
	g = Given{Status: r.Status, Header: fieldsOf(r.Headers), Size: r.Content.Size}
	delete(g.Header, "Content-Encoding") // The text is without.
	if r.Content.Text == nil {
		g.Cut = r.Content.Size != 0
		if r.Content.Size < 0 {
			g.Size = -1
		}
		return g, true
	}
	if r.Content.Encoding == "base64" {
		body, err := base64.StdEncoding.DecodeString(*r.Content.Text)
		g.Body, coded = body, err == nil
	} else {
		g.Body, coded = []byte(*r.Content.Text), true
	}
	g.Cut = g.Size > int64(len(g.Body))
	return g, coded
}
