package hint_test

import (
	"fmt"
	"testing"

	"github.com/signpost-gateway/signpost/policy/hint"
)

// parts takes a condition apart.
func parts(t testing.TB, src string) *hint.Part {
	t.Helper()
	c, err := hint.Compile(src, scope)
	if err != nil {
		t.Fatalf("compiling %q: %v", src, err)
	}
	return c.Parts(scope)
}

// notFound is an answer 404, of which nothing else is known.
func notFound() *hint.Case {
	return &hint.Case{
		Env:   &hint.Env{Status: 404, Outcome: "client_error", Answered: true},
		Known: []string{"status", "outcome", "ok", "answered"},
	}
}

func TestAConditionCanBeWhatIsKnownLeavesOpen(t *testing.T) {
	for _, c := range []struct {
		src            string
		canBe, canFail bool
	}{
		{`status == 404`, true, false},
		{`status in [400, 404]`, true, false},
		{`status in 500..599`, false, true},
		{`ok`, false, true},
		{`not ok`, true, false},
		{`vars.status == "shipped"`, true, true},
		{`status == 404 and vars.status == "shipped"`, true, true},
		{`status == 200 and vars.status == "shipped"`, false, true},
		{`answered or vars.flag`, true, false},
		{`vars.flag or answered`, true, true}, // vars.flag may be neither true nor false.
		{`vars.flag == true or vars.flag != true`, true, false},
		{`vars.total > 5 or vars.total <= 5`, true, true}, // Missing, it cannot be compared.
		{`vars.total > 5 and vars.total < 3`, false, true},
		{`vars.total > 5 and vars.total < 6`, true, true},
		{`vars.status == "a" and vars.status in ["b", "c"]`, false, true},
		{`vars.status == "a" and not (vars["status"] == "a")`, false, true},
		{`text contains "a" and not (text contains "a")`, false, true},
		{`text contains "a" and not (text contains "b")`, true, true},
		{`answered ? ok : vars.flag`, false, true},
		{`vars.flag ? answered : not ok`, true, true},
		{`not (vars.total > 5) and vars.total == 7`, false, true},
		{`exists("$.a") and not exists("$.a")`, false, true},
		{`latency_ms > 100`, true, true},
		{`true`, true, false},
		{`1 > 2`, false, true},
	} {
		p := parts(t, c.src)
		if got := notFound().CanBe(p); got != c.canBe {
			t.Errorf("%s: can be: %v, want %v", c.src, got, c.canBe)
		}
		if got := notFound().CanFail(p); got != c.canFail {
			t.Errorf("%s: can fail: %v, want %v", c.src, got, c.canFail)
		}
	}
}

func TestAConditionBehindOthersCanBeWhereAllOfThoseFail(t *testing.T) {
	for _, c := range []struct {
		want   string
		others []string
		canBe  bool
	}{
		{`status == 404`, []string{`status == 200`}, true},
		{`status == 404`, []string{`status >= 400`}, false},
		{`vars.status == "a"`, []string{`vars.status == "b"`}, true},
		{`vars.status == "a"`, []string{`vars.status in ["a", "b"]`}, false},
		{`vars.status in ["a", "b"]`, []string{`vars.status == "a"`}, true},
		{`vars.status in ["a", "b"]`, []string{`vars.status == "a"`, `vars.status == "b"`}, false},
		{`vars.total >= 10`, []string{`vars.total > 5`}, false},
		{`vars.total >= 5`, []string{`vars.total > 5`}, true},
		{`text contains "a" and vars.total == 1`, []string{`text contains "a"`}, false},
		{`vars.flag`, []string{`text contains "a"`, `not (text contains "a")`}, true}, // Neither holds where it cannot be evaluated.
		{`vars.flag`, []string{`vars.flag == true`}, false},
		{`vars.total in 1..9`, []string{`vars.total >= 1`}, false},
		{`vars.total in 1..9`, []string{`vars.total == 1`, `vars.total == 9`}, true},
		{`vars.total in 1..3`, []string{`vars.total == 1`, `vars.total in [2, 3]`}, false},
		{`vars.total > 1 and vars.total < 3`, []string{`vars.total in 2..2`}, true},
		{`vars.flag`, []string{`vars.total > 1`, `vars.total <= 1`}, true}, // Where total is missing.
	} {
		var others []*hint.Part
		for _, o := range c.others {
			others = append(others, parts(t, o))
		}
		if got := notFound().CanBe(parts(t, c.want), others...); got != c.canBe {
			t.Errorf("%s behind %q: %v, want %v", c.want, c.others, got, c.canBe)
		}
	}
}

// conditions and calls are what the next test puts together.
var (
	conditions = []string{
		`vars.status == "shipped"`, `vars.status != nil`, `vars.status in ["shipped", "paid", nil, 3]`, `"paid" == vars.status`,
		`vars.total > 5`, `5 <= vars.total`, `vars.total in [1, 2.5]`, `vars.total == -1`, `vars.flag`, `not vars.flag`,
		`vars.flag ? ok : answered`, `vars.flag and vars.total < 3 or status == 404`, `vars?.eta == "x"`, `vars["eta"] != "x" && !ok`,
		`exists("$.a") or path("$.a") == 1`, `input.order_number == "7"`, `body.items[0].id == 2`, `headers["content-type"] == nil`,
		`outcome == "success" and status >= 200 and status < 300`, `latency_ms < 100`, `text contains "x" or text == ""`,
		`(vars.eta ?? "x") == "x"`, `any([1, 2], # == vars.total)`, `vars.total in 2..5`, `not (vars.status in -1..1)`, `let v = vars.total; v == 2`, `1 < 2 and vars.total > 2.25`,
	}
	values = []any{nil, true, false, "shipped", "paid", "x", "7", "", 1, 2, 3, 5, 2.5, -1, 7.25, []any{}, []any{1}, map[string]any{"id": 2}}
)

func TestWhatReallyHappensIsNeverSaidToBeImpossible(t *testing.T) {
	apart := make([]*hint.Part, len(conditions))
	for i, src := range conditions {
		apart[i] = parts(t, src)
	}
	for n, v := range values {
		other := values[(n*7+3)%len(values)]
		for _, status := range []int{0, 200, 404, 503} {
			env := &hint.Env{
				Status: status, Outcome: "success", OK: status == 200, Answered: status != 0, LatencyMS: float64(n * 20),
				Vars:  map[string]any{"status": v, "total": other, "flag": v, "eta": other},
				Input: map[string]any{"order_number": v}, Body: func() any { return map[string]any{"items": []any{v}} },
				Text: func() string { return fmt.Sprint(v) }, Path: func(string) (any, bool) { return v, v != nil },
			}
			known := &hint.Case{Env: env, Known: []string{"status", "outcome", "ok", "answered"}}
			var held, failed []*hint.Part
			for i, src := range conditions {
				c, _ := hint.Compile(src, scope)
				holds, _ := c.Holds(env)
				if holds {
					held = append(held, apart[i])
				} else {
					failed = append(failed, apart[i])
				}
				if holds && !known.CanBe(apart[i]) || !holds && !known.CanFail(apart[i]) {
					t.Errorf("%s with %v, %v and status %d: it is %v, which was said to be impossible", src, v, other, status, holds)
				}
			}
			for _, p := range held {
				if !known.CanBe(p, failed...) {
					t.Errorf("with %v, %v and status %d a condition was said to be impossible behind those that failed", v, other, status)
				}
			}
		}
	}
}

func TestTheStatusesThatMatterAreThoseComparedWith(t *testing.T) {
	for src, want := range map[string]string{
		`status == 404 or status in [500, 503] and vars.flag`: "[404 500 503] true",
		`vars.total == 7`:                  "[] true",
		`status in 400..499`:               "[400 499] true",
		`status in [400, 400 + 4]`:         "[] false",
		`status == 404 or status % 2 == 1`: "[404] false",
	} {
		numbers, all := parts(t, src).Statuses()
		if got := fmt.Sprint(numbers, all); got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
}

func TestAQuestionThatWouldTakeTooLongIsAnsweredByYes(t *testing.T) {
	src := `text contains "0"`
	for i := range 30 {
		src += fmt.Sprintf(` and (text contains "a%d" or text contains "b%[1]d")`, i)
	}
	p := parts(t, src+` and not (text contains "0")`)
	if !notFound().CanFail(p) || !notFound().CanBe(parts(t, src)) {
		t.Error("a long condition cannot be, or cannot fail")
	}
}

func FuzzWhatReallyHappensIsPossible(f *testing.F) {
	for _, src := range conditions {
		f.Add(src)
	}
	for _, src := range []string{
		`status in 200..299 and not (vars.total in 1..3)`, `vars.status != "a" ? vars.total > 1 : ok`, `-1 < vars.total`, `!(vars.flag) || 2.5 <= vars.total`,
		`if ok { vars.flag } else { answered }`, `vars.items[0].id == 1`, `vars?.status in [nil, "x", 1.5, -2]`, `let a = ok; a and not a`, `filter(body.items, .id > 1)[0].id == 2`,
		`ok == true`, `1 < vars.total < 3`, `vars.status == vars.eta`, `"a" in ["a"] and "x" == vars.status`, `exists("$.a") == false`, `input["order_number"] == nil`,
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		c, err := hint.Compile(src, scope)
		if err != nil {
			return
		}
		p := c.Parts(scope)
		for _, env := range []*hint.Env{new(hint.Env), order()} {
			for _, known := range [][]string{nil, {"status", "outcome", "ok", "answered"}, {"status", "outcome", "ok", "answered", "vars", "body", "path", "text", "headers"}} {
				holds, _ := c.Holds(env)
				supposed := &hint.Case{Env: env, Known: known}
				if holds && !supposed.CanBe(p) || !holds && !supposed.CanFail(p) {
					t.Fatalf("%q is %v, which is said to be impossible knowing %v", src, holds, known)
				}
			}
		}
	})
}
