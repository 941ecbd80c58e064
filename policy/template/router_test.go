package template

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// newRouter adds templates, each under GET and with its index as id.
func newRouter(tb testing.TB, templates ...string) *Router {
	tb.Helper()
	r := NewRouter()
	for i, s := range templates {
		if err := r.Add("GET", parse(tb, s), i); err != nil {
			tb.Fatal(err)
		}
	}
	return r
}

func parse(tb testing.TB, s string) *Path {
	tb.Helper()
	p, err := ParsePath(s)
	if err != nil {
		tb.Fatalf("ParsePath(%q) = %v", s, err)
	}
	return p
}

func TestTheMostSpecificTemplateWins(t *testing.T) {
	templates := []string{
		"/orders/{{id}}", "/orders/open", "/{{kind}}/open", "/orders/{{id}}/items", "/orders/open/{{x}}",
		"/", "/{{a}}/{{b}}/{{c}}", "/café", "/a%2Fb/{{x}}", "/orders/",
	}
	const none = -1
	for _, tt := range []struct {
		path   string
		id     int
		values []string
	}{
		{"/orders/7", 0, []string{"7"}},
		{"/orders/open", 1, nil},
		{"/orders/op%65n", 1, nil},
		{"/bills/open", 2, []string{"bills"}},
		{"/orders/7/items", 3, []string{"7"}},
		{"/orders/open/items", 4, []string{"items"}},
		{"/orders/7/notes", 6, []string{"orders", "7", "notes"}},
		{"/", 5, nil},
		{"/caf%c3%a9", 7, nil},
		{"/café", 7, nil},
		{"/a%2fb/1", 8, []string{"1"}},
		{"/orders/a%2Fb", 0, []string{"a/b"}},
		{"/orders/%252F", 0, []string{"%2F"}},
		{"/orders/%20", 0, []string{" "}},
		{"/orders/" + strings.Repeat("%41", 300), 0, []string{strings.Repeat("A", 300)}},
		{"/orders/", 9, nil},
		{"/bills/", none, nil},
		{"/bills//x", none, nil},
		{"//open", none, nil},
		{"/orders", none, nil},
		{"/a/b/c/d", none, nil},
		{"/orders/%zz", none, nil},
		{"/ORDERS", none, nil},
		{"orders/7", none, nil},
		{"", none, nil},
	} {
		id, values, ok := newRouter(t, templates...).Match("GET", tt.path, []string{"kept"})
		if !ok {
			id = none
		}
		if id != tt.id || !slices.Equal(values, append([]string{"kept"}, tt.values...)) {
			t.Errorf("Match(%q) = %d, %q, want %d, %q behind \"kept\"", tt.path, id, values, tt.id, tt.values)
		}
	}
}

func TestMethodsAreKeptApart(t *testing.T) {
	r := NewRouter()
	for i, method := range []string{"GET", "POST"} {
		if err := r.Add(method, parse(t, "/orders/{{id}}"), i); err != nil {
			t.Fatal(err)
		}
	}
	for method, want := range map[string]int{"GET": 0, "POST": 1} {
		if id, _, ok := r.Match(method, "/orders/1", nil); !ok || id != want {
			t.Errorf("Match(%s) = %d, %v, want %d", method, id, ok, want)
		}
	}
	for _, method := range []string{"get", "HEAD", ""} {
		if id, _, ok := r.Match(method, "/orders/1", nil); ok {
			t.Errorf("Match(%q) = %d, want no match", method, id)
		}
	}
}

func TestTemplatesThatCannotBeToldApartAreNamed(t *testing.T) {
	r := newRouter(t, "/orders/{{id}}", "/caf%C3%A9")
	for source, want := range map[string]string{
		"/orders/{{number}}": "adding GET /orders/{{number}}: it matches the same paths as GET /orders/{{id}}",
		"/café":              "adding GET /café: it matches the same paths as GET /caf%C3%A9",
	} {
		if err := r.Add("GET", parse(t, source), 9); err == nil || err.Error() != want {
			t.Errorf("Add(%q) = %v, want %q", source, err, want)
		}
	}
	if err := r.Add("PUT", parse(t, "/orders/{{number}}"), 9); err != nil {
		t.Errorf("another method: %v, want nil", err)
	}
}

func TestTheBestTemplateOfATableIsTheOneThatTheRouterFinds(t *testing.T) {
	// The model asks every template and sorts those that match.
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "b", "", "{{%d}}"}
	for range 300 {
		r, paths := NewRouter(), []*Path(nil)
		for range 1 + random.IntN(30) {
			var s strings.Builder
			for i := range 1 + random.IntN(5) {
				s.WriteString("/" + strings.ReplaceAll(alphabet[random.IntN(4)], "%d", fmt.Sprintf("v%d", i)))
			}
			p := parse(t, s.String())
			if r.Add("GET", p, len(paths)) == nil {
				paths = append(paths, p)
			}
		}
		for range 50 {
			var s strings.Builder
			for range 1 + random.IntN(6) {
				s.WriteString("/" + []string{"a", "b", "c", "", "%61"}[random.IntN(5)])
			}
			id, values, ok := r.Match("GET", s.String(), nil)
			wantID, wantValues := model(paths, s.String())
			if ok != (wantID >= 0) || ok && (id != wantID || !slices.Equal(values, wantValues)) {
				t.Fatalf("Match(%q) among %v = %d, %q, %v, want %d, %q", s.String(), paths, id, values, ok, wantID, wantValues)
			}
		}
	}
}

// model matches by brute force; the id is -1 when nothing matches.
func model(paths []*Path, wire string) (best int, bestValues []string) {
	segments := strings.Split(strings.ReplaceAll(wire, "%61", "a"), "/")[1:]
	best, bestRank := -1, ""
	for id, p := range paths {
		if len(p.segments) != len(segments) {
			continue
		}
		rank, values, ok := "", []string(nil), true
		for i, s := range p.segments {
			if s.variable {
				rank, values = rank+"v", append(values, segments[i])
				ok = ok && segments[i] != ""
			} else {
				rank += "l"
				ok = ok && s.text == segments[i]
			}
		}
		// Equal ranks with equal literals cannot be; "l" sorts before "v".
		if ok && (best < 0 || rank < bestRank) {
			best, bestRank, bestValues = id, rank, values
		}
	}
	return best, bestValues
}

// tenThousand gives 10,000 templates as large interfaces have them.
func tenThousand() []string {
	templates := make([]string, 0, 10_000)
	for i := range 2500 {
		base := fmt.Sprintf("/api/v1/resource%04d", i)
		templates = append(templates, base, base+"/{{id}}", base+"/{{id}}/items/{{item}}", base+"/search")
	}
	return templates
}

func TestNoPathMakesTenThousandTemplatesSlow(t *testing.T) {
	r := newRouter(t, tenThousand()...)
	if got, want := r.roots["GET"].weight, 10; got > want {
		t.Errorf("a path may visit %d nodes, want at most %d", got, want)
	}
	id, values, ok := r.Match("GET", "/api/v1/resource1234/7/items/8", nil)
	if !ok || id != 1234*4+2 || !slices.Equal(values, []string{"7", "8"}) {
		t.Errorf("Match = %d, %q, %v", id, values, ok)
	}
}

// visits counts the nodes that a path visits when nothing matches.
func visits(n *node, segments []string) int {
	if n == nil {
		return 0
	}
	if len(segments) == 0 {
		return 1
	}
	return 1 + visits(n.literals[segments[0]], segments[1:]) + visits(n.variable, segments[1:])
}

func TestTemplatesThatWouldBacktrackExponentiallyAreRefused(t *testing.T) {
	// Every combination of a literal and a variable in 16 places, so that a
	// path of a's that ends in none of them would try 65,536 ways.
	const depth = 16
	r, added := NewRouter(), 0
	for bits := range 10_000 {
		var s strings.Builder
		for i := range depth {
			if bits>>i&1 == 0 {
				s.WriteString("/a")
			} else {
				fmt.Fprintf(&s, "/{{v%d}}", i)
			}
		}
		err := r.Add("GET", parse(t, s.String()+"/end"), bits)
		switch {
		case err == nil:
			added++
		case !strings.Contains(err.Error(), "so many templates overlap"):
			t.Fatalf("Add = %v", err)
		}
	}
	segments := append(slices.Repeat([]string{"a"}, depth), "no")
	if got := visits(r.roots["GET"], segments); got > maxVisits {
		t.Errorf("a path visits %d nodes, want at most %d", got, maxVisits)
	}
	if added < 10 || added == 10_000 {
		t.Errorf("%d of 10,000 templates were taken, want some and not all", added)
	}
	if _, _, ok := r.Match("GET", "/"+strings.Join(segments, "/"), nil); ok {
		t.Error("a path that ends in no template matches")
	}
	if id, _, ok := r.Match("GET", strings.Repeat("/a", depth)+"/end", nil); !ok || id != 0 {
		t.Errorf("Match = %d, %v after refusals, want 0", id, ok)
	}
}

func TestTheWeightOfATreeBoundsWhatAnyPathVisits(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		r := NewRouter()
		for id := range 40 {
			var s strings.Builder
			for i := range 1 + random.IntN(6) {
				s.WriteString([]string{"/a", "/b", fmt.Sprintf("/{{v%d}}", i)}[random.IntN(3)])
			}
			_ = r.Add("GET", parse(t, s.String()), id) // Duplicates are refused.
		}
		for range 50 {
			segments := make([]string, 1+random.IntN(7))
			for i := range segments {
				segments[i] = []string{"a", "b", "c"}[random.IntN(3)]
			}
			if got, bound := visits(r.roots["GET"], segments), r.roots["GET"].weight; got > bound {
				t.Fatalf("path %q visits %d nodes, bound %d", segments, got, bound)
			}
		}
	}
}

func TestMatchingDoesNotAllocateWhenThereIsRoom(t *testing.T) {
	r := newRouter(t, "/orders/{{id}}/items/{{item}}", "/orders/op%65n")
	dst := make([]string, 0, 4)
	for _, path := range []string{"/orders/7/items/8", "/orders/op%65n", "/nothing/of/it"} {
		if n := testing.AllocsPerRun(100, func() { r.Match("GET", path, dst) }); n != 0 {
			t.Errorf("Match(%q) allocates %v times, want 0", path, n)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, s := range []string{"/orders/7", "/orders/%2F", "//", "/orders/%", "/a/b/c", strings.Repeat("/a", 100)} {
		f.Add(s)
	}
	r := newRouter(f, "/orders/{{id}}", "/{{a}}/{{b}}/{{c}}", "/{{a}}/x/{{c}}", "/orders/")
	f.Fuzz(func(t *testing.T, path string) {
		id, values, ok := r.Match("GET", path, nil)
		if !ok {
			return
		}
		if want := []int{1, 3, 2, 0}[id]; len(values) != want {
			t.Fatalf("Match(%q) = %d with %q, want %d values", path, id, values, want)
		}
		if slices.Contains(values, "") {
			t.Fatalf("Match(%q) captures an empty segment: %q", path, values)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, templates := range map[string][]string{
		"10":    {"/api/v1/resource0007/{{id}}/items/{{item}}", "/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"},
		"10000": tenThousand(),
	} {
		b.Run(name, func(b *testing.B) {
			r := newRouter(b, templates...)
			dst := make([]string, 0, 4)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := r.Match("GET", "/api/v1/resource0007/7/items/8", dst); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}
