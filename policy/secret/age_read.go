package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	// maxAgeFile bounds an encrypted file, in bytes. What it holds is shorter.
	maxAgeFile = 1 << 20
	// maxIdentityFile bounds an identity file, in bytes.
	maxIdentityFile = 64 << 10
	// maxIdentities bounds the keys of an identity file, and maxRecipients the keys that an encrypted file says it is
	// for: each of the one is tried on each of the other, at some 50 µs.
	maxIdentities = 16
	maxRecipients = 64
	// ageIntro begins a binary file; an armored one begins with armor.Header.
	ageIntro = "age-encryption.org/"
)

// errRecipients tells of an encrypted file with too many keys.
var errRecipients = errors.New("too many recipients")

// read returns the content of the file, and both files as they were. The files are nil when they could not be read to
// the end, which a second try may change, and known when it is their content that is wrong.
func (f AgeFile) read() (*ageContent, ageFiles, error) {
	keys, identityInfo, err := f.readIdentity()
	if err != nil {
		return nil, ageFiles{}, err
	}
	content, fileInfo, err := f.readWith(keys)
	if fileInfo == nil {
		return nil, ageFiles{}, err
	}
	return content, ageFiles{fileInfo, identityInfo}, err
}

// readWith returns the content of the file that the keys decrypt, and the file as it was: nil when it could not be
// read to the end.
func (f AgeFile) readWith(keys *keyring) (*ageContent, fs.FileInfo, error) {
	data, info, err := readRegular(f.Path, maxAgeFile, false)
	if err != nil {
		return nil, nil, fmt.Errorf("reading encrypted secrets: %w", err)
	}
	plain, err := keys.decrypt(data)
	if err != nil {
		return nil, info, fmt.Errorf("decrypting %s with %s: %w", f.Path, f.Identity, err)
	}
	content, err := parseAge(plain)
	if err != nil {
		return nil, info, fmt.Errorf("reading %s: decrypted, %w", f.Path, err)
	}
	return content, info, nil
}

// readIdentity returns the keys that decrypt the file.
func (f AgeFile) readIdentity() (*keyring, fs.FileInfo, error) {
	data, info, err := readRegular(f.Identity, maxIdentityFile, true)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the identity: %w", err)
	}
	if isEncrypted(data) {
		return nil, nil, fmt.Errorf("reading the identity: %s is an encrypted file: expected one with a line AGE-SECRET-KEY-1…", f.Identity)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil { // Its text is left out. It is not known to hold no part of a key.
		return nil, nil, fmt.Errorf("reading the identity: %s is not an identity file: expected a line AGE-SECRET-KEY-1…", f.Identity)
	}
	if len(identities) > maxIdentities {
		return nil, nil, fmt.Errorf("reading the identity: %s holds %d identities, at most %d are allowed", f.Identity, len(identities), maxIdentities)
	}
	return &keyring{identities: identities}, info, nil
}

// openToOthers are the permissions that an identity file must not give: any to
// others, and writing to the group. The group may read, since Kubernetes mounts
// secrets so for pods that do not run as root.
const openToOthers = 0o027

// readRegular returns what is in a regular file of at most so many bytes, and the file as it was before. A private
// one is not read when others than its owner and group can use it.
func readRegular(path string, limit int64, private bool) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // Opening a named pipe would wait for a writer.
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if private && info.Mode().Perm()&openToOthers != 0 && runtime.GOOS != "windows" {
		return nil, nil, fmt.Errorf("others than its owner can use %s (mode %04o): chmod 600 %[1]s", path, info.Mode().Perm())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }() // Nothing was written.
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > limit {
		return nil, nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("the file is larger than %d bytes", limit)}
	}
	return data, info, nil
}

// isEncrypted reports whether the data are those of a file encrypted with age.
func isEncrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte(ageIntro)) || isArmored(data)
}

func isArmored(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(data), []byte(armor.Header))
}

// keyring tries identities on a file, and keeps for whom that file is encrypted, which the library does not tell.
type keyring struct {
	identities []age.Identity
	stanzas    []*age.Stanza // Of the file decrypted last, one a recipient.
}

// Unwrap implements [age.Identity].
func (k *keyring) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) > maxRecipients {
		return nil, errRecipients
	}
	k.stanzas = stanzas
	return k.unwrap(stanzas...)
}

func (k *keyring) unwrap(stanzas ...*age.Stanza) ([]byte, error) {
	for _, identity := range k.identities {
		if key, err := identity.Unwrap(stanzas); !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// others returns how many recipients of the file decrypted last are none of the identities.
func (k *keyring) others() int {
	n := 0
	for _, stanza := range k.stanzas {
		if strings.HasSuffix(stanza.Type, "-grease") {
			continue // Nobody's: some programs add such, to be passed over.
		}
		if _, err := k.unwrap(stanza); err != nil {
			n++
		}
	}
	return n
}

// decrypt returns what the file holds. The library's errors are left out, because they quote the file, which may be
// one that is not encrypted at all.
func (k *keyring) decrypt(data []byte) ([]byte, error) {
	if !isEncrypted(data) {
		return nil, errors.New("this is not a file encrypted with age")
	}
	var source io.Reader = bytes.NewReader(data)
	if isArmored(data) {
		source = armor.NewReader(source)
	}
	var plain []byte
	opened, err := age.Decrypt(source, k)
	if err == nil {
		plain, err = io.ReadAll(opened) // Shorter than the file: age does not compress.
	}
	var noMatch *age.NoIdentityMatchError
	switch {
	case errors.As(err, &noMatch):
		return nil, errors.New("the file is encrypted for another identity")
	case errors.Is(err, errRecipients):
		return nil, fmt.Errorf("the file is encrypted for more than %d recipients", maxRecipients)
	case err != nil:
		return nil, errors.New("the file is damaged or cut short")
	}
	return plain, nil
}
