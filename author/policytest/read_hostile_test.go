package policytest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// bomb is a list of levels that each name the one before ten times.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("   - &l0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := 1; i < levels; i++ {
		fmt.Fprintf(&b, "   - &l%d [%s]\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func TestHostileFilesCostBoundedTime(t *testing.T) {
	const head = "policy: p\ntests:\n- name: a\n  expect: {status: 200}\n  given:\n   body:\n"
	large := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct{ text, want string }{
		"aliases of aliases":      {head + bomb(30), "aliases stand for more than 16777216 bytes in all"},
		"a large text, often":     {head + "   - &l " + large + "\n" + strings.Repeat("   - *l\n", 1000), "aliases stand for more than 16777216 bytes in all"},
		"an alias of itself":      {head + "   - &l [*l]\n", "the value is nested more than 128 deep"},
		"a step of itself":        {"policy: p\ntests: &t\n- *t\n", "expected a mapping with name"},
		"a deep value":            {head + "   - " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n", "the value is nested more than 128 deep"},
		"many tests by aliases":   {"policy: p\ntests:\n- &t {name: a, expect: {status: 200}}\n" + strings.Repeat("- *t\n", 9000), "has this name already"},
		"a huge key":              {large + ": 1\n", "is not"},
		"many mistakes":           {head + strings.Repeat("   - .5\n", 200000), "and 199900 more mistakes"},
		"mistakes on a long line": {head + "    [" + strings.Repeat("07,", 200000) + "]", "and 199900 more mistakes"},
		"many comments":           {head + strings.Repeat("   # "+strings.Repeat("c", 50)+"\n", 50000) + "    1\n", ""},
	} {
		path := writeFile(t, t.TempDir(), "a_test.yaml", c.text)
		start := time.Now()
		_, err := policytest.Read(path)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %.300v, want %q", name, err, c.want)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: reading took %v", name, took)
		}
	}
}

func TestFilesNamedOftenAreReadOnce(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "large.txt"), bytes.Repeat([]byte("x"), policytest.MaxFile), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("policy: p\ntests:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "- {name: a%d, given: {file: large.txt}, expect: {status: 200}}\n", i)
	}
	f, err := policytest.Read(writeFile(t, folder, "a_test.yaml", b.String()))
	if err != nil || len(f.Tests[999].Steps[0].Given[0].Body) != policytest.MaxFile {
		t.Fatalf("got %v, want the file a thousand times", err)
	}
	for i := range 17 {
		name := fmt.Sprintf("large%d.txt", i)
		if err := os.Link(filepath.Join(folder, "large.txt"), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "- {name: b%d, given: {file: %s}, expect: {status: 200}}\n", i, name)
	}
	if _, err := policytest.Read(writeFile(t, folder, "a_test.yaml", b.String())); err == nil || !strings.Contains(err.Error(), "more than 268435456 bytes in all") {
		t.Errorf("got %v, want a bound of all files together", err)
	}
}

// FuzzRead reads any text: it is a file of tests that is written and read back
// equal, or each of its mistakes has a place in the file.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"policy: store\noperation: o\ntests:\n  - name: a\n    given: {status: 200, body: {a: [1, ~, yes]}}\n    expect: {route: shipped}\n",
		"policy: p\ntests:\n- name: a\n  steps:\n  - {repeat: 2, wait: 1s, expect: {sent: nothing}}\n  - given: [{outcome: timeout}, {body: |\n      text\n      }]\n    expect: {body: ''}\n",
		"tests: &a\n- *a\n", "{<<: *x}", "? a\n: b", "- \t", "%YAML 1.2\n---\na", "policy: !!str 1\n", "\ufeffpolicy: a", "a: |+2\n   b\n", "a: >-\n\n b\n# c\n", "#\n- {a: [b, 'c', \"d\\x41\"]}",
		"policy: p\ntests:\n- {name: 1, request: {path: /, body: {a: 1.0e5}}, expect: {missing: [a], reason: '', attempts: 0}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folder := t.TempDir()
		path := writeFile(t, folder, "a_test.yaml", text)
		read, err := policytest.Read(path)
		if err != nil {
			var mistakes policy.Mistakes
			if !errors.As(err, &mistakes) {
				t.Fatalf("%q: got %v, want mistakes", text, err)
			}
			for _, m := range mistakes {
				if lines := strings.Count(text, "\n") + 1; m.Place.File != path || m.Place.Line < 1 || m.Place.Line > lines || m.Text == "" {
					t.Errorf("%q: the mistake %v stands at %v of %d lines", text, m, m.Place, lines)
				}
			}
			return
		}
		again := writeBack(t, path, *read)
		if first, second := asJSON(t, read), asJSON(t, again); first != second {
			t.Errorf("%q: got\n%s\nwritten and read back\n%s", text, first, second)
		}
	})
}

// writeBack writes a file and reads it again; both are then without places.
func writeBack(t *testing.T, path string, f policytest.File) *policytest.File {
	t.Helper()
	var text bytes.Buffer
	if err := policytest.Encode(&text, f); err != nil {
		t.Skip(err) // An expected body of the file cannot be written, for one.
	}
	writeFile(t, filepath.Dir(path), filepath.Base(path), text.String())
	again, err := policytest.Read(path)
	if err != nil {
		t.Fatalf("reading what was written:\n%s\n%v", text.String(), err)
	}
	forgetPlaces(&f)
	forgetPlaces(again)
	return again
}

func BenchmarkReading5000Tests(b *testing.B) {
	var text strings.Builder
	text.WriteString("policy: store\noperation: order_status\ntests:\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "  - name: order %d is shipped\n    input: {order_number: \"%d\"}\n    given: {status: 200, body: {order: {status: shipped, delivery: {eta: \"2026-11-23\"}, lines: [1, 2, 3]}}}\n"+
			"    expect: {route: shipped, vars: {status: shipped, eta: \"2026-11-23\"}, next: continue}\n", i, i)
	}
	path := writeFile(b, b.TempDir(), "a_test.yaml", text.String())
	b.ReportAllocs()
	for b.Loop() {
		if f, err := policytest.Read(path); err != nil || len(f.Tests) != 5000 {
			b.Fatal(err)
		}
	}
}
