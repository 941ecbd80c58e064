package policytest

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

func TestOnlyWhatTestsAreMadeOfMatters(t *testing.T) {
	w := watch{notify: newNotify(t)}
	folder := t.TempDir()
	if err := w.look([]string{filepath.Join(folder, "Caddyfile"), filepath.Join(folder, "a", "b", "x.json")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"Caddyfile": true, "Caddyfile~": false, "junit.xml": false, "new_test.yaml": true, "a": true, "a/b": true, "a/b/x.json": true, "a/b/y_test.yaml": true, "a/c": false, "c_test.yaml/d": false, "a/b_test.yaml": false, ".": true,
	} {
		if got := w.matters(fsnotify.Event{Name: filepath.Join(folder, name), Op: fsnotify.Write | fsnotify.Chmod}); got != want {
			t.Errorf("a change of %s: got %t, want %t", name, got, want)
		}
		if w.matters(fsnotify.Event{Name: filepath.Join(folder, name), Op: fsnotify.Chmod}) {
			t.Errorf("that the mode of %s changed should not matter", name)
		}
	}
}

func TestManyChangesMakeOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan fsnotify.Event)
		w := watch{notify: &fsnotify.Watcher{Events: events, Errors: make(chan error)}, files: map[string]struct{}{"/a": {}}}
		go func() {
			for range 50 {
				time.Sleep(quiet - time.Millisecond)
				events <- fsnotify.Event{Name: "/a", Op: fsnotify.Write}
				events <- fsnotify.Event{Name: "/b", Op: fsnotify.Write}
			}
			time.Sleep(quiet / 2)
			events <- fsnotify.Event{Name: "/b", Op: fsnotify.Write} // It does not matter.
		}()
		began := time.Now()
		if err := w.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(began), 50*(quiet-time.Millisecond)+quiet; got != want {
			t.Errorf("it ran after %v, want %v: once nothing had changed for %v", got, want, quiet)
		}
	})
}

func newNotify(t *testing.T) *fsnotify.Watcher {
	t.Helper()
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = notify.Close() })
	return notify
}
