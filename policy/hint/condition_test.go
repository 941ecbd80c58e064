package hint_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/signpost-gateway/signpost/policy/hint"
)

// scope is what the tests' conditions may read.
var scope = hint.Scope{
	Vars:   []string{"status", "eta", "total", "items", "null", "flag", "empty"},
	Inputs: []string{"order_number"},
	CheckPath: func(path string) error {
		if !strings.HasPrefix(path, "$") {
			return errBadPath
		}
		return nil
	},
}

var errBadPath = errors.New("a path begins with $")

// order is a call whose answer is a shipped order.
func order() *hint.Env {
	return &hint.Env{
		Status: 200, Outcome: "success", OK: true, Answered: true,
		LatencyMS: 41.5, Attempts: 2, Tenant: "acme", Plan: "gold",
		Vars: map[string]any{
			"status": "shipped", "total": 120, "items": []any{"a", "b"},
			"null": nil, "flag": true, "empty": "",
		},
		Input:  map[string]any{"order_number": "A-7"},
		Header: map[string][]string{"Content-Type": {"application/json"}, "Vary": {"Accept", "Origin"}},
		Body: func() any {
			return map[string]any{
				"order": map[string]any{"status": "shipped", "total": 120.0},
				"items": []any{
					map[string]any{"id": 1, "name": "tea", "tags": []any{"hot"}},
					map[string]any{"id": 2, "name": "ice", "tags": []any{"cold", "sweet"}},
				},
			}
		},
		Text: func() string { return `{"order":{"status":"shipped"}}` },
		Path: func(path string) (any, bool) {
			switch path {
			case "$.order.status":
				return "shipped", true
			case "$.null":
				return nil, true
			}
			return nil, false
		},
		Method: "GET", URLPath: "/orders/A-7", RawQuery: "q=tea&q=ice&page=2&bad=%zz",
		RequestHeader: map[string][]string{"Accept": {"*/*"}, "Idempotency-Key": {"k1"}},
	}
}

// snippet shows where an error stands.
func snippet(err error) string {
	var located *hint.Error
	if errors.As(err, &located) {
		return located.Snippet()
	}
	return ""
}

func compile(t testing.TB, src string) *hint.Condition {
	t.Helper()
	c, err := hint.Compile(src, scope)
	if err != nil {
		t.Fatalf("compiling %s: %v\n%s", src, err, snippet(err))
	}
	return c
}

func TestAConditionHoldsForWhatTheCallReallyIs(t *testing.T) {
	holds := []string{
		`status == 200`, `status in 200..299`, `status in [200, 404]`, `not (status in [404])`, `status >= 200 && status < 300`,
		`outcome == "success"`, `outcome in ["success", "rejected"]`, `ok`, `answered`, `ok and answered`,
		`latency_ms > 41`, `latency_ms < 42`, `attempts == 2`, `tenant == "acme"`, `plan == "gold"`,
		`vars.status == "shipped"`, `vars["status"] == "shipped"`, `vars?.status == "shipped"`, `get(vars, "status") == "shipped"`,
		`vars.status in ["paid", "shipped"]`, `vars.total > 100`, `vars.total == 120.0`, `vars.total in [1, 120.0]`,
		`vars.total in 100..200`, `len(vars.items) == 2`, `"a" in vars.items`, `vars.items[0] == "a"`, `vars.items[-1] == "b"`,
		`vars.flag`, `"flag" in vars`, `len(vars) == 6`, `vars[lower("STATUS")] == "shipped"`, `let v = vars; v.status == "shipped"`,
		`input.order_number == "A-7"`, `input["order_number"] startsWith "A"`,
		`headers["content-type"] contains "json"`, `headers.vary == "Accept, Origin"`, `"vary" in headers`, `len(headers) == 2`,
		`body.order.status == "shipped"`, `body["order"]["total"] == 120`, `body.items[1].name == "ice"`, `body.order?.nothing?.x == nil`,
		`any(body.items, .id == 2)`, `all(body.items, .id > 0)`, `none(body.items, "sour" in .tags)`, `one(body.items, "hot" in .tags)`,
		`count(body.items, .id > 0) == 2`, `len(filter(body.items, {len(.tags) > 1})) == 1`, `map(body.items, .name) == ["tea", "ice"]`,
		`body.items | filter(.id > 1) | map(.name) | first() == "ice"`, `sum(body.items, .id) == 3`, `find(body.items, .id == 2).name == "ice"`,
		`any(body.items, any(.tags, # == "cold"))`, `let want = "ice"; any(body.items, .name == want)`,
		`sortBy(body.items, .name)[0].name == "ice"`, `reduce(body.items, #acc + .id, 0) == 3`,
		`any(body.items, .name == vars.status or .id == attempts)`, `all(body.items, body.order.total >= .id)`,
		`any(body.items, .name + "!" == "tea!")`, `any(body.items, lower(.name) matches "^t")`,
		`text contains "shipped"`, `len(text) > 10`, `text matches "\"status\":\"ship"`,
		`exists("$.order.status")`, `exists("$.null")`, `!exists("$.nothing")`, `path("$.order.status") == "shipped"`,
		`path("$.null") == nil`, `(path("$.nothing") ?? "x") == "x"`, `"$.order.status" | exists()`,
		`request.method == "GET"`, `request.path startsWith "/orders/"`, `request.query.q == "tea"`, `request["query"]["page"] == "2"`,
		`int(request.query.page) == 2`, `len(request.query) == 2`, `"q" in request.query`, `request.query.nothing == nil`,
		`request.headers["idempotency-key"] == "k1"`, `request.headers.accept == "*/*"`, `len(request.headers) == 2`,
		`"a" + "b" == "ab"`, `vars.status + "!" == "shipped!"`, `replace("a-b-c", "-", "") == "abc"`, `replace("a-b-c", "-", "", 1) == "ab-c"`,
		`join(vars.items, "+") == "a+b"`, `join(vars.items) == "ab"`, `join(split("a,b", ","), "") == "ab"`,
		`date("2026-11-23") > date("2026-11-22")`, `duration("1h") > duration("59m")`,
		`toJSON(vars.items) contains "a"`, `fromJSON("[1]")[0] == 1`, `true`, "status == 200 // why\n && ok",
	}
	for _, src := range holds {
		c := compile(t, src)
		if c.String() != src {
			t.Errorf("String() = %q, want %q", c.String(), src)
		}
		if got, err := c.Holds(order()); !got || err != nil {
			t.Errorf("%s: got %v, %v, want true", src, got, err)
		}
		denied := compile(t, "!(\n"+src+"\n)")
		if got, err := denied.Holds(order()); got || err != nil {
			t.Errorf("%s: got %v, %v, want false", denied, got, err)
		}
	}
}

func TestWhatIsMissingIsNilAndEqualsNothingElse(t *testing.T) {
	tests := []struct {
		src   string
		holds bool
		fails string
	}{
		{`vars.eta == nil`, true, ""},
		{`vars.null == nil`, true, ""},
		{`vars.eta == "x"`, false, ""},
		{`vars.eta != "x"`, true, ""},
		{`vars.eta == 0`, false, ""},
		{`vars.eta == ""`, false, ""},
		{`vars.eta in ["", "x"]`, false, ""},
		{`vars.eta in [nil]`, true, ""},
		{`vars.total in ["a", "b"]`, false, ""},
		{`"eta" in vars`, false, ""},
		{`"null" in vars`, true, ""},
		{`vars.eta contains "x"`, false, ""},
		{`vars.eta startsWith "x"`, false, ""},
		{`vars.eta matches "x"`, false, ""},
		{`(vars.eta ?? 7) > 5`, true, ""},
		{`vars.eta > 5`, false, "invalid operation: nil > int"},
		{`vars.null < 5`, false, "invalid operation: nil < int"},
		{`5 <= vars.null`, false, "invalid operation: int <= nil"},
		{`vars.eta != nil && vars.eta > 5`, false, ""},
		{`vars.status > 5`, false, "invalid operation: string > int"},
		{`vars.eta`, false, "a condition is true or false, this one gave nil"},
		{`vars.status`, false, `a condition is true or false, this one gave the text "shipped"`},
		{`vars.items`, false, `a condition is true or false, this one gave a list`},
		{`!vars.eta`, false, "got nil where bool is needed"},
		{`vars.status && ok`, false, "got string where bool is needed"},
		{`headers["x-none"] == "a"`, false, ""},
		{`headers["x-none"] == nil`, true, ""},
		{`headers["x-none"] contains "a"`, false, ""},
		{`request.query.none == nil`, true, ""},
		{`input.order_number == nil`, false, ""},
		{`body.nothing.more == 1`, false, "cannot fetch more from nil"},
		{`body?.nothing?.more == 1`, false, ""},
		{`path("$.none") == "a"`, false, ""},
		{`path("$.none") > 1`, false, "invalid operation: nil > int"},
		{`vars.items[5] == "a"`, false, "index out of range: 5 (array length is 2)"},
		{`lower(vars.total) == "x"`, false, "got int where string is needed"},
		{`replace(vars.total, "a", "b") == "x"`, false, "got int where string is needed"},
		{`join(vars.total, "a") == "x"`, false, "join takes a list of texts, got 120"},
	}
	for _, tt := range tests {
		got, err := compile(t, tt.src).Holds(order())
		var e *hint.Error
		switch {
		case got != tt.holds:
			t.Errorf("%s: got %v, want %v (%v)", tt.src, got, tt.holds, err)
		case tt.fails == "" && err != nil:
			t.Errorf("%s: %v", tt.src, err)
		case tt.fails != "" && (!errors.As(err, &e) || e.Msg != tt.fails):
			t.Errorf("%s: got error %v, want %q", tt.src, err, tt.fails)
		}
	}
}

func TestAnEmptyCallAnswersEveryNameWithoutAPanic(t *testing.T) {
	holds := []string{
		`status == 0`, `outcome == ""`, `!ok`, `!answered`, `latency_ms == 0`, `attempts == 0`, `tenant == ""`, `plan == ""`,
		`vars.eta == nil`, `len(vars) == 0`, `input.order_number == nil`, `len(input) == 0`, `len(headers) == 0`, `headers.x == nil`,
		`body == nil`, `text == ""`, `!exists("$")`, `path("$") == nil`, `request.method == ""`, `request.path == ""`,
		`len(request.query) == 0`, `request.query.x == nil`, `len(request.headers) == 0`, `request.headers.x == nil`,
	}
	for _, src := range holds {
		if got, err := compile(t, src).Holds(new(hint.Env)); !got || err != nil {
			t.Errorf("%s over the zero Env: got %v, %v, want true", src, got, err)
		}
	}
}

func TestNeedsNameExactlyWhatAConditionReads(t *testing.T) {
	tests := []struct{ src, want string }{
		{`status == 200 && ok && tenant == plan`, `{Body:false Text:false Headers:false RequestQuery:false RequestHeaders:false Vars:[] Inputs:[] Paths:[]}`},
		{`vars.total > 1 or vars["eta"] == vars.total`, `{Body:false Text:false Headers:false RequestQuery:false RequestHeaders:false Vars:[eta total] Inputs:[] Paths:[]}`},
		{`len(vars) > 1 && len(input) > 0`, `{Body:false Text:false Headers:false RequestQuery:false RequestHeaders:false Vars:[empty eta flag items null status total] Inputs:[order_number] Paths:[]}`},
		{`text == "" or body == nil`, `{Body:true Text:true Headers:false RequestQuery:false RequestHeaders:false Vars:[] Inputs:[] Paths:[]}`},
		{`headers.x == request.headers.y`, `{Body:false Text:false Headers:true RequestQuery:false RequestHeaders:true Vars:[] Inputs:[] Paths:[]}`},
		{`len(headers) == 0 && request.query.x == input.order_number`, `{Body:false Text:false Headers:true RequestQuery:true RequestHeaders:false Vars:[] Inputs:[order_number] Paths:[]}`},
		{`exists("$.b") && path("$.a") == path("$.b") && any(body, exists("$.c"))`, `{Body:true Text:false Headers:false RequestQuery:false RequestHeaders:false Vars:[] Inputs:[] Paths:[$.a $.b $.c]}`},
	}
	for _, tt := range tests {
		needs := compile(t, tt.src).Needs()
		if got := fmt.Sprintf("%+v", needs); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.src, got, tt.want)
		}
	}
}

func TestReadingsTellTheValuesInTheOrderOfTheText(t *testing.T) {
	tests := []struct{ src, want string }{
		{`vars.status == "shipped" && status == 200 && vars.status != ""`, `[{vars.status shipped} {status 200}]`},
		{`vars.eta == nil or ok`, `[{vars.eta <nil>} {ok true}]`},
		{`body.items[1].tags[-1] == "sweet" && body.order.nothing == nil`, `[{body.items[1].tags[-1] sweet} {body.order.nothing <nil>}]`},
		{`body["items"][0]["name"] == "tea"`, `[{body.items[0].name tea}]`},
		{`headers["content-type"] contains "json"`, `[{headers["content-type"] application/json}]`},
		{`exists("$.order.status") && path("$.order.status") == "shipped"`, `[{exists("$.order.status") true} {path("$.order.status") shipped}]`},
		{`status == 404 or any(body.items, .id == attempts)`, `[{status 200} {body.items [map[id:1 name:tea tags:[hot]] map[id:2 name:ice tags:[cold sweet]]]} {attempts 2}]`},
		{`ok or body.order.total > 5 or exists("$.a")`, `[{ok true}]`},
		{`request.query.q == "tea" && request.headers.accept != ""`, `[{request.query.q tea} {request.headers.accept */*}]`},
		{`vars[lower("ETA")] == nil && latency_ms > 0`, `[{vars map[empty: flag:true items:[a b] null:<nil> status:shipped total:120]} {latency_ms 41.5}]`},
		{`get(vars, "total") > 1`, `[{vars.total 120}]`},
		{`1 < vars?.total`, `[{vars.total 120}]`},
	}
	for _, tt := range tests {
		c, e := compile(t, tt.src), order()
		if _, err := c.Holds(e); err != nil {
			t.Errorf("%s: %v", tt.src, err)
		}
		if got := fmt.Sprint(c.Readings(e)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.src, got, tt.want)
		}
	}
}

func TestAPartIsAskedForOnceAndOnlyWhenReached(t *testing.T) {
	var asked []string
	e := order()
	body, text, path := e.Body, e.Text, e.Path
	e.Body = func() any { asked = append(asked, "body"); return body() }
	e.Text = func() string { asked = append(asked, "text"); return text() }
	e.Path = func(p string) (any, bool) { asked = append(asked, p); return path(p) }

	never := compile(t, `ok or body.x == 1 or text == "" or exists("$.a")`)
	if holds, err := never.Holds(e); !holds || err != nil || asked != nil {
		t.Fatalf("%s: got %v, %v and asked for %q, want true and nothing asked", never, holds, err, asked)
	}
	never.Readings(e)
	twice := compile(t, `body.x == nil && text != "" && exists("$.order.status") && path("$.order.status") != nil && body != nil`)
	for range 2 {
		if holds, err := twice.Holds(e); !holds || err != nil {
			t.Fatalf("%s: got %v, %v, want true", twice, holds, err)
		}
		twice.Readings(e)
	}
	want := []string{"body", "text", "$.order.status"}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	e.Forget()
	if _, err := twice.Holds(e); err != nil || len(asked) != 2*len(want) {
		t.Errorf("after Forget: asked for %q, %v, want everything once more", asked, err)
	}
}

func TestAChangedFieldIsSeenByTheNextQuestion(t *testing.T) {
	c, e := compile(t, `outcome == "rejected" && vars.eta == "soon" && status == 200`), order()
	if holds, err := c.Holds(e); holds || err != nil {
		t.Fatalf("got %v, %v, want false", holds, err)
	}
	e.Outcome, e.Vars = "rejected", map[string]any{"eta": "soon"}
	if holds, err := c.Holds(e); !holds || err != nil {
		t.Errorf("after the change: got %v, %v, want true", holds, err)
	}
}

func TestAReleasedEnvKeepsNothingOfTheCall(t *testing.T) {
	c := compile(t, `tenant == "" && vars.status == nil && body == nil && text == "" && !exists("$.order.status") && len(request.query) == 0 && request.path == ""`)
	loop := compile(t, `any(body.items, let n = .name; n == "ice") && exists("$.order.status")`)
	for range 20 {
		e := hint.NewEnv()
		if holds, err := c.Holds(e); !holds || err != nil {
			t.Fatalf("a new Env: got %v, %v, want an empty one", holds, err)
		}
		o := order()
		e.Tenant, e.Vars, e.Body, e.Text, e.Path, e.RawQuery, e.URLPath = o.Tenant, o.Vars, o.Body, o.Text, o.Path, o.RawQuery, o.URLPath
		e.Forget()
		if holds, err := loop.Holds(e); !holds || err != nil {
			t.Fatalf("%s: got %v, %v, want true", loop, holds, err)
		}
		e.Release()
	}
}

func TestAPanicOfAPartIsAnError(t *testing.T) {
	e := &hint.Env{Body: func() any { panic("broken document") }}
	holds, err := compile(t, `ok or body.x == 1`).Holds(e)
	var he *hint.Error
	if holds || !errors.As(err, &he) || he.Msg != "broken document" || he.Column != 7 {
		t.Errorf("got %v, %v, want the panic as an error at column 7", holds, err)
	}
	if holds, err := compile(t, `status == 0`).Holds(e); !holds || err != nil {
		t.Errorf("the Env after a panic: got %v, %v, want true", holds, err)
	}
}

func TestConditionsOnFactsVariablesAndPathsAllocateNothing(t *testing.T) {
	e := order()
	for _, src := range []string{
		`vars.status == "lost"`, `vars.status in ["paid", "packed"]`, `status == 404`, `status in 400..499`, `vars.total > 100`,
		`outcome == "timeout"`, `exists("$.order.status") && path("$.none") == "a"`,
	} {
		c := compile(t, src)
		if n := testing.AllocsPerRun(100, func() { _, _ = c.Holds(e) }); n > 0 {
			t.Errorf("%s: %v allocations an evaluation, want none", src, n)
		}
	}
}

func TestOneConditionServesManyGoroutines(t *testing.T) {
	c := compile(t, `any(body.items, .name == input.order_number) && exists("$.order.status")`)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("item %d", i)
			for range 200 {
				e := hint.NewEnv()
				e.Input = map[string]any{"order_number": name}
				e.Body = func() any { return map[string]any{"items": []any{map[string]any{"name": name}}} }
				e.Path = func(string) (any, bool) { return nil, true }
				if holds, err := c.Holds(e); !holds || err != nil {
					t.Errorf("%s: got %v, %v, want true", name, holds, err)
				}
				e.Release()
			}
		})
	}
	wg.Wait()
}
