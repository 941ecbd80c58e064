package replay_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

// recorder keeps calls as a browser would in a HAR file.
type recorder struct {
	entries []map[string]any
	at      time.Time
}

// fields writes a header as HAR has it.
func fields(h http.Header) []map[string]string {
	list := []map[string]string{}
	for name, values := range h {
		for _, value := range values {
			list = append(list, map[string]string{"name": strings.ToLower(name), "value": value})
		}
	}
	return list
}

// keep adds an exchange. A nil answer is none.
func (r *recorder) keep(method, url string, header http.Header, body string, resp *http.Response, content []byte) {
	if r.at.IsZero() {
		r.at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	}
	r.at = r.at.Add(time.Second)
	request := map[string]any{"method": method, "url": url, "headers": fields(header), "httpVersion": "h2"}
	if body != "" {
		request["postData"] = map[string]any{"mimeType": header.Get("Content-Type"), "text": body}
	}
	response := map[string]any{"status": 0, "headers": []any{}, "content": map[string]any{"size": 0}}
	if resp != nil {
		stored := map[string]any{"size": len(content), "mimeType": resp.Header.Get("Content-Type"), "text": string(content)}
		if !json.Valid(content) && len(content) > 0 {
			stored["text"], stored["encoding"] = base64.StdEncoding.EncodeToString(content), "base64"
		}
		response = map[string]any{"status": resp.StatusCode, "headers": fields(resp.Header), "content": stored}
	}
	r.entries = append(r.entries, map[string]any{
		"startedDateTime": r.at.Format("2006-01-02T15:04:05.000Z07:00"), "time": 43.5, "request": request, "response": response,
	})
}

// file is the HAR file.
func (r *recorder) file(t testing.TB) []byte {
	t.Helper()
	text, err := json.MarshalIndent(map[string]any{"log": map[string]any{
		"version": "1.2", "creator": map[string]any{"name": "test", "version": "1"}, "pages": []any{map[string]any{"id": "[{"}}, "entries": r.entries,
	}}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// through sends a request through the gateway as a site does, and keeps what a bot
// sees of it.
func (w *world) through(r *recorder, line string, header http.Header, body string) {
	w.t.Helper()
	method, target, _ := strings.Cut(line, " ")
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header = header.Clone()
	if body == "" {
		req.Body = http.NoBody
	}
	info := policy.Call{Tenant: header.Get("X-Tenant-ID"), TenantHeader: "X-Tenant-ID"}
	info.Policy, info.Path = policy.SplitPath(req.URL.EscapedPath())
	if name, operation, named := policy.SplitCall(req.URL.EscapedPath()); named {
		info.Policy, info.Operation = name, operation
	}
	resp := w.gateway.Answer(req, &info)
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Logf("%s: %v", line, err)
	}
	_ = resp.Body.Close()
	r.keep(method, "http://localhost:8080"+target, header, body, resp, content)
}

// run replays a text.
func run(t testing.TB, spec policy.Spec, o replay.Options, text []byte) *replay.Report {
	t.Helper()
	r, err := replay.Run(&spec, o, replay.Input{Name: "recorded.har", From: bytes.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCallsOfABotInAHARFileComeToTheSameAgain(t *testing.T) {
	w := newWorld(t, storeSpec(thirdParty(t).URL))
	r := new(recorder)
	tenant := http.Header{"X-Tenant-Id": {"acme"}}
	for _, order := range []string{"shipped", "paid", "none", "forbidden", "rejected", "html", "empty", "moved", "slow", "broken", "reset", "long"} {
		w.through(r, "GET /store/orders/"+order, tenant, "")
	}
	for _, order := range []string{"shipped", "none"} {
		w.through(r, "GET /call/store/order_status?order_number="+order, http.Header{"Signpost-Reply": {"envelope"}}, "")
	}
	w.through(r, "POST /call/store/open_ticket", http.Header{"Content-Type": {"application/json"}}, `{"text":"a"}`)
	w.through(r, "POST /call/store/open_ticket", http.Header{"Content-Type": {"application/json"}}, `{`)
	w.through(r, "DELETE /store/orders/1", tenant, "")
	w.through(r, "GET /nowhere/x", tenant, "")
	w.through(r, "GET /guarded/orders/shipped", tenant, "")
	for range 3 {
		w.through(r, "GET /store/orders/shipped", http.Header{"X-Tenant-Id": {"small"}}, "")
	}
	report := run(t, w.spec, replay.Options{}, r.file(t))
	if report.Same != len(r.entries) {
		t.Errorf("%d of %d are the same:\n%s", report.Same, len(r.entries), told(t, report))
	}
	other := storeSpec(w.spec.Policies[0].BaseURL)
	other.Policies[0].Operations[0].Hints[0].Route = "sent"
	report = run(t, other, replay.Options{}, r.file(t))
	want(t, "a route", report, len(r.entries)-5, []string{"||||| store.order_status: route shipped → sent"}, nil, nil)
}

// answerWith makes an answer of a third party.
func answerWith(status int, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h}
}

func TestCallsToTheThirdPartyItselfAreToldAsTheyAreNow(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	r := new(recorder)
	get := func(url string, resp *http.Response, body string) {
		r.keep("GET", url, http.Header{":Authority": {"api.store.example"}, "Authorization": {"Bearer hush"}}, "", resp, []byte(body))
	}
	get("https://api.store.example/v2/orders/1", answerWith(200, "Content-Encoding", "br", "Content-Length", "17"), `{"order":{"status":"shipped"}}`)
	get("https://api.store.example/v2/orders/2", answerWith(404), `{}`)
	get("https://api.store.example/v2/orders/3", nil, "")
	get("https://api.store.example/v2/orders/4", answerWith(200), "\x00\x01\xff")
	get("https://elsewhere.example/logo.png", answerWith(200), "png")
	get("data:text/plain,x", answerWith(200), "x")
	r.keep("CONNECT", "https://api.store.example", http.Header{}, "", answerWith(200), nil)
	get("wss://api.store.example/v2/live", answerWith(101), "")
	report := run(t, spec, replay.Options{}, r.file(t))
	want(t, "now", report, 0, nil, nil, []string{
		"| : " + string(replay.WhyTunnel), "| : " + string(replay.WhyShape), "| : " + string(replay.WhyNobody), "| : " + string(replay.WhyUpgrade),
	})
	verdicts := []string{
		"| store.order_status: client_error, route not_found", "| store.order_status: success, route shipped",
		"| store.order_status: unmappable, route error", "| store.order_status: unreachable, route error, fallback static",
	}
	if got := texts(report.Verdicts); !slices.Equal(got, verdicts) || report.Differs() {
		t.Errorf("now: %q, want %q", got, verdicts)
	}
	if text := told(t, report); strings.Contains(text, "hush") {
		t.Errorf("the report tells a credential: %s", text)
	}
	other := storeSpec("https://api.store.example/v2")
	other.Policies[0].Operations[0].Hints[2].Route = "unknown_order"
	report = run(t, other, replay.Options{Before: &spec}, r.file(t))
	want(t, "before", report, 3, []string{"| store.order_status: route not_found → unknown_order"}, nil, texts(report.Reasons))
}

func TestFormsAndCodingsInHARFilesAreReadAsTheyWereSent(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	entry := func(post, content string) []byte {
		return fmt.Appendf(nil, `{"log":{"entries":[{"request":{"method":"POST","url":"http://h/call/store/open_ticket","headers":[{"name":"Content-Type","value":"application/x-www-form-urlencoded"}],"postData":%s},
			"response":{"status":201,"headers":[{"name":"Signpost-Outcome","value":"success"},{"name":"Signpost-Route","value":"opened"},{"name":"Signpost-Next","value":"continue"},
			{"name":"Signpost-Policy","value":"store.open_ticket"},{"name":"Signpost-Var-Id","value":"T-1"}],"content":%s}}]}}`, post, content)
	}
	plain := `{"size":12,"text":"{\"id\":\"T-1\"}"}`
	for name, test := range map[string]struct {
		post, content string
		same          int
		why           replay.Reason
	}{
		"text":            {`{"mimeType":"application/x-www-form-urlencoded","text":"text=a+b"}`, plain, 1, ""},
		"params":          {`{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"text","value":"a b"}]}`, plain, 1, ""},
		"encoded params":  {`{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"text","value":"a%20b"}]}`, plain, 1, ""},
		"base64":          {`{"encoding":"base64","text":"dGV4dD1h"}`, `{"size":12,"encoding":"base64","text":"eyJpZCI6IlQtMSJ9"}`, 1, ""},
		"no base64":       {`{"encoding":"base64","text":"?"}`, plain, 0, replay.WhyCoding},
		"no base64 back":  {`{"text":"text=a"}`, `{"encoding":"base64","text":"?"}`, 0, replay.WhyCoding},
		"files":           {`{"mimeType":"multipart/form-data","params":[{"name":"text","value":"a"}]}`, plain, 0, replay.WhyInput},
		"an answer gone":  {`{"text":"text=a"}`, `{"size":12}`, 0, replay.WhyCut},
		"an answer short": {`{"text":"text=a"}`, `{"size":99,"text":"{"}`, 0, replay.WhyCut},
	} {
		r := run(t, spec, replay.Options{}, entry(test.post, test.content))
		if r.Same != test.same || test.why != "" && (len(r.Reasons) != 1 || r.Reasons[0].Text != string(test.why)) {
			t.Errorf("%s: %s", name, told(t, r))
		}
	}
}

func TestACompressedFileIsReadAsWell(t *testing.T) {
	w := newWorld(t, storeSpec(thirdParty(t).URL))
	w.bot("GET /store/orders/shipped")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(w.log.Bytes())
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if r := run(t, w.spec, replay.Options{}, packed.Bytes()); r.Same != 1 {
		t.Error(told(t, r))
	}
	r := run(t, w.spec, replay.Options{}, packed.Bytes()[:packed.Len()-9])
	if len(r.Mistakes) != 1 || !strings.Contains(r.Mistakes[0], "recorded.har") {
		t.Errorf("cut off: %s", told(t, r))
	}
}
