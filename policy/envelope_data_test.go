package policy_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// zipped is gzip of a text.
func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func TestTheDataOfAnEnvelopeIsTheBodyWhateverItIsLabelled(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for name, c := range map[string]struct {
		status             int
		kind, coding, body string
		data               string // JSON; empty: it is omitted
	}{
		"JSON":                             {200, "application/json", "", ` {"a": [1,  2]}` + "\n", `{"a": [1,  2]}`},
		"JSON that says it is text":        {200, "text/plain", "", `{"a":1}`, `{"a":1}`},
		"a lone string":                    {200, "application/problem+json", "", `"x"`, `"x"`},
		"null":                             {200, "application/json", "", `null`, `null`},
		"an error's JSON":                  {422, "application/json", "", `{"e":1}`, `{"e":1}`},
		"text":                             {200, "text/plain", "", "hello\n\"<you>\"\x00", `"hello\n\"<you>\"\u0000"`},
		"text that says it is JSON":        {200, "application/json", "", `{"a":`, `"{\"a\":"`},
		"no UTF-8":                         {200, "text/plain; charset=iso-8859-1", "", "caf\xe9!\xff\xfe", `"caf\ufffd!\ufffd\ufffd"`},
		"JSON in no UTF-8":                 {200, "application/json", "", "\"\xe9\"", `"\"\ufffd\""`},
		"JSON too deep to be read":         {200, "application/json", "", deep, `"` + deep + `"`},
		"gzip":                             {200, "application/json", "gzip", zipped(`{"a":1}`), `{"a":1}`},
		"gzip of text":                     {200, "text/plain", "x-gzip", zipped("hi"), `"hi"`},
		"gzip of nothing":                  {200, "text/plain", "gzip", zipped(""), `null`},
		"gzip of too much":                 {200, "text/plain", "gzip", zipped(strings.Repeat("x", 70000)), ``},
		"no gzip in spite of its label":    {200, "text/plain", "gzip", "hi", ``},
		"a coding that nobody asked for":   {200, "application/json", "br", "hi", ``},
		"nothing":                          {200, "application/json", "", ``, `null`},
		"nothing, in a coding":             {200, "application/json", "br", ``, `null`},
		"no content":                       {204, "", "", ``, `null`},
		"reset content":                    {205, "", "", ``, `null`},
		"not modified":                     {304, "", "", ``, `null`},
		"a part":                           {206, "text/plain", "", `hi`, ``},
		"a redirect":                       {302, "text/html", "", `<a>`, `"<a>"`},
		"a body that is exactly too large": {200, "text/plain", "", strings.Repeat("x", 64<<10+1), ``},
	} {
		g := open(t, store(wrapping(policy.Rules{}, 0)), thirdParty(func(r *http.Request) (*http.Response, error) {
			resp := reply(r, c.status, c.body)
			resp.Header.Set("Content-Type", c.kind)
			resp.Header.Set("Content-Encoding", c.coding)
			return resp, nil
		}))
		e, resp := wrapped(t, g)
		want, omitted := c.data, []string(nil)
		if want == "" {
			want, omitted = "null", []string{"data"}
		}
		if string(e.Data) != want || fmt.Sprint(e.Omitted) != fmt.Sprint(omitted) {
			t.Errorf("%s: data %.80s, omitted %q; want %.80s, %q", name, e.Data, e.Omitted, want, omitted)
		}
		if e.Status != c.status || (c.status < 400) != *e.OK || resp.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: status %d, %s, coding %q; want %d", name, e.Status, e.Outcome, resp.Header.Get("Content-Encoding"), c.status)
		}
	}
}

func TestWhatDoesNotFitIntoAnEnvelopeIsLeftOutAndNamed(t *testing.T) {
	long := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	for _, c := range []struct {
		name     string
		small    int // bytes of a variable
		rest     int // bytes of the body besides
		fallback bool
		omitted  string
	}{
		{"all fits", 100, 100, false, ""},
		{"the data is too large", 100, 1000, false, "data"},
		{"the variables are too large", 900, 0, false, "data vars"},
		{"the variables are larger than the whole", 5000, 0, false, "data vars"},
		{"the variables are too large, and there is no data", 900, 0, true, "vars"},
	} {
		rules := wrapping(policy.Rules{Extracts: []policy.Extract{{Var: "v", Path: "$.v", Default: []byte(long(c.small))}}}, 1024)
		upstream := says(200, `{"v":`+long(c.small)+`,"rest":`+long(c.rest)+`}`)
		if c.fallback {
			upstream = breaks
		}
		resp, body := call(t, open(t, store(rules), upstream), request(http.MethodGet, "/", ""))
		e := unwrap(t, resp, body)
		if got := strings.Join(e.Omitted, " "); got != c.omitted || len(body) > 1024 {
			t.Errorf("%s: %d bytes, omitted %q; want %q in at most 1024", c.name, len(body), got, c.omitted)
		}
		if dropped := strings.Contains(c.omitted, "vars"); (len(e.Vars) == 0) != dropped {
			t.Errorf("%s: %d variables", c.name, len(e.Vars))
		}
		if given := c.omitted == ""; (string(e.Data) != "null") != given {
			t.Errorf("%s: data %.40s", c.name, e.Data)
		}
	}
}

func TestTheLeastEnvelopeHoldsTheLongestOfAllThatIsAlwaysThere(t *testing.T) {
	spec := store(wrapping(policy.Rules{Otherwise: strings.Repeat("r", 64)}, policy.MinEnvelope))
	spec.Policies[0].Operations = []policy.OperationSpec{{Name: strings.Repeat("o", 128-len("store.")), Method: "GET", Template: "/x"}}
	g := open(t, spec, says(200, `{}`))
	resp := g.Answer(request(http.MethodGet, "/x", ""), &policy.Call{
		Policy: "store", Path: "/x", Refusal: &policy.Refusal{Outcome: policy.RateLimited, Reason: strings.Repeat(`"`, 1000)},
	})
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if e := unwrap(t, resp, string(body)); len(body) > int(policy.MinEnvelope) || len(e.Route) != 64 || e.Status != 429 {
		t.Errorf("%d bytes, route %q, status %d; want at most %d, with the whole route", len(body), e.Route, e.Status, policy.MinEnvelope)
	}
	spec.Policies[0].Operations[0].Name += "o"
	if err := policy.Check(&spec); err == nil || !strings.Contains(err.Error(), "1KiB have no room for the name store.o") {
		t.Errorf("a name of 129 bytes gives %v; want a mistake", err)
	}
}

// counted is a body that tells how much of it was read, and that it was closed.
type counted struct {
	io.Reader
	n      int
	closed bool
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func (c *counted) Close() error {
	c.closed = true
	return nil
}

func TestABodyThatOnlyAnEnvelopeReadsIsReadNoFurtherThanOneCouldHold(t *testing.T) {
	text := policy.Rules{Hints: []policy.Hint{{Route: "x", When: `text contains "y"`}}}
	for name, c := range map[string]struct {
		rules   policy.Rules
		outcome policy.Outcome
		most    int
	}{
		"nothing else reads":  {policy.Rules{}, policy.Success, 2048 + 1},
		"nor more than peek":  {policy.Rules{Peek: 100}, policy.Success, 100 + 1},
		"an extraction reads": {policy.Rules{Peek: 4096, Extracts: []policy.Extract{{Var: "a", Path: "$.a"}}}, policy.Unmappable, 4096 + 1},
		"a hint reads text":   {policy.Rules{Peek: 4096, Hints: text.Hints}, policy.Unmappable, 4096 + 1},
	} {
		body := &counted{Reader: strings.NewReader(`"` + strings.Repeat("x", 100000) + `"`)}
		g := open(t, store(wrapping(c.rules, 2048)), thirdParty(func(r *http.Request) (*http.Response, error) {
			resp := reply(r, 200, "")
			resp.Body, resp.ContentLength = body, -1
			return resp, nil
		}))
		e, _ := wrapped(t, g)
		if e.Outcome != c.outcome || string(e.Data) != "null" || fmt.Sprint(e.Omitted) != "[data]" || !body.closed || body.n != c.most {
			t.Errorf("%s: %s with data %s, omitted %q, closed %v, %d bytes read; want %s, null, data, %d", name, e.Outcome, e.Data, e.Omitted, body.closed, body.n, c.outcome, c.most)
		}
	}
}

func TestABodyThatIsNotJSONIsNoFaultToAnEnvelopeAlone(t *testing.T) {
	hint := policy.Rules{Hints: []policy.Hint{{Route: "x", When: "status == 200"}}}
	if e, _ := wrapped(t, open(t, store(wrapping(hint, 0)), says(200, `<p>`))); e.Outcome != policy.Success || e.Route != "x" || string(e.Data) != `"<p>"` {
		t.Errorf("%s, route %s, data %s; want success, x, the text", e.Outcome, e.Route, e.Data)
	}
	extracts := policy.Rules{Extracts: []policy.Extract{{Var: "a", Path: "$.a"}}}
	if e, _ := wrapped(t, open(t, store(wrapping(extracts, 0)), says(200, `<p>`))); e.Outcome != policy.Unmappable || string(e.Data) != `"<p>"` {
		t.Errorf("%s, data %s; want unmappable, the text", e.Outcome, e.Data)
	}
}

func TestAnAnswerThatBreaksOffBeforeItIsInTheEnvelopeIsIncomplete(t *testing.T) {
	g := open(t, store(wrapping(policy.Rules{}, 0)), thirdParty(func(r *http.Request) (*http.Response, error) {
		resp := reply(r, 200, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
		resp.ContentLength = 100
		return resp, nil
	}))
	if e, resp := wrapped(t, g); e.Outcome != policy.Incomplete || e.Status != 502 || string(e.Data) != "null" || e.Omitted != nil || resp.Header.Get("Proxy-Status") == "" {
		t.Errorf("%s, status %d, data %s, omitted %q, Proxy-Status %q; want incomplete, 502, no data", e.Outcome, e.Status, e.Data, e.Omitted, resp.Header.Get("Proxy-Status"))
	}
}

func TestAFallbackIsTheDataOfAnEnvelope(t *testing.T) {
	rules := func(body string) policy.Rules {
		return policy.Rules{
			Extracts:  []policy.Extract{{Var: "name", Path: "$.name", Default: []byte(`"a \"b\""`)}},
			Fallbacks: []policy.Fallback{{Respond: &policy.Respond{Status: 203, Body: body}}},
		}
	}
	for body, want := range map[string]string{
		`{"for": "{{vars.name}}"}`: `{"for": "a \"b\""}`,
		`Sorry, {{vars.name}}`:     `"Sorry, a \"b\""`,
		``:                         `null`,
	} {
		e, resp := wrapped(t, open(t, store(wrapping(rules(body), 0)), breaks))
		if string(e.Data) != want || e.Status != 203 || *e.OK || e.Next != "continue" || e.Error == nil || resp.Header.Get("Signpost-Fallback") != "static" {
			t.Errorf("%s: data %s, status %d, ok %v, next %s; want %s, 203, false, continue", body, e.Data, e.Status, *e.OK, e.Next, want)
		}
	}
}

func TestAStaleAnswerIsTheDataOfAnEnvelopeHoweverItWasFirstGiven(t *testing.T) {
	for _, first := range []string{"headers", "envelope"} {
		up := true
		g := open(t, store(policy.Rules{Fallbacks: []policy.Fallback{{Stale: seconds(60)}}}), thirdParty(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("asked for the coding %q; want identity", r.Header.Get("Accept-Encoding"))
			}
			if !up {
				return nil, errReset
			}
			return reply(r, 200, `{"a":1}`), nil
		}))
		asking := func(form string) *http.Request {
			req := request(http.MethodGet, "/", "")
			req.Header.Set("Signpost-Reply", form)
			return req
		}
		call(t, g, asking(first))
		up = false
		resp, body := call(t, g, asking("envelope"))
		if e := unwrap(t, resp, body); string(e.Data) != `{"a":1}` || e.Status != 200 || *e.OK || e.Outcome != policy.Incomplete || resp.Header.Get("Age") == "" {
			t.Errorf("first by %s: data %s, status %d, %s, Age %q; want the last good answer, incomplete", first, e.Data, e.Status, e.Outcome, resp.Header.Get("Age"))
		}
		if resp, body := call(t, g, asking("headers")); body != `{"a":1}` || resp.Header.Get("Content-Type") != "application/json" || resp.StatusCode != 200 {
			t.Errorf("first by %s: then %d %q by headers; want the last good answer", first, resp.StatusCode, body)
		}
	}
}

func TestAnEnvelopeKeepsForLaterWhatHeadersKeep(t *testing.T) {
	always := policy.Fallback{When: "true", Stale: seconds(60), Respond: &policy.Respond{Status: 200, Body: "sorry"}}
	for _, form := range []string{"headers", "envelope"} {
		for name, c := range map[string]struct {
			method, body string
			status       int
			fallback     policy.Fallback
			then         string
		}{
			"an answer without content":   {http.MethodGet, "", 204, policy.Fallback{Stale: seconds(60)}, "stale"},
			"an answer to HEAD":           {http.MethodHead, "", 200, policy.Fallback{Stale: seconds(60)}, "stale"},
			"no part of an answer":        {http.MethodGet, "{}", 206, policy.Fallback{Stale: seconds(60)}, ""},
			"no error":                    {http.MethodGet, "{}", 404, policy.Fallback{Stale: seconds(60)}, ""},
			"none that no bot got to see": {http.MethodGet, "{}", 200, always, "static"},
		} {
			up := true
			g := open(t, store(policy.Rules{Reply: &policy.Reply{As: form}, Fallbacks: []policy.Fallback{c.fallback}}), thirdParty(func(r *http.Request) (*http.Response, error) {
				if !up {
					return nil, errReset
				}
				return reply(r, c.status, c.body), nil
			}))
			call(t, g, request(c.method, "/", ""))
			up = false
			if resp, _ := call(t, g, request(c.method, "/", "")); resp.Header.Get("Signpost-Fallback") != c.then {
				t.Errorf("%s, by %s: then the fallback is %q; want %q", name, form, resp.Header.Get("Signpost-Fallback"), c.then)
			}
		}
	}
}

func TestOnlyIdentityIsAskedForWhereTheAnswerGoesIntoAnEnvelope(t *testing.T) {
	for form, want := range map[string]string{"headers": "gzip, br", "envelope": "identity"} {
		var got string
		g := open(t, store(policy.Rules{Reply: &policy.Reply{As: form}}), thirdParty(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Accept-Encoding")
			return reply(r, 200, `{}`), nil
		}))
		req := request(http.MethodGet, "/", "")
		req.Header.Set("Accept-Encoding", "gzip, br")
		if call(t, g, req); got != want {
			t.Errorf("%s: asked for %q; want %q", form, got, want)
		}
	}
}

func TestAnEchoedSecretIsNotInTheEnvelope(t *testing.T) {
	const key = `nothing/like+"this"é`
	t.Setenv("SIGNPOST_SECRET_KEY", key)
	escaped := strings.NewReplacer("/", `\/`, `"`, `\"`, "é", `\u00e9`).Replace(key)
	for _, body := range []string{
		`{"said":"` + escaped + `"}`, `{"\u006e` + escaped[1:] + `":1}`, key, "text: " + key + " \xff", `{"said":"\` + escaped + `"}`,
	} {
		for _, rules := range []policy.Rules{{}, {Extracts: []policy.Extract{{Var: "said", Path: "$.said"}}}} {
			spec := store(wrapping(rules, 0))
			spec.Secrets = []policy.SecretSource{{From: "env", Where: "SIGNPOST_SECRET_"}}
			spec.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "{secret.key}"}}
			resp, got := call(t, open(t, spec, says(200, body)), request(http.MethodGet, "/", ""))
			e := unwrap(t, resp, got)
			var text any
			if err := json.Unmarshal(e.Data, &text); err != nil {
				t.Fatal(err)
			}
			if all := fmt.Sprint(text, got, resp.Header); strings.Contains(all, "like+") || !strings.Contains(all, "***") {
				t.Errorf("an echo of the secret in %q comes as %s", body, got)
			}
		}
	}
}

// FuzzEnvelope puts any body into an envelope of any size.
func FuzzEnvelope(f *testing.F) {
	for _, body := range []string{``, `{}`, ` {"a":[1,2]} `, `"\ud800"`, "caf\xe9", `{"a":1,"a":2}`, `1e400`, "\xef\xbb\xbf{}", strings.Repeat("\x01", 700), strings.Repeat("[", 300)} {
		f.Add([]byte(body), uint16(0), false)
		f.Add([]byte(body), uint16(70), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, more uint16, maps bool) {
		size := policy.MinEnvelope + policy.Size(more)
		if size > policy.MaxEnvelope {
			return
		}
		rules := policy.Rules{}
		if maps {
			rules.Extracts = []policy.Extract{{Var: "a", Path: "$.a"}, {Var: "all", Path: "$..*"}}
		}
		resp, text := call(t, open(t, store(wrapping(rules, size)), says(200, string(body))), request(http.MethodGet, "/", ""))
		e := unwrap(t, resp, text)
		if len(text) > int(size) {
			t.Fatalf("an envelope of %d bytes; want at most %d", len(text), size)
		}
		_, unreadable := extract.Decode(body)
		var want string
		switch {
		case len(e.Omitted) > 0:
			if string(e.Data) != "null" || len(text)+6*len(body) <= int(size) {
				t.Fatalf("%d bytes are omitted from an envelope of %d in %d", len(body), len(text), size)
			}
			return
		case len(body) == 0:
			want = "null"
		case unreadable == nil:
			want = strings.Trim(string(body), " \t\r\n")
		default:
			var got string
			if err := json.Unmarshal(e.Data, &got); err != nil || got != string([]rune(string(body))) {
				t.Fatalf("data is %s (%v); want the text %q", e.Data, err, body)
			}
			return
		}
		if string(e.Data) != want {
			t.Fatalf("data is %s; want %s", e.Data, want)
		}
	})
}
