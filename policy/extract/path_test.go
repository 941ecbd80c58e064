package extract

import (
	"errors"
	"strings"
	"testing"
)

func TestIllFormedPathsAreRefusedAtTheirPlace(t *testing.T) {
	for _, tt := range []struct {
		path   string
		offset int
		msg    string
	}{
		{``, 0, "starts with $"},
		{`a`, 0, "starts with $"},
		{`@.a`, 0, "starts with $"},
		{` $.a`, 0, "starts with $"},
		{`$.a `, 3, "expecting a segment"},
		{`$a`, 1, "expecting a segment"},
		{`$$`, 1, "expecting a segment"},
		{`$.`, 2, "unexpected end"},
		{`$..`, 3, "unexpected end"},
		{`$...a`, 3, "expecting a name"},
		{`$. a`, 2, "expecting a name"},
		{`$.. a`, 3, "expecting a name"},
		{`$.1`, 2, "expecting a name"},
		{`$.a-b`, 3, "expecting a segment"},
		{`$.'a'`, 2, "stands in brackets"},
		{`$.[0]`, 2, "expecting a name"},
		{`$.&`, 2, "expecting a name"},
		{`$["a`, 2, "no closing quote"},
		{`$['a"]`, 2, "no closing quote"},
		{`$[a]`, 2, "a name in quotes"},
		{`$[]`, 2, "expecting a selector"},
		{`$[`, 2, "unexpected end"},
		{`$[0`, 3, "expecting , or ]"},
		{`$[0,]`, 4, "expecting a selector"},
		{`$[,0]`, 2, "expecting a selector"},
		{`$[0 1]`, 4, "expecting , or ]"},
		{`$['a''b']`, 5, "expecting , or ]"},
		{`$[(@.length-1)]`, 2, "script expressions"},

		// Strings.
		{`$["\'"]`, 3, "not an escape"},
		{`$['\"']`, 3, "not an escape"},
		{`$['\a']`, 3, "not an escape"},
		{`$['\U0041']`, 3, "not an escape"},
		{`$['\`, 3, "not an escape"},
		{`$['\u12']`, 3, "four hexadecimal digits"},
		{`$['\u12g4']`, 3, "four hexadecimal digits"},
		{`$['\ud800']`, 3, "surrogate pair"},
		{`$['\udc00']`, 3, "surrogate pair"},
		{`$['\ud800\u0041']`, 3, "surrogate pair"},
		{`$['\ud800\ud800']`, 3, "surrogate pair"},
		{"$['a\tb']", 4, "control character"},
		{"$['\xff']", 3, "valid UTF-8"},
		{"$.\xc3", 2, "valid UTF-8"},

		// Indexes and slices.
		{`$[01]`, 2, "leading zeros"},
		{`$[-01]`, 2, "leading zeros"},
		{`$[-0]`, 2, "-0 is not an index"},
		{`$[-]`, 3, "expecting a digit"},
		{`$[+1]`, 2, "expecting a selector"},
		{`$[1.0]`, 3, "expecting , or ]"},
		{`$[1e2]`, 3, "expecting , or ]"},
		{`$[9007199254740992]`, 2, "at most"},
		{`$[-9007199254740992]`, 2, "at most"},
		{`$[99999999999999999999]`, 2, "at most"},
		{`$[1:-0]`, 4, "-0"},
		{`$[1:2:03]`, 6, "leading zeros"},
		{`$[1:2:3:4]`, 7, "expecting , or ]"},
		{`$[1:'a']`, 4, "expecting , or ]"},
		{`$[::9007199254740992]`, 4, "at most"},

		// Filters.
		{`$[?]`, 3, "expecting @"},
		{`$[?()]`, 4, "expecting @"},
		{`$[?@.a`, 6, "unexpected end"},
		{`$[?(@.a]`, 7, "expecting &&, || or )"},
		{`$[?@.a)]`, 6, "expecting , or ]"},
		{`$[?@.a=1]`, 6, "expecting , or ]"},
		{`$[?@.a===1]`, 8, "expecting @"},
		{`$[?@.a<>1]`, 7, "expecting @"},
		{`$[?@.a & @.b]`, 7, "expecting , or ]"},
		{`$[?@.a and @.b]`, 7, "expecting , or ]"},
		{`$[?@.a &&]`, 9, "expecting @"},
		{`$[?@.a || ]`, 10, "expecting @"},
		{`$[?!!@.a]`, 4, "expecting @"},
		{`$[?!@.a == 1]`, 7, "needs parentheses"},
		{`$[?(@.a) == 1]`, 9, "expecting , or ]"},
		{`$[?@.a == (1)]`, 10, "expecting @"},
		{`$[?@.a == 1 == 2]`, 12, "expecting , or ]"},
		{`$[?1]`, 3, "a value alone"},
		{`$[?true]`, 3, "a value alone"},
		{`$[?'a' && @.a]`, 3, "a value alone"},
		{`$[?@.* == 1]`, 3, "names one place"},
		{`$[?@..a == 1]`, 3, "names one place"},
		{`$[?1 == @[0:1]]`, 8, "names one place"},
		{`$[?1 == @['a','b']]`, 8, "names one place"},
		{`$[?@.a == foo]`, 10, "no literal"},
		{`$[?@.a == True]`, 10, "expecting @"},
		{`$[?@.a == nullx]`, 10, "no literal"},
		{`$[?@.a == 01]`, 10, "leading zeros"},
		{`$[?@.a == -]`, 11, "expecting a digit"},
		{`$[?@.a == 1.]`, 12, "expecting a digit"},
		{`$[?@.a == .1]`, 10, "expecting @"},
		{`$[?@.a == 1e]`, 12, "expecting a digit"},
		{`$[?@.a == 1e400]`, 10, "out of range"},
		{`$[?@.a == [1]]`, 10, "expecting @"},
		{`$[?@.a == {}]`, 10, "expecting @"},
		{`$[?@.a in [1]]`, 7, "expecting , or ]"},
		{`$[?@.a =~ /x/]`, 7, "expecting , or ]"},
		{`$[?@a]`, 4, "expecting , or ]"},

		// Functions and their types.
		{`$[?length(@.a)]`, 3, "a value alone"},
		{`$[?count(@.*)]`, 3, "a value alone"},
		{`$[?value(@.*)]`, 3, "a value alone"},
		{`$[?length(@.*) == 1]`, 10, "names one place"},
		{`$[?length(@.a, 1) == 1]`, 13, "expecting )"},
		{`$[?length() == 1]`, 10, "expecting @"},
		{`$[?length((@.a)) == 1]`, 10, "expecting @"},
		{`$[?length(@.a == 1) == 1]`, 14, "expecting )"},
		{`$[?length(match(@.a, 'b')) == 1]`, 10, "true or false"},
		{`$[?length (@.a) == 1]`, 3, "no literal"},
		{`$[?count(1) == 1]`, 9, "takes a path"},
		{`$[?count(length(@)) == 1]`, 9, "takes a path"},
		{`$[?value('a') == 1]`, 9, "takes a path"},
		{`$[?match(@.a, 'b') == true]`, 3, "true or false"},
		{`$[?match(@.a)]`, 12, "expecting , and"},
		{`$[?match(@.a, 'b', 'c')]`, 17, "expecting )"},
		{`$[?match(@.*, 'b')]`, 9, "names one place"},
		{`$[?match(@.a, '[')]`, 14, "RFC 9485"},
		{`$[?match(@.a, 'a{2,1}')]`, 14, "regular expression"},
		{`$[?count(]`, 9, "expecting @"},
		{`$[?match(,'a')]`, 9, "expecting @"},
		{`$[?match(@,)]`, 11, "expecting @"},
		{`$[?match(@.a, 1)]`, 14, "is a string"},
		{`$[?match(@.a, $.re)]`, 14, "not supported"},
		{`$[?search(@.a, value($..re))]`, 15, "not supported"},
		{`$[?exists(@.a)]`, 3, `no function "exists"`},
		{`$[?Length(@.a) == 1]`, 3, "expecting @"},

		// Bounds.
		{"$" + strings.Repeat(".a", MaxPathBytes), MaxPathBytes, "at most 1024 bytes"},
		{"$" + strings.Repeat(".a", MaxSegments+1), 1 + 2*MaxSegments, "at most 64 segments"},
		{"$[?@" + strings.Repeat(".a", MaxSegments) + "]", 2 + 2*MaxSegments, "at most 64 segments"},
		{"$[?" + strings.Repeat("(", MaxNesting) + "@" + strings.Repeat(")", MaxNesting) + "]", 3 + MaxNesting, "at most 16 deep"},
		{"$" + strings.Repeat("[?@", MaxNesting+1) + strings.Repeat("]", MaxNesting+1), 3 + 3*MaxNesting, "at most 16 deep"},
	} {
		p, err := CompilePath(tt.path)
		var pathError *PathError
		if !errors.As(err, &pathError) {
			t.Errorf("CompilePath(%q) = %v, %v; want a PathError", tt.path, p, err)
			continue
		}
		if pathError.Source != tt.path || pathError.Offset != tt.offset || !strings.Contains(pathError.Msg, tt.msg) {
			t.Errorf("CompilePath(%q): at byte %d: %s\nwant at byte %d: ...%s...", tt.path, pathError.Offset, pathError.Msg, tt.offset, tt.msg)
		}
	}
}

func TestAPathIsSingleWhenItNamesAtMostOnePlace(t *testing.T) {
	for path, want := range map[string]bool{
		`$`: true, `$.a`: true, `$['a'][0][-1]["b"]`: true, `$ ['a'] .b`: true,
		`$.*`: false, `$..a`: false, `$[0:1]`: false, `$[0,1]`: false, `$['a','b']`: false, `$[?@.a]`: false, `$.a[*].b`: false,
	} {
		p := mustCompile(t, path)[0]
		if p.Single() != want || p.String() != path {
			t.Errorf("%s: Single() = %v, String() = %q; want %v and the same text", path, p.Single(), p, want)
		}
	}
}

func TestOnlyRegularExpressionsOfRFC9485AreAccepted(t *testing.T) {
	for pattern, want := range map[string]bool{
		``: true, `abc`: true, `a|b|`: true, `(a(b)?)*c+`: true, `a{2}b{2,}c{2,3}`: true, `[a-z0-9_]`: true, `[^a]`: true, `[-a]`: true,
		`[a-]`: true, `[--]`: true, `[\]\\^]`: true, `\.\*\n\t\-\(`: true, `\p{L}\P{Nd}[\p{Lu}\-a]`: true, `^a$`: true, `é.😀`: true, `()`: true,
		`\d`: false, `[\w]`: false, `\b`: false, `(?:a)`: false, `(?i)a`: false, `a**`: false, `a+?`: false, `*`: false, `a{`: false, `a{,2}`: false,
		`a{2,1}`: false, `a{1001}`: false, `{2}`: false, `a}`: false, `]`: false, `[]`: false, `[^]`: false, `[`: false, `[a`: false, `[a-b-c]`: false, `[[:alpha:]]`: false,
		`[z-a]`: false, `(`: false, `)`: false, `(a`: false, `\`: false, `\p`: false, `\p{`: false, `\p{Greek}`: false, `\p{Lx}`: false, `\p{}`: false,
		`[a-\p{L}]`: false, `\x41`: false, `\1`: false, strings.Repeat("(", 20) + strings.Repeat(")", 20): false,
	} {
		if _, _, err := compileIRegexp(pattern, false); (err == nil) != want {
			t.Errorf("compileIRegexp(%q): %v, want accepted: %v", pattern, err, want)
		}
	}
}

// Whatever text is thrown at it, a path is either refused with its place or
// can be read from any document without a panic.
func FuzzPath(f *testing.F) {
	for _, src := range []string{
		`$`, `$.a`, `$['a']["b"][0][-1]`, `$..a[*]`, `$[0,'a',1:2:3,*,?@.a]`, `$[::-1]`, `$[?@.a == 1 && (!@.b || $.c < 'x')]`,
		`$[?length(@.a) > 1 || count(@..*) == 2.5e1 || value(@.a) == null]`, `$[?match(@, 'a.[b-c]\\p{L}{1,2}')]`, `$['\u00e9\ud83d\ude00']`,
	} {
		f.Add(src)
	}
	doc := []byte(`{"a": [1, {"b": "xyz", "a": null}, [true, 1.5e1]], "b": {"c": "é"}, "c": "a"}`)
	f.Fuzz(func(t *testing.T, src string) {
		p, err := CompilePath(src)
		if err != nil {
			var pathError *PathError
			if !errors.As(err, &pathError) || pathError.Offset < 0 || pathError.Offset > len(src) || pathError.Msg == "" {
				t.Fatalf("CompilePath(%q): %#v, want a PathError with a place in the text", src, err)
			}
			return
		}
		again, err := CompilePath(p.String())
		if err != nil || again.Single() != p.Single() {
			t.Fatalf("CompilePath(%q) a second time: %v, %v", src, again, err)
		}
		got, err := NewReader([]*Path{p, again}).Read(doc, nil)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("Read(%q): %v", src, err)
		}
		if a, b := string(got[0].AppendJSON(nil)), string(got[1].AppendJSON(nil)); a != b {
			t.Fatalf("Read(%q) = %s, and compiled again %s", src, a, b)
		}
	})
}
