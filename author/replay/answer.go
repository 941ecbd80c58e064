package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// take reads an answer.
func (g *Given) take(d *calllog.AnswerDetail) Reason {
	body, coded := bodyOf(&d.Content)
	if !coded {
		return WhyCoding
	}
	if len(body) > MaxBody {
		return WhyBody
	}
	g.Header, g.Body = headerOf(d.Headers), body
	g.Cut, g.Size = d.BodyCut || d.BodyNote != "", d.BodyBytes
	if d.BodyNote != "" && d.BodyBytes == 0 {
		g.Size = lengthOf(d) // It was not read, and perhaps long.
	}
	if strings.Contains(d.BodyNote, "redact") {
		g.why = WhyHidden
	}
	g.plain()
	return ""
}

// lengthOf is how long the body was said to be, -1 where it was not.
func lengthOf(d *calllog.AnswerDetail) int64 {
	for _, f := range d.Headers {
		if f[0] == "Content-Length" {
			if length, err := strconv.ParseInt(f[1], 10, 64); err == nil && length >= 0 {
				return length
			}
		}
	}
	return -1
}

// plain takes the coding out of the header where the body is shown without it.
func (g *Given) plain() {
	coding := strings.ToLower(g.Header.Get("Content-Encoding"))
	if (coding == "gzip" || coding == "x-gzip") && !bytes.HasPrefix(g.Body, []byte("\x1f\x8b")) {
		g.Header.Del("Content-Encoding")
	}
}

// takeStale reads the earlier answer that the bot got.
func (c *Call) takeStale(d *detail) Reason {
	var answer calllog.AnswerDetail
	if len(d.Response) == 0 || json.Unmarshal(d.Response, &answer) != nil {
		return WhyShape
	}
	g := Given{Status: d.Status}
	if why := g.take(&answer); why != "" {
		return why
	}
	c.keepStale(g)
	if d.FallbackAgeMS > 0 {
		c.Age = min(millis(d.FallbackAgeMS), maxAge)
	}
	return ""
}

// keepStale notes the answer, in an envelope or not, as it came once.
func (c *Call) keepStale(g Given) {
	if age, err := strconv.Atoi(g.Header.Get("Age")); err == nil && age > 0 {
		c.Age = min(time.Duration(age)*time.Second, maxAge)
	}
	if inner, is := unwrap(&g); is {
		g.Body, g.Size = inner.Data, int64(len(inner.Data))
		g.Header.Set("Content-Type", "application/json")
		g.Header.Del("Cache-Control") // It is the envelope's, which nobody may keep.
	}
	for name := range g.Header {
		if isOurs(name) || name == "Age" {
			delete(g.Header, name)
		}
	}
	c.Stale = &g
}

// maxAge bounds the age of a stale answer.
const maxAge = 30 * 24 * time.Hour

// isOurs tells the headers that Signpost writes.
func isOurs(name string) bool {
	return strings.HasPrefix(name, "Signpost-") || name == "Proxy-Status" || name == "Server-Timing" ||
		name == "Ratelimit" || name == "Ratelimit-Policy"
}

// headerOf reads a header as the log has it: pairs of name and value.
func headerOf[P ~[2]string](fields []P) http.Header {
	header := make(http.Header, len(fields))
	for _, f := range fields {
		addField(header, f[0], f[1])
	}
	return header
}

// addField adds a field to a header, but for what frames the body, which is made
// anew, and what cannot stand in one.
func addField(header http.Header, name, value string) {
	switch name = http.CanonicalHeaderKey(name); name {
	case "Content-Length", "Transfer-Encoding", "Trailer", "Host", "Connection", "Keep-Alive":
	default:
		if name != "" && !strings.ContainsAny(name, ": \r\n") && !strings.ContainsAny(value, "\r\n\x00") {
			header[name] = append(header[name], value)
		}
	}
}

// bodyOf gives a body as it was; coded is false where it is not coded as it says.
func bodyOf(c *calllog.Content) (body []byte, coded bool) {
	if c.BodyEncoding == "base64" {
		decoded, err := base64.StdEncoding.DecodeString(c.Body)
		return decoded, err == nil
	}
	return []byte(c.Body), true
}

// envelope is an answer of Signpost's in an envelope, as far as it is looked at.
type envelope struct {
	OK      *bool           `json:"ok"`
	Outcome *string         `json:"outcome"`
	Route   *string         `json:"route"`
	Status  int             `json:"status"`
	Data    json.RawMessage `json:"data"`
	Omitted []string        `json:"omitted"`
}

// unwrap takes an answer out of its envelope; is tells whether it is in one.
func unwrap(g *Given) (e envelope, is bool) {
	if g.Cut || g.Status != http.StatusOK || !bytes.HasPrefix(g.Body, []byte(`{"ok":`)) {
		return e, false
	}
	err := json.Unmarshal(g.Body, &e)
	return e, err == nil && e.OK != nil && e.Outcome != nil && e.Route != nil && e.Data != nil
}
