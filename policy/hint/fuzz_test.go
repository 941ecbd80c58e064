package hint_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/hint"
)

func FuzzCompile(f *testing.F) {
	for _, src := range []string{
		`vars.status == "shipped"`, `status in 400..499`, `any(body.items, .id == 2 && exists("$.a"))`, `vars?.eta ?? "x" matches "^a"`,
		`let v = vars; v[text] == headers["x"]`, `request.query.q | lower() contains "a"`, `ok ? body : input`, `$env`, `vars.foo`,
		`reduce(1..9, #acc + #, 0) > path("$")[0:1][-1]`, `{"a": vars, "b": [text]}.a.eta == nil`, `if ok { vars.total } else { 1.5 } > 1`,
		"ok and\n\t(not answered", `join(split(text, ""), "x")`, `date("x").Unix() > 1`, `groupBy(body, .x)[1]`, `1 % 0 == 1`, `headers.X`,
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		c, err := hint.Compile(src, scope)
		if err != nil {
			var e *hint.Error
			if c != nil || !errors.As(err, &e) || e.Msg == "" || strings.Contains(e.Msg, "\n | ") {
				t.Fatalf("%q: got %v and %#v, want an *Error of one message", src, c, err)
			}
			lines := strings.Split(e.Source, "\n")
			if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > utf8.RuneCountInString(lines[e.Line-1])+1 {
				t.Fatalf("%q: the place %d:%d is outside the text", src, e.Line, e.Column)
			}
			e.Snippet()
			return
		}
		if c.String() != src {
			t.Fatalf("String() = %q, want %q", c, src)
		}
		for _, e := range []*hint.Env{new(hint.Env), order()} {
			first, err := c.Holds(e)
			if err != nil && first {
				t.Fatalf("%q holds with the error %v", src, err)
			}
			names := make(map[string]bool)
			for _, r := range c.Readings(e) {
				if names[r.Name] {
					t.Fatalf("%q: %s is read twice", src, r.Name)
				}
				names[r.Name] = true
			}
		}
	})
}
