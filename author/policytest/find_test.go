package policytest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/policytest"
)

// plant makes empty files below a folder.
func plant(t testing.TB, names ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for _, name := range names {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestTestsAreFoundBelowFolders(t *testing.T) {
	folder := plant(t, "z_test.yaml", "a/b/c_test.yaml", "a/b_test.yaml", "a/b_test.json", "test.yaml", ".git/x_test.yaml", "node_modules/x_test.yaml", "a/.x_test.yaml", "odd.yaml")
	if err := os.Symlink(folder, filepath.Join(folder, "again")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(folder, "z_test.yaml"), filepath.Join(folder, "link_test.yaml")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	for paths, want := range map[string]string{
		"":                                 "a/.x_test.yaml a/b/c_test.yaml a/b_test.yaml z_test.yaml",
		".":                                "a/.x_test.yaml a/b/c_test.yaml a/b_test.yaml z_test.yaml",
		"a":                                "a/.x_test.yaml a/b/c_test.yaml a/b_test.yaml",
		"z_test.yaml a/ z_test.yaml":       "z_test.yaml a/.x_test.yaml a/b/c_test.yaml a/b_test.yaml",
		"odd.yaml a/b ./a/b/../b odd.yaml": "odd.yaml a/b/c_test.yaml",
		".git node_modules":                ".git/x_test.yaml node_modules/x_test.yaml",
		"again/a/b":                        "again/a/b/c_test.yaml",
		"again":                            "again/a/.x_test.yaml again/a/b/c_test.yaml again/a/b_test.yaml again/z_test.yaml",
		"link_test.yaml":                   "link_test.yaml",
	} {
		got, err := policytest.Find(strings.Fields(paths))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, %v, want %s", paths, got, err, want)
		}
	}
}

func TestNoTestsAreAnError(t *testing.T) {
	folder := plant(t, "a/x.yaml")
	t.Chdir(folder)
	for path, want := range map[string]string{
		"a":      "finding tests: no file named *_test.yaml in a",
		"b":      "finding tests in b: no such file or directory",
		"a/x/y":  "finding tests in a/x/y: ",
		"a\x00b": "finding tests in a\x00b: ",
	} {
		if got, err := policytest.Find([]string{path}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %q", path, got, err, want)
		}
	}
}

func TestASearchIsBounded(t *testing.T) {
	folder := t.TempDir()
	for i := range policytest.MaxFiles + 1 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d_test.yaml", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := policytest.Find([]string{folder}); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("got %d files and %v, want an error", len(got), err)
	}
}
