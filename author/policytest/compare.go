package policytest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/author/stage"
)

// maxTold bounds a text of a Mismatch, in bytes.
const maxTold = 64 << 10

// comparison collects what was expected of a call and did not come.
type comparison struct {
	mismatches []Mismatch
}

// compare holds a call against what is expected of it.
func compare(e *Expect, p *stage.Played) []Mismatch {
	var c comparison
	c.text("route", p.Verdict.Route, e.Route)
	c.text("next", p.Verdict.Next, e.Next)
	if e.Outcome != "" {
		c.equal("outcome", string(p.Verdict.Outcome), string(e.Outcome))
	}
	if e.Status != 0 {
		c.equal("status", strconv.Itoa(p.Verdict.Status), strconv.Itoa(e.Status))
	}
	if e.Attempts != nil {
		c.equal("attempts", strconv.Itoa(p.Attempts), strconv.Itoa(*e.Attempts))
	}
	c.text("fallback", cmp.Or(p.Verdict.Fallback, "none"), e.Fallback)
	c.text("reason", p.Verdict.Reason, e.Reason)
	c.vars(e, p)
	c.body("body", p.Body, e.Body)
	c.headers("headers.", p.Header, e.Headers)
	c.sent(e.Sent, p.Sent)
	return c.mismatches
}

// text compares what is expected at all.
func (c *comparison) text(what, got string, want *string) {
	if want != nil {
		c.equal(what, got, *want)
	}
}

// equal compares texts.
func (c *comparison) equal(what, got, want string) {
	if got != want {
		c.wrong(what, got, want, false)
	}
}

// wrong notes an expectation that was not met. A text that is cut is no JSON any
// more.
func (c *comparison) wrong(what, got, want string, isJSON bool) {
	isJSON = isJSON && len(got) <= maxTold && len(want) <= maxTold
	c.mismatches = append(c.mismatches, Mismatch{
		What: what, Got: told(cmp.Or(got, Nothing)), Want: told(cmp.Or(want, Nothing)), JSON: isJSON,
	})
}

// told bounds a text, and makes UTF-8 of it.
func told(text string) string {
	cut := text[:min(len(text), maxTold)]
	if len(cut) < len(text) {
		for len(cut) > 0 && !utf8.RuneStart(text[len(cut)]) {
			cut = cut[:len(cut)-1]
		}
		cut += "…"
	}
	return strings.ToValidUTF8(cut, "\uFFFD")
}

// vars compares variables.
func (c *comparison) vars(e *Expect, p *stage.Played) {
	got := make(map[string][]byte, len(p.Vars))
	for _, v := range p.Vars {
		got[v.Name] = v.JSON
	}
	for _, name := range slices.Sorted(maps.Keys(e.Vars)) {
		c.json("vars."+name, got[name], e.Vars[name])
	}
	for _, name := range e.Missing {
		if value, there := got[name]; there {
			line, _ := canonical(value)
			c.wrong("vars."+name, line, Nothing, false)
		}
	}
}

// json compares values. Where either is no JSON, they are told as texts.
func (c *comparison) json(what string, got, want []byte) {
	if sameJSON(got, want) {
		return
	}
	gotLine, isJSON := canonical(got)
	if !isJSON {
		gotLine = string(got)
	}
	wantLine, wantsJSON := canonical(want)
	if !wantsJSON {
		wantLine = string(want)
	}
	c.wrong(what, gotLine, wantLine, isJSON && wantsJSON)
}

// body compares a body with JSON or a text.
func (c *comparison) body(what string, got []byte, want *Body) {
	switch {
	case want == nil:
	case want.JSON != nil:
		c.json(what, got, want.JSON)
	case string(got) != want.Text:
		c.wrong(what, string(got), want.Text, false)
	}
}

// headers compares headers; several of a name stand in one line, with commas.
func (c *comparison) headers(prefix string, got http.Header, want map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		c.equal(prefix+name, strings.Join(got.Values(name), ", "), want[name])
	}
}

// sent compares the request of the last attempt.
func (c *comparison) sent(want *Sent, all []stage.Sent) {
	switch {
	case want == nil:
		return
	case want.Nothing:
		if len(all) > 0 {
			last := all[len(all)-1]
			c.wrong("sent", last.Method+" "+last.URL, "nothing", false)
		}
		return
	case len(all) == 0:
		c.wrong("sent", "", "a request", false)
		return
	}
	got := all[len(all)-1]
	if want.Method != "" {
		c.equal("sent.method", got.Method, want.Method)
	}
	if want.URL != "" {
		address := got.URL
		if strings.HasPrefix(want.URL, "/") {
			address = pathAndQuery(address)
		}
		c.equal("sent.url", address, want.URL)
	}
	c.headers("sent.headers.", got.Header, want.Headers)
	c.body("sent.body", got.Body, want.Body)
}

// pathAndQuery is what of an address follows the host.
func pathAndQuery(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	at := strings.IndexAny(rest, "/?")
	switch {
	case at < 0:
		return "/"
	case rest[at] == '?':
		return "/" + rest[at:]
	}
	return rest[at:]
}
