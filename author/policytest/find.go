package policytest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of a search.
const (
	// MaxFiles bounds how many files of tests are found.
	MaxFiles = 10000
	// maxEntries bounds how many files and folders are looked at.
	maxEntries = 1 << 20
)

// Find gives the files of tests that paths mean: a file as it is named, whatever its
// name, and of a folder all files named *_test.yaml in it and below it,
// in the order of their names. Folders whose names begin with a dot, node_modules and
// symbolic links inside folders are left out. Without paths, the current folder is
// searched. Each file is given once. A path that is not there, no file at all, and
// more than MaxFiles are errors.
func Find(paths []string) ([]string, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	s := search{found: make(map[string]struct{})}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			err = fmt.Errorf("finding tests in %s: %w", path, bare(err))
		case info.IsDir():
			err = s.folder(path)
		default:
			err = s.add(path)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(s.files) == 0 {
		return nil, fmt.Errorf("finding tests: no file named *_test.yaml in %s", strings.Join(paths, ", "))
	}
	return s.files, nil
}

// search is what has been found so far.
type search struct {
	files   []string
	found   map[string]struct{}
	entries int
}

// add takes a file, unless it was found already.
func (s *search) add(path string) error {
	path = filepath.Clean(path)
	if _, twice := s.found[path]; twice {
		return nil
	}
	if len(s.files) == MaxFiles {
		return fmt.Errorf("finding tests: more than %d files: name folders that hold fewer", MaxFiles)
	}
	s.found[path] = struct{}{}
	s.files = append(s.files, path)
	return nil
}

// folder searches a folder. The separator makes it the folder that a symbolic link
// leads to, where its name is one's.
func (s *search) folder(root string) error {
	root = strings.TrimSuffix(root, string(filepath.Separator)) + string(filepath.Separator)
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		s.entries++
		switch {
		case err != nil:
			return fmt.Errorf("finding tests in %s: %w", path, bare(err))
		case s.entries > maxEntries:
			return errors.New("finding tests: too many files to look through: name folders that hold fewer")
		case entry.IsDir() && path != root && isSkipped(entry.Name()):
			return fs.SkipDir
		case entry.Type().IsRegular() && isTestFile(entry.Name()):
			return s.add(path)
		}
		return nil
	})
}

// isSkipped tells the folders that hold what nobody here wrote.
func isSkipped(name string) bool { return strings.HasPrefix(name, ".") || name == "node_modules" }

// isTestFile tells the names of files of tests.
func isTestFile(name string) bool {
	return strings.HasSuffix(name, "_test.yaml")
}
