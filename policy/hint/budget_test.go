package hint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/hint"
)

func TestHostileWorkIsStoppedByABound(t *testing.T) {
	numbers := make([]any, 200_000)
	for i := range numbers {
		numbers[i] = i
	}
	deep := map[string]any{"list": numbers}
	e := &hint.Env{
		Body: func() any { return deep },
		Text: func() string { return strings.Repeat("x", 1<<20) },
	}
	stopped := []string{
		`count(1..1000000, true) > 0`,
		`count(1..9223372036854775807, true) > 0`,
		`len(map(1..900000, # + 1)) > 0`,
		`count(1..1000, count(1..1000, true) == 1) == 1`,
		`any(body.list, any(body.list, # < 0))`,
		`all(body.list, all(body.list, all(body.list, true)))`,
		`count(body.list, # in body.list) == 1`,
		`count(body.list, sum(body.list) == 0) > 0`,
		`count(body.list, len(sort(body.list)) == 0) > 0`,
		`count(body.list, toJSON(body) == "") > 0`,
		`count(body.list, body == body) == 0`,
		`count(body.list, text contains "y") > 0`,
		`count(body.list, text matches "y$") > 0`,
		`count(body.list, replace(text, "y", "") == "") > 0`,
		`count(body.list, len(split(text, "x")) == 0) > 0`,
		`any(body.list, any(filter(body.list, true), # < 0))`,
		`reduce(1..64, #acc + #acc, "x") == ""`,
		`reduce(1..64, concat(#acc, #acc), [1]) == []`,
		`let a = text + text; let b = a + a; let c = b + b; let d = c + c; let e = d + d; e == ""`,
		`let a = toJSON(text); ` + `toJSON(toJSON(toJSON(toJSON(a + a + a + a + a + a)))) == ""`,
		`replace(text, "x", text) == ""`,
		`replace(text, "", text) == ""`,
		`join(split(text, "x"), text) == ""`,
		`::replace(text, "x", text) == ""`,
	}
	for _, src := range stopped {
		t.Run(src, func(t *testing.T) {
			if holds, err := compile(t, src).Holds(e); holds || !errors.Is(err, hint.ErrBudget) {
				t.Errorf("%s: got %v, %v, want it stopped by a bound", src, holds, err)
			}
		})
	}
	if holds, err := compile(t, `text startsWith "x"`).Holds(e); !holds || err != nil {
		t.Errorf("the Env after a bound was reached: got %v, %v, want true", holds, err)
	}
}

func TestALargeAnswerIsLookedThroughWithinTheBounds(t *testing.T) {
	items := make([]any, 100_000)
	for i := range items {
		items[i] = map[string]any{"id": i, "name": "tea", "tags": []any{"hot"}}
	}
	body := map[string]any{"items": items}
	e := &hint.Env{Body: func() any { return body }, Text: func() string { return strings.Repeat("x", 1<<20) }}
	for _, src := range []string{
		`any(body.items, .id == 99999)`,
		`count(body.items, "hot" in .tags) == 100000`,
		`count(body.items, .name contains "e") == 100000`,
		`len(filter(body.items, .id > 5)) == 99994`,
		`len(body.items) == 100000 && body == body`,
		`any(1..10, text contains "xx")`,
	} {
		if holds, err := compile(t, src).Holds(e); !holds || err != nil {
			t.Errorf("%s: got %v, %v, want true", src, holds, err)
		}
	}
}
