package policy

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestATextIsFoundHoweverItIsWritten(t *testing.T) {
	const text = "Ada \"L\" é+😀/50%41"
	var f finder
	f.add(text)
	for _, written := range []string{
		text, url.QueryEscape(text), url.PathEscape(text), strings.ReplaceAll(url.QueryEscape(text), "%C3%A9", "%c3%a9"),
		`Ada \"L\" é+😀/50%41`, `Ada \"L\" \u00e9+\ud83d\ude00\/50%41`, `\u0041da \u0022L\u0022 \u00E9\u002b😀\u002F50\u002541`,
		strings.ReplaceAll(text, " ", "+"), `%41da%20%22L%22%20%C3%A9%2B%F0%9F%98%80%2F50%2541`,
	} {
		b := []byte("<" + written + ">")
		f.overwrite(b, false)
		if want := "<" + strings.Repeat("*", len(written)) + ">"; string(b) != want {
			t.Errorf("%q became %q", written, b)
		}
	}
	for _, other := range []string{"Ada", `Ada "L" é+😀/50%4`, "ada \"l\" é+😀/50%41", ""} {
		b := []byte(other)
		if f.overwrite(b, false); string(b) != other {
			t.Errorf("%q became %q", other, b)
		}
	}
}

func TestTheBeginningOfATextIsFoundWhereItIsCut(t *testing.T) {
	var f finder
	const text = `hush é"hush`
	f.add(text)
	for _, written := range []string{text, url.QueryEscape(text), `hush \u00e9\"hush`} {
		for size := range len(written) {
			b := []byte("text " + written[:size])
			f.overwrite(b, true)
			if got := string(b); size >= minMask && strings.Contains(got, written[:minMask]) || !strings.HasPrefix(got, "text ") {
				t.Errorf("%q became %q", "text "+written[:size], got)
			}
		}
	}
}

func TestTextsThatOverlapAreAllFound(t *testing.T) {
	var f finder
	for _, text := range []string{"abcdef", "defghi", "abcd", "ghij"} {
		f.add(text)
	}
	for text, want := range map[string]string{"-abcdefghij-": "-**********-", "abcdefabcd": "**********", "abcabcd": "abc****", "defg": "defg"} {
		b := []byte(text)
		if f.overwrite(b, false); string(b) != want {
			t.Errorf("%q became %q, want %q", text, b, want)
		}
	}
}

func FuzzFindingTextsNeverFails(f *testing.F) {
	f.Add("hush", []byte("hu%73h \\u0068ush \\ud83d %"), true)
	f.Add("a\\b%c", []byte(`a\\b%25c`), false)
	f.Fuzz(func(t *testing.T, text string, b []byte, cut bool) {
		if len(text) < minMask {
			t.Skip()
		}
		var find finder
		find.add(text)
		before := string(b)
		find.overwrite(b, cut)
		if strings.Contains(string(b), text) && strings.Trim(text, "*") != "" {
			t.Errorf("%q is still in %q, which was %q", text, b, before)
		}
		for i := range b {
			if b[i] != before[i] && b[i] != '*' {
				t.Fatalf("%q became %q", before, b)
			}
		}
	})
}

func TestDocumentsWithMembersOfTheSameNameAreTold(t *testing.T) {
	for doc, want := range map[string]bool{
		`{"a":1,"b":{"a":1},"c":["a","a",{"a":"a"},{"a":1}]}`: false, `{"a":1,"a":1}`: true, `[{"x":{"a":1,"b":2,"\u0061" : 3}}]`: true, `"a"`: false,
		`{"a":"\"","b":"{\"a\":1,\"a\":2}"}`: false, `{}`: false, `7`: false, `{"":1,"":2}`: true,
	} {
		if got := repeatsNames([]byte(doc)); got != want {
			t.Errorf("%s: %v, want %v", doc, got, want)
		}
	}
}

func TestWalkTellsOfEveryElementOnce(t *testing.T) {
	for doc, want := range map[string]string{
		`[]`: "", `{}`: "", `"x"`: "", `[1 , "a,]" ,{"b":[2]},true]`: `1|"a,]"|{"b":[2]}|true|`, `{"a":{"x":"}"},"b": [1,2] ,"c":"\"","d":null}`: `{"x":"}"}|[1,2]|"\""|null|`,
	} {
		got := ""
		walk([]byte(doc), func(start, end int) { got += doc[start:end] + "|" })
		if got != want {
			t.Errorf("%s: %s, want %s", doc, got, want)
		}
	}
}

// BenchmarkMasks is what looking for redacted texts costs where some were found.
func BenchmarkMasks(b *testing.B) {
	text := []byte(strings.Repeat(`{"name":"Item number 7 of the order","price":70.95,"link":"/a%20b?c=\u0041+d"},`, 200)) // 16 KiB
	for _, count := range []int{1, 1000} {
		b.Run(fmt.Sprint("texts=", count), func(b *testing.B) {
			var f finder
			for n := range count {
				f.add(fmt.Sprintf("person-%d@example.com", n))
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				f.overwrite(text, false)
			}
		})
	}
}

func TestTextsThatRepeatThemselvesAreNotSearchedForForEver(t *testing.T) {
	var m masks
	m.note([]byte(`"` + strings.Repeat("a", 8<<10) + `c"`))
	b := []byte(strings.Repeat("a", 8<<10) + "b, and what stands behind")
	m.overwrite(b, false)
	f := &m.texts
	if bound := maxSteps*len(b) + minSteps + 4*len(b); f.steps > bound {
		t.Errorf("the search took %d steps, want at most %d", f.steps, bound)
	}
	if !strings.HasSuffix(string(b), "*******") || strings.Contains(string(b), "behind") {
		t.Errorf("a search that was given up left %q at the end", b[len(b)-30:])
	}
}
