package terminal_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/author/terminal"
)

func TestWhatCannotBeSeenIsWrittenAsAnEscape(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"shipped", "shipped"},
		{"größer, 日本, \U0001F469\u200d\U0001F467 and نمی\u200cخواهم", "größer, 日本, \U0001F469\u200d\U0001F467 and نمی\u200cخواهم"},
		{"\x1b[2J\x1b]0;title\a", `\x1b[2J\x1b]0;title\x07`},
		{"a\nb\tc\rd", `a\nb\tc\rd`},
		{"\u009b31m", `\u009b31m`},
		{"user\u202egpj.exe", `user\u202egpj.exe`},
		{"line\u2028line", `line\u2028line`},
		{"\xff\xc3", `\xff\xc3`},
		{"\U000e0041", `\U000e0041`},
		{"a\u00a0b\x7f\x00", "a\u00a0b\\x7f\\x00"},
		{"�", "�"},
	} {
		if got := terminal.Safe(test.text); got != test.want {
			t.Errorf("Safe(%q) is %q, want %q", test.text, got, test.want)
		}
	}
}

func TestATextOfSeveralLinesKeepsThem(t *testing.T) {
	if got, want := terminal.SafeText("{\r\n\t\"a\": 1\n}\r\x1b"), "{\n\t\"a\": 1\n}\\r\\x1b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{"", "a\x1b[31mb", "\xf0\x9f", "日\u202e本\n\t", "\u009b\x00\x7f\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, lines := terminal.Safe(text), terminal.SafeText(text)
		for _, got := range []string{line, strings.NewReplacer("\n", "", "\t", "").Replace(lines)} {
			if !utf8.ValidString(got) {
				t.Errorf("%q became %q, which is no UTF-8", text, got)
			}
			if i := strings.IndexFunc(got, unicode.IsControl); i >= 0 {
				t.Errorf("%q became %q with a control character at %d", text, got, i)
			}
		}
		if again := terminal.Safe(line); again != line {
			t.Errorf("%q became %q, and then %q", text, line, again)
		}
		if len(line) > 10*len(text) {
			t.Errorf("%q grew to %d bytes", text, len(line))
		}
	})
}
