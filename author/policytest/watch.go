package policytest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is how long nothing may change until tests run again: an editor changes a
	// file several times when it saves one.
	quiet = 100 * time.Millisecond

	// MaxWatched bounds the folders that are watched.
	MaxWatched = 1000

	// maxMoves is how often a folder may come or go while it is being found.
	maxMoves = 10
)

// Uses gives the files that the tests of a file are made of: its own, that of the
// configuration, and those that tests name.
func (f *File) Uses() []string {
	used := []string{f.Path, f.ConfigPath()}
	at := newAttachments(f.Path)
	for i := range f.Tests {
		for j := range f.Tests[i].Steps {
			for _, g := range f.Tests[i].Steps[j].Given {
				for _, name := range []string{g.File, g.Call} {
					if name != "" {
						used = append(used, at.path(name))
					}
				}
			}
		}
	}
	slices.Sort(used)
	return slices.Compact(used)
}

// Watch calls run, and again 100 ms after the last change of one of the files, or of
// a file of tests in one of their folders, until ctx ends, which is no error. files is
// asked before each run; those that it gives need not be there. Folders are watched
// rather than files, since editors put a new file into the place of the old one. run is
// called by the goroutine of Watch; what changes meanwhile makes it run again. More
// than MaxWatched folders, and a system that cannot watch so many, are errors.
func Watch(ctx context.Context, files func() []string, run func()) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching files: %w", err)
	}
	defer func() { _ = notify.Close() }() // Nobody is left to tell.
	w := watch{notify: notify}
	for {
		if err := w.look(files()); err != nil {
			return err
		}
		run()
		if err := w.wait(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// watch is what is watched.
type watch struct {
	notify  *fsnotify.Watcher
	files   map[string]struct{} // whole paths
	folders map[string]struct{} // those of the files
}

// look watches these files from now on, and no others.
func (w *watch) look(files []string) error {
	w.files, w.folders = make(map[string]struct{}, len(files)), make(map[string]struct{})
	watched := make(map[string]struct{})
	for _, file := range files {
		for _, path := range places(file) {
			w.files[path] = struct{}{}
			w.folders[filepath.Dir(path)] = struct{}{}
		}
	}
	for folder := range w.folders {
		at, err := w.add(folder)
		if err != nil {
			return fmt.Errorf("watching %s: %w", at, err)
		}
		if watched[at] = struct{}{}; len(watched) > MaxWatched {
			return fmt.Errorf("watching files: they stand in more than %d folders", MaxWatched)
		}
	}
	for _, folder := range w.notify.WatchList() {
		if _, still := watched[folder]; !still {
			_ = w.notify.Remove(folder) // Where it has gone by itself, that is as well.
		}
	}
	return nil
}

// add watches a folder, or the nearest above it that is there, and gives which. What
// comes or goes before that is watched is seen by looking again.
func (w *watch) add(folder string) (at string, err error) {
	for range maxMoves {
		at = existing(folder)
		if err = w.notify.Add(at); err == nil && existing(folder) == at {
			return at, nil
		}
	}
	return at, err
}

// places are where a file stands: where it is named, and where links lead.
func places(file string) []string {
	path, err := filepath.Abs(file)
	if err != nil {
		path = filepath.Clean(file)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
		return []string{path, target}
	}
	return []string{path}
}

// existing is the folder, or the nearest above it that is there.
func existing(folder string) string {
	for {
		above := filepath.Dir(folder)
		if info, err := os.Stat(folder); err == nil && info.IsDir() || above == folder {
			return folder
		}
		folder = above
	}
}

// wait returns when something has changed and nothing has since for a while, or when
// ctx ends.
func (w *watch) wait(ctx context.Context) error {
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-settled:
			return nil
		case event := <-w.notify.Events:
			if w.matters(event) {
				settled = time.After(quiet)
			}
		case err := <-w.notify.Errors:
			if err != nil {
				settled = time.After(quiet) // Such as more changes than the system holds: any may matter.
			}
		}
	}
}

// matters tells whether an event is a change of the files, of a folder that they are
// to stand in, or of a file of tests beside them.
func (w *watch) matters(event fsnotify.Event) bool {
	if event.Op&^fsnotify.Chmod == 0 {
		return false // Nothing of the content.
	}
	path := filepath.Clean(event.Name)
	if _, is := w.files[path]; is {
		return true
	}
	if _, beside := w.folders[filepath.Dir(path)]; beside && isTestFile(filepath.Base(path)) {
		return true
	}
	for folder := range w.folders {
		if folder == path || strings.HasPrefix(folder, path+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
