package docs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// asCaddy makes the test's own program the caddy command.
const asCaddy = "SIGNPOST_DOCS_TEST_AS_CADDY"

func init() {
	if os.Getenv(asCaddy) != "" {
		os.Args[0] = "caddy"
		caddycmd.Main()
		os.Exit(0)
	}
}

// reader follows a page: it saves the files and runs the commands.
type reader struct {
	t      *testing.T
	folder string
	env    []string
	ports  *strings.Replacer // those of the page become free ones
	pages  *strings.Replacer // and back
	said   string            // by the last commands
}

// newReader begins in an empty folder, with caddy on its path.
func newReader(t *testing.T, ports ...string) *reader {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asCaddy, self)
	if err := os.WriteFile(filepath.Join(bin, "caddy"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var there, back []string
	for _, port := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		_, free, _ := net.SplitHostPort(listener.Addr().String())
		there, back = append(there, ":"+port, ":"+free), append(back, ":"+free, ":"+port)
	}
	r := &reader{t: t, folder: t.TempDir(), ports: strings.NewReplacer(there...), pages: strings.NewReplacer(back...)}
	r.env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir(), "CADDY_ADMIN="+r.ports.Replace("localhost:2019"))
	return r
}

// save writes a file.
func (r *reader) save(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.folder, name), []byte(r.ports.Replace(text)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// movePorts makes the ports in a file free ones.
func (r *reader) movePorts(name string) {
	text, err := os.ReadFile(filepath.Join(r.folder, name))
	if err == nil {
		r.save(name, r.pages.Replace(string(text)))
	}
}

// exported finds the variables that commands export.
var exported = regexp.MustCompile(`(?m)^export (\S+)$`)

// run runs commands as a person would, and keeps what they say.
func (r *reader) run(commands string, fails bool) {
	r.t.Helper()
	for _, m := range exported.FindAllStringSubmatch(commands, -1) {
		r.env = append(r.env, m[1])
	}
	cmd := exec.CommandContext(r.t.Context(), "sh", "-e", "-c", r.ports.Replace(commands))
	cmd.Dir, cmd.Env = r.folder, r.env
	out, err := cmd.CombinedOutput()
	r.said = r.pages.Replace(string(out))
	if failed := new(exec.ExitError); fails != errors.As(err, &failed) {
		r.t.Fatalf("%s\ncame to %v, and said:\n%s", commands, err, r.said)
	}
	r.movePorts("Caddyfile")
}

// start runs a command in another terminal, until the test ends.
func (r *reader) start(command string) {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+r.ports.Replace(strings.TrimSpace(command)))
	cmd.Dir, cmd.Env = r.folder, r.env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var log bytes.Buffer
	output, err := cmd.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { stop(); _ = cmd.Wait() })
	chunk := make([]byte, 4096)
	for !strings.Contains(log.String(), "serving initial configuration") {
		n, err := output.Read(chunk)
		log.Write(chunk[:n])
		if err != nil {
			r.t.Fatalf("%s\nended, and said:\n%s", command, log.String())
		}
	}
	go func() { // What it says must not fill the pipe.
		for err == nil {
			_, err = output.Read(chunk)
		}
	}()
}

// expect finds each line of a text in what was said, in order. … stands for anything.
func (r *reader) expect(text string) {
	r.t.Helper()
	rest := strings.Split(r.said, "\n")
	for _, want := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if want == "…" {
			continue
		}
		like := regexp.MustCompile("(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(want, " ")), "…", ".*") + `\s*$`)
		found := false
		for i, line := range rest {
			if found = like.MatchString(line); found {
				rest = rest[i+1:]
				break
			}
		}
		if !found {
			r.t.Errorf("the page shows\n%s\nbut it was\n%s", want, r.said)
			return
		}
	}
}

// changed finds the folder that commands change to at their end.
var changed = regexp.MustCompile(`\bcd (\S+)\s*$`)

// follow does what a page says, block by block, and compares what it shows. It gives
// how many blocks of commands there were.
func (r *reader) follow(page string) int {
	r.t.Helper()
	ran := 0
	for _, b := range blocks(page) {
		kind, how, _ := strings.Cut(b.kind, " ")
		name, isFile := strings.CutPrefix(how, "file=")
		switch {
		case isFile:
			r.save(name, b.text)
		case kind == "text":
			r.expect(b.text)
		case kind != "sh", how == "checkout": // The test's own program is what a checkout builds.
		case how == "terminal":
			r.start(b.text)
		default:
			r.run(b.text, how == "fails")
			if to := changed.FindStringSubmatch(b.text); to != nil {
				r.folder = filepath.Join(r.folder, to[1])
			}
			ran++
		}
	}
	r.t.Log(ran, "blocks of commands were run")
	return ran
}

func TestTheTutorialWorksWordByWord(t *testing.T) {
	if ran := newReader(t, "8080", "9090", "2019").follow(read(t, "docs/tutorial.md")); ran < 10 {
		t.Errorf("only %d blocks of commands were run", ran)
	}
}
