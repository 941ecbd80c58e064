package template

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestAValueStaysInItsSegment(t *testing.T) {
	p, err := ParsePath("/v1/orders/{{id}}/items")
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		"1001":   "/v1/orders/1001/items",
		"a/b":    "/v1/orders/a%2Fb/items",
		"a?b#c":  "/v1/orders/a%3Fb%23c/items",
		"50%":    "/v1/orders/50%25/items",
		"%2f":    "/v1/orders/%252f/items",
		"a b\"'": "/v1/orders/a%20b%22%27/items",
		"a;b=c":  "/v1/orders/a%3Bb%3Dc/items",
		"é":      "/v1/orders/%C3%A9/items",
		"...":    "/v1/orders/.../items",
		"..a":    "/v1/orders/..a/items",
		"{{id}}": "/v1/orders/%7B%7Bid%7D%7D/items",
		"#1001":  "/v1/orders/%231001/items",
		"?":      "/v1/orders/%3F/items",
		"%zz..":  "/v1/orders/%25zz../items",
		"":       "", ".": "", "..": "", "../admin": "", "a/..": "", `..\x`: "", "..;x": "", ";": "", ";x": "", "a/;": "",
		"..?": "", "..#x": "", "%2e%2e": "", "%2e.%2fx": "", "a%2f..": "", "..%3f": "",
		"%2e%2e%2fadmin%": "", ".%2e%2f%": "", "%2e%2e%2fadmin%zz": "", "%2e%2e%5c%": "",
		"a\x00": "", "a\r\nb": "", "%0d%0a": "", "\x7f": "",
	} {
		var wrong *ValueError
		got := p.Append(nil, func(string) string { return value }, func(err *ValueError) { wrong = err })
		switch {
		case want == "" && (wrong == nil || wrong.Name != "id"):
			t.Errorf("%q gives %q and %v, want a *ValueError for id", value, got, wrong)
		case want != "" && (wrong != nil || string(got) != want):
			t.Errorf("%q gives %q and %v, want %q", value, got, wrong, want)
		}
	}
}

func FuzzAppendPath(f *testing.F) {
	for _, s := range []string{"1001", "..", "a/../b", "%2e%2e%2f", "%252e", "a?b", "é", "\x00", `\..`} {
		f.Add(s, "x")
		f.Add("x", s)
	}
	p, err := ParsePath("/v1/{{a}}/x/{{b}}")
	if err != nil {
		f.Fatal(err)
	}
	r := NewRouter()
	if err := r.Add("GET", p, 1); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		values := map[string]string{"a": a, "b": b}
		refused := false
		got := p.Append(nil, func(name string) string { return values[name] }, func(*ValueError) { refused = true })
		if refused {
			return
		}
		wire := string(got)
		if err := CheckEscapedPath(wire); err != nil {
			t.Fatalf("%q, %q give %q: %v", a, b, wire, err)
		}
		_, captured, ok := r.Match("GET", wire, nil)
		if !ok || captured[0] != a || captured[1] != b {
			t.Fatalf("%q, %q give %q, which reads as %q", a, b, wire, captured)
		}
		// Decoded as a whole once more, it still climbs nowhere.
		once, _ := url.PathUnescape(wire)
		for _, text := range []string{once, strings.ReplaceAll(once, `\`, "/")} {
			if twice, err := url.PathUnescape(text); err == nil && !strings.HasPrefix(path.Clean(twice)+"/", "/v1/") {
				t.Fatalf("%q, %q give %q, which climbs when it is decoded twice: %q", a, b, wire, twice)
			}
		}
	})
}
