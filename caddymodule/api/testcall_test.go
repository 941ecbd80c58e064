package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

func TestATestCallTellsVerdictAnswerAndEachValue(t *testing.T) {
	g := open(t, store(), says(200, shipped, "X-Party", "yes", "Set-Cookie", "a=b"))
	a := g.post("test", `{"policy":"store","operation":"order_status","tenant":"acme","vars":{"order_number":"4711"},"timeout":"3s"}`)
	a.want(t, `"success"`, "call", "outcome")
	a.want(t, `"shipped"`, "call", "route")
	a.want(t, `"hint"`, "call", "route_by")
	a.want(t, `"acme"`, "call", "tenant")
	a.want(t, `true`, "call", "hints", 0, "result")
	a.want(t, `"https://api.store.example/v2/orders/4711"`, "call", "sent", "url")
	a.want(t, `"/call/store/order_status"`, "call", "request", "url")
	a.want(t, `200`, "answer", "status")
	a.want(t, `"utf-8"`, "answer", "body_encoding")
	a.want(t, `false`, "answer", "body_cut")
	if body := a.at(t, "answer", "body"); body != shipped {
		t.Errorf("the body is %v, want %s", body, shipped)
	}
	headers := map[string]string{}
	for _, h := range a.at(t, "answer", "headers").([]any) {
		field := h.([]any)
		headers[field[0].(string)] = field[1].(string)
	}
	for name, want := range map[string]string{"X-Party": "yes", "Set-Cookie": "[redacted]", "Signpost-Route": "shipped", "Signpost-Var-Status": "shipped"} {
		if headers[name] != want {
			t.Errorf("%s is %q, want %q", name, headers[name], want)
		}
	}
	a.want(t, `[
		{"path":"$","type":"object","var":"value","extract":"extract value $"},
		{"path":"$.order","type":"object","var":"order","extract":"extract order $.order"},
		{"path":"$.order.status","type":"string","value":"shipped","var":"status","extract":"extract status $.order.status"},
		{"path":"$.order.items","type":"array","var":"items","extract":"extract items $.order.items"},
		{"path":"$.order.items[0]","type":"object","var":"items_2","extract":"extract items_2 $.order.items[0]"},
		{"path":"$.order.items[0].id","type":"number","value":7,"var":"id","extract":"extract id $.order.items[0].id"}]`, "values")
	a.want(t, `0`, "values_left_out")
	logged := g.get("calls/" + a.at(t, "call", "id").(string))
	logged.want(t, `"success"`, "outcome")
	g.get("tenants/acme").want(t, `3`, "limits", 0, "remaining")
}

func TestABaseURLCallSendsWhatIsSaid(t *testing.T) {
	var method, url, body string
	var header http.Header
	g := open(t, store(), func(r *http.Request) *http.Response {
		method, url, header = r.Method, r.URL.String(), r.Header
		if r.Body != nil {
			read, _ := io.ReadAll(r.Body)
			body = string(read)
		}
		return says(200, shipped)(r)
	})
	a := g.post("test", `{"policy":"store","method":"PATCH","path":"/a%2Fb/c","query":"x=1&y=%20","headers":{"x-one":"1","Content-Type":"text/plain"},"body":"hello"}`)
	if want := "https://api.store.example/v2/a%2Fb/c?x=1&y=%20"; method != "PATCH" || url != want || body != "hello" || header.Get("X-One") != "1" || header.Get("Content-Type") != "text/plain" {
		t.Errorf("the third party got %s %s %q %v", method, url, body, header)
	}
	a.want(t, `"/store/a%2Fb/c?x=1&y=%20"`, "call", "request", "url")
	a.want(t, `"anonymous"`, "call", "tenant")
	g.post("test", `{"policy":"store","path":"/orders/7"}`).want(t, `"order_status"`, "call", "operation")
	if method != "GET" || url != "https://api.store.example/v2/orders/7" {
		t.Errorf("the third party got %s %s", method, url)
	}
}

func TestWhatIsRedactedIsNeitherInTheCallNorInTheAnswer(t *testing.T) {
	spec := store()
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 0, NoBodies: true, Redact: []string{"$.card", "$..pin"}}
	spec.Policies[0].Extracts = append(spec.Policies[0].Extracts, policy.Extract{Var: "card", Path: "$.card"}, policy.Extract{Var: "sum", Path: "$.sum"})
	spec.Policies[0].Fallbacks = []policy.Fallback{{When: "status == 202", Respond: &policy.Respond{Status: 200, Body: `{"card":"{{vars.card}}","other":1}`}}}
	secret := `"card":"4111111111111111","echo":"was 4111111111111111","nested":{"pin":1234567},"sum":112345678`
	for _, test := range []struct {
		name   string
		status int
		body   string
		values bool
	}{
		{"passed on", 200, `{` + secret + `}`, false},
		{"long", 200, `{` + secret + `,"pad":"` + strings.Repeat("x", 100_000) + `"}`, false},
		{"fallback", 202, `{` + secret + `}`, false},
		{"no JSON", 200, `{` + secret, false},
		{"whole values alone", 200, `{"card":"4111111111111111","order":{"status":"4111111111111111"}}`, true},
	} {
		g := open(t, spec, says(test.status, test.body))
		a := g.post("test", `{"policy":"store","method":"POST","path":"/pay","body":"{\"card\":\"4111111111111111\"}"}`)
		for _, hidden := range []string{"4111", "1234567"} {
			if strings.Contains(a.text, hidden) {
				t.Errorf("%s: %s is told: %.3000s", test.name, hidden, a.text)
			}
		}
		if some := len(a.at(t, "values").([]any)) > 0; some != test.values {
			t.Errorf("%s: %d values: %v", test.name, len(a.at(t, "values").([]any)), a.at(t, "answer"))
		}
	}
}

func TestOnlyTheThirdPartysValuesAreNamed(t *testing.T) {
	spec := store()
	spec.Policies[0].Fallbacks = []policy.Fallback{{When: "status == 503", Respond: &policy.Respond{Status: 200, Body: `{"message":"later"}`}}}
	for _, test := range []struct {
		status int
		body   string
		values int
		answer string
	}{
		{200, shipped, 6, shipped},
		{503, shipped, 0, `{"message":"later"}`},
		{404, `{"error":1}`, 2, `{"error":1}`},
		{200, `plain`, 0, `plain`},
		{204, ``, 0, ``},
	} {
		g := open(t, spec, says(test.status, test.body))
		a := g.post("test", `{"policy":"store","operation":"order_status","vars":{"order_number":1}}`)
		if n, body := len(a.at(t, "values").([]any)), a.at(t, "answer", "body"); n != test.values || body != test.answer {
			t.Errorf("%d %s: %d values and the body %v, want %d and %s", test.status, test.body, n, body, test.values, test.answer)
		}
	}
}

func TestACallThatIsRefusedIsToldLikeAnyOther(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	a := g.post("test", `{"policy":"store","operation":"order_status"}`)
	a.want(t, `"bad_request"`, "call", "outcome")
	a.want(t, `null`, "call", "sent")
	a.want(t, `400`, "answer", "status")
	a.want(t, `[]`, "values")
	a = g.post("test", `{"policy":"store","operation":"order_status","tenant":" x","vars":{"order_number":1}}`)
	a.want(t, `"denied"`, "call", "outcome")
	for range 4 {
		g.post("test", `{"policy":"store","tenant":"acme"}`)
	}
	g.post("test", `{"policy":"store","tenant":"acme"}`).want(t, `"rate_limited"`, "call", "outcome")
}

func TestAPolicyThatAnswersInEnvelopesIsTestedWithout(t *testing.T) {
	spec := store()
	spec.Policies[0].Reply = &policy.Reply{As: "envelope"}
	g := open(t, spec, says(200, shipped))
	a := g.post("test", `{"policy":"store","operation":"order_status","vars":{"order_number":1}}`)
	if body := a.at(t, "answer", "body"); body != shipped {
		t.Errorf("the body is %v", body)
	}
	a.want(t, `"$.order.status"`, "values", 2, "path")
}

func TestALongAnswerIsCutAndSaysSo(t *testing.T) {
	long := `{"text":"` + strings.Repeat("ä", 1<<20) + `"}`
	g := open(t, store(), says(200, long))
	a := g.post("test", `{"policy":"store","path":"/x"}`)
	a.want(t, `true`, "answer", "body_cut")
	a.want(t, `2097163`, "answer", "body_bytes")
	a.want(t, `""`, "call", "broken")
	a.want(t, `[]`, "values")
	if body := a.at(t, "answer", "body").(string); len(body) < 1<<20-3 || len(body) > 1<<20 || !strings.HasPrefix(long, body) {
		t.Errorf("%d bytes are told, want the first MiB", len(body))
	}
	logged := g.get("calls/" + a.at(t, "call", "id").(string))
	if body := logged.at(t, "response", "body").(string); len(body) > 4<<10 {
		t.Errorf("the log keeps %d bytes, want at most 4 KiB", len(body))
	}
	if body := a.at(t, "call", "response", "body").(string); len(body) > 64<<10 {
		t.Errorf("the call tells %d bytes, want at most 64 KiB", len(body))
	}
	whole := `{"text":"` + strings.Repeat("x", 200_000) + `"}`
	g = open(t, store(), says(200, whole))
	if body := g.post("test", `{"policy":"store","path":"/x"}`).at(t, "answer", "body"); body != whole {
		t.Errorf("the body is not whole: %.60v", body)
	}
}

func TestABinaryAnswerIsToldInBase64(t *testing.T) {
	g := open(t, store(), says(200, "\xff\x00\xfe", "Content-Type", "image/png"))
	a := g.post("test", `{"policy":"store","path":"/x"}`)
	a.want(t, `"base64"`, "answer", "body_encoding")
	a.want(t, `"/wD+"`, "answer", "body")
	a.want(t, `3`, "answer", "body_bytes")
}

// endless is a body that never ends, and says little.
type endless struct{ closed chan struct{} }

func (e endless) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return copy(p, "x"), nil
	case <-e.closed:
		return 0, io.ErrClosedPipe
	}
}

func (e endless) Close() error {
	select {
	case <-e.closed:
	default:
		close(e.closed)
	}
	return nil
}

func TestATestOfAnEndlessAnswerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, store(), func(r *http.Request) *http.Response {
			resp := says(200, "")(r)
			body := endless{make(chan struct{})}
			resp.Header.Set("Content-Type", "text/event-stream")
			resp.Body, resp.ContentLength = body, -1
			context.AfterFunc(r.Context(), func() { body.Close() })
			return resp
		})
		start := time.Now()
		a := g.post("test", `{"policy":"store","path":"/x"}`)
		if took := time.Since(start); took > 70*time.Second || took < 60*time.Second {
			t.Errorf("it took %v, want 65s", took)
		}
		a.want(t, `"success"`, "call", "outcome")
		a.want(t, `65`, "answer", "body_bytes")
		if a.at(t, "call", "broken") == "" {
			t.Error("the call does not say that it was cut off")
		}
	})
}

func TestACallOutlivesWhoeverAskedForIt(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/signpost/test", strings.NewReader(`{"policy":"store"}`))
	ask(t, g.handler, req).want(t, `"success"`, "call", "outcome")
}

func TestNamesOfVariablesAreGoodAndNeverTwice(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("{")
	for i, name := range []string{"status", "Status", "status_2", "STATUS", "orderStatus", "HTTPCode", "a b", "9lives", "größe", "", "_x_", "日本", "a-b-c", strings.Repeat("long", 30), "x1Y"} {
		if i > 0 {
			doc.WriteString(",")
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		doc.WriteString(string(quoted) + ":1")
	}
	doc.WriteString("}")
	g := open(t, store(), says(200, doc.String()))
	a := g.post("test", `{"policy":"store"}`)
	var names []string
	for i := range a.at(t, "values").([]any) {
		names = append(names, a.at(t, "values", i, "var").(string))
	}
	want := "value status status_2 status_2_2 status_3 order_status httpcode a_b lives gr_e value_2 x value_3 a_b_c " + strings.Repeat("long", 12) + " x1_y"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzAPI(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "calls?limit=3&outcome=success", ""}, {"GET", "tenants/a%2fb", ""}, {"POST", "breakers/store/hold", `{"state":"open","for":"1m"}`},
		{"POST", "test", `{"policy":"store","path":"/x","headers":{"a":"b"}}`}, {"POST", "drift/store/note/pin", `{"a":[1]}`},
		{"GET", "//", ""}, {"CONNECT", "calls", ""}, {"OPTIONS", "*", ""}, {"GET", "drift/%2e%2e/%00", ""}, {"POST", "test", `{"policy":"store","operation":"note","vars":{"text":"x"}}`},
	} {
		f.Add(seed[0], seed[1], []byte(seed[2]))
	}
	g := open(f, store(), says(200, shipped))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://x/signpost/"+path, strings.NewReader(string(body)))
		if err != nil {
			return
		}
		ask(t, g.handler, req)
	})
}
