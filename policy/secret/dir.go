package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// dirFresh is how long an answer of a directory stands before the file is looked at again.
	dirFresh = time.Second
	// dirSettled is the age from which a file's time of modification tells that it is unchanged. File systems keep
	// that time coarsely: a younger file may have been written again without showing it.
	dirSettled = 2 * time.Second
	// dirEntries bounds how many names are remembered, those without a file included.
	dirEntries = 4096
)

// errEmpty tells of a file without content. It is not "not found": a file that is being rewritten in place is empty
// for a moment, and in that moment the tenant's call must not go out with the shared secret.
var errEmpty = errors.New("the file is empty")

// Dir looks secrets up in the files of a directory: the shared secret store_token is in the file store_token, that of
// the tenant acme in acme/store_token or else in acme__store_token, as a Kubernetes secret is mounted. Symbolic links
// are followed. One newline (\n or \r\n) at the end of the file is dropped. A file that is empty, larger than 64 KiB,
// not readable or not a regular file is an error; a directory that is not there has no secrets.
//
// Only tenants of [A-Za-z0-9][A-Za-z0-9.-]{0,127} have files, so that no tenant reaches another one's, nor any file
// outside of the directory. (On a file system that ignores case, two tenants that differ only in case share theirs.)
//
// A file is looked at no more than once a second, so a change is seen within that second. At most 4096 answers, found
// or not, are remembered.
func Dir(path string) Provider {
	return &dir{path: path, entries: newLRU[dirKey, *dirEntry](dirEntries, 0)}
}

type dir struct {
	path string

	mu      sync.Mutex // Guards entries; never held while a file is read.
	entries *lru[dirKey, *dirEntry]
}

type dirKey struct{ tenant, name string }

// dirEntry is what is known of one secret.
type dirEntry struct {
	known   atomic.Pointer[dirAnswer]
	refresh sync.Mutex // Held while the file is looked at, so that one goroutine does it.
}

// dirAnswer is what the file said at a moment. It is immutable.
type dirAnswer struct {
	at    time.Time
	file  fs.FileInfo // Nil where there was no file, or none that could be used.
	value Secret
	err   error
}

// Lookup implements [Provider].
func (d *dir) Lookup(tenant, name string) (Secret, bool, error) {
	if tenant != "" && !isDirTenant(tenant) || !validName(name) {
		return Secret{}, false, nil
	}
	key := dirKey{tenant: tenant, name: name}
	d.mu.Lock()
	entry, ok := d.entries.get(key)
	d.mu.Unlock()
	if !ok {
		entry = &dirEntry{}
	}
	answer := entry.answer(d, key)
	if !ok {
		d.remember(key, entry)
	}
	return answer.value, answer.file != nil, answer.err
}

// remember keeps a new entry.
func (d *dir) remember(key dirKey, entry *dirEntry) {
	// The names are parts of a request's and a configuration's text and would keep all of it in memory.
	key = dirKey{tenant: strings.Clone(key.tenant), name: strings.Clone(key.name)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.entries.get(key); !ok {
		d.entries.add(key, entry, 0)
	}
}

// answer returns what the file says, at most a second ago.
func (e *dirEntry) answer(d *dir, key dirKey) *dirAnswer {
	if known := e.known.Load(); known != nil && time.Since(known.at) < dirFresh {
		return known
	}
	e.refresh.Lock()
	defer e.refresh.Unlock()
	known := e.known.Load()
	now := time.Now()
	if known != nil && now.Sub(known.at) < dirFresh {
		return known // Another goroutine looked while this one waited.
	}
	answer := d.read(key, known)
	answer.at = now // Taken before the look, so that the second is never exceeded.
	e.known.Store(answer)
	return answer
}

// read looks at the files that may hold the secret. What was known spares it reading a file that has not changed.
func (d *dir) read(key dirKey, known *dirAnswer) *dirAnswer {
	for _, path := range d.paths(key) {
		file, err := os.Stat(path)
		if isAbsent(err) || err == nil && file.IsDir() {
			continue
		}
		if err == nil && known != nil && known.err == nil && isUnchanged(known, file) {
			return &dirAnswer{file: file, value: known.value}
		}
		var value Secret
		if err == nil {
			value, err = readFile(path, file)
		}
		if isAbsent(err) {
			continue // It vanished after it was looked at.
		}
		if err != nil {
			return &dirAnswer{err: fmt.Errorf("reading secret %q: %w", key.name, err)}
		}
		return &dirAnswer{file: file, value: value}
	}
	return &dirAnswer{}
}

// paths returns the files that may hold the secret, the preferred one first. The key's tenant and name are valid: they
// hold no separator and do not begin with a dot.
func (d *dir) paths(key dirKey) []string {
	if key.tenant == "" {
		return []string{filepath.Join(d.path, key.name)}
	}
	return []string{
		filepath.Join(d.path, key.tenant, key.name),
		filepath.Join(d.path, key.tenant+separator+key.name),
	}
}

// isUnchanged reports whether the file is the one that was read and has not been written since.
func isUnchanged(known *dirAnswer, file fs.FileInfo) bool {
	return known.file != nil && os.SameFile(known.file, file) &&
		known.file.Size() == file.Size() && known.file.ModTime().Equal(file.ModTime()) &&
		known.at.Sub(file.ModTime()) > dirSettled
}

// isAbsent reports whether there is no such file: nothing of that name, a file where a directory would have to be, or
// a name too long for the file system.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// readFile returns the content of a file without its last newline.
func readFile(path string, info fs.FileInfo) (Secret, error) {
	if !info.Mode().IsRegular() { // Opening a named pipe would wait for a writer.
		return Secret{}, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	file, err := os.Open(path)
	if err != nil {
		return Secret{}, err
	}
	defer func() { _ = file.Close() }() // Nothing was written.
	content, err := io.ReadAll(io.LimitReader(file, maxValue+1))
	if err != nil {
		return Secret{}, err
	}
	if len(content) > maxValue {
		return Secret{}, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("the file is larger than %d bytes", maxValue)}
	}
	value := string(content)
	if cut, ok := strings.CutSuffix(value, "\n"); ok {
		value = strings.TrimSuffix(cut, "\r")
	}
	if value == "" {
		return Secret{}, &fs.PathError{Op: "read", Path: path, Err: errEmpty}
	}
	return New(value), nil
}

// HasAny implements [Provider]. A tenant's file counts when it is there, whatever it holds.
func (d *dir) HasAny(name string) (bool, error) {
	if _, found, err := d.Lookup("", name); found || err != nil || !validName(name) {
		return found, err
	}
	list, err := os.Open(d.path)
	if isAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("listing secrets: %w", err)
	}
	defer func() { _ = list.Close() }() // Nothing was written.
	for {
		entries, err := list.ReadDir(256) // In parts, so that a large directory needs no large memory.
		for _, entry := range entries {
			if d.isOfTenant(entry.Name(), name) {
				return true, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("listing secrets: %w", err)
		}
	}
}

// isOfTenant reports whether an entry of the directory is, or holds, a tenant's secret of that name.
func (d *dir) isOfTenant(entry, name string) bool {
	path := filepath.Join(d.path, entry, name)
	tenant, suffix, joined := strings.Cut(entry, separator)
	if joined {
		path = filepath.Join(d.path, entry)
	}
	if joined && suffix != name || !isDirTenant(tenant) {
		return false
	}
	file, err := os.Stat(path)
	return err == nil && file.Mode().IsRegular()
}

// String implements [Provider].
func (d *dir) String() string { return "dir " + d.path }

func isDirTenant(s string) bool {
	if s == "" || len(s) > maxTenant {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := isLowerAlnum(c) || 'A' <= c && c <= 'Z'
		if !alnum && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return true
}
