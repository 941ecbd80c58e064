package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// credential is a secret with all that is escaped somewhere.
const credential = `sk-live/4711+a"b=secret`

// formsOf are the ways in which a text is written.
func formsOf(text string) []string {
	quoted, _ := json.Marshal(text)
	escaped := ""
	percented := ""
	for i := range len(text) {
		escaped += fmt.Sprintf(`\u%04X`, text[i])
		percented += fmt.Sprintf("%%%02x", text[i])
	}
	forms := []string{text, string(quoted[1 : len(quoted)-1]), url.QueryEscape(text), url.PathEscape(text), percented}
	if strings.ToValidUTF8(text, "") == text && !strings.ContainsFunc(text, func(r rune) bool { return r > 127 }) {
		forms = append(forms, escaped)
	}
	return forms
}

// leaks tells which of the texts an entry shows, in any form.
func leaks(t testing.TB, e *calllog.Entry, texts ...string) {
	t.Helper()
	everything := all(t, e)
	for _, text := range texts {
		for _, form := range formsOf(text) {
			if i := strings.Index(everything, form); i >= 0 {
				t.Errorf("%q is shown as %q: …%q…", text, form, everything[max(0, i-60):min(len(everything), i+len(form)+20)])
			}
		}
	}
}

// secretive is a policy that injects the credential into a header and the query.
func secretive(t testing.TB) policy.Spec {
	t.Setenv("SIGNPOST_SECRET_KEY", credential)
	spec := store(policy.Rules{
		Extracts: []policy.Extract{{Var: "echo", Path: "$.echo"}},
		Hints:    []policy.Hint{{Route: "never", When: `vars.echo == 1 or request.path == "" or input.part == "" or int(request.path) == 2`}},
	})
	p := &spec.Policies[0]
	spec.Secrets = []policy.SecretSource{{From: "env", Where: "SIGNPOST_SECRET_"}}
	p.Inject = []policy.Inject{{As: "header", Name: "X-Shop-Id", Value: "{secret.key}"}, {As: "query", Name: "shop", Value: "{secret.key}"}}
	p.Operations = []policy.OperationSpec{{Name: "part", Method: "POST", Template: "/a/{{part}}"}}
	p.Record = &policy.RecordSpec{Calls: 5, Bodies: 64 << 10}
	return spec
}

// parroting is a third party that gives everything back that it got.
var parroting = thirdParty(func(r *http.Request) (*http.Response, error) {
	got, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	sent := r.URL.String() + r.Header.Get("X-Shop-Id") + string(got)
	quoted, _ := json.Marshal(sent)
	resp := reply(r, 200, `{"echo":`+string(quoted)+`}`)
	resp.Header.Set("X-Echo", base64.StdEncoding.EncodeToString([]byte(r.Header.Get("X-Shop-Id")))+url.QueryEscape(r.Header.Get("X-Shop-Id")))
	return resp, nil
})

func TestNoSecretIsKeptWhoeverSaysIt(t *testing.T) {
	in64 := base64.StdEncoding.EncodeToString([]byte(credential))
	for name, change := range map[string]func(*policy.Spec, *http.Request, *policy.Call){
		"a success": nil,
		"a bad method": func(s *policy.Spec, r *http.Request, _ *policy.Call) {
			s.Policies[0].Methods, r.Method = []string{"POST"}, "DELETE"
		},
		"a method of its own": func(_ *policy.Spec, r *http.Request, _ *policy.Call) { r.Method = credential },
		"no tenant":           func(s *policy.Spec, _ *http.Request, c *policy.Call) { s.TenantRequired, c.Tenant = true, "" },
		"a bad request":       func(_ *policy.Spec, _ *http.Request, c *policy.Call) { c.Path += "/.." },
		"a limit": func(s *policy.Spec, _ *http.Request, _ *policy.Call) {
			s.Policies[0].RateLimits = []policy.RateLimit{{Rate: "1/h"}}
		},
		"a named call": func(_ *policy.Spec, _ *http.Request, c *policy.Call) { c.Operation = "part" },
		"no bodies": func(s *policy.Spec, _ *http.Request, _ *policy.Call) {
			s.Policies[0].Record = &policy.RecordSpec{Calls: 5, NoBodies: true}
		},
		"an envelope": func(_ *policy.Spec, r *http.Request, _ *policy.Call) { r.Header.Set("Signpost-Reply", "envelope") },
		"redact": func(s *policy.Spec, _ *http.Request, _ *policy.Call) {
			s.Policies[0].Record.Redact = []string{"$.nothing"}
		},
		"no operation": func(_ *policy.Spec, _ *http.Request, c *policy.Call) { c.Path = "/b/" + url.PathEscape(credential) },
	} {
		t.Run(name, func(t *testing.T) {
			spec := secretive(t)
			said, _ := json.Marshal(map[string]string{"part": credential, "more": in64})
			path := "/a/" + url.PathEscape(credential)
			req := request("POST", path+"?q="+url.QueryEscape(credential)+"&r="+in64, string(said))
			req.Header.Set("X-Own", credential)
			req.Header.Set("X-Own-64", in64)
			info := policy.Call{Policy: "store", Path: path, Tenant: "acme"}
			if change != nil {
				change(&spec, req, &info)
			}
			l := logged(t, spec, parroting, quietly)
			_, _, e := l.answer(t, req, &info)
			if name == "a limit" {
				again := req.Clone(t.Context())
				_, _, e = l.answer(t, again, &info)
				if e.Outcome != "rate_limited" {
					t.Errorf("the outcome is %s", e.Outcome)
				}
			}
			leaks(t, e, credential, in64, in64[:len(in64)-4])
			if name == "a success" && !strings.Contains(string(e.Request.Body), `{"more":"****`) {
				t.Errorf("the body is %q", e.Request.Body)
			}
		})
	}
}

func TestNoPartOfASecretIsLeftWhereATextIsCut(t *testing.T) {
	spec := secretive(t)
	spec.Policies[0].Operations, spec.Policies[0].Hints = nil, nil
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 1, Bodies: 100}
	l := logged(t, spec, parroting)
	for from := 100 - len(credential) - 2; from <= 100; from++ {
		body := strings.Repeat("x", from) + credential + strings.Repeat("y", 3000)
		left := calllog.MaxURL - 100 + from - len("/")
		path := "/" + strings.Repeat("p", left) + url.PathEscape(credential) + strings.Repeat("q", 5000)
		hidden := strings.Repeat("token="+strings.Repeat("z", 200)+"&", 20) // What is hidden makes room.
		for _, target := range []string{path, "/?" + hidden + "q=" + path, "/?q=" + path + "&r=1"} {
			_, _, e := l.ask(t, request("POST", target, body))
			leaks(t, e, credential[:6])
			if len(e.Request.Body) != 100 || len(e.Received.Body) != 100 || len(e.Request.URL) > calllog.MaxURL || len(e.Path) > calllog.MaxURL {
				t.Errorf("kept are %d bytes of the body and %d of the URL", len(e.Request.Body), len(e.Request.URL))
			}
		}
	}
}

func TestPrivateHeadersAndParametersAreNotShown(t *testing.T) {
	spec := secretive(t)
	var sent http.Header
	l := logged(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		resp := reply(r, 200, `{}`)
		resp.Header["Set-Cookie"] = []string{"sid=hush-1", "b=hush-2"}
		resp.Header.Set("X-Csrf-Token", "hush-3")
		resp.Header.Set("X-Plain", "shown-1")
		return resp, nil
	}))
	req := request("GET", "/x?access_token=hush-4&password=hush-5&tok%65n=hush-6&a=1;api_key=hush-7&%zz=hush-8&shop=hush-9&sh%6Fp=hush-10&sig=hush-11&plain=shown-2&token&&b=", "")
	for name, value := range map[string]string{
		"Authorization": "Bearer hush-12", "Proxy-Authorization": "Basic hush-13", "Cookie": "a=hush-14", "X-Api-Key": "hush-15", "X_api_key": "hush-16",
		"X-Amz-Security-Token": "hush-17", "X-Shop-Id": "hush-18", "X_Shop_Id": "hush-19", "x-shop-id": "hush-20", "X-Plain": "shown-3",
		"X-Password": "hush-21", "My-Secret-Thing": "hush-22", "X-Goog-Signature": "hush-23",
	} {
		req.Header[name] = []string{value}
	}
	resp, _, e := l.ask(t, req)
	leaks(t, e, "hush-")
	d := e.Detail()
	text := all(t, e)
	for _, shown := range []string{"shown-1", "shown-2", "shown-3"} {
		if !strings.Contains(text, shown) {
			t.Errorf("%s is not shown", shown)
		}
	}
	if want := "/x?access_token=[redacted]&password=[redacted]&tok%65n=[redacted]&a=[redacted]&%zz=[redacted]&shop=[redacted]&sh%6Fp=[redacted]&sig=[redacted]&plain=shown-2&token&&b="; d.Request.URL != want {
		t.Errorf("the URL is %s, want %s", d.Request.URL, want)
	}
	if !strings.HasSuffix(d.Sent.URL, "&b=&shop=[redacted]") || headersOf(d.Sent.Headers, "X-Shop-Id") != "[redacted]" || headersOf(d.Response.Headers, "Set-Cookie") != "[redacted] | [redacted]" {
		t.Errorf("sent is %+v, answered %+v", d.Sent, d.Response.Headers)
	}
	if sent.Get("Authorization") != "Bearer hush-12" || resp.Header.Get("X-Csrf-Token") != "hush-3" {
		t.Error("what is hidden from the log did not go out, or not to the bot")
	}
}

// person is a document with all kinds of values.
const person = `{"person":{"name":"Ada \"L\" Lovelace","mail":"ada@example.com","pin":40414243,"card":[4111222233334444,"5105-1051 0510%5100"],"vip":true,"age":8675309.250,
	"home":{"street":"Grünweg 7/8","zip":"04109"}},"public":"shown-text","pin":9,"vip":true}`

func TestWhatRedactFindsIsShownNowhere(t *testing.T) {
	paths := []string{"$.person.name", "$.person['mail','pin','vip','age']", "$..card[*]", "$.person.home", "$.list[?@.private==true].text"}
	for name, change := range map[string]func(*policy.Spec){
		"headers":  func(*policy.Spec) {},
		"envelope": func(s *policy.Spec) { s.Policies[0].Reply = &policy.Reply{As: "envelope"} },
		"fallback": func(s *policy.Spec) {
			s.Policies[0].Fallbacks = []policy.Fallback{{When: "true", Respond: &policy.Respond{Status: 200, Body: `{"hello":"{{vars.name}}","mail":{{vars.mail}}}`}}}
		},
		"no bodies": func(s *policy.Spec) { s.Policies[0].Record.NoBodies = true },
	} {
		t.Run(name, func(t *testing.T) {
			spec := store(policy.Rules{
				Extracts: []policy.Extract{
					{Var: "name", Path: "$.person.name"}, {Var: "mail", Path: "$.person.mail"}, {Var: "pin", Path: "$.person.pin"}, {Var: "vip", Path: "$.person.vip"},
					{Var: "person", Path: "$.person"}, {Var: "cards", Path: "$..card"}, {Var: "zip", Path: "$..zip"}, {Var: "age", Path: "$.person.age"}, {Var: "public", Path: "$.public"},
				},
				Hints: []policy.Hint{
					{Route: "a", When: `vars.name == "" or vars.mail == "" or vars.pin == 1 or vars.age == 1.0 or text == "" or headers["x-echo"] == "" or request.path == ""`},
					{Route: "b", When: `int(vars.mail) == 1`}, {Route: "c", When: `body.person.mail + body.person.home.street == ""`}, {Route: "d", When: `path("$.person.home.zip") == "" or vars.vip == false`},
				},
			})
			spec.Policies[0].Record = &policy.RecordSpec{Calls: 5, Bodies: 64 << 10, Redact: paths}
			change(&spec)
			recorder := tracetest.NewSpanRecorder()
			l := logged(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
				if err := drain(r); err != nil {
					return nil, err
				}
				resp := reply(r, 200, person)
				resp.Header.Set("X-Echo", "to ada@example.com")
				return resp, nil
			}), func(o *policy.Options) {
				o.Tracing.Provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
			})
			sent := `{"list":[{"private":true,"text":"zebra crossing"},{"private":false,"text":"open road"}],"other":"ada@ex\u0061mple.com zebr\u0061 crossing"}`
			req := request("POST", "/people/ada%40example.com?m=%61da@example.com&n=Ada+%22L%22+Lovelace&z=zebra%20crossing&p=40414243", sent)
			req.Header.Set("X-Mail", "ada@example.com, 4111222233334444")
			_, _, e := l.ask(t, req)
			redactedTexts := []string{`Ada "L" Lovelace`, "Lovelace", "ada@example.com", "4111222233334444", "5105-1051", "8675309.250", "8675309.25", "Grünweg", "04109", "zebra crossing"}
			leaks(t, e, redactedTexts...)
			d := e.Detail()
			for _, v := range d.Vars {
				want := map[string]string{"person": "****", "public": `"shown-text"`, "cards": "", "zip": ""}[v.Name]
				if v.Name != "person" && v.Name != "cards" && v.Name != "zip" && v.Name != "public" {
					want = `"[redacted]"`
				}
				if want == "****" {
					if strings.Contains(string(v.Value), "40414243") || strings.Contains(string(v.Value), "true") || !json.Valid(v.Value) {
						t.Errorf("the variable person is kept as %s", v.Value)
					}
				} else if want != "" && string(v.Value) != want {
					t.Errorf("the variable %s is kept as %s, want %s", v.Name, v.Value, want)
				}
			}
			for _, name := range []string{"Signpost-Var-Pin", "Signpost-Var-Vip", "Signpost-Var-Person"} {
				if got := headersOf(d.Response.Headers, name); got != "[redacted]" {
					t.Errorf("the header %s is kept as %q", name, got)
				}
			}
			if name != "no bodies" {
				if !strings.Contains(d.Received.Body, `"public":"shown-text","pin":9,"vip":true}`) || strings.Contains(d.Received.Body, "40414243") {
					t.Errorf("back came %s", d.Received.Body)
				}
				if !strings.Contains(d.Request.Body, "open road") || !strings.Contains(d.Request.Body, `"text":"[redacted]"`) || d.Request.BodyNote != "" {
					t.Errorf("the bot sent %s (%s)", d.Request.Body, d.Request.BodyNote)
				}
				if d.Response.BodyNote != "" || strings.Contains(d.Response.Body, "40414243") {
					t.Errorf("the bot got %s (%s)", d.Response.Body, d.Response.BodyNote)
				}
			}
			spansLeak(t, recorder, redactedTexts)
		})
	}
}

// spansLeak tells which texts stand in spans, but for the texts of conditions,
// which are the operator's own.
func spansLeak(t *testing.T, recorder *tracetest.SpanRecorder, texts []string) {
	t.Helper()
	seen := 0
	look := func(name, value string) {
		if name == "signpost.hint.condition" || name == "signpost.condition.text" {
			return
		}
		seen++
		for _, text := range texts {
			if strings.Contains(value, text) {
				t.Errorf("the attribute %s shows %q: %q", name, text, value)
			}
		}
	}
	for _, span := range recorder.Ended() {
		for _, a := range span.Attributes() {
			look(string(a.Key), a.Value.String())
		}
		for _, event := range span.Events() {
			for _, a := range event.Attributes {
				look(string(a.Key), a.Value.String())
			}
		}
	}
	if seen < 10 {
		t.Errorf("the spans have %d attributes", seen)
	}
}

func TestSpansAreRedactedWhereNothingIsKept(t *testing.T) {
	spec := store(policy.Rules{
		Extracts: []policy.Extract{{Var: "a", Path: "$.a"}, {Var: "long", Path: "$.long"}},
		Hints:    []policy.Hint{{Route: "x", When: `vars.a == "" or vars.long == "" or text == ""`}},
	})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 0, Redact: []string{"$.a", "$.long"}}
	recorder := tracetest.NewSpanRecorder()
	long := strings.Repeat("ü", 300)
	l := logged(t, spec, says(200, `{"a":"hush-hush","long":"x`+long+`"}`), func(o *policy.Options) {
		o.Tracing.Provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	})
	for range 3 {
		l.ask(t, request("GET", "/x", ""))
	}
	spansLeak(t, recorder, []string{"hush", "üüüü"})
	if found, _, _ := l.logs.Find(calllog.Filter{}, "", 10); len(found) > 0 {
		t.Errorf("%d calls are kept", len(found))
	}
}

func TestABodyThatRedactCannotLookIntoIsNotKept(t *testing.T) {
	const notJSON, notWhole = "it is not JSON", "not all of it was seen"
	twins := `{"card":"4111111111111111","c\u0061rd":"5105105105105100","x":[{"card":1},{"card":2}]}`
	for _, test := range []struct {
		name, sent, came string
		header           http.Header
		rules            policy.Rules
		broken           bool
		request, answer  string // the note, or empty: it is kept
	}{
		{name: "JSON", sent: `{}`, came: `[{"card":"x"}]`},
		{name: "nothing", sent: "", came: ""},
		{name: "text", sent: "card=4111111111111111", came: "<p>4111111111111111</p>", request: notJSON, answer: notJSON},
		{name: "two documents", sent: "{}{}", came: "{}\n{}", request: notJSON, answer: notJSON},
		{name: "twins", sent: twins, came: twins, request: notJSON, answer: notJSON},
		{name: "gzip that was not read", sent: gzipped(`{"card":1}`), came: gzipped(`{"card":1}`), header: http.Header{"Content-Encoding": {"gzip"}}, request: notJSON, answer: notJSON},
		{name: "gzip that was read", came: gzipped(`{"card":"4111111111111111"}`), header: http.Header{"Content-Encoding": {"gzip"}},
			rules: policy.Rules{Extracts: []policy.Extract{{Var: "a", Path: "$.a"}}}},
		{name: "over 64 KiB", sent: `["` + strings.Repeat("4111", 20_000) + `"]`, came: `["` + strings.Repeat("4111", 20_000) + `"]`, request: notWhole, answer: notWhole},
		{name: "broken", came: `{"card":"4111`, broken: true, answer: notWhole},
		{name: "an event stream", came: "data: {\"card\":\"4111\"}\n\n", header: http.Header{"Content-Type": {"text/event-stream"}}, answer: notJSON},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := store(test.rules)
			spec.Policies[0].Record = &policy.RecordSpec{Calls: 5, Redact: []string{"$..card"}}
			l := logged(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
				if err := drain(r); err != nil {
					return nil, err
				}
				resp := reply(r, 200, "")
				resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(test.came)), -1
				if test.broken {
					resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(test.came), brokenReader{}))
				}
				for name, values := range test.header {
					resp.Header[name] = values
				}
				return resp, nil
			}))
			req := request("POST", "/x", test.sent)
			req.Header.Set("Accept-Encoding", "gzip")
			_, _, e := l.ask(t, req)
			leaks(t, e, "4111", "5105")
			d := e.Detail()
			for name, got := range map[string]calllog.Content{"request": d.Request.Content, "sent": d.Sent.Content, "received": d.Received.Content, "response": d.Response.Content} {
				note := test.answer
				if name == "request" || name == "sent" {
					note = test.request
				}
				if !strings.Contains(got.BodyNote, note) || note == "" && got.BodyNote != "" || note != "" && got.Body != "" {
					t.Errorf("%s is kept as %q with the note %q, want %q", name, got.Body, got.BodyNote, note)
				}
			}
		})
	}
}

func TestShortValuesDestroyNothingElse(t *testing.T) {
	spec := store(policy.Rules{
		Extracts: []policy.Extract{{Var: "flag", Path: "$.flag"}, {Var: "n", Path: "$.n"}, {Var: "other", Path: "$.other"}},
		Hints:    []policy.Hint{{Route: "x", When: `ok and status == 200 and vars.flag == false and vars.n == 1`}, {Route: "y", When: `attempts == 1 and status == 201`}},
	})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 5, Redact: []string{"$.flag", "$.n", "$.empty", "$.nil"}}
	l := logged(t, spec, says(200, `{"flag":true,"n":1,"empty":"","nil":null,"other":"true 1 story","deep":{"flag":true,"n":1}}`))
	_, _, e := l.ask(t, request("GET", "/true/1?true=1", ""))
	d := e.Detail()
	if want := `{"flag":"[redacted]","n":"[redacted]","empty":"[redacted]","nil":"[redacted]","other":"true 1 story","deep":{"flag":true,"n":1}}`; d.Received.Body != want {
		t.Errorf("back came %s, want %s", d.Received.Body, want)
	}
	vars, _ := json.Marshal(d.Vars)
	if want := `[{"name":"flag","value":"[redacted]"},{"name":"n","value":"[redacted]"},{"name":"other","value":"true 1 story"}]`; string(vars) != want {
		t.Errorf("the variables are %s, want %s", vars, want)
	}
	if d.Request.URL != "/true/1?true=1" || headersOf(d.Response.Headers, "Signpost-Var-Flag") != "[redacted]" || headersOf(d.Response.Headers, "Signpost-Var-Other") != "true 1 story" {
		t.Errorf("kept are %s and %v", d.Request.URL, d.Response.Headers)
	}
	if got, want := fmt.Sprint(d.Hints[0].Values, d.Hints[1].Values), "[{ok true} {status 200} {vars.flag [redacted]} {vars.n [redacted]}] [{attempts 1} {status 200}]"; got != want {
		t.Errorf("the conditions read %s, want %s", got, want)
	}
}

func TestTheVariablesOfANamedCallAreRedactedHoweverTheyCome(t *testing.T) {
	spec := store(policy.Rules{Hints: []policy.Hint{{Route: "x", When: `input.pin == "" or input.mail == ""`}}})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 5, Redact: []string{"$.pin", "$.mail"}}
	spec.Policies[0].Operations = []policy.OperationSpec{{
		Name: "log_in", Method: "POST", Template: "/in/{{mail}}", Query: []policy.Field{{Name: "m", Value: "{{mail}}"}}, Header: []policy.Field{{Name: "X-Mail", Value: "<{{mail}}>"}},
		Body: &policy.BodySpec{As: "json", Template: `{"code":"{{pin}}","text":"it is {{mail}}"}`}, Inputs: []policy.InputSpec{{Var: "pin", Matches: "[0-9]+"}},
	}}
	for _, test := range []struct{ name, method, query, body, kind, outcome string }{
		{"JSON", "POST", "", `{"mail":"a+b@x.de","pin":47114711}`, "application/json", "success"},
		{"form", "POST", "", `mail=a%2Bb@x.de&pin=47114711`, "application/x-www-form-urlencoded", "success"},
		{"query", "GET", "?mail=a%2Bb%40x.de&pin=47114711", "", "", "success"},
		{"refused", "GET", "?mail=a%2Bb%40x.de&pin=47114711x", "", "", "bad_request"},
		{"ill-formed", "GET", "?mail=a%2Bb%40x.de&pin=47114711&%zz=1", "", "", ""},
		{"refused JSON", "POST", "", `{"mail":"a+b@x.de","pin":"47114711x"}`, "application/json", "bad_request"},
		{"no JSON", "POST", "", `{"mail":"a+b@x.de","pin":47114711`, "application/json", "bad_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := logged(t, spec, says(200, `{}`))
			req := request(test.method, "/call/store/log_in"+test.query, test.body)
			req.Header.Set("Content-Type", test.kind)
			_, _, e := l.answer(t, req, &policy.Call{Policy: "store", Operation: "log_in", Tenant: "acme"})
			if test.outcome != "" && e.Outcome != test.outcome {
				t.Errorf("the outcome is %s (%s), want %s", e.Outcome, e.Reason, test.outcome)
			}
			leaks(t, e, "a+b@x.de", "4711")
		})
	}
}

func TestWhereRedactFindsTooMuchNothingIsShown(t *testing.T) {
	var many []string
	for n := range 6000 {
		many = append(many, fmt.Sprintf(`"person-%d"`, n))
	}
	spec := store(policy.Rules{
		Extracts: []policy.Extract{{Var: "list", Path: "$.list"}, {Var: "other", Path: "$.other"}},
		Hints:    []policy.Hint{{Route: "x", When: `vars.other == "" or request.path == ""`}},
	})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 5, Redact: []string{"$.list"}}
	l := logged(t, spec, says(200, `{"list":[`+strings.Join(many, ",")+`],"other":"person-5999"}`))
	_, _, e := l.ask(t, request("POST", "/person-5999", `"person-17"`))
	leaks(t, e, "person-17", "person-5999", "person-1")
	if e.Outcome != "success" || e.Response.Note == "" || e.Path != "[redacted]" || e.TraceID == "" || e.Method != "POST" {
		t.Errorf("kept is %+v", e)
	}
}

func TestNoPartOfARedactedTextIsLeftWhereATextIsCut(t *testing.T) {
	const mail = "ada@example.com"
	spec := store(policy.Rules{})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 1, Bodies: 100, Redact: []string{"$.mail"}}
	l := logged(t, spec, parrotOf(mail))
	for from := 100 - len(mail) - 2; from <= 100; from++ {
		_, _, e := l.ask(t, request("POST", "/"+strings.Repeat("p", calllog.MaxURL-100+from-1)+mail+"/more", `"`+strings.Repeat("x", from-1)+mail+`"`))
		leaks(t, e, mail[:4])
	}
}

// parrotOf is a third party that reads the request and tells of a mail address.
func parrotOf(mail string) thirdParty {
	return func(r *http.Request) (*http.Response, error) {
		if err := drain(r); err != nil {
			return nil, err
		}
		return reply(r, 200, `{"mail":"`+mail+`"}`), nil
	}
}

func TestNoSecretIsToldOfACallThatWasRefused(t *testing.T) {
	t.Setenv("SIGNPOST_SECRET_KEY", "sesame-sesame-4711")
	spec := store(policy.Rules{})
	spec.Secrets = []policy.SecretSource{{From: "env", Where: "SIGNPOST_SECRET_"}}
	spec.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "{secret.key}"}}
	spec.Policies[0].Methods = []string{"GET"}
	for _, c := range []struct{ waits, traced bool }{{true, true}, {false, true}, {true, false}, {false, false}} {
		recorder := tracetest.NewSpanRecorder()
		path := ""
		g := open(t, spec, says(200, "{}"), func(o *policy.Options) {
			if c.traced {
				o.Tracing.Provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
			}
			o.Observe = func(r *policy.Record) { path = r.Path }
		})
		req := request("POST", "/x/sesame-sesame-4711", "")
		g.Answer(req, &policy.Call{Policy: "store", Path: "/x/sesame-sesame-4711", Tenant: "acme", OneReader: c.waits}).Body.Close()
		if strings.Contains(path, "sesame") {
			t.Errorf("%+v: observers are told the path %s", c, path)
		}
		for _, span := range recorder.Ended() {
			for _, a := range span.Attributes() {
				if strings.Contains(a.Value.String(), "sesame") {
					t.Errorf("%+v: the attribute %s is %s", c, a.Key, a.Value.String())
				}
			}
		}
	}
}
