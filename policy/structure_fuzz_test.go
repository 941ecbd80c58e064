package policy_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// FuzzAnyTwoAnswers lets one answer teach and another one follow: the first never
// drifts from itself, and what is accepted drifts no more. Whatever is suggested
// can be read.
func FuzzAnyTwoAnswers(f *testing.F) {
	for _, path := range []string{"$.order.status", "$.order.tags[0]", "$.order.tags[-1]", "$['a b'].*", "$", "$..id", "$[?@.a == 1]"} {
		f.Add(flatShape, movedShape, path)
		f.Add(movedShape, flatShape, path)
	}
	f.Add(`[[{"a":1}],[]]`, `[{"b":{"a":2}}]`, "$[0][0].a")
	f.Add(`{"a":{"":1,"a":null}}`, `{"a":[{"\u0000":1}]}`, "$.a['']")
	f.Add(`1`, `"\ud800"`, "$")
	f.Fuzz(func(t *testing.T, first, second, path string) {
		compiled, err := extract.CompilePath(path)
		if err != nil || len(first)+len(second) > 64<<10 {
			return
		}
		spec := tracked()
		spec.Policies[0].Extracts[0].Path = path
		w := watch(t, spec)
		defer w.Stop()
		teaches := func(body string) string {
			w.party.say(200, body)
			return w.get("/orders/1")
		}
		if got := teaches(first); got != "" {
			t.Fatalf("the first answer %q says %q", first, got)
		}
		if got := teaches(first); got != "" {
			t.Errorf("%q drifts from itself: %+v", first, w.state().Changes)
		}
		if teaches(second) == "" {
			return
		}
		s := w.state()
		if s.State != "drifting" || len(s.Changes) == 0 || len(s.Diff) == 0 || s.Count != 1 {
			t.Errorf("after a drift from %q to %q: %+v", first, second, s)
		}
		for _, c := range s.Changes {
			if c.Suggest == "" {
				continue
			}
			if _, err := extract.CompilePath(c.Suggest); err != nil || !strings.HasPrefix(c.Extract, "extract status ") {
				t.Errorf("instead of %s, %s is suggested as %q: %v", compiled, c.Suggest, c.Extract, err)
			}
		}
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
		if err := w.AcceptStructure("store", "order"); err != nil {
			t.Fatal(err)
		}
		if got := teaches(second); got != "" {
			t.Errorf("%q was accepted after %q and drifts: %+v", second, first, w.state().Changes)
		}
	})
}

// FuzzAnythingThatIsStored starts with any bytes in the storage. What was read of
// them can be shown, and is read again after it was saved.
func FuzzAnythingThatIsStored(f *testing.F) {
	const about = `{"about":"GET https://api.store.example/v2/orders/{number}",`
	f.Add([]byte(about + `"structure":{"$":"object","$.order":"object","$.order.status":"string|missing"}}`))
	f.Add([]byte(about + `"structure":{"$":"array","$[*]":"number"},"latest":{"$":"array"},"changes":[{"path":"$","was":"x","is":"","vars":["status"]}],"ignored":[{}]}`))
	f.Add([]byte(about + `"structure":{"$":"object","...":"truncated"},"since":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, stored []byte) {
		synctest.Test(t, func(t *testing.T) {
			on := &shelf{files: map[string][]byte{"store.order": stored}}
			w := storing(t, tracked(), on, &lines{}, nil)
			was, err := json.Marshal(w.state())
			if err != nil {
				t.Fatalf("what was read of %q cannot be shown: %v", stored, err)
			}
			for _, body := range []string{flatShape, movedShape, `[]`} {
				w.party.say(http.StatusOK, body)
				w.get("/orders/1")
			}
			w.Stop()
			again := storing(t, tracked(), on, &lines{}, nil).state()
			if is := w.state(); again.State != is.State || again.Structure == nil || !again.Structure.Equal(is.Structure) || len(again.Changes) != len(is.Changes) {
				t.Errorf("from %q came %s; it is %+v, and after a restart %+v", stored, was, is, again)
			}
		})
	})
}

// FuzzExtractLineIsOneLine holds for any path that it is one line without a brace
// or a backtick of its own. That Caddy reads it back is tested with Caddy.
func FuzzExtractLineIsOneLine(f *testing.F) {
	for _, path := range []string{"$.a", "$['`']", "$['{$HOME}']", "$[\n'a'\r\n]", "$.a\u00a0b", `$['\\\'"']`, "$[?match(@.a, '[`]{2}')]"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if _, err := extract.CompilePath(path); err != nil {
			return
		}
		line := policy.ExtractLine("v", path)
		read, bare := strings.CutPrefix(line, "extract v ")
		if inner, quoted := strings.CutPrefix(read, "`"); quoted {
			read = strings.TrimSuffix(inner, "`")
		}
		if !bare || strings.ContainsAny(read, "`{\r\n") {
			t.Errorf("%q becomes %q", path, line)
		}
		if _, err := extract.CompilePath(read); err != nil {
			t.Errorf("%q becomes %q: %v", path, line, err)
		}
	})
}
