package tenant

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxFile bounds a tenants file in bytes.
const maxFile = 64 << 20

// Entry is what is known of a tenant.
type Entry struct {
	// Plan is the plan's name, "" when the file says none.
	Plan string
	// Vars are the tenant's variables, nil without any: at most 64, each of at
	// most 1 KiB. The map is shared and must not be changed.
	Vars map[string]string
}

// File is what a tenants file said when it was read. It does not change and is
// safe for concurrent use.
type File struct {
	entries map[string]Entry
	sum     [sha256.Size]byte // Of the bytes that it was read from.
}

// Load reads a tenants file of at most 64 MiB. plans tells whether there is a
// plan of that name; nil allows every plan. Unknown keys, duplicate tenants, bad
// names, unknown plans and values that are not what they should be are errors,
// up to 20 of them joined, each an *Error with its line.
func Load(path string, plans func(string) bool) (*File, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return parse(path, data, plans)
}

// Lookup gives what is known of a tenant; ok is false for an unknown one.
func (f *File) Lookup(name string) (e Entry, ok bool) {
	e, ok = f.entries[name]
	return e, ok
}

// Len gives the number of tenants.
func (f *File) Len() int { return len(f.entries) }

// Error is one thing wrong with a tenants file.
type Error struct {
	Path         string
	Line, Column int // From 1; 0 when not known.
	Msg          string
}

// Error gives "path:line:column: message", without what is not known.
func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.Path, e.Msg)
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Msg)
}

// read gives the bytes of a regular file. Anything else, such as a pipe, could
// keep the reader waiting for ever.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, readError(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Path: path, Msg: "expected a regular file"}
	}
	tooLarge := &Error{Path: path, Msg: fmt.Sprintf("a tenants file has at most %d bytes", maxFile)}
	if info.Size() > maxFile {
		return nil, tooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, readError(path, err)
	}
	if len(data) > maxFile { // It has grown since.
		return nil, tooLarge
	}
	return data, nil
}

// readError drops the path from the file system's error, and keeps the error.
func readError(path string, err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("reading the tenants file %s: %w", path, err)
}
