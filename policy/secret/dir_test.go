package secret_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// newDir makes a directory with these files, by their paths.
func newDir(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func checkLookup(t *testing.T, p secret.Provider, tenant, name, want string) {
	t.Helper()
	got, found, err := p.Lookup(tenant, name)
	if got.Expose() != want || found != (want != "") || err != nil {
		t.Errorf("Lookup(%q, %q) = %q, %v, %v; want %q", tenant, name, got.Expose(), found, err, want)
	}
}

func TestDirFindsSharedAndTenantsFiles(t *testing.T) {
	dir := newDir(t, map[string]string{
		"store_token": "shared", "acme/store_token": "acme's", "globex__store_token": "globex's", "Both/x": "nested",
		"Both__x": "joined", "unix": "a\n", "dos": "a\r\n", "two": "a\n\n", "cr": "a\r", "lines": "a\nb\n", "a.b-c": "dotted",
		"max": strings.Repeat("m", 64<<10), "plain": "a file where a tenant's directory could be",
	})
	p := secret.Dir(dir)
	for _, c := range []struct{ tenant, name, want string }{
		{"", "store_token", "shared"},
		{"acme", "store_token", "acme's"},
		{"globex", "store_token", "globex's"},
		{"Both", "x", "nested"},
		{"both", "x", ""},
		{"initech", "store_token", ""},
		{"", "acme", ""},
		{"", "globex__store_token", ""},
		{"", "absent", ""},
		{"plain", "store_token", ""},
		{"", "unix", "a"},
		{"", "dos", "a"},
		{"", "two", "a\n"},
		{"", "cr", "a\r"},
		{"", "lines", "a\nb"},
		{"", "a.b-c", "dotted"},
		{"", "max", strings.Repeat("m", 64<<10)},
		{strings.Repeat("t", 128), strings.Repeat("n", 128), ""},
	} {
		checkLookup(t, p, c.tenant, c.name, c.want)
	}
	checkLookup(t, secret.Dir(filepath.Join(dir, "absent")), "acme", "store_token", "")
}

func TestDirDoesNotPassOverAFileThatItCannotUse(t *testing.T) {
	dir := newDir(t, map[string]string{
		"empty": "", "newline": "\n", "large": strings.Repeat("x", 64<<10+1), "acme/token": "", "token": "shared-credential",
	})
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	p := secret.Dir(dir)
	for _, c := range []struct{ tenant, name, says string }{
		{"", "empty", "empty"}, {"", "newline", "empty"}, {"", "large", "larger than 65536"}, {"", "pipe", "not a regular file"}, {"acme", "token", "empty"},
	} {
		got, found, err := p.Lookup(c.tenant, c.name)
		if err == nil || found || !got.IsZero() || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("Lookup(%q, %q) = %q, %v, %v; want an error that says %q", c.tenant, c.name, got.Expose(), found, err, c.says)
		}
	}
	if got, err := secret.NewStore(p).Resolve(secret.Ref{Name: "token"}, "acme"); err == nil {
		t.Errorf("Resolve gave %q in place of the tenant's empty secret, want an error", got.Expose())
	}
}

func TestNoTenantReachesAFileOutsideOfItsOwn(t *testing.T) {
	root := newDir(t, map[string]string{
		"outside": "reached", "secrets/shared": "reached", "secrets/acme/token": "reached", "secrets/x__token": "reached",
		"token": "reached", "secrets/token": "reached", "secrets/.hidden/token": "reached", "secrets/..data/token": "reached",
	})
	dir := filepath.Join(root, "secrets")
	p := secret.Dir(dir)
	tenants := []string{
		"..", ".", "../secrets", "../..", "./acme", "acme/", "acme/.", "acme/../acme", "/", root, dir + "/acme", "acme\x00", "acme\n",
		"\nacme", "acme/../..", "..\\secrets", ".hidden", "..data", "x_", "x__token", "_", "-", " acme", "acme ", "acme\u200b", "🙂",
		"ａcme", "%2e%2e", "..%2f", "a/../..", strings.Repeat("../", 400), strings.Repeat("a", 1<<20), strings.Repeat("/", 1<<20),
		strings.Repeat("🙂", 1<<18), "\xff\xfe", "acme__", "CON:", "acme/token", "a_b",
	}
	for _, tenant := range tenants {
		for _, name := range []string{"token", "shared", "outside", "../outside", "../token", "acme/token", ".hidden/token", "x__token", "", ".", ".."} {
			if got, found, err := p.Lookup(tenant, name); found || err != nil {
				t.Errorf("Lookup(%.40q, %q) = %q, %v, %v; want nothing", tenant, name, got.Expose(), found, err)
			}
		}
	}
}

func TestDirHasAnyAsksForEveryTenant(t *testing.T) {
	dir := newDir(t, map[string]string{
		"shared": "x", "acme/nested": "x", "acme__joined": "x", "..data/hidden": "x", "_x__odd": "x", "a__b__c": "x", "dir__of/x": "x", "empty": "",
	})
	for i := range 600 { // More than one part of the listing.
		must(t, os.Mkdir(filepath.Join(dir, fmt.Sprint("tenant", i)), 0o700))
	}
	writeFile(t, filepath.Join(dir, "tenant555", "last"), "x")
	p := secret.Dir(dir)
	for name, want := range map[string]bool{
		"shared": true, "nested": true, "joined": true, "last": true, "hidden": false, "odd": false, "c": false, "b": false, "of": false,
		"acme": false, "absent": false, "acme__joined": false, "../shared": false,
	} {
		if got, err := p.HasAny(name); got != want || err != nil {
			t.Errorf("HasAny(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
	if got, err := p.HasAny("empty"); got || err == nil {
		t.Errorf("HasAny of an empty file = %v, %v; want an error", got, err)
	}
	if got, err := secret.Dir(filepath.Join(dir, "absent")).HasAny("shared"); got || err != nil {
		t.Errorf("HasAny in a directory that is not there = %v, %v; want false", got, err)
	}
}

// kubernetes writes the secrets as a kubelet mounts them: files are links into ..data, which is a link to a directory
// that is swapped as a whole.
func kubernetes(t testing.TB, dir string, generation int, files map[string]string) {
	t.Helper()
	data := fmt.Sprintf("..2026_11_20_%d", generation)
	for name, content := range files {
		writeFile(t, filepath.Join(dir, data, name), content)
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); !errors.Is(err, fs.ErrExist) {
			must(t, err)
		}
	}
	must(t, os.Symlink(data, filepath.Join(dir, "..data_tmp")))
	must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
}

func TestARotationIsSeenWithinASecond(t *testing.T) {
	rotations := map[string]func(t testing.TB, dir, value string, i int){
		"rename": func(t testing.TB, dir, value string, _ int) {
			writeFile(t, filepath.Join(dir, "new"), value)
			must(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "acme__token")))
		},
		"write in place": func(t testing.TB, dir, value string, _ int) { writeFile(t, filepath.Join(dir, "acme__token"), value) },
		"kubelet": func(t testing.TB, dir, value string, i int) {
			kubernetes(t, dir, i, map[string]string{"acme__token": value})
		},
	}
	for name, rotate := range rotations {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				p := secret.Dir(dir)
				checkLookup(t, p, "acme", "token", "")
				for i, value := range []string{"first", "other", "third"} {
					rotate(t, dir, value, i)
					time.Sleep(time.Second)
					checkLookup(t, p, "acme", "token", value)
				}
				must(t, os.Remove(filepath.Join(dir, "acme__token")))
				checkLookup(t, p, "acme", "token", "third")
				time.Sleep(time.Second)
				checkLookup(t, p, "acme", "token", "")
			})
		})
	}
}

func TestAFileIsLookedAtOnceASecond(t *testing.T) {
	dir := newDir(t, map[string]string{"token": "old"})
	synctest.Test(t, func(t *testing.T) {
		p := secret.Dir(dir)
		checkLookup(t, p, "", "token", "old")
		checkLookup(t, p, "", "absent", "")
		writeFile(t, filepath.Join(dir, "token"), "new")
		writeFile(t, filepath.Join(dir, "absent"), "new")
		time.Sleep(time.Second - 1)
		checkLookup(t, p, "", "token", "old")
		checkLookup(t, p, "", "absent", "")
		time.Sleep(time.Nanosecond)
		checkLookup(t, p, "", "token", "new")
		checkLookup(t, p, "", "absent", "new")
	})
}

// TestAnOldFileIsNotReadAgainUntilItChanges puts the files long before the bubble's clock, which begins in 2000, so
// that their time of modification can be trusted. A rewrite that restores size and time tells whether a file was read.
func TestAnOldFileIsNotReadAgainUntilItChanges(t *testing.T) {
	dir := newDir(t, map[string]string{"token": "old", "young": "old"})
	path, young := filepath.Join(dir, "token"), filepath.Join(dir, "young")
	synctest.Test(t, func(t *testing.T) {
		p := secret.Dir(dir)
		long, just := time.Now().Add(-time.Hour), time.Now().Add(-time.Second)
		must(t, os.Chtimes(path, long, long))
		must(t, os.Chtimes(young, just, just))
		checkLookup(t, p, "", "token", "old")
		checkLookup(t, p, "", "young", "old")
		writeFile(t, path, "new")
		writeFile(t, young, "new")
		must(t, os.Chtimes(path, long, long))
		must(t, os.Chtimes(young, just, just))
		time.Sleep(time.Second)
		checkLookup(t, p, "", "token", "old")
		checkLookup(t, p, "", "young", "new")
		must(t, os.Chtimes(path, long, long.Add(time.Second)))
		time.Sleep(time.Second)
		checkLookup(t, p, "", "token", "new")
	})
}

func TestRotationUnderLoadNeverShowsHalfAValue(t *testing.T) {
	dir := t.TempDir()
	value := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 5000) }
	kubernetes(t, dir, 0, map[string]string{"acme__token": value(0), "token": value(0)})
	synctest.Test(t, func(t *testing.T) {
		store := secret.NewStore(secret.Env("SPTEST_ABSENT_"), secret.Dir(dir))
		const generations = 20
		var readers sync.WaitGroup
		for r := range 8 {
			tenant := [...]string{"acme", "globex"}[r%2]
			readers.Go(func() {
				latest := 0
				for range generations * 20 {
					time.Sleep(100 * time.Millisecond)
					got, err := store.Resolve(secret.Ref{Name: "token"}, tenant)
					if err != nil {
						t.Errorf("Resolve for %s: %v", tenant, err)
						return
					}
					for latest < generations && got.Expose() != value(latest) {
						latest++
					}
					if latest == generations {
						t.Errorf("Resolve for %s gave %.20q…, which was never a value, or one that was replaced", tenant, got.Expose())
						return
					}
				}
				if latest != generations-1 {
					t.Errorf("the last value seen for %s is number %d, want %d", tenant, latest, generations-1)
				}
			})
		}
		for i := 1; i < generations; i++ {
			time.Sleep(1500 * time.Millisecond)
			kubernetes(t, dir, i, map[string]string{"acme__token": value(i), "token": value(i)})
		}
		readers.Wait()
	})
}
