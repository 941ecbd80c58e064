package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// newAge makes an encrypted file with these secrets, by NAME or TENANT/NAME, and its identity.
func newAge(t testing.TB, secrets map[string]string) secret.AgeFile {
	t.Helper()
	dir := t.TempDir()
	f := secret.AgeFile{Path: filepath.Join(dir, "secrets.age"), Identity: filepath.Join(dir, "key.txt")}
	if _, err := f.Create(); err != nil {
		t.Fatal(err)
	}
	for name, value := range secrets {
		set(t, f, name, value)
	}
	return f
}

func set(t testing.TB, f secret.AgeFile, name, value string) {
	t.Helper()
	n, err := secret.ParseAgeName(name)
	must(t, err)
	_, err = f.Set(n, secret.New(value))
	must(t, err)
}

// encrypt writes a binary file that holds this text, for the identities of the files.
func encrypt(t testing.TB, path, text string, identityFiles ...string) {
	t.Helper()
	var recipients []age.Recipient
	for _, file := range identityFiles {
		for _, identity := range identitiesOf(t, file) {
			recipients = append(recipients, identity.(*age.X25519Identity).Recipient())
		}
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipients...)
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, errors.Join(err, w.Close()))
	writeFile(t, path, b.String())
}

func identitiesOf(t testing.TB, file string) []age.Identity {
	t.Helper()
	opened, err := os.Open(file)
	must(t, err)
	defer opened.Close()
	identities, err := age.ParseIdentities(opened)
	must(t, err)
	return identities
}

// provider is Age as the configuration makes it.
func provider(f secret.AgeFile) secret.Provider { return secret.Age(f.Path, f.Identity) }

func TestAgeFindsSharedAndTenantsSecrets(t *testing.T) {
	const zoe = "Café Zoë/eu"
	f := newAge(t, map[string]string{
		"store_token": "shared", "acme/store_token": "acme's", zoe + "/store_token": "zoe's", zoe + "/only": "hers",
		"pem": "-----BEGIN X-----\nQQ==\n-----END X-----\n", "max": strings.Repeat("m", 64<<10),
	})
	p := provider(f)
	for _, c := range []struct{ tenant, name, want string }{
		{"", "store_token", "shared"}, {"acme", "store_token", "acme's"}, {zoe, "store_token", "zoe's"}, {"globex", "store_token", ""},
		{"", "only", ""}, {"", "acme/store_token", ""}, {"acme", "pem", ""}, {"", "pem", "-----BEGIN X-----\nQQ==\n-----END X-----\n"},
		{"", "max", strings.Repeat("m", 64<<10)}, {"\x00", "store_token", ""}, {"acme", "", ""},
	} {
		checkLookup(t, p, c.tenant, c.name, c.want)
	}
	for name, want := range map[string]bool{"store_token": true, "only": true, "pem": true, "acme": false, "": false} {
		if got, err := p.HasAny(name); got != want || err != nil {
			t.Errorf("HasAny(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	if got, want := p.String(), "age "+f.Path+" "+f.Identity; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	printed, err := json.Marshal(p)
	must(t, err)
	if printed := fmt.Sprintf("%+v %#v %s", p, p, printed); strings.Contains(printed, "hers") {
		t.Errorf("printing the provider shows a secret: %s", printed)
	}
}

func TestAFileMadeWithTheAgeCommandIsReadToo(t *testing.T) {
	f := newAge(t, nil)
	encrypt(t, f.Path, "secrets: {a: binary}", f.Identity)
	checkLookup(t, provider(f), "", "a", "binary")
}

func TestAFileThatCannotBeReadIsAnErrorThatNamesItAndHoldsNothingOfIt(t *testing.T) {
	other := newAge(t, nil)
	for name, c := range map[string]struct {
		breaks func(t *testing.T, f secret.AgeFile)
		says   string // <FILE> and <KEY> stand for the paths.
	}{
		"missing":          {func(t *testing.T, f secret.AgeFile) { must(t, os.Remove(f.Path)) }, "open <FILE>: no such file|stat <FILE>: no such file"},
		"missing identity": {func(t *testing.T, f secret.AgeFile) { must(t, os.Remove(f.Identity)) }, "reading the identity: stat <KEY>: no such file"},
		"directory":        {func(t *testing.T, f secret.AgeFile) { must(t, errors.Join(os.Remove(f.Path), os.Mkdir(f.Path, 0o700))) }, "open <FILE>: not a regular file"},
		"pipe for an identity": {func(t *testing.T, f secret.AgeFile) {
			must(t, errors.Join(os.Remove(f.Identity), syscall.Mkfifo(f.Identity, 0o600)))
		}, "open <KEY>: not a regular file"},
		"for the group":    {func(t *testing.T, f secret.AgeFile) { must(t, os.Chmod(f.Identity, 0o620)) }, "others than its owner can use <KEY> (mode 0620): chmod 600 <KEY>"},
		"for the world":    {func(t *testing.T, f secret.AgeFile) { must(t, os.Chmod(f.Identity, 0o604)) }, "(mode 0604): chmod 600 <KEY>"},
		"another identity": {func(t *testing.T, f secret.AgeFile) { copyFile(t, other.Identity, f.Identity) }, "decrypting <FILE> with <KEY>: the file is encrypted for another identity"},
		"swapped": {func(t *testing.T, f secret.AgeFile) {
			must(t, errors.Join(os.Rename(f.Path, f.Path+"x"), os.Rename(f.Identity, f.Path), os.Rename(f.Path+"x", f.Identity)))
		}, "<KEY> is an encrypted file: expected one with a line AGE-SECRET-KEY-1…"},
		"no identity":    {func(t *testing.T, f secret.AgeFile) { writeFile(t, f.Identity, "AGE-SECRET-KEY-1S3CR3T\n") }, "<KEY> is not an identity file: expected a line AGE-SECRET-KEY-1…"},
		"large identity": {func(t *testing.T, f secret.AgeFile) { writeFile(t, f.Identity, strings.Repeat("#\n", 40000)) }, "read <KEY>: the file is larger than 65536 bytes"},
		"many identities": {func(t *testing.T, f secret.AgeFile) {
			writeFile(t, f.Identity, strings.Repeat(read(t, f.Identity), 17))
		}, "<KEY> holds 17 identities, at most 16"},
		"many recipients": {func(t *testing.T, f secret.AgeFile) {
			encrypt(t, f.Path, "secrets: {}", slices.Repeat([]string{f.Identity}, 65)...)
		}, "more than 64 recipients"},
		"not encrypted":     {func(t *testing.T, f secret.AgeFile) { writeFile(t, f.Path, "secrets: {a: s3cr3t}") }, "this is not a file encrypted with age"},
		"empty":             {func(t *testing.T, f secret.AgeFile) { writeFile(t, f.Path, "") }, "this is not a file encrypted with age"},
		"cut short":         {func(t *testing.T, f secret.AgeFile) { must(t, os.Truncate(f.Path, int64(len(read(t, f.Path))-50))) }, "the file is damaged or cut short"},
		"cut at the header": {func(t *testing.T, f secret.AgeFile) { must(t, os.Truncate(f.Path, 40)) }, "the file is damaged or cut short"},
		"damaged":           {func(t *testing.T, f secret.AgeFile) { writeFile(t, f.Path, flip(read(t, f.Path))) }, "the file is damaged or cut short"},
		"large":             {func(t *testing.T, f secret.AgeFile) { writeFile(t, f.Path, strings.Repeat("s3cr3t", 1<<18)) }, "read <FILE>: the file is larger than 1048576 bytes"},
		"not YAML":          {func(t *testing.T, f secret.AgeFile) { encrypt(t, f.Path, "secrets:\n a: 's3cr3t", f.Identity) }, "reading <FILE>: decrypted, this is not YAML"},
		"not strict":        {func(t *testing.T, f secret.AgeFile) { encrypt(t, f.Path, "secrets:\n s3cr3t: 1", f.Identity) }, "reading <FILE>: decrypted, line 2, column 10: expected a string"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newAge(t, map[string]string{"a": "s3cr3t"})
			c.breaks(t, f)
			p := provider(f)
			value, found, err := p.Lookup("", "a")
			_, anyErr := p.HasAny("a")
			_, namesErr := f.Names()
			if found || !value.IsZero() {
				t.Errorf("Lookup gave %q, %v, want no secret", value.Expose(), found)
			}
			for how, err := range map[string]error{"Lookup": err, "HasAny": anyErr, "Names": namesErr} {
				says := func(s string) bool {
					return err != nil && strings.Contains(err.Error(), strings.NewReplacer("<FILE>", f.Path, "<KEY>", f.Identity).Replace(s))
				}
				if !slices.ContainsFunc(strings.Split(c.says, "|"), says) {
					t.Errorf("%s: got %v, want an error that says %q", how, err, c.says)
				}
				if err != nil && strings.Contains(strings.ToLower(err.Error()), "s3cr3t") {
					t.Errorf("%s: the error %q quotes the file", how, err)
				}
			}
			if err := secret.NewStore(p).Check(secret.Ref{Name: "a"}); err == nil || !strings.Contains(err.Error(), anyErr.Error()) {
				t.Errorf("Check gave %v, want one that says %v", err, anyErr)
			}
		})
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}

func copyFile(t testing.TB, from, to string) { t.Helper(); writeFile(t, to, read(t, from)) }

// flip changes one letter in the last line but one of an armored file.
func flip(armored string) string {
	b := []byte(armored)
	i := len(b) - 60
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// told collects what OnFault reports, one line each.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (f *told) report(place string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf("%.3s: %v", place, err))
}

// take returns what was reported since the last time.
func (f *told) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines
	f.lines = nil
	return lines
}

// age in the past, so that times of modification count as settled.
func settle(t *testing.T, paths ...string) {
	t.Helper()
	past := time.Now().Add(-time.Hour)
	for _, path := range paths {
		must(t, os.Chtimes(path, past, past))
	}
}

func TestAChangeIsSeenWithinASecondAndNotBefore(t *testing.T) {
	f := newAge(t, map[string]string{"a": "old"})
	synctest.Test(t, func(t *testing.T) {
		settle(t, f.Path, f.Identity)
		p := provider(f)
		checkLookup(t, p, "", "a", "old")
		set(t, f, "a", "new")
		set(t, f, "acme/b", "added")
		time.Sleep(time.Second - 1)
		checkLookup(t, p, "", "a", "old")
		time.Sleep(time.Nanosecond)
		checkLookup(t, p, "", "a", "new")
		checkLookup(t, p, "acme", "b", "added")
	})
}

func TestAFaultLeavesTheLastGoodSecretsInUseAndIsToldOnce(t *testing.T) {
	f := newAge(t, map[string]string{"a": "good"})
	synctest.Test(t, func(t *testing.T) {
		settle(t, f.Path, f.Identity)
		p, faults := provider(f), &told{}
		store := secret.NewStore(secret.Env("SPTEST_"), p)
		store.OnFault(faults.report)
		good := read(t, f.Path)
		look := func(step, want string) {
			t.Helper()
			for range 5 {
				time.Sleep(time.Second)
				checkLookup(t, p, "", "a", "good")
			}
			got := strings.Join(faults.take(), "\n")
			if want == "" && got != "" || !strings.Contains(got, want) || strings.Count(got, "\n") > 0 {
				t.Errorf("%s: told %q, want %q once", step, got, want)
			}
		}
		look("at first", "")
		writeFile(t, f.Path, good[:100])
		settle(t, f.Path)
		look("cut short", "age: decrypting "+f.Path)
		writeFile(t, f.Path, good[:101])
		settle(t, f.Path)
		look("cut short again", "age: decrypting "+f.Path)
		must(t, os.Remove(f.Path))
		look("removed", "no such file")
		writeFile(t, f.Path, good)
		settle(t, f.Path)
		look("back", "age: <nil>")
		must(t, os.Chmod(f.Identity, 0o644))
		look("for the world", "chmod 600 "+f.Identity)
		must(t, os.Chmod(f.Identity, 0o600))
		look("private again", "age: <nil>")
	})
}

func TestTheFirstReadMayFailAndASecondBeRight(t *testing.T) {
	f := newAge(t, map[string]string{"a": "good"})
	synctest.Test(t, func(t *testing.T) {
		must(t, os.Chmod(f.Identity, 0o644))
		p, faults := provider(f), &told{}
		secret.NewStore(p).OnFault(faults.report)
		for range 3 {
			if value, found, err := p.Lookup("", "a"); err == nil || found {
				t.Errorf("Lookup gave %q, %v, %v, want an error", value.Expose(), found, err)
			}
		}
		must(t, os.Chmod(f.Identity, 0o600))
		time.Sleep(time.Second)
		checkLookup(t, p, "", "a", "good")
		if got := faults.take(); len(got) != 2 || !strings.Contains(got[0], "chmod 600") || got[1] != "age: <nil>" {
			t.Errorf("told %q, want the fault and its end", got)
		}
	})
}

func TestAnUnchangedFileIsNotReadAgain(t *testing.T) {
	for name, text := range map[string]string{"good": "secrets: {a: good}", "faulty": "secrets: {a: 1}"} {
		f := newAge(t, nil)
		encrypt(t, f.Path, text, f.Identity)
		synctest.Test(t, func(t *testing.T) {
			settle(t, f.Path, f.Identity)
			p := provider(f)
			before, _, errBefore := p.Lookup("", "a")
			info, err := os.Stat(f.Path)
			must(t, err)
			// What nobody can see without reading: the same size and times.
			in, err := os.OpenFile(f.Path, os.O_WRONLY, 0)
			must(t, err)
			_, err = in.WriteString(strings.Repeat("x", int(info.Size())))
			must(t, errors.Join(err, in.Close()))
			settle(t, f.Path)
			time.Sleep(time.Minute)
			settled := time.Now().Add(-time.Hour - time.Minute)
			must(t, os.Chtimes(f.Path, settled, settled))
			after, _, errAfter := p.Lookup("", "a")
			if !before.Equal(after) || fmt.Sprint(errBefore) != fmt.Sprint(errAfter) {
				t.Errorf("%s: got %q, %v and later %q, %v, want the same", name, before.Expose(), errBefore, after.Expose(), errAfter)
			}
		})
	}
}

func TestLookupsGoOnWhileTheFilesChangeAndBreak(t *testing.T) {
	f := newAge(t, map[string]string{"a": "value"})
	good := read(t, f.Path)
	synctest.Test(t, func(t *testing.T) {
		p := provider(f)
		secret.NewStore(p).OnFault((&told{}).report)
		checkLookup(t, p, "", "a", "value")
		done := time.Now().Add(time.Minute)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for time.Now().Before(done) {
					if value, found, err := p.Lookup("", "a"); value.Expose() != "value" || !found || err != nil {
						t.Errorf("Lookup gave %q, %v, %v in the middle of a change", value.Expose(), found, err)
						return
					}
					if found, err := p.HasAny("a"); !found || err != nil {
						t.Errorf("HasAny gave %v, %v in the middle of a change", found, err)
					}
					time.Sleep(250 * time.Millisecond)
				}
			})
		}
		all.Go(func() {
			for i := 0; time.Now().Before(done); i++ {
				if err := os.WriteFile(f.Path, []byte(good[:len(good)-i%2*40]), 0o600); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
		})
		all.Wait()
	})
}

func BenchmarkAgeLookup(b *testing.B) {
	f := newAge(b, map[string]string{"store_token": benchToken, "acme/store_token": benchToken})
	for _, tenant := range []string{"", "acme"} {
		b.Run("tenant="+tenant, func(b *testing.B) {
			store := secret.NewStore(provider(f))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := store.Resolve(secret.Ref{Name: "store_token"}, tenant); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
