package explain_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/policy"
)

func TestLinesReadEachSingleValueAndJudgeEachState(t *testing.T) {
	doc := `{"order":{"status":"shipped","delivery":"On hold","id":"9f2c-77","eta":"2026-11-23","paid":true,"items":[{"sku":"A1","n":2},{"sku":"B2"}],"it's":1}}`
	lines := explain.LinesFor(404, []byte(doc), policy.MappingInfo{})
	if want := []string{
		"extract status $.order.status", "extract delivery $.order.delivery", "extract id $.order.id", "extract eta $.order.eta",
		"extract paid $.order.paid", "extract sku $.order.items[0].sku", "extract n $.order.items[0].n", "extract it_s `$.order['it\\'s']`",
	}; !slices.Equal(lines.Extract, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines.Extract, "\n"), strings.Join(want, "\n"))
	}
	if want := []string{
		"hint not_found status == 404", `hint shipped vars.status == "shipped"`, "hint on_hold `vars.delivery == \"On hold\"`", `hint a1 vars.sku == "A1"`,
	}; !slices.Equal(lines.Hints, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines.Hints, "\n"), strings.Join(want, "\n"))
	}
}

func TestAnAnswerThatIsNoJSONHasAHintForItsStatusAlone(t *testing.T) {
	for _, test := range []struct {
		status int
		want   []string
	}{{200, nil}, {302, []string{"hint status_302 status == 302"}}, {422, []string{"hint bad_data status == 422"}}, {503, []string{"hint busy status == 503"}}} {
		lines := explain.LinesFor(test.status, []byte("<html>"), policy.MappingInfo{})
		if !slices.Equal(lines.Hints, test.want) || lines.Extract != nil {
			t.Errorf("%d: got %q and %q, want %q", test.status, lines.Hints, lines.Extract, test.want)
		}
	}
}

func TestSuggestedLinesCompileAndHoldForTheAnswerTheyAreOf(t *testing.T) {
	doc := `{"a":{"state":"In Progress","kind":"x-y","status":"paid"},"list":[{"state":"open"}],"größe":"klein","HTTPCode":"ok"}`
	lines := explain.LinesFor(409, []byte(doc), policy.MappingInfo{})
	rules := policy.Rules{}
	for _, line := range lines.Extract {
		_, rest, _ := strings.Cut(line, " ")
		name, path, _ := strings.Cut(rest, " ")
		rules.Extracts = append(rules.Extracts, policy.Extract{Var: name, Path: strings.Trim(path, "`")})
	}
	for _, line := range lines.Hints {
		_, rest, _ := strings.Cut(line, " ")
		route, when, _ := strings.Cut(rest, " ")
		hint := policy.Hint{Route: route, When: strings.Trim(when, "`")}
		only := rules
		only.Hints = []policy.Hint{hint}
		s := openShop(t, 409, doc)
		e := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Rules = only })).order()
		if e.Route != hint.Route || e.RouteBy != policy.RouteByHint {
			t.Errorf("%s: the route is %s by %s", line, e.Route, e.RouteBy)
		}
	}
	if len(lines.Hints) != 7 {
		t.Errorf("there are %d hints: %q, want 7", len(lines.Hints), lines.Hints)
	}
}

func TestLinesLeaveOutWhatThePolicyReadsAlready(t *testing.T) {
	doc := []byte(`{"order":{"status":"shipped","eta":"2026-11-23"},"status":"fine"}`)
	lines := explain.LinesFor(200, doc, policy.MappingInfo{
		Extracts: []policy.ExtractInfo{{Var: "state", Path: "$.order.status"}, {Var: "status", Path: "$.else"}},
		Hints:    []policy.HintInfo{{Route: "fine", When: `vars.status_2 == "fine"`}},
	})
	want := []string{"extract eta $.order.eta", "extract status_2 $.status"}
	if !slices.Equal(lines.Extract, want) {
		t.Errorf("suggested %q, want %q", lines.Extract, want)
	}
	if want := []string{`hint shipped vars.state == "shipped"`}; !slices.Equal(lines.Hints, want) {
		t.Errorf("suggested %q, want %q", lines.Hints, want)
	}
}
