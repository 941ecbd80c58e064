package template

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestPathsThatCouldClimbAreRefused(t *testing.T) {
	for _, p := range []string{
		"/..", "/.", "/a/..", "/a/../b", "/./a", "/a/.", "/../",
		"/%2e%2e", "/%2E.", "/.%2e/x", "/%2e",
		"/..%2f", "/%2f..", "/..%2F..", "/a%2f..%2fb", "/a%2f.%2fb", "/x%2F%2e%2e%2Fy",
		`/..\`, `/a\..\b`, "/..%5c", "/a%5c..%5Cb", "/%5c..",
		"/..;", "/..;x=1/b", "/a/.;/b", "/..%3b", "/..%3Bx",
		"/%", "/%2", "/%zz", "/a%2", "/%2g", "/%%32e",
		"/a\x00", "/a\n", "/%00", "/%0d%0a", "/%7f", "/\x7f",
		"/a?b", "/a#b", "a", "..", "https://h/",
	} {
		if err := CheckEscapedPath(p); err == nil {
			t.Errorf("CheckEscapedPath(%q) = nil, want an error", p)
		}
	}
}

func TestPathsThatCannotClimbAreKept(t *testing.T) {
	for _, p := range []string{
		"", "/", "//", "/a", "/a/", "/a//b", "/a%2Fb", "/%2F", "/...", "/a..", "/..a", "/.well-known", "/a.b",
		"/%252e%252e", "/%252F..%252F", "/a;b", "/a;..", "/a%5Cb", `/a\b`, "/café", "/caf%C3%A9", "/%E9",
		"/a%3Fb", "/a%23b", "/a:b@c", "/a+b", "/%20", "/.. ", "/..%20", "/.%2e.",
	} {
		if err := CheckEscapedPath(p); err != nil {
			t.Errorf("CheckEscapedPath(%q) = %v, want nil", p, err)
		}
	}
}

func TestARefusedPathIsExplainedWithItsOffset(t *testing.T) {
	for p, want := range map[string]string{
		"/ab/%2e%2e/c": "at offset 4: a path cannot hold dot segments",
		"/a%2f..%2fb":  "at offset 5: a path cannot hold dot segments",
		"/ab%zz":       "at offset 3: expected two hexadecimal digits after %",
		"/ab%0a":       "at offset 3: a path cannot hold control characters",
		"/ab?":         "at offset 3: a path cannot hold ? or #, but encoded",
		"ab":           "at offset 0: expected a path that begins with a slash",
	} {
		if err := CheckEscapedPath(p); err == nil || err.Error() != want {
			t.Errorf("CheckEscapedPath(%q) = %v, want %q", p, err, want)
		}
	}
}

func FuzzCheckEscapedPath(f *testing.F) {
	for _, s := range []string{"/a/b", "/a%2f..%2fb", "/%2e%2e", "/..;x", "/%252e", `/\..`, "/%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if CheckEscapedPath(p) != nil {
			return
		}
		// The standard library agrees that the path is well encoded, and
		// cleaning what it decodes to changes no segment.
		decoded, err := url.PathUnescape(p)
		if err != nil {
			t.Fatalf("CheckEscapedPath(%q) = nil, but PathUnescape says %v", p, err)
		}
		for _, slashes := range []string{decoded, strings.ReplaceAll(decoded, `\`, "/")} {
			for piece := range strings.SplitSeq(slashes, "/") {
				name, _, _ := strings.Cut(piece, ";")
				if name == "." || name == ".." || (piece != "" && path.Clean("/"+piece) != "/"+piece) {
					t.Fatalf("CheckEscapedPath(%q) = nil, but it holds the piece %q", p, piece)
				}
			}
		}
	})
}

func BenchmarkCheckEscapedPath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckEscapedPath("/v2/orders/A%2F1234567/items/7"); err != nil {
			b.Fatal(err)
		}
	}
}
