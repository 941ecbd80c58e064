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

// writeAll writes all files or none: each is written whole beside its place, and moved
// there once all of them are. What came there meanwhile is replaced only where it may be.
func writeAll(force bool, outputs ...output) (err error) {
	var files []*preparedFile
	defer func() {
		for _, file := range files {
			err = errors.Join(err, file.clean())
		}
	}()
	for _, o := range outputs {
		file, fault := o.prepare()
		if fault != nil {
			return writingError(o.path, fault)
		}
		files = append(files, file)
	}
	for i, file := range files {
		if err := file.place(force); err != nil {
			err = writingError(file.path, err)
			for _, placed := range files[:i] {
				err = errors.Join(err, placed.undo())
			}
			return err
		}
	}
	return nil
}

// writingError says which file could not be written. The name of the file beside it
// means nothing to anybody.
func writingError(path string, err error) error {
	if fault, is := errors.AsType[*fs.PathError](err); is {
		err = fault.Err
	} else if fault, is := errors.AsType[*os.LinkError](err); is {
		err = fault.Err
	}
	return fmt.Errorf("writing %s: %w", path, err)
}

// preparedFile is a file that is whole, beside its place.
type preparedFile struct {
	path   string
	beside string
	before string // the file that was replaced, beside its place too; empty where there was none
}

// prepare writes the file beside its place.
func (o output) prepare() (file *preparedFile, err error) {
	beside, err := os.CreateTemp(filepath.Dir(o.path), ".signpost-*")
	if err != nil {
		return nil, err
	}
	_, err = beside.Write(o.text)
	if err = errors.Join(err, beside.Chmod(0o644), beside.Sync(), beside.Close()); err != nil {
		return nil, errors.Join(err, ignoreMissing(os.Remove(beside.Name())))
	}
	return &preparedFile{path: o.path, beside: beside.Name()}, nil
}

// place puts the file where it belongs.
func (f *preparedFile) place(force bool) error {
	if force {
		return f.replace()
	}
	err := os.Link(f.beside, f.path)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("it is there already: name another file, or replace it with --force")
	}
	if err != nil { // Some file systems have no links.
		return os.Rename(f.beside, f.path)
	}
	return nil
}

// replace puts the file in the place of what is there, which it keeps beside it.
func (f *preparedFile) replace() error {
	info, err := os.Lstat(f.path)
	if err == nil && info.IsDir() {
		return errors.New("it is a folder: name a file")
	}
	if err == nil {
		before := f.beside + ".before"
		if os.Link(f.path, before) != nil { // Some file systems have no links.
			if err := os.Rename(f.path, before); err != nil {
				return err
			}
		}
		f.before = before
	}
	if err := os.Rename(f.beside, f.path); err != nil {
		return errors.Join(err, f.restore())
	}
	return nil
}

// undo takes the file away again, and puts back what it had replaced.
func (f *preparedFile) undo() error {
	return errors.Join(ignoreMissing(os.Remove(f.path)), f.restore())
}

// restore puts back what was replaced.
func (f *preparedFile) restore() error {
	if f.before == "" {
		return nil
	}
	err := os.Rename(f.before, f.path)
	f.before = ""
	return err
}

// clean removes what is beside the file's place.
func (f *preparedFile) clean() error {
	err := ignoreMissing(os.Remove(f.beside))
	if f.before != "" {
		err = errors.Join(err, ignoreMissing(os.Remove(f.before)))
	}
	return err
}

// ignoreMissing is err, unless it says that there is no such file.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
