package secret_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// names lists a file, in one line.
func names(t testing.TB, f secret.AgeFile) string {
	t.Helper()
	all, err := f.Names()
	must(t, err)
	return fmt.Sprint(all)
}

// decrypt does what `age --decrypt` does with an armored file.
func decrypt(t testing.TB, f secret.AgeFile) string {
	t.Helper()
	opened, err := age.Decrypt(armor.NewReader(strings.NewReader(read(t, f.Path))), identitiesOf(t, f.Identity)...)
	must(t, err)
	plain, err := io.ReadAll(opened)
	must(t, err)
	return string(plain)
}

func checkMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}

// checkFolder makes sure that nothing else is beside the files.
func checkFolder(t *testing.T, f secret.AgeFile, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(f.Path))
	must(t, err)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the folder holds %v, want %v", got, want)
	}
}

func TestCreateMakesAnEmptyFileAndAnIdentityThatOnlyTheOwnerReads(t *testing.T) {
	dir := t.TempDir()
	f := secret.AgeFile{Path: filepath.Join(dir, "secrets.age"), Identity: filepath.Join(dir, "key.txt")}
	key, err := f.Create()
	identities := identitiesOf(t, f.Identity)
	if want := identities[0].(*age.X25519Identity).Recipient().String(); err != nil || key != want {
		t.Errorf("Create() = %q, %v, want %q", key, err, want)
	}
	checkMode(t, f.Path, 0o600)
	checkMode(t, f.Identity, 0o600)
	if got := names(t, f); got != "[]" {
		t.Errorf("a new file holds %s, want nothing", got)
	}
	if armored := read(t, f.Path); !strings.HasPrefix(armored, "-----BEGIN AGE ENCRYPTED FILE-----\n") {
		t.Errorf("the file is not armored: %.60q", armored)
	}
	checkFolder(t, f, "key.txt", "secrets.age")
}

func TestCreateUsesTheIdentityThatIsThereAndOverwritesNothing(t *testing.T) {
	first := newAge(t, map[string]string{"a": "x"})
	file, identity := read(t, first.Path), read(t, first.Identity)
	if _, err := first.Create(); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), first.Path) {
		t.Errorf("creating it again gave %v, want one that says that %s is there", err, first.Path)
	}
	second := secret.AgeFile{Path: first.Path + "2", Identity: first.Identity}
	if key, err := second.Create(); key != "" || err != nil {
		t.Errorf("Create() = %q, %v, want no new identity", key, err)
	}
	if read(t, first.Path) != file || read(t, first.Identity) != identity {
		t.Error("creating a file changed another one")
	}
	if got := names(t, second); got != "[]" {
		t.Errorf("a new file holds %s, want nothing", got)
	}
	checkFolder(t, first, "key.txt", "secrets.age", "secrets.age2")
}

func TestWhatCannotBeCreatedLeavesNothingBehind(t *testing.T) {
	dir := newDir(t, map[string]string{"notes.txt": "s3cr3t", "open.txt": "AGE-SECRET-KEY-1X"})
	must(t, os.Chmod(filepath.Join(dir, "open.txt"), 0o644))
	for _, c := range []struct{ path, identity, says string }{
		{"no/secrets.age", "key.txt", "locking encrypted secrets: open "},
		{"secrets.age", "no/key.txt", "creating the identity: open "},
		{"secrets.age", "./secrets.age", "the identity needs a file of its own"},
		{"secrets.age", "notes.txt", "is not an identity file"},
		{"secrets.age", "open.txt", "chmod 600 "},
		{"secrets.age", ".", "not a regular file"},
		{".", "key.txt", "file already exists"},
	} {
		f := secret.AgeFile{Path: filepath.Join(dir, c.path), Identity: filepath.Join(dir, c.identity)}
		if _, err := f.Create(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("creating %s with %s gave %v, want an error that says %q", c.path, c.identity, err, c.says)
		}
	}
	checkFolder(t, secret.AgeFile{Path: filepath.Join(dir, "secrets.age")}, "notes.txt", "open.txt")
	if _, err := os.Stat(dir + ".lock"); err == nil {
		t.Error("a lock was left behind")
	}
}

func TestWhatIsSetCanBeLookedUpListedAndRemoved(t *testing.T) {
	f := newAge(t, nil)
	for _, c := range []struct {
		name, value string
		replaced    bool
	}{{"b", "1", false}, {"b", "2", true}, {"a", "line\nline\n", false}, {"globex/b", "3", false}, {"Ünï/x y/b", "4", false}, {"globex/b", "5", true}} {
		n, err := secret.ParseAgeName(c.name)
		must(t, err)
		if replaced, err := f.Set(n, secret.New(c.value)); replaced != c.replaced || err != nil {
			t.Errorf("Set(%s) = %v, %v, want %v", c.name, replaced, err, c.replaced)
		}
		checkLookup(t, provider(f), n.Tenant, n.Name, c.value)
	}
	if got, want := names(t, f), "[a b globex/b Ünï/x y/b]"; got != want {
		t.Errorf("the names are %s, want %s", got, want)
	}
	for _, name := range []string{"b", "globex/b"} {
		n, err := secret.ParseAgeName(name)
		must(t, err)
		must(t, f.Remove(n))
		checkLookup(t, provider(f), n.Tenant, n.Name, "")
		if err := f.Remove(n); !errors.Is(err, secret.ErrNotFound) || !strings.Contains(err.Error(), name) {
			t.Errorf("removing %s again gave %v, want that it is not found", name, err)
		}
	}
	if got, want := names(t, f), "[a Ünï/x y/b]"; got != want {
		t.Errorf("the names are %s, want %s", got, want)
	}
	if plain := decrypt(t, f); strings.Contains(plain, "globex") {
		t.Errorf("the file still knows a tenant without secrets:\n%s", plain)
	}
	checkFolder(t, f, "key.txt", "secrets.age")
}

func TestValuesThatNoFileHoldsAreRefused(t *testing.T) {
	f := newAge(t, map[string]string{"a": "kept"})
	before := read(t, f.Path)
	for value, says := range map[string]string{
		"":                              "setting a: the value is empty",
		strings.Repeat("s", 64<<10+1):   "setting a: the value is larger than 65536 bytes",
		"s3cr3t\xff":                    "setting a: the value is not UTF-8 text",
		"s3cr3t\x00":                    "setting a: the value holds control characters",
		strings.Repeat("-----\n", 9000): "", // Fits.
	} {
		_, err := f.Set(secret.AgeName{Name: "a"}, secret.New(value))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cr3t")) {
			t.Errorf("setting %.20q gave %v, want an error that says %q", value, err, says)
		}
		if says != "" && read(t, f.Path) != before {
			t.Errorf("setting %.20q changed the file", value)
		} else if says == "" {
			must(t, os.WriteFile(f.Path, []byte(before), 0o600))
		}
	}
	var full strings.Builder
	full.WriteString("secrets:\n  a: kept\n")
	for i := range 11 {
		fmt.Fprintf(&full, "  n%d: %s\n", i, strings.Repeat("v", 64<<10))
	}
	encrypt(t, f.Path, full.String(), f.Identity)
	if _, err := f.Set(secret.AgeName{Name: "b"}, secret.New(strings.Repeat("v", 64<<10))); err == nil || !strings.Contains(err.Error(), "the file would be larger than 1048576 bytes") {
		t.Errorf("setting a secret for which there is no room gave %v, want that the file has at most 1 MiB", err)
	}
	checkLookup(t, provider(f), "", "a", "kept")
	checkFolder(t, f, "key.txt", "secrets.age")
}

func TestANameIsReadAndNothingOfABadOneIsTold(t *testing.T) {
	for source, want := range map[string]secret.AgeName{
		"a": {Name: "a"}, "store_token": {Name: "store_token"}, "acme/a.b-c": {Tenant: "acme", Name: "a.b-c"}, "a/b/c": {Tenant: "a/b", Name: "c"}, "Zoë X/n": {Tenant: "Zoë X", Name: "n"},
	} {
		got, err := secret.ParseAgeName(source)
		if got != want || err != nil || got.String() != source {
			t.Errorf("ParseAgeName(%q) = %+v, %v, want %+v", source, got, err, want)
		}
	}
	for _, source := range []string{"", "/", "S3cr3t", "a__S3cr3t", "/S3cr3t", "/s3cr3t", "acme/", "acme/S3cr3t", " s3cr3t/a", "s3cr3t\n/a", "s3cr3t=x", strings.Repeat("s3cr3t", 22), strings.Repeat("s3cr3t", 22) + "/a"} {
		got, err := secret.ParseAgeName(source)
		if err == nil || got != (secret.AgeName{}) || strings.Contains(strings.ToLower(err.Error()), "s3cr3t") {
			t.Errorf("ParseAgeName(%q) = %+v, %v, want an error that does not quote it", source, got, err)
		}
	}
}

func TestAFileForOthersTooIsNotChanged(t *testing.T) {
	mine, theirs := newAge(t, nil), newAge(t, nil)
	encrypt(t, mine.Path, "secrets: {a: x}", mine.Identity, theirs.Identity)
	before := read(t, mine.Path)
	checkLookup(t, provider(mine), "", "a", "x")
	_, err := mine.Set(secret.AgeName{Name: "b"}, secret.New("y"))
	if err == nil || !strings.Contains(err.Error(), "1 of its recipients are not in "+mine.Identity) || read(t, mine.Path) != before {
		t.Errorf("setting a secret gave %v, want that another recipient could not read the file any more", err)
	}
	// A new identity, not yet a recipient, does not stand in for the other one.
	another := newAge(t, nil)
	writeFile(t, mine.Identity, read(t, mine.Identity)+read(t, another.Identity))
	if err := mine.Remove(secret.AgeName{Name: "a"}); err == nil || !strings.Contains(err.Error(), "1 of its recipients") {
		t.Errorf("removing a secret gave %v, want that another recipient could not read the file any more", err)
	}
	writeFile(t, mine.Identity, read(t, mine.Identity)+read(t, theirs.Identity))
	set(t, mine, "b", "y")
	for who, f := range map[string]secret.AgeFile{"the first": mine, "the second": {Path: mine.Path, Identity: theirs.Identity}, "the new": {Path: mine.Path, Identity: another.Identity}} {
		if got := names(t, f); got != "[a b]" {
			t.Errorf("%s recipient finds %s, want [a b]", who, got)
		}
	}
}

func TestChangesAtTheSameTimeLoseNoneOfThem(t *testing.T) {
	f := newAge(t, nil)
	link := filepath.Join(t.TempDir(), "link.age")
	must(t, os.Symlink(f.Path, link))
	must(t, os.Chmod(f.Path, 0o640))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			through := f
			if i%2 == 0 {
				through.Path = link
			}
			if _, err := through.Set(secret.AgeName{Name: fmt.Sprint("n", i)}, secret.New("x")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := f.Names(); len(got) != 20 || err != nil {
		t.Errorf("%d secrets of 20 are there: %v, %v", len(got), got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	checkMode(t, f.Path, 0o640)
	checkFolder(t, f, "key.txt", "secrets.age")
}

func TestALockThatStaysIsToldAfterAWhile(t *testing.T) {
	f := newAge(t, map[string]string{"a": "x"})
	writeFile(t, f.Path+".lock", "half of somebody's change")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := f.Remove(secret.AgeName{Name: "a"})
		if err == nil || !strings.Contains(err.Error(), "remove "+f.Path+".lock") {
			t.Errorf("got %v, want that the lock can be removed", err)
		}
		if took := time.Since(start); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("it took %v, want some 5s", took)
		}
	})
	if got := names(t, f); got != "[a]" {
		t.Errorf("the names are %s, want [a]", got)
	}
	checkFolder(t, f, "key.txt", "secrets.age", "secrets.age.lock")
}
