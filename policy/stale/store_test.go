package stale

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func key(url string) Key {
	return Key{Tenant: "acme", Policy: "store", Operation: "order_status", Method: "GET", URL: url}
}

// header reads "Name: value" lines.
func header(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

func answer(body string, headers ...string) Answer {
	return Answer{Status: 200, Header: header(headers...), Body: []byte(body)}
}

// body gives what Get gives, "-" for nothing.
func body(s *Store, k Key, reqHeaders ...string) string {
	a, _, ok := s.Get(start, k, header(reqHeaders...), time.Hour)
	if !ok {
		return "-"
	}
	return string(a.Body)
}

func TestTheLastAnswerToTheSameRequestIsGiven(t *testing.T) {
	s := NewStore(0, 0)
	s.Put(start, key("/1"), nil, answer("old"))
	s.Put(start, key("/1"), nil, answer("new"))
	s.Put(start, key("/2"), nil, answer("other"))
	if got := body(s, key("/1")); got != "new" {
		t.Errorf("got %q, want %q", got, "new")
	}
	if n, _ := s.Size(); n != 2 {
		t.Errorf("%d answers are kept, want 2", n)
	}
}

func TestNoStoreOnEitherSideKeepsAnAnswerOut(t *testing.T) {
	for _, tt := range []struct {
		name     string
		request  []string
		answer   Answer
		want     string
		wantLast string // When an answer was kept before.
	}{
		{"nothing said", nil, answer("b"), "b", "b"},
		{"private", nil, answer("b", "Cache-Control: private, max-age=0"), "b", "b"},
		{"request no-cache", []string{"Cache-Control: no-cache"}, answer("b"), "b", "b"},
		{"request no-store", []string{"Cache-Control: no-cache, No-Store"}, answer("b"), "-", "before"},
		{"request range", []string{"Range: bytes=0-1"}, answer("b"), "-", "before"},
		{"no-store", nil, answer("b", "Cache-Control: max-age=1", "Cache-Control: no-store"), "-", "-"},
		{"no-store with argument", nil, answer("b", "Cache-Control: NO-STORE =1"), "-", "-"},
		{"vary star", nil, answer("b", "Vary: Accept, *"), "-", "-"},
		{"vary by too much", nil, answer("b", "Vary: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"), "-", "-"},
		{"too large", nil, answer(strings.Repeat("b", DefaultMaxEntry)), "-", "-"},
		{"partial", nil, Answer{Status: 206, Body: []byte("b")}, "-", "before"},
		{"not modified", nil, Answer{Status: 304}, "-", "before"},
		{"upgraded", nil, Answer{Status: 101}, "-", "before"},
		{"failed", nil, Answer{Status: 404, Body: []byte("b")}, "-", "before"},
		{"redirect", nil, Answer{Status: 302, Body: []byte("b")}, "b", "b"},
	} {
		s := NewStore(0, 0)
		s.Put(start, key("/"), header(tt.request...), tt.answer)
		if got := body(s, key("/"), tt.request...); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		s = NewStore(0, 0)
		s.Put(start, key("/"), nil, answer("before"))
		s.Put(start, key("/"), header(tt.request...), tt.answer)
		if got := body(s, key("/"), tt.request...); got != tt.wantLast {
			t.Errorf("%s, after an answer was kept: got %q, want %q", tt.name, got, tt.wantLast)
		}
	}
}

func TestOnlyGetAndHeadAreKept(t *testing.T) {
	for method, want := range map[string]string{"GET": "b", "HEAD": "b", "POST": "-", "PUT": "-", "get": "-", "": "-"} {
		s, k := NewStore(0, 0), key("/")
		k.Method = method
		s.Put(start, k, nil, answer("b"))
		if got := body(s, k); got != want {
			t.Errorf("%s: got %q, want %q", method, got, want)
		}
	}
}

func TestAnAnswerIsGivenOnlyForTheHeadersThatItVariesBy(t *testing.T) {
	s := NewStore(0, 0)
	for _, language := range []string{"de", "fr"} {
		s.Put(start, key("/"), header("Accept-Language: "+language, "X: 1"), answer(language, "Vary: accept-language", "Vary: Accept"))
	}
	s.Put(start, key("/"), header("Accept: a"), answer("none", "Vary: accept-language", "Vary: Accept"))
	s.Put(start, key("/"), header("Accept: a", "Accept: b", "Accept-Language: it"), answer("list", "Vary: accept-language,accept"))
	for _, tt := range []struct {
		request []string
		want    string
	}{
		{[]string{"Accept-Language: de"}, "de"},
		{[]string{"Accept-Language: fr", "X: 2"}, "fr"},
		{[]string{"Accept-Language:  fr "}, "fr"},
		{[]string{"Accept-Language: fr", "Accept: a"}, "-"},
		{[]string{"Accept: a"}, "none"},
		{[]string{"Accept: a", "Accept-Language: "}, "-"},
		{[]string{"Accept: a, b", "Accept-Language: it"}, "list"},
		{nil, "-"},
	} {
		if got := body(s, key("/"), tt.request...); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.request, got, tt.want)
		}
	}
	// An answer that no longer varies supersedes all that it matches.
	s.Put(start, key("/"), header("Accept-Language: de"), answer("all"))
	if got := body(s, key("/"), "Accept-Language: de"); got != "all" {
		t.Errorf("got %q, want %q", got, "all")
	}
}

func TestTheVariantsOfAKeyAreBounded(t *testing.T) {
	s := NewStore(0, 0)
	for i := range 100 {
		s.Put(start, key("/"), header(fmt.Sprintf("Accept: %d", i)), answer(fmt.Sprint(i), "Vary: Accept"))
	}
	if n, _ := s.Size(); n != maxVariants {
		t.Errorf("%d variants are kept, want %d", n, maxVariants)
	}
	for i, want := range map[int]string{91: "-", 92: "92", 99: "99"} {
		if got := body(s, key("/"), fmt.Sprintf("Accept: %d", i)); got != want {
			t.Errorf("variant %d: got %q, want %q", i, got, want)
		}
	}
}

func TestAnAnswerIsAsOldAsItWasWhenItCameAndTheTimeSince(t *testing.T) {
	for _, tt := range []struct {
		age     string // The header it came with.
		after   time.Duration
		maxAge  time.Duration
		want    time.Duration
		wantOld bool
	}{
		{"", 10 * time.Minute, 10 * time.Minute, 10 * time.Minute, false},
		{"", 10*time.Minute + 1, 10 * time.Minute, 0, true},
		{"60", 9 * time.Minute, 10 * time.Minute, 10 * time.Minute, false},
		{"61", 9 * time.Minute, 10 * time.Minute, 0, true},
		{" 7 ", 1500 * time.Millisecond, time.Hour, 8500 * time.Millisecond, false},
		{"-5", time.Second, time.Hour, time.Second, false},
		{"soon", time.Second, time.Hour, time.Second, false},
		{"99999999999", 0, time.Hour, 0, true},
		{"99999999999999999999999", time.Second, time.Hour, time.Second, false},
		{"", -time.Hour, time.Minute, 0, false},
		{"", 0, 0, 0, false},
	} {
		s := NewStore(0, 0)
		s.Put(start, key("/"), nil, answer("b", "Age: "+tt.age, "Date: d"))
		a, age, ok := s.Get(start.Add(tt.after), key("/"), nil, tt.maxAge)
		if ok == tt.wantOld || age != tt.want {
			t.Errorf("Age %q after %v, at most %v: got %v, %v, want %v, %v", tt.age, tt.after, tt.maxAge, age, ok, tt.want, !tt.wantOld)
			continue
		}
		if want := fmt.Sprint(int(tt.want.Seconds())); ok && a.Header.Get("Age") != want {
			t.Errorf("Age %q after %v: the header says %q, want %q", tt.age, tt.after, a.Header.Get("Age"), want)
		}
		if ok && !a.Stored.Equal(start) {
			t.Errorf("Stored = %v, want %v", a.Stored, start)
		}
	}
}

func TestHeadersOfTheConnectionAndCookiesAreNotRepeated(t *testing.T) {
	s := NewStore(0, 0)
	s.Put(start, key("/"), nil, answer("b", "Content-Type: text/plain", "Set-Cookie: a=b", "Connection: x-hop, close",
		"X-Hop: 1", "Keep-Alive: 1", "Transfer-Encoding: chunked", "Upgrade: x", "Trailer: x", "Etag: e", "Link: 1", "Link: 2"))
	a, _, ok := s.Get(start, key("/"), nil, time.Hour)
	want := header("Content-Type: text/plain", "Etag: e", "Link: 1", "Link: 2", "Age: 0")
	if !ok || fmt.Sprint(a.Header) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", a.Header, want)
	}
}

func TestWhatWasPutAndWhatWasGivenCanBeChanged(t *testing.T) {
	s, a := NewStore(0, 0), answer("b", "X: 1")
	s.Put(start, key("/"), nil, a)
	a.Body[0], a.Header["X"][0] = '!', "!"
	got, _, _ := s.Get(start, key("/"), nil, time.Hour)
	got.Header["X"][0] = "?"
	again, _, _ := s.Get(start, key("/"), nil, time.Hour)
	if string(again.Body) != "b" || again.Header.Get("X") != "1" {
		t.Errorf("got %q, %v, want %q, X: 1", again.Body, again.Header, "b")
	}
}

func TestTheLeastRecentlyUsedAnswersGoFirst(t *testing.T) {
	s := NewStore(10*(entryOverhead+100), 0)
	for i := range 8 {
		s.Put(start, key(fmt.Sprint(i)), nil, answer("b"))
	}
	body(s, key("0"))
	for i := range 8 {
		s.Put(start, key(fmt.Sprint("x", i)), nil, answer("b"))
	}
	if got := body(s, key("0")); got != "b" {
		t.Errorf("the answer just used: got %q, want it kept", got)
	}
	if got := body(s, key("1")); got != "-" {
		t.Errorf("the answer used least recently: got %q, want it gone", got)
	}
}

func TestAFloodStaysWithinTheBound(t *testing.T) {
	const bound = 1 << 20
	s, random := NewStore(bound, 64<<10), rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		k := key(fmt.Sprint("/", random.IntN(5000)))
		k.Tenant = fmt.Sprint("tenant", i%7)
		s.Put(start, k, header(fmt.Sprint("Accept: ", random.IntN(20))),
			answer(strings.Repeat("b", random.IntN(1<<random.IntN(17))), "Vary: Accept"))
		if n, bytes := s.Size(); bytes > bound || bytes < int64(n)*entryOverhead {
			t.Fatalf("after %d answers %d are kept with %d bytes, bound %d", i+1, n, bytes, bound)
		}
	}
	// The count agrees with what is there.
	var bytes int64
	entries := 0
	for _, variants := range s.keys {
		for _, el := range variants {
			bytes += el.Value.(*entry).size
			entries++
		}
	}
	if n, counted := s.Size(); n != entries || counted != bytes || counted < bound/2 {
		t.Errorf("Size() = %d, %d, want %d, %d and at least half the bound", n, counted, entries, bytes)
	}
}

func TestTheBoundHoldsForTheHeapToo(t *testing.T) {
	const bound = 8 << 20
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for name, a := range map[string]Answer{
		"bare":    answer(""),
		"headers": answer("b", "A: 1", "B: 2", "C: 3", "D: 4", "E: 5", "F: 6", "G: 7", "H: 8", "I: 9", "I: 10", "Vary: X, Y, Z"),
		"bodies":  answer(strings.Repeat("b", 5000), "Content-Type: text/plain"),
	} {
		before := heap()
		s := NewStore(bound, 0)
		for i := range 20_000 {
			s.Put(start, key(fmt.Sprint("/", i)), nil, a)
		}
		grown := heap() - before
		n, bytes := s.Size()
		t.Logf("%s: %d answers count %d bytes and occupy %d", name, n, bytes, grown)
		if grown > bound {
			t.Errorf("%s: the heap grew by %d bytes, bound %d", name, grown, bound)
		}
		runtime.KeepAlive(s)
	}
}

func TestManyGoroutinesShareAStore(t *testing.T) {
	s := NewStore(256<<10, 0)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 500 {
				url := fmt.Sprint("/", (g+i)%40)
				request := header(fmt.Sprint("Accept: ", i%3))
				s.Put(start, key(url), request, answer(url+strings.Repeat("b", i), "Vary: Accept"))
				if a, _, ok := s.Get(start, key(url), request, time.Hour); ok && !strings.HasPrefix(string(a.Body), url) {
					t.Errorf("%s: got %.10q", url, a.Body)
				}
			}
		})
	}
	group.Wait()
	if _, bytes := s.Size(); bytes > 256<<10 {
		t.Errorf("%d bytes are kept, bound %d", bytes, 256<<10)
	}
}

func FuzzHeadersThatDecideAboutKeeping(f *testing.F) {
	f.Add("no-store", "Accept", "5", "close")
	f.Add(`private="x, no-store"`, "*,", "-1", ",,")
	f.Fuzz(func(t *testing.T, cacheControl, vary, age, connection string) {
		s := NewStore(0, 0)
		h := http.Header{"Cache-Control": {cacheControl}, "Vary": {vary}, "Age": {age}, "Connection": {connection}}
		s.Put(start, key("/"), nil, Answer{Status: 200, Header: h})
		_, got, ok := s.Get(start, key("/"), nil, 1<<62)
		if ok && (got < 0 || strings.EqualFold(strings.TrimSpace(cacheControl), "no-store") || strings.TrimSpace(vary) == "*") {
			t.Fatalf("kept with age %v: %q", got, h)
		}
	})
}

func benchmarkAnswer() Answer {
	return answer(strings.Repeat("b", 2048), "Content-Type: application/json", "Etag: e", "Date: d", "Cache-Control: max-age=60", "Vary: Accept")
}

func BenchmarkPut(b *testing.B) {
	s, a, request := NewStore(0, 0), benchmarkAnswer(), header("Accept: application/json")
	keys := make([]Key, 1000)
	for i := range keys {
		keys[i] = key(fmt.Sprint("https://api.store.example/v2/orders/", i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Put(start, keys[i%len(keys)], request, a)
		i++
	}
}

func BenchmarkGet(b *testing.B) {
	s, request := NewStore(0, 0), header("Accept: application/json")
	s.Put(start, key("/"), request, benchmarkAnswer())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := s.Get(start, key("/"), request, time.Hour); !ok {
			b.Fatal("nothing kept")
		}
	}
}
