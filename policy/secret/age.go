package secret

import (
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Age looks secrets up in a YAML file that is encrypted with age (age-encryption.org/v1, binary or armored), with the
// key in identityFile, AGE-SECRET-KEY-1… as age-keygen and [AgeFile.Create] write it. Decrypted it reads
//
//	secrets:
//	  store_token: s3cr3t
//	tenants:
//	  acme:
//	    store_token: acme-s3cr3t
//
// with at least one of the two keys. Every tenant that a call may have can have secrets here. Values are strings of
// 1 byte to 64 KiB, line breaks included. Reading is strict: unknown keys, duplicates, values that are not strings,
// anchors, aliases, tags and a second document are errors. The encrypted file has at most 1 MiB, and both files are regular
// ones. The identity file must not be accessible to others, nor be written by its group (except on Windows, which has no such modes).
//
// The files are looked at no more than once a second, and only when a secret is looked up. One call then reads what
// has changed, while others go on with what was known. Until the files have been read well once, every lookup is an
// error; from then on, what was read last stays in use whatever becomes of the files, and [Store.OnFault] tells of it.
func Age(file, identityFile string) Provider {
	return &ageProvider{file: AgeFile{Path: file, Identity: identityFile}}
}

type ageProvider struct {
	file    AgeFile
	known   atomic.Pointer[ageAnswer]
	refresh sync.Mutex // Held while the files are looked at, so that one goroutine does it.
	report  atomic.Pointer[func(place string, err error)]
}

// ageAnswer is what the files said at a moment. It is immutable.
type ageAnswer struct {
	at      time.Time
	seen    ageFiles
	content *ageContent // The last good one; nil before there was any.
	err     error       // Why content is not what the files say; nil when it is.
}

// ageFiles are the encrypted file and the identity as they were when both were read to the end, nil otherwise.
type ageFiles [2]fs.FileInfo

// Lookup implements [Provider].
func (p *ageProvider) Lookup(tenant, name string) (Secret, bool, error) {
	content, err := p.content()
	if err != nil {
		return Secret{}, false, err
	}
	value, found := content.of(tenant)[name]
	return value, found, nil
}

// HasAny implements [Provider].
func (p *ageProvider) HasAny(name string) (bool, error) {
	content, err := p.content()
	if err != nil {
		return false, err
	}
	if _, found := content.shared[name]; found {
		return true, nil
	}
	for _, secrets := range content.tenants {
		if _, found := secrets[name]; found {
			return true, nil
		}
	}
	return false, nil
}

// String implements [Provider].
func (p *ageProvider) String() string { return "age " + p.file.Path + " " + p.file.Identity }

// onFault implements what [Store.OnFault] asks for.
func (p *ageProvider) onFault(report func(place string, err error)) { p.report.Store(&report) }

// content returns what the files said when they were read well last. The error is that of files that never were.
func (p *ageProvider) content() (*ageContent, error) {
	answer := p.known.Load()
	if answer == nil || time.Since(answer.at) >= dirFresh {
		answer = p.renew(answer)
	}
	if answer.content == nil {
		return nil, answer.err
	}
	return answer.content, nil
}

// renew looks at the files, and tells of a fault that is new or has gone.
func (p *ageProvider) renew(known *ageAnswer) *ageAnswer {
	if known == nil || known.content == nil {
		p.refresh.Lock()
	} else if !p.refresh.TryLock() {
		return known // Another goroutine is looking. What is known is good enough meanwhile.
	}
	before, after := p.look()
	if report := p.report.Load(); report != nil && before != after && after.isNewsAfter(before) {
		(*report)(p.String(), after.err)
	}
	return after
}

// look returns what was known and what the files say now, at most a second ago. It unlocks refresh.
func (p *ageProvider) look() (before, after *ageAnswer) {
	defer p.refresh.Unlock()
	before = p.known.Load()
	now := time.Now() // Taken before the look, so that the second is never exceeded.
	if before != nil && now.Sub(before.at) < dirFresh {
		return before, before // Another goroutine looked while this one waited.
	}
	after = &ageAnswer{at: now}
	if before != nil && before.isUnchanged(p.file) {
		after.seen, after.content, after.err = before.seen, before.content, before.err
	} else {
		after.content, after.seen, after.err = p.file.read()
		if after.err != nil && before != nil {
			after.content = before.content
		}
	}
	p.known.Store(after)
	return before, after
}

// isNewsAfter reports whether the answer tells of another fault than the one before, or the end of it. A fault is
// another one when its text is, or when the files have changed and are still at fault.
func (a *ageAnswer) isNewsAfter(before *ageAnswer) bool {
	if before == nil || before.err == nil {
		return a.err != nil
	}
	return a.err == nil || a.err.Error() != before.err.Error() || !a.seen.areSame(before.seen)
}

// isUnchanged reports whether both files were read and have not been written since.
func (a *ageAnswer) isUnchanged(f AgeFile) bool {
	for i, path := range []string{f.Path, f.Identity} {
		if a.seen[i] == nil || a.at.Sub(a.seen[i].ModTime()) <= dirSettled {
			return false
		}
		if now, err := os.Stat(path); err != nil || !isSame(a.seen[i], now) {
			return false
		}
	}
	return true
}

func (f ageFiles) areSame(other ageFiles) bool {
	return isSame(f[0], other[0]) && isSame(f[1], other[1])
}

// isSame reports whether nothing tells the two apart, the permissions included.
func isSame(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// OnFault has report called when a provider that keeps the last good secrets in use ([Age]) cannot read those that
// should replace them: once for each fault, and again when the files change and are still at fault. A nil error says
// that they have been read well again. place is the provider in the words of the configuration; the error names the
// file and holds nothing of its content.
//
// report is called on the goroutine of a lookup, outside of any lock, and possibly by several at once; it should be
// quick. A further call of OnFault replaces it. nil is not allowed.
func (s *Store) OnFault(report func(place string, err error)) {
	if s == nil {
		return
	}
	for _, p := range s.providers {
		if p, ok := p.(interface {
			onFault(report func(place string, err error))
		}); ok {
			p.onFault(report)
		}
	}
}
