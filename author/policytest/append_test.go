package policytest_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// further is a file with one more test.
func further(name string) policytest.File {
	route := "failure"
	return policytest.File{Policy: "store", Tests: []policytest.Test{{
		Name: name, Policy: "store", Operation: "order_status",
		Steps: []policytest.Step{{Repeat: 1, Given: []policytest.Given{{Status: 404}}, Expect: policytest.Expect{Route: &route}}},
	}}}
}

func TestATestIsAddedBelowThoseThatAreThere(t *testing.T) {
	const added = "- name: b\n  given: {status: 404}\n  expect: {route: failure}\n"
	indented := "  " + strings.ReplaceAll(strings.TrimSuffix(added, "\n"), "\n", "\n  ") + "\n"
	const head = "# Ours.\npolicy: store\noperation: order_status\n\n"
	for name, c := range map[string]struct{ before, after string }{
		"indented": {
			head + "tests:\n  # The first.\n  - {name: a, expect: {status: 200}} # Why.\n\n",
			head + "tests:\n  # The first.\n  - {name: a, expect: {status: 200}} # Why.\n\n" + indented,
		},
		"not indented": {head + "tests:\n- name: a\n  expect: {status: 200}\n", head + "tests:\n- name: a\n  expect: {status: 200}\n" + added},
		"without an end of the line": {
			head + "tests:\n- name: a\n  expect: {status: 200}", head + "tests:\n- name: a\n  expect: {status: 200}\n" + added,
		},
		"ending in a text of several lines": {
			head + "tests:\n- name: a\n  expect:\n    body: |\n      text\n", head + "tests:\n- name: a\n  expect:\n    body: |\n      text\n" + added,
		},
		"before another key": {
			"tests:\n- name: a\n  expect: {status: 200}\n\n# What is called.\npolicy: store\noperation: order_status\n",
			"tests:\n- name: a\n  expect: {status: 200}\n\n" + added + "# What is called.\npolicy: store\noperation: order_status\n",
		},
		"lines of Windows": {
			strings.ReplaceAll(head+"tests:\n- name: a\n  expect: {status: 200}\n", "\n", "\r\n"),
			strings.ReplaceAll(head+"tests:\n- name: a\n  expect: {status: 200}\n"+added, "\n", "\r\n"),
		},
		"on one line": {
			head + "tests: [{name: a, expect: {status: 200}}] # Short.\n",
			strings.TrimSuffix(head, "\n") + "tests:\n  # Short.\n  - {name: a, expect: {status: 200}}\n" + indented,
		},
		"before the end of the document": {
			head + "tests:\n- name: a\n  expect: {status: 200}\n...\n",
			strings.TrimSuffix(head, "\n") + "tests:\n  - name: a\n    expect: {status: 200}\n" + indented,
		},
	} {
		folder := t.TempDir()
		path := writeFile(t, folder, "store_test.yaml", c.before)
		if _, err := policytest.Append(path, further("b")); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.after {
			t.Errorf("%s: got\n%s\nand %v, want\n%s", name, got, err, c.after)
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
			t.Errorf("%s: the folder has %v, %v, want the file alone", name, entries, err)
		}
	}
}

func TestATestOfATakenNameIsNumbered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new_test.yaml")
	more := further("a")
	more.Tests = append(more.Tests, more.Tests[0])
	for range 2 {
		if _, err := policytest.Append(path, more); err != nil {
			t.Fatal(err)
		}
	}
	f, err := policytest.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, test := range f.Tests {
		names = append(names, test.Name)
	}
	if got, want := strings.Join(names, ", "), "a, a (2), a (3), a (4)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestATestCallsTheSameInAnotherFile(t *testing.T) {
	for name, before := range map[string]string{
		"new":            "",
		"of its policy":  "policy: store\noperation: other\ntests:\n- {name: a, expect: {status: 200}}\n",
		"of another one": "policy: crm\noperation: order_status\ntests:\n- {name: a, expect: {status: 200}}\n",
		"of none":        "tests:\n- {name: a, policy: crm, expect: {status: 200}}\n",
	} {
		path := filepath.Join(t.TempDir(), "a_test.yaml")
		if before != "" {
			writeFile(t, filepath.Dir(path), "a_test.yaml", before)
		}
		more := further("b")
		more.Operation = "order_status"
		more.Tests[0].Policy, more.Tests[0].Operation = "", ""
		if _, err := policytest.Append(path, more); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f, err := policytest.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Tests[len(f.Tests)-1]; got.Policy != "store" || got.Operation != "order_status" {
			t.Errorf("a file %s: the test calls %s.%s, want store.order_status", name, got.Policy, got.Operation)
		}
	}
}

func TestWhatCannotBeAddedChangesNothing(t *testing.T) {
	good := "policy: store\noperation: o\ntests:\n- {name: a, expect: {status: 200}}\n"
	for want, c := range map[string]struct {
		before string
		spoil  func(*policytest.File)
	}{
		"which have mistakes: ":        {"policy: store\n", func(*policytest.File) {}},
		"they test the configuration ": {good, func(f *policytest.File) { f.Config = "other" }},
		"they test the configuration":  {good, func(f *policytest.File) { f.Adapter = "json" }},
		"a body is not UTF-8":          {good, func(f *policytest.File) { f.Tests[0].Steps[0].Given[0].Body = []byte{0xff} }},
		"no place for 1 further tests": {good, func(f *policytest.File) { f.Tests[0].Steps[0].Expect.Route = nil }},
	} {
		folder := t.TempDir()
		path := writeFile(t, folder, "store_test.yaml", c.before)
		f := further("b")
		c.spoil(&f)
		_, err := policytest.Append(path, f)
		got, readErr := os.ReadFile(path)
		if err == nil || !strings.Contains(err.Error(), want) || string(got) != c.before || readErr != nil {
			t.Errorf("got %v and the file %q, want %q and the file as it was", err, got, want)
		}
	}
	mistakes := policy.Mistakes{}
	if _, err := policytest.Append(writeFile(t, t.TempDir(), "a_test.yaml", "tests: 1\n"), further("b")); !errors.As(err, &mistakes) || len(mistakes) != 1 {
		t.Errorf("got %v, want the one mistake of the file", err)
	}
}

func TestWhateverIsWrittenCanBeAddedTo(t *testing.T) {
	folder := t.TempDir()
	writeNamed(t, folder)
	for seed := range uint64(60) {
		g := generator{rand.New(rand.NewPCG(seed, 2)), folder}
		first, second := g.file(""), g.file("")
		second.Config, second.Adapter = first.Config, first.Adapter
		path := filepath.Join(folder, "some_test.yaml")
		if err := appendBoth(path, first, second); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := policytest.Read(path)
		if err != nil || len(got.Tests) != len(first.Tests)+len(second.Tests) {
			t.Fatalf("seed %d: got %+v, %v, want all of %+v and %+v", seed, got, err, first, second)
		}
		forgetPlaces(got)
		for i, want := range append(first.Tests, second.Tests...) {
			want.Name = got.Tests[i].Name
			if asJSON(t, got.Tests[i]) != asJSON(t, want) {
				t.Fatalf("seed %d: got %s, want %s", seed, asJSON(t, got.Tests[i]), asJSON(t, want))
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFileKeepsItsModeAndItsLink(t *testing.T) {
	folder := t.TempDir()
	path := writeFile(t, folder, "real_test.yaml", "policy: store\noperation: o\ntests:\n- {name: a, expect: {vars: {b: 1}}}\n")
	link := filepath.Join(folder, "link_test.yaml")
	if err := errors.Join(os.Chmod(path, 0o640), os.Symlink("real_test.yaml", link)); err != nil {
		t.Fatal(err)
	}
	if _, err := policytest.Append(link, further("b")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("got the mode %v, %v, want 0640", info.Mode(), err)
	}
	if at, err := os.Readlink(link); err != nil || at != "real_test.yaml" {
		t.Errorf("got the link %q, %v, want it as it was", at, err)
	}
}

// appendBoth adds the tests of one file after those of the other.
func appendBoth(path string, first, second policytest.File) error {
	_, one := policytest.Append(path, first)
	_, other := policytest.Append(path, second)
	return errors.Join(one, other)
}

func TestAppendTellsTheNamesThatTestsWereGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a_test.yaml")
	for n, want := range []string{"b", "b (2)", "b (3)"} {
		if names, err := policytest.Append(path, further("b")); err != nil || len(names) != 1 || names[0] != want {
			t.Errorf("the test added as number %d is called %q, %v, want %q", n+1, names, err, want)
		}
	}
}
