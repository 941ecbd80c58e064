package lint

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// tokens writes the words of a file as Caddy reads them: the line that each begins on,
// the quote and, unless it goes over several lines, the text.
func tokens(text string) (all []string, ok bool) {
	read, err := caddyfile.Tokenize([]byte(text), "Caddyfile")
	if err != nil {
		return nil, false
	}
	for _, t := range read {
		line := t.Line
		if n := strings.Count(t.Text, "\n"); n > 0 {
			all = append(all, fmt.Sprint(line, " …"))
			continue
		}
		all = append(all, fmt.Sprint(line, " ", t.Text))
	}
	return all, true
}

// wordsOf writes the words of a source in the same way.
func wordsOf(s *source) (all []string) {
	for i := range s.lines {
		for _, w := range s.lines[i].words {
			if i+1 < len(s.lines) && s.lines[i+1].inside && w.to == len(s.lines[i].text) && w.quote != 0 {
				all = append(all, fmt.Sprint(i+1, " …"))
				continue
			}
			all = append(all, fmt.Sprint(i+1, " ", w.text))
		}
	}
	return all
}

func FuzzLinesHaveTheWordsThatCaddyReads(f *testing.F) {
	for _, seed := range []string{
		"a b # c\n\"d e\" `f`g #h\n", "a {\n\tb \"c\nd\" e\n}\n", "a <<END\n  # b\n  END c\nd\n", "\"a\"\"b\"", "a#b", "`a\n`b\n# c", "<< a\n<<A b\n", "\"\"\n``", "a \"b # c\"\r\nd\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := sourceOf("Caddyfile", text)
		for i := range s.lines {
			_ = s.excerpt(i + 1)
		}
		s.silencers("Caddyfile")
		_ = sourceOf("tenants.yaml", text).silencers("tenants.yaml")
		// Escapes, and what only Caddy takes for a blank, are not worth the trouble.
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\\\v\f\r\u0085\u00a0\ufeff") || strings.ContainsFunc(text, func(r rune) bool { return r > 127 }) || strings.Contains(text, "<<") {
			return
		}
		want, ok := tokens(text + "\nlast")
		if n := len(want); n == 0 || !strings.HasSuffix(want[n-1], " last") {
			return // A quote is open.
		}
		if got := wordsOf(sourceOf("Caddyfile", text+"\nlast")); ok && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q has the words\n%q\nand Caddy reads\n%q", text, got, want)
		}
	})
}

func FuzzATextIsFoundWhereItStands(f *testing.F) {
	f.Add("hint a status == 404", "status == 404", 3)
	f.Add("a \"b \\\"c\\\"\"", "b \"c\"", 2)
	f.Add("é é", "é", 1)
	f.Fuzz(func(t *testing.T, text, wanted string, caret int) {
		from, to := find(text, wanted, max(caret, 0))
		if from < 0 {
			return
		}
		if from > len(text) || to < from || to > len(text)+1 {
			t.Errorf("find(%q, %q, %d) = %d, %d: outside of the line", text, wanted, caret, from, to)
		}
	})
}

func TestBlocksEndWhereTheirBracesClose(t *testing.T) {
	s := sourceOf("Caddyfile", "a {\n\tb {\n\t\tc `}\n{`\n\t}\n\td\n}\ne\n")
	var got []string
	for i := range s.lines {
		got = append(got, fmt.Sprint(i+1, "-", s.lines[i].end, " in ", s.lines[i].block))
	}
	want := "1-7 in 0, 2-5 in 1, 3-3 in 2, 4-4 in 2, 5-5 in 1, 6-6 in 1, 7-7 in 0, 8-8 in 0"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestACommentOfYAMLStandsOutsideOfQuotes(t *testing.T) {
	for text, want := range map[string]string{
		"a: b # c": " c", "# c": " c", "a: 'b # c'": "", `a: "b" # c`: " c", "a: b#c": "", "a: it's # c": " c", "": "",
	} {
		if got := yamlComment(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestAFileThatIsTooLargeIsNotShown(t *testing.T) {
	s := newFiles(func(string) ([]byte, error) { return make([]byte, maxSource+1), nil }).of("Caddyfile")
	if len(s.lines) > 0 {
		t.Errorf("got %d lines, want none", len(s.lines))
	}
}
