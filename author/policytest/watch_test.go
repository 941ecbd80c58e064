package policytest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
)

// watching watches files until the test ends; each run is told. changed waits for a
// run after a change, stop ends the watching and gives its error.
func watching(t *testing.T, files func() []string) (changed func(change func() error), stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	runs, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() { ended <- policytest.Watch(ctx, files, func() { runs <- struct{}{} }) }()
	wait := func() {
		t.Helper()
		select {
		case <-runs:
		case err := <-ended:
			t.Fatalf("watching ended with %v", err)
		case <-time.After(20 * time.Second):
			t.Fatal("nothing ran")
		}
	}
	wait()
	return func(change func() error) {
			t.Helper()
			if err := change(); err != nil {
				t.Fatal(err)
			}
			wait()
		}, func() error {
			cancel()
			return <-ended
		}
}

func TestTestsRunAgainWhenAFileChanges(t *testing.T) {
	folder, other := t.TempDir(), t.TempDir()
	tests, config := writeFile(t, folder, "a_test.yaml", "1"), writeFile(t, other, "Caddyfile", "1")
	late := filepath.Join(folder, "not", "there", "yet.json")
	real := writeFile(t, t.TempDir(), "real.json", "1")
	link := filepath.Join(folder, "link.json")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	changed, stop := watching(t, func() []string { return []string{tests, config, late, link} })
	write := func(path string) func() error {
		return func() error { return os.WriteFile(path, []byte("2"), 0o600) }
	}
	changed(write(tests))
	changed(write(config))
	changed(func() error { // As editors do.
		return errors.Join(os.WriteFile(config+"~", []byte("3"), 0o600), os.Rename(config+"~", config))
	})
	changed(write(config))
	changed(write(real))
	changed(write(filepath.Join(folder, "new_test.yaml")))
	changed(func() error { return os.Mkdir(filepath.Join(folder, "not"), 0o700) })
	changed(func() error { return os.Mkdir(filepath.Dir(late), 0o700) })
	changed(write(late))
	changed(func() error { return os.Remove(tests) })
	changed(write(tests))
	if err := stop(); err != nil {
		t.Errorf("got %v at the end, want no error", err)
	}
}

func TestWhatIsWatchedFollowsTheFiles(t *testing.T) {
	first, second := writeFile(t, t.TempDir(), "a_test.yaml", ""), writeFile(t, t.TempDir(), "b_test.yaml", "")
	files := []string{first}
	changed, stop := watching(t, func() []string {
		now := files
		files = []string{second} // It is called by one goroutine.
		return now
	})
	changed(func() error { return os.WriteFile(first, []byte("1"), 0o600) })
	changed(func() error { return os.WriteFile(second, []byte("1"), 0o600) })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTooManyFoldersAreNotWatched(t *testing.T) {
	folder := t.TempDir()
	var files []string
	for i := range policytest.MaxWatched + 1 {
		below := filepath.Join(folder, strings.Repeat("d", 1+i%200), strings.Repeat("e", 1+i/200))
		if err := os.MkdirAll(below, 0o700); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(below, "a_test.yaml"))
	}
	err := policytest.Watch(t.Context(), func() []string { return files }, func() { t.Error("it ran") })
	if err == nil || !strings.Contains(err.Error(), "more than 1000 folders") {
		t.Errorf("got %v, want that these are too many", err)
	}
}

func TestAFileUsesWhatItsTestsName(t *testing.T) {
	f := policytest.File{Path: "a/b_test.yaml", Config: "../Caddyfile", Tests: []policytest.Test{{Steps: []policytest.Step{
		{Given: []policytest.Given{{File: "x.json"}, {File: "x.json"}, {Call: "/calls/y.json"}, {Status: 200}}},
	}}}}
	if got, want := f.Uses(), []string{"/calls/y.json", "Caddyfile", "a/b_test.yaml", "a/x.json"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
