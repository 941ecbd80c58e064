package tenant

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	gold   = "tenants: {acme: {plan: gold}}"
	free   = "tenants: {acme: {plan: free}}" // As long as gold.
	broken = "tenants: {acme: {plan: "
)

// reports collects what a watcher reports: "acme=gold" for a file in use, the
// error and what stays in use for a failure.
type reports struct {
	mu    sync.Mutex
	lines []string
}

func (r *reports) add(err error, f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, _ := f.Lookup("acme")
	line := "acme=" + e.Plan
	if err != nil {
		line = fmt.Sprintf("%v; %s", err, line)
	}
	r.lines = append(r.lines, line)
}

// take gives what was reported since the last call.
func (r *reports) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// watch runs a test on a watched file whose clock is the bubble's. Each step
// does something to the file; two seconds later the reports are compared, with
// the file's path left out.
func watch(t *testing.T, first string, test func(path string, step func(do func(), want ...string))) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write(t, path, first)
	synctest.Test(t, func(t *testing.T) {
		var r reports
		w, err := NewWatcher(path, known, r.add)
		if err != nil {
			t.Fatal(err)
		}
		w.Start(t.Context())
		n := 0
		test(path, func(do func(), want ...string) {
			t.Helper()
			n++
			do()
			time.Sleep(2 * time.Second)
			synctest.Wait()
			got := r.take()
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], path, "f")
			}
			if !slices.Equal(got, want) {
				t.Errorf("step %d: reported %q, want %q", n, got, want)
			}
		})
		w.Stop()
	})
}

func TestAChangedFileIsInUseWithinTwoSeconds(t *testing.T) {
	watch(t, gold, func(path string, step func(func(), ...string)) {
		step(func() {})
		step(func() { write(t, path, free) }, "acme=free")
		step(func() { write(t, path, free) })
		step(func() { write(t, path, gold+"\n") }, "acme=gold")
		for range 10 {
			step(func() {})
		}
		step(func() {
			next := path + ".next"
			write(t, next, free)
			if err := os.Rename(next, path); err != nil {
				t.Fatal(err)
			}
		}, "acme=free")
	})
}

func TestABrokenFileKeepsTheLastGoodOneAndIsReportedOnce(t *testing.T) {
	const unfinished = "f:1: did not find expected node content; acme=gold"
	watch(t, gold, func(path string, step func(func(), ...string)) {
		step(func() { write(t, path, broken) }, unfinished)
		step(func() { write(t, path, "\n"+broken) }, "f:2: did not find expected node content; acme=gold")
		step(func() { write(t, path, "\n"+broken+" ") }) // The same failure.
		step(func() { write(t, path, "") }, `f: expected "tenants:", but the file is empty; acme=gold`)
		step(func() { write(t, path, "tenants: {acme: {plan: lead}}") }, `f:1:24: tenant "acme": unknown plan "lead"; acme=gold`)
		step(func() { write(t, path, gold) }, "acme=gold")
		step(func() { write(t, path, broken) }, unfinished)
		step(func() { write(t, path, free) }, "acme=free")
	})
}

func TestAMissingFileKeepsTheLastGoodOne(t *testing.T) {
	const missing = "reading the tenants file f: no such file or directory; acme=gold"
	watch(t, gold, func(path string, step func(func(), ...string)) {
		away := path + ".away"
		step(func() { _ = os.Rename(path, away) }, missing)
		step(func() {})
		step(func() { _ = os.Rename(away, path) }, "acme=gold")
		step(func() { _ = os.Rename(path, away) }, missing)
		step(func() { _ = os.Mkdir(path, 0o700) }, "f: expected a regular file; acme=gold")
		step(func() { _ = os.Remove(path) }, missing)
		step(func() { write(t, path, free) }, "acme=free")
	})
}

func TestSwappedLinksAreSeenAsKubernetesSwapsThem(t *testing.T) {
	watch(t, gold, func(path string, step func(func(), ...string)) {
		// Both generations have one size and one time, as a restored archive does.
		dir := filepath.Dir(path)
		when := time.Now()
		for name, text := range map[string]string{"v1": gold, "v2": free} {
			_ = os.Mkdir(filepath.Join(dir, name), 0o700)
			file := filepath.Join(dir, name, "tenants.yaml")
			write(t, file, text)
			if err := os.Chtimes(file, when, when); err != nil {
				t.Fatal(err)
			}
		}
		swap := func(to string) {
			next := filepath.Join(dir, "..next")
			if err := os.Symlink(to, next); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(next, filepath.Join(dir, "..data")); err != nil {
				t.Fatal(err)
			}
		}
		step(func() {
			swap("v1")
			_ = os.Remove(path)
			if err := os.Symlink(filepath.Join("..data", "tenants.yaml"), path); err != nil {
				t.Fatal(err)
			}
		})
		step(func() {}) // Long enough for the re-reading to end.
		step(func() { swap("v2") }, "acme=free")
		step(func() {})
		step(func() { swap("v1") }, "acme=gold")
	})
}

func TestAChangeThatTheTimeOfTheFileHidesIsSeen(t *testing.T) {
	watch(t, gold, func(path string, step func(func(), ...string)) {
		when := time.Now()
		step(func() {
			write(t, path, free)
			_ = os.Chtimes(path, when, when)
			time.Sleep(4*pollInterval + pollInterval/2)
			write(t, path, gold)
			_ = os.Chtimes(path, when, when)
		}, "acme=free", "acme=gold")
	})
}

func TestAFileThatIsBeingWrittenIsLeftAlone(t *testing.T) {
	watch(t, gold, func(path string, step func(func(), ...string)) {
		step(func() {
			time.Sleep(pollInterval - time.Millisecond)
			write(t, path, "tenants: {}") // Half of it, and good by itself.
			time.Sleep(pollInterval / 2)
			write(t, path, free)
		}, "acme=free")
	})
}

func TestAFileThatChangesAllTheTimeIsReadNevertheless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write(t, path, gold)
	synctest.Test(t, func(t *testing.T) {
		w, err := NewWatcher(path, known, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.Start(t.Context())
		time.Sleep(pollInterval / 2) // So that no write and look coincide.
		for i := range 20 {
			write(t, path, free+strings.Repeat(" ", i))
			time.Sleep(pollInterval)
		}
		if e, _ := w.Lookup("acme"); e.Plan != "free" {
			t.Errorf("acme is on %q, want free", e.Plan)
		}
		w.Stop()
	})
}

func TestAWatcherNeedsAGoodFileToBegin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	if _, err := NewWatcher(path, known, nil); err == nil {
		t.Error("a missing file: got no error")
	}
	write(t, path, broken)
	if _, err := NewWatcher(path, known, nil); err == nil {
		t.Error("a broken file: got no error")
	}
}

func TestAChangeBeforeStartIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write(t, path, gold)
	synctest.Test(t, func(t *testing.T) {
		w, err := NewWatcher(path, known, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, free)
		w.Start(t.Context())
		time.Sleep(2 * time.Second)
		if e, _ := w.Lookup("acme"); e.Plan != "free" {
			t.Errorf("acme is on %q, want free", e.Plan)
		}
		w.Stop()
	})
}

func TestStopMayBeCalledAgainAndWithoutStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write(t, path, gold)
	synctest.Test(t, func(t *testing.T) {
		w, err := NewWatcher(path, known, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.Stop()
		w.Start(t.Context())
		w.Stop()
		w.Stop()
		write(t, path, free)
		time.Sleep(10 * time.Second)
		if e, ok := w.Lookup("acme"); !ok || e.Plan != "gold" || w.File().Len() != 1 {
			t.Errorf("after Stop acme is on %q, want gold", e.Plan)
		}
	})
}

func TestLookingUpWhileTheFileChangesIsSafe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	write(t, path, gold)
	w, err := NewWatcher(path, known, nil)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 2000 {
				if e, ok := w.Lookup("acme"); !ok || !known(e.Plan) {
					t.Errorf("acme is on %q", e.Plan)
				}
			}
		})
	}
	for i := range 20 {
		write(t, path, []string{gold, free}[i%2])
		w.look() // The watcher's goroutine is this one.
		w.look()
	}
	group.Wait()
}
