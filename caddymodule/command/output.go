package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// output is a file that a command makes.
type output struct {
	path string
	text []byte
}

// free refuses a file that is there already, unless it may be replaced.
func (o output) free(force bool) error {
	if _, err := os.Lstat(o.path); err == nil && !force {
		return fmt.Errorf("%s is there already: name another file, or replace it with --force", o.path)
	}
	return nil
}

// write writes the file whole or not at all: beside its place, and then there. What
// came there meanwhile is replaced only where it may be.
func (o output) write(force bool) (err error) {
	defer func() {
		if fault := (*fs.PathError)(nil); errors.As(err, &fault) {
			err = fault.Err // The file beside it means nothing to anybody.
		}
		if err != nil {
			err = fmt.Errorf("writing %s: %w", o.path, err)
		}
	}()
	beside, err := os.CreateTemp(filepath.Dir(o.path), ".signpost-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(beside.Name()))) }()
	_, err = beside.Write(o.text)
	if err = errors.Join(err, beside.Chmod(0o644), beside.Sync(), beside.Close()); err != nil {
		return err
	}
	if force {
		return os.Rename(beside.Name(), o.path)
	}
	err = os.Link(beside.Name(), o.path)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("it is there already: name another file, or replace it with --force")
	}
	if err != nil { // Some file systems have no links.
		return os.Rename(beside.Name(), o.path)
	}
	return nil
}

// ignoreMissing is err, unless it says that there is no such file.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
