package secret

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	// lockWait bounds how long a change waits for another one of the same file, and lockPoll is the time between tries.
	lockWait = 5 * time.Second
	lockPoll = 20 * time.Millisecond
	// lockSuffix is what the name of the file beside has while a change is under way.
	lockSuffix = ".lock"
)

// errAgeName does not quote the name, which may be a value that was given in its place.
var errAgeName = fmt.Errorf("expected a name of [a-z0-9][a-z0-9_.-]*, at most %d bytes and without %q", maxName, separator)

// AgeFile is an encrypted file of secrets, as [Age] reads it, to be changed. Its methods are safe for concurrent use,
// by several processes too: a change holds PATH.lock, which is then renamed to PATH, so that readers find the old file
// or the new one, and waits at most 5 s for another one. Errors name files and hold nothing of their content.
type AgeFile struct {
	// Path is the encrypted file. A symbolic link is followed, and stays.
	Path string
	// Identity is the file with the key, which changes need as well: the file is encrypted for those that can read it.
	Identity string
}

// AgeName is the name of a secret in a file.
type AgeName struct {
	// Tenant has the secret; "" is the shared one.
	Tenant string `json:"tenant,omitempty"`
	// Name is valid as of [ParseName].
	Name string `json:"name"`
}

// ParseAgeName reads NAME or TENANT/NAME. A tenant may hold slashes, a name cannot. The error holds nothing of s.
func ParseAgeName(s string) (AgeName, error) {
	var n AgeName
	n.Name = s
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		n.Tenant, n.Name = s[:i], s[i+1:]
		if err := checkAgeTenant(n.Tenant); err != nil {
			return AgeName{}, err
		}
	}
	if !validName(n.Name) {
		return AgeName{}, errAgeName
	}
	return n, nil
}

// String returns NAME or TENANT/NAME.
func (n AgeName) String() string {
	if n.Tenant == "" {
		return n.Name
	}
	return n.Tenant + "/" + n.Name
}

// compare orders shared secrets before those of tenants, and by name.
func (n AgeName) compare(other AgeName) int {
	return cmp.Or(cmp.Compare(n.Tenant, other.Tenant), cmp.Compare(n.Name, other.Name))
}

// Names returns the names of all secrets, the shared ones first, in order.
func (f AgeFile) Names() ([]AgeName, error) {
	content, _, err := f.read()
	if err != nil {
		return nil, err
	}
	names := make([]AgeName, 0, len(content.shared)+len(content.tenants))
	for name := range content.shared {
		names = append(names, AgeName{Name: name})
	}
	for tenant, secrets := range content.tenants {
		for name := range secrets {
			names = append(names, AgeName{Tenant: tenant, Name: name})
		}
	}
	slices.SortFunc(names, AgeName.compare)
	return names, nil
}

// Set adds a secret or replaces it, and reports which. The value is 1 byte to 64 KiB of UTF-8.
func (f AgeFile) Set(name AgeName, value Secret) (replaced bool, err error) {
	switch text := value.Expose(); {
	case text == "":
		return false, fmt.Errorf("setting %s: the value is empty", name)
	case len(text) > maxValue:
		return false, fmt.Errorf("setting %s: the value is larger than %d bytes", name, maxValue)
	case !utf8.ValidString(text):
		return false, fmt.Errorf("setting %s: the value is not UTF-8 text; encode it, such as in base64", name)
	case strings.ContainsFunc(text, func(r rune) bool { return (r < ' ' || r == 0x7f) && r != '\t' && r != '\n' && r != '\r' }):
		// Nowhere could it be used; line breaks stand in keys.
		return false, fmt.Errorf("setting %s: the value holds control characters; encode it, such as in base64", name)
	}
	err = f.change(func(c *ageContent) error {
		if c.of(name.Tenant) == nil {
			c.add(name.Tenant)
		}
		_, replaced = c.of(name.Tenant)[name.Name]
		c.of(name.Tenant)[name.Name] = value
		return nil
	})
	return replaced, err
}

// Remove takes a secret out. One that is not there is an error that matches [ErrNotFound].
func (f AgeFile) Remove(name AgeName) error {
	return f.change(func(c *ageContent) error {
		secrets := c.of(name.Tenant)
		if _, found := secrets[name.Name]; !found {
			return fmt.Errorf("removing %s from %s: %w", name, f.Path, ErrNotFound)
		}
		delete(secrets, name.Name)
		if len(secrets) == 0 {
			delete(c.tenants, name.Tenant)
		}
		return nil
	})
}

// add makes room for the secrets of a tenant, or the shared ones.
func (c *ageContent) add(tenant string) {
	if tenant == "" {
		c.shared = make(map[string]Secret)
		return
	}
	if c.tenants == nil {
		c.tenants = make(map[string]map[string]Secret)
	}
	c.tenants[tenant] = make(map[string]Secret)
}

// Create makes an encrypted file without secrets. A file that is there is an error that matches [fs.ErrExist]. Where
// there is no identity, a new one (X25519) is made too, with mode 0600, and its public key returned; one that is there
// is used and never overwritten.
func (f AgeFile) Create() (publicKey string, err error) {
	if filepath.Clean(f.Path) == filepath.Clean(f.Identity) {
		return "", fmt.Errorf("creating %s: the identity needs a file of its own", f.Path)
	}
	lock, err := lockAge(f.Path)
	if err != nil {
		return "", err
	}
	defer lock.release()
	if _, err := os.Lstat(f.Path); err == nil {
		return "", fmt.Errorf("creating %s: %w", f.Path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("creating encrypted secrets: %w", err)
	}
	if publicKey, err = createIdentity(f.Identity); err != nil {
		return "", err
	}
	keys, _, err := f.readIdentity()
	if err != nil {
		return publicKey, err
	}
	return publicKey, lock.commit(&ageContent{}, keys, 0o600)
}

// createIdentity writes a new identity, and returns its public key: "" when there is a file already.
func createIdentity(path string) (publicKey string, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("creating the identity: %w", err)
	}
	identity, err := age.GenerateX25519Identity()
	if err == nil {
		publicKey = identity.Recipient().String()
		_, err = fmt.Fprintf(file, "# created: %s\n# public key: %s\n%s\n", time.Now().Format(time.RFC3339), publicKey, identity)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("creating the identity: %w", err), os.Remove(path))
	}
	return publicKey, nil
}

// change reads the file, changes its content and writes it, while no other change does.
func (f AgeFile) change(edit func(*ageContent) error) error {
	path, err := filepath.EvalSymlinks(f.Path)
	if err != nil {
		return fmt.Errorf("changing encrypted secrets: %w", err)
	}
	lock, err := lockAge(path)
	if err != nil {
		return err
	}
	defer lock.release()
	keys, _, err := f.readIdentity()
	if err != nil {
		return err
	}
	content, seen, err := AgeFile{Path: path, Identity: f.Identity}.readWith(keys)
	if err != nil {
		return err
	}
	if others := keys.others(); others > 0 {
		return fmt.Errorf("changing %s: %d of its recipients are not in %s and could not read it any more", f.Path, others, f.Identity)
	}
	if err := edit(content); err != nil {
		return err
	}
	return lock.commit(content, keys, seen.Mode().Perm())
}

// ageLock is the right to change a file: the file beside it, which comes to hold what it is replaced with.
type ageLock struct {
	path string
	file *os.File // Nil once it was renamed or removed.
}

// lockAge waits for the right to change the file.
func lockAge(path string) (*ageLock, error) {
	for start := time.Now(); ; time.Sleep(lockPoll) {
		file, err := os.OpenFile(path+lockSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return &ageLock{path: path, file: file}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("locking encrypted secrets: %w", err)
		}
		if time.Since(start) > lockWait {
			return nil, fmt.Errorf("locking encrypted secrets: another command is changing %s; if none is, remove %[1]s%s", path, lockSuffix)
		}
	}
}

// release gives the right up. After commit there is nothing left to do.
func (l *ageLock) release() {
	if l.file != nil {
		_ = l.file.Close() // What is in it is not wanted.
		_ = os.Remove(l.file.Name())
		l.file = nil
	}
}

// commit replaces the file with this content, encrypted for the keys, at once and for good.
func (l *ageLock) commit(content *ageContent, keys *keyring, mode fs.FileMode) error {
	encrypted, err := encryptAge(content, keys)
	if err != nil {
		return fmt.Errorf("encrypting %s: %w", l.path, err)
	}
	_, err = l.file.Write(encrypted)
	if err = errors.Join(err, l.file.Chmod(mode), l.file.Sync()); err != nil {
		return fmt.Errorf("writing encrypted secrets: %w", err)
	}
	written := l.file.Name()
	err = l.file.Close()
	l.file = nil
	if err == nil {
		err = os.Rename(written, l.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing encrypted secrets: %w", err), os.Remove(written))
	}
	if folder, err := os.Open(filepath.Dir(l.path)); err == nil {
		_ = folder.Sync() // So that the new name outlives a crash, where the system can do that.
		_ = folder.Close()
	}
	return nil
}

// encryptAge returns the content as an armored file that each of the identities decrypts.
func encryptAge(content *ageContent, keys *keyring) ([]byte, error) {
	recipients := make([]age.Recipient, 0, len(keys.identities))
	for _, identity := range keys.identities {
		switch identity := identity.(type) {
		case *age.X25519Identity:
			recipients = append(recipients, identity.Recipient())
		case *age.HybridIdentity:
			recipients = append(recipients, identity.Recipient())
		default:
			return nil, errors.New("the identity is of a kind that cannot encrypt")
		}
	}
	plain, err := content.encode()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	armored := armor.NewWriter(&b)
	sealed, err := age.Encrypt(armored, recipients...)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(sealed, bytes.NewReader(plain))
	if err := errors.Join(err, sealed.Close(), armored.Close()); err != nil {
		return nil, err
	}
	if b.Len() > maxAgeFile {
		return nil, fmt.Errorf("the file would be larger than %d bytes", maxAgeFile)
	}
	return b.Bytes(), nil
}
