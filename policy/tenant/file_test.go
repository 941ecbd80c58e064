package tenant

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// known are the plans of these tests.
func known(plan string) bool { return plan == "gold" || plan == "free" }

// write puts text into a file of the test's directory.
func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func TestATenantsFileIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write(t, path, `# Ours.
tenants:
  acme: {plan: gold, vars: {shop: acme, region: "1"}}
  "Acme Inc.":
    vars:
      shop: |
        two
        lines
  globex: {}
  bare:
  007: {plan: free}
  true: {plan: free}
  2026-11-20: {vars: {}}
`)
	f, err := Load(path, known)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Entry{
		"acme":       {"gold", map[string]string{"shop": "acme", "region": "1"}},
		"Acme Inc.":  {"", map[string]string{"shop": "two\nlines\n"}},
		"globex":     {},
		"bare":       {},
		"007":        {Plan: "free"},
		"true":       {Plan: "free"},
		"2026-11-20": {},
	} {
		got, ok := f.Lookup(name)
		if !ok || got.Plan != want.Plan || !maps.Equal(got.Vars, want.Vars) {
			t.Errorf("Lookup(%q) = %+v, %v, want %+v", name, got, ok, want)
		}
	}
	for _, name := range []string{"Acme", "7", "", "tenants"} {
		if got, ok := f.Lookup(name); ok {
			t.Errorf("Lookup(%q) = %+v, want nothing", name, got)
		}
	}
	if f.Len() != 7 {
		t.Errorf("Len() = %d, want 7", f.Len())
	}
}

func TestAFileMaySayThatThereAreNoTenants(t *testing.T) {
	f, err := parse("f", []byte("tenants: {}"), known)
	if err != nil || f.Len() != 0 {
		t.Errorf("got %v, %v, want no tenants", f, err)
	}
}

func TestEveryMistakeIsToldWithItsPlace(t *testing.T) {
	const needMap = `expected tenant "a" to be a mapping with plan and vars`
	const badKey = "expected a word as the key; null, merge keys, aliases and tags are not allowed"
	for source, want := range map[string]string{
		"":                                              `f: expected "tenants:", but the file is empty`,
		"# nothing":                                     `f: expected "tenants:", but the file is empty`,
		"---\n":                                         `f:2:1: expected the mapping "tenants:"`,
		"acme":                                          `f:1:1: expected the mapping "tenants:"`,
		"{}":                                            `f:1:1: expected the key "tenants"`,
		"tenants:":                                      "f:1:9: expected a mapping of tenants, {} for none",
		"tenants: [a]":                                  "f:1:10: expected a mapping of tenants, {} for none",
		"tenant: {}":                                    `f:1:1: unknown key "tenant", expected tenants`,
		"tenants: {}\ntenants: {}":                      "f:2:1: tenants occurs twice",
		"tenants: {}\n---\ntenants: {}":                 "f:2:1: expected one YAML document",
		"tenants: {a: gold}":                            "f:1:14: " + needMap,
		"tenants: {a: [plan]}":                          "f:1:14: " + needMap,
		"tenants: {a: !x {}}":                           "f:1:14: " + needMap,
		"tenants: {b: &x {}, a: *x}":                    "f:1:24: " + needMap + ", and aliases are not allowed",
		"tenants: {a: {}, a: {}}":                       `f:1:18: tenant "a" occurs twice`,
		"tenants:\n  1: {}\n  '1': {}":                  `f:3:3: tenant "1" occurs twice`,
		`tenants: {" a": {}}`:                           `f:1:11: tenant " a": a tenant's name cannot begin or end with a space`,
		`tenants: {"": {}}`:                             `f:1:11: tenant "": a tenant's name cannot be empty`,
		`tenants: {"a\u200b": {}}`:                      `f:1:11: tenant "a\u200b": a tenant's name cannot hold U+200B, which is not printable`,
		"tenants: {~: {}}":                              "f:1:11: " + badKey,
		"tenants: {<<: {a: {}}}":                        "f:1:11: " + badKey,
		"tenants: {[a]: {}}":                            "f:1:11: " + badKey,
		"tenants: {!!binary YQ==: {}}":                  "f:1:11: " + badKey,
		"tenants: {a: {plan: golden}}":                  `f:1:21: tenant "a": unknown plan "golden"`,
		"tenants: {a: {plan: 7}}":                       `f:1:21: tenant "a": expected the name of a plan, as a string`,
		"tenants: {a: {plan: }}":                        `f:1:21: tenant "a": expected the name of a plan, as a string`,
		"tenants: {a: {plan: ''}}":                      `f:1:21: tenant "a": expected the name of a plan, as a string`,
		"tenants: {a: {plan: {x: y}}}":                  `f:1:21: tenant "a": expected the name of a plan, as a string`,
		"tenants: {a: {Plan: gold}}":                    `f:1:15: tenant "a": unknown key "Plan", expected plan or vars`,
		"tenants: {a: {plan: gold, plan: gold}}":        `f:1:27: tenant "a": plan occurs twice`,
		"tenants: {a: {vars: x}}":                       `f:1:21: expected vars of tenant "a" to be a mapping`,
		"tenants: {a: {vars: {Shop: x}}}":               `f:1:22: tenant "a": the variable "Shop" needs a name of the form [a-z][a-z0-9_]*`,
		"tenants: {a: {vars: {1: x}}}":                  `f:1:22: tenant "a": the variable "1" needs a name of the form [a-z][a-z0-9_]*`,
		"tenants: {a: {vars: {x: 1}}}":                  `f:1:25: tenant "a": the variable x has to be a string; quote it if it looks like something else`,
		"tenants: {a: {vars: {x: }}}":                   `f:1:25: tenant "a": the variable x has to be a string; quote it if it looks like something else`,
		"tenants: {a: {vars: {x: no, y: off, z: [1]}}}": `f:1:40: tenant "a": the variable z has to be a string; quote it if it looks like something else`,
		"tenants: {a: {vars: {x: a, x: b}}}":            `f:1:28: tenant "a": the variable x occurs twice`,
		"tenants: {a: {vars: {x: " + strings.Repeat("v", 1025) + "}}}": `f:1:25: tenant "a": the variable x has more than 1024 bytes`,
		"tenants:\n  a: {}\n b: {}":                                    "f:2: did not find expected key",
		"tenants: {a: {}":                                              "f:1: did not find expected ',' or '}'",
		"tenants: {\x00}":                                              "f: control characters are not allowed",
		"tenants: {a: *b}":                                             "f: unknown anchor 'b' referenced",
		"tenants: {a: {plan: golden}}\n---\n[":                         "f:3: did not find expected node content",
		strings.Repeat("-", 4<<20+1):                                   "f: a tenants file holds at most 4194304 of the characters ,:-?[{",
	} {
		f, err := parse("f", []byte(source), known)
		if err == nil || err.Error() != want {
			t.Errorf("%.80q: got %v, want %s", source, err, want)
		}
		if f != nil && err != nil {
			t.Errorf("%.80q: got a file beside the error", source)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%.80q: got a %T, want an *Error", source, err)
		}
	}
}

func TestAllMistakesAreToldUpToTwenty(t *testing.T) {
	var b strings.Builder
	b.WriteString("tenants:\n")
	for i := range 50 {
		fmt.Fprintf(&b, "  t%d: {plan: p%d}\n", i, i)
	}
	_, err := parse("f", []byte(b.String()), known)
	if err == nil {
		t.Fatal("got no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 21 || lines[19] != `f:21:15: tenant "t19": unknown plan "p19"` || lines[20] != "f: and 30 more mistakes" {
		t.Errorf("got %d lines, the last ones %q", len(lines), lines[max(0, len(lines)-2):])
	}
}

func TestTheVariablesOfATenantAreBounded(t *testing.T) {
	source := func(n int) []byte {
		var b strings.Builder
		b.WriteString("tenants: {a: {vars: {")
		for i := range n {
			fmt.Fprintf(&b, "v%d: x, ", i)
		}
		return []byte(b.String() + "}}}")
	}
	if _, err := parse("f", source(64), known); err != nil {
		t.Errorf("64 variables: %v", err)
	}
	if _, err := parse("f", source(65), known); err == nil || !strings.Contains(err.Error(), "at most 64 variables") {
		t.Errorf("65 variables: %v, want an error", err)
	}
}

func TestWithoutAListOfPlansEveryPlanIsFine(t *testing.T) {
	if _, err := parse("f", []byte("tenants: {a: {plan: any}}"), nil); err != nil {
		t.Error(err)
	}
}

func TestOnlyARegularFileOfBoundedSizeIsRead(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	write(t, large, "")
	if err := os.Truncate(large, maxFile+1); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	for path, want := range map[string]string{
		dir:     dir + ": expected a regular file",
		large:   large + ": a tenants file has at most 67108864 bytes",
		missing: "reading the tenants file " + missing + ": no such file or directory",
	} {
		if _, err := Load(path, known); err == nil || err.Error() != want {
			t.Errorf("Load(%s) = %v, want %q", path, err, want)
		}
	}
	if _, err := Load(missing, known); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file = %v, want fs.ErrNotExist in it", err)
	}
}

// many gives a file of n tenants.
func many(n int) string {
	var b strings.Builder
	b.WriteString("tenants:\n")
	for i := range n {
		fmt.Fprintf(&b, "  tenant-%06d: {plan: gold, vars: {shop: shop-%d}}\n", i, i)
	}
	return b.String()
}

func TestThousandsOfTenantsFitIntoModestMemory(t *testing.T) {
	const n = 10_000
	data := []byte(many(n))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := parse("f", data, known)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	// A map for the variables takes most of it; the tree of the file is gone.
	kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	if f.Len() != n || kept > n*640 {
		t.Errorf("%d tenants are kept in %d bytes, want %d in at most %d", f.Len(), kept, n, n*640)
	}
	if e, ok := f.Lookup("tenant-009999"); !ok || e.Plan != "gold" || e.Vars["shop"] != "shop-9999" {
		t.Errorf("the last tenant is %+v, %v", e, ok)
	}
	runtime.KeepAlive(data)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"tenants: {acme: {plan: gold, vars: {shop: acme}}}", "tenants:\n  a:\n    plan: gold\n", "tenants: &a {b: *a}", "tenants: {<<: {}}",
		"? [a]\n: b", "tenants: {!!binary aGk=: {}}", "%YAML 1.1\n---\ntenants: {}\n...", "tenants: {a: !!map {}}", "- - - -", "tenants: {a: {vars: {x: !!str 1}}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse("f", data, known)
		if err != nil {
			if n := strings.Count(err.Error(), "\nf:"); n > maxMistakes {
				t.Fatalf("%q: %d mistakes are told", data, n)
			}
			return
		}
		for name, e := range file.entries {
			if Check(name) != nil || e.Plan != "" && !known(e.Plan) {
				t.Fatalf("%q: tenant %q has %+v", data, name, e)
			}
			for v, value := range e.Vars {
				if !validName(v) || len(value) > maxValue {
					t.Fatalf("%q: tenant %q has the variable %q", data, name, v)
				}
			}
		}
	})
}

func BenchmarkLoadingAHundredThousandTenants(b *testing.B) {
	path := filepath.Join(b.TempDir(), "tenants.yaml")
	write(b, path, many(100_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(path, known); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	f, err := parse("f", []byte(many(1000)), known)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := f.Lookup("tenant-000500"); !ok {
			b.Fatal("unknown")
		}
	}
}
