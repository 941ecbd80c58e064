package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// wordOf is a text that stands nowhere by chance.
func wordOf(random *rand.Rand) string {
	const letters = "qxzQXZ0789äß\"\\/%+ &=😀\n"
	runes := []rune(letters)
	var b strings.Builder
	for range 4 + random.IntN(20) {
		b.WriteRune(runes[random.IntN(len(runes))])
	}
	return "q" + strings.TrimSpace(b.String()) + "Z7"
}

// documentOf is a random document, whose members have one of few names.
func documentOf(random *rand.Rand, depth int) any {
	names := []string{"a", "b", "c", "x"}
	switch kind := random.IntN(8); {
	case kind < 3 && depth > 0:
		object := make(map[string]any)
		for range random.IntN(5) {
			object[names[random.IntN(len(names))]] = documentOf(random, depth-1)
		}
		return object
	case kind < 5 && depth > 0:
		list := []any{}
		for range random.IntN(4) {
			list = append(list, documentOf(random, depth-1))
		}
		return list
	case kind == 6:
		return float64(random.IntN(1_000_000)) / 8
	case kind == 7:
		return random.IntN(2) == 0
	default:
		return wordOf(random)
	}
}

// textsIn are the strings of a document of at least four bytes.
func textsIn(v any, add func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			textsIn(inner, add)
		}
	case []any:
		for _, inner := range v {
			textsIn(inner, add)
		}
	case string:
		if len(v) >= 4 {
			add(v)
		}
	}
}

var somePaths = []string{
	"$", "$.a", "$.a.b", "$..x", "$[*]", "$.a[*].b", "$[0]", "$..[?@.x]", "$.b[?@ != 'q'].c", "$['a','c']", "$..a[-1:]", "$.c.x.a", "$..b..x", "$[?length(@) > 3]",
}

// TestNoTextThatRedactFindsIsKept sends random documents both ways, with what is
// redacted also in all other places, and looks for it in the entry.
func TestNoTextThatRedactFindsIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for round := range 400 {
		var paths []string
		for range 1 + random.IntN(3) {
			paths = append(paths, somePaths[random.IntN(len(somePaths))])
		}
		checkRedacted(t, random, paths, documentOf(random, 4), documentOf(random, 4))
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

func FuzzNoTextThatRedactFindsIsKept(f *testing.F) {
	f.Add(uint64(1), "$..x")
	f.Add(uint64(2), "$[*]")
	f.Fuzz(func(t *testing.T, seed uint64, path string) {
		if _, err := extract.CompilePath(path); err != nil {
			t.Skip()
		}
		random := rand.New(rand.NewPCG(seed, 13))
		checkRedacted(t, random, []string{path}, documentOf(random, 4), documentOf(random, 4))
	})
}

// checkRedacted makes one call and looks at what is kept of it.
func checkRedacted(t *testing.T, random *rand.Rand, paths []string, question, answer any) {
	t.Helper()
	sent, _ := json.Marshal(question)
	came, _ := json.Marshal(answer)
	private := make(map[string]bool)
	for _, doc := range [][]byte{sent, came} {
		for _, source := range paths {
			path, err := extract.CompilePath(source)
			if err != nil {
				t.Fatal(err)
			}
			places, err := extract.Locate(doc, []*extract.Path{path})
			if err != nil {
				t.Fatal(err)
			}
			for _, place := range places {
				decoded, err := extract.Decode(doc[place.Start:place.End])
				if err != nil {
					t.Fatal(err)
				}
				textsIn(decoded, func(text string) { private[text] = true })
			}
		}
	}
	spec := store(policy.Rules{
		Extracts: []policy.Extract{{Var: "a", Path: "$.a"}, {Var: "b", Path: "$..b"}, {Var: "all", Path: "$"}, {Var: "x", Path: "$..x"}},
		Hints:    []policy.Hint{{Route: "x", When: `vars.a == 1 or body == 1 or text == "1" or headers["x-echo"] == "1" or request.path == "1"`}, {Route: "y", When: "int(vars.a) == 1"}},
	})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 2, Bodies: policy.Size(1 + random.IntN(400)), Redact: paths}
	if random.IntN(3) == 0 {
		spec.Policies[0].Reply = &policy.Reply{As: "envelope"}
	}
	l := logged(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		if err := drain(r); err != nil {
			return nil, err
		}
		resp := reply(r, 200, string(came))
		for text := range private {
			resp.Header.Add("X-Echo", url.PathEscape(text))
		}
		return resp, nil
	}))
	path, query := "/", ""
	for text := range private {
		path += url.PathEscape(strings.ReplaceAll(text, "\n", " ")) + "/" // No path holds control characters.
		query += "&q=" + url.QueryEscape(text)
	}
	req := request("POST", path+"?"+query, string(sent))
	for text := range private {
		quoted, _ := json.Marshal(text)
		req.Header.Add("X-Own", "<"+string(quoted)+">")
	}
	_, _, e := l.ask(t, req)
	for text := range private {
		leaks(t, e, text)
	}
	if t.Failed() {
		t.Logf("paths %v, sent %s, came %s", paths, sent, came)
	}
	if e.Outcome != "success" {
		t.Errorf("the outcome is %s (%s)", e.Outcome, fmt.Sprint(e.Reason))
	}
}
