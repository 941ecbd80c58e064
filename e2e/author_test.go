//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// author is a person with a folder of policies, or a CI system.
type author struct {
	dir   string
	env   []string
	diary func(format string, args ...any) // hears of each command and what it wrote, unless it is nil
}

// said is what a command came to.
type said struct {
	status      int
	out, errors string // what it wrote to standard output and to standard error
	took        time.Duration
	worked      time.Duration // of the processors
	memory      int64         // at most, in bytes
}

// sit gives an author an empty folder, and environment variables.
func sit(t *testing.T, env ...string) author {
	t.Helper()
	return author{dir: t.TempDir(), env: append([]string{"HOME=" + t.TempDir()}, env...)}
}

// write writes a file in the author's folder.
func (a author) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// read reads a file of the author's folder.
func (a author) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files are the names of all files in the author's folder, hidden ones too.
func (a author) files(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// runs runs `caddy signpost` with arguments, which must exit with a status.
func (a author) runs(t *testing.T, status int, arguments ...string) said {
	t.Helper()
	return a.pipes(t, status, strings.NewReader(""), arguments...)
}

// pipes is runs with a standard input.
func (a author) pipes(t *testing.T, status int, input io.Reader, arguments ...string) said {
	t.Helper()
	return a.execute(t, status, input, append([]string{binary, "signpost"}, arguments...)...)
}

// execute runs a program in the author's folder, which must exit with a status.
func (a author) execute(t *testing.T, status int, input io.Reader, command ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = a.dir, input, &out, &complaints
	cmd.Env = append(os.Environ(), a.env...)
	began := time.Now()
	err := cmd.Run()
	s := said{out: out.String(), errors: complaints.String(), took: time.Since(began)}
	if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
		t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	s.status, s.worked = cmd.ProcessState.ExitCode(), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.memory = usage.Maxrss << 10 // Linux counts in KiB.
	}
	if a.diary != nil {
		a.diary("\n$ caddy %s\n%s%s(exit status %d)", quoted(command[1:]), s.out, s.errors, s.status)
	}
	if s.status != status {
		t.Fatalf("%.500s\nexited with %d, want %d; it said:\n%.4000s\nand complained:\n%.4000s", strings.Join(command[1:], " "), s.status, status, s.out, s.errors)
	}
	if strings.Contains(s.errors, "goroutine ") {
		t.Fatalf("%s\npanicked:\n%.4000s", strings.Join(command[1:], " "), s.errors)
	}
	return s
}

// quoted is a command as one would write it in a shell.
func quoted(command []string) string {
	words := slices.Clone(command)
	for i, word := range words {
		if strings.ContainsAny(word, " \"`$") {
			words[i] = "'" + word + "'"
		}
	}
	return strings.Join(words, " ")
}

// tells looks for texts in what a command wrote, in this order.
func (s said) tells(t *testing.T, texts ...string) said {
	t.Helper()
	rest := s.out + s.errors
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("the command did not say %q, or not there; it said:\n%.6000s\nand complained:\n%.4000s", text, s.out, s.errors)
		}
		rest = after
	}
	return s
}

// hides looks for texts that must not be in what a command wrote.
func (s said) hides(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(s.out+s.errors, text) {
			t.Errorf("the command said %q, and should not; it said:\n%.6000s\nand complained:\n%.4000s", text, s.out, s.errors)
		}
	}
}

// parse reads what a command wrote to standard output as JSON, all of it.
func parse[T any](t *testing.T, s said) (value T) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(s.out))
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("the command did not write JSON, but %v:\n%.4000s", err, s.out)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("there is more behind the JSON: %v\n%.4000s", err, s.out)
	}
	return value
}

// testReport is what `test --json` prints.
type testReport struct {
	Passed, Failed int
	Tests          []struct {
		Name     string
		Passed   bool
		Calls    int
		Failures []struct {
			Mismatches []struct {
				What      string
				Got, Want any
			}
		}
	}
	Coverage []struct {
		Percent        float64
		Reached, Total int
	}
}

// failed are the names of the tests that failed.
func (r *testReport) failed() (names []string) {
	for _, test := range r.Tests {
		if !test.Passed {
			names = append(names, test.Name)
		}
	}
	return names
}

// replayReport is what `replay --json` prints.
type replayReport struct {
	Calls, Same, Different, Unknown, Now int
	NotReplayed                          int `json:"not_replayed"`
	Differences                          []replayGroup
	Unknowns                             []replayGroup
	Reasons                              []replayGroup
}

// replayGroup are calls of which the same is told.
type replayGroup struct {
	Label, Text string
	Calls       int
}
