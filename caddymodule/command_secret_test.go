package caddymodule_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/signpost-gateway/signpost/caddymodule"
	"github.com/signpost-gateway/signpost/policy/secret"
)

// commandLine makes the test's own program the caddy command, with these arguments.
const commandLine = "SIGNPOST_TEST_COMMAND_LINE"

func init() {
	var args []string
	if json.Unmarshal([]byte(os.Getenv(commandLine)), &args) == nil {
		os.Args = append([]string{"caddy"}, args...)
		caddycmd.Main()
		os.Exit(0)
	}
}

// said is what a command did.
type said struct {
	out, err string
	status   int
}

// caddyCommand runs `caddy signpost` as a process in a folder.
func caddyCommand(t *testing.T, folder, stdin string, args ...string) said {
	t.Helper()
	line, err := json.Marshal(append([]string{"signpost"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Dir, cmd.Env, cmd.Stdin = folder, append(os.Environ(), commandLine+"="+string(line)), strings.NewReader(stdin)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err = cmd.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return said{out.String(), complaints.String(), cmd.ProcessState.ExitCode()}
}

// command runs `caddy signpost` in this process.
func command(ctx context.Context, stdin string, args ...string) said {
	cmd := caddymodule.Command()
	var out, complaints bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&complaints)
	cmd.SetArgs(args)
	status := 0
	if err := cmd.ExecuteContext(ctx); err != nil {
		status = 1
	}
	return said{out.String(), complaints.String(), status}
}

func TestSecretsAreKeptWithTheCommand(t *testing.T) {
	folder := t.TempDir()
	for _, step := range []struct {
		args  string
		stdin string
		want  said
	}{
		{args: "init secrets.age key.txt", want: said{err: "created the identity key.txt: keep a copy, as the secrets are lost with it\ncreated secrets.age for KEY\n"}},
		{args: "init secrets.age key.txt", want: said{err: "Error: creating secrets.age: file already exists\n", status: 1}},
		{args: "init staging.age key.txt", want: said{err: "created staging.age\n"}},
		{args: "set secrets.age key.txt store_token", stdin: "s3cr3t\n", want: said{err: "set store_token\n"}},
		{args: "set secrets.age key.txt store_token", stdin: "s3cr3t\r\n", want: said{err: "replaced store_token\n"}},
		{args: "set secrets.age key.txt acme/store_token", stdin: "two\nlines\n\n", want: said{err: "set acme/store_token\n"}},
		{args: "list secrets.age key.txt", want: said{out: "store_token\nacme/store_token\n"}},
		{args: "list secrets.age key.txt --json", want: said{out: `[{"name":"store_token"},{"tenant":"acme","name":"store_token"}]` + "\n"}},
		{args: "list staging.age key.txt --json", want: said{out: "[]\n"}},
		{args: "rm secrets.age key.txt store_token", want: said{err: "removed store_token\n"}},
		{args: "rm secrets.age key.txt store_token", want: said{err: "Error: removing store_token from secrets.age: secret not found\n", status: 1}},
		{args: "list secrets.age key.txt", want: said{out: "acme/store_token\n"}},
	} {
		got := caddyCommand(t, folder, step.stdin, append([]string{"secret"}, strings.Fields(step.args)...)...)
		if i := strings.Index(got.err, "age1"); i >= 0 {
			got.err = got.err[:i] + "KEY\n"
		}
		if got != step.want {
			t.Errorf("secret %s: got %+v, want %+v", step.args, got, step.want)
		}
	}
	p := secret.Age(filepath.Join(folder, "secrets.age"), filepath.Join(folder, "key.txt"))
	if value, _, err := p.Lookup("acme", "store_token"); value.Expose() != "two\nlines\n" || err != nil {
		t.Errorf("acme's secret is %q, %v, want what was set but for the last line break", value.Expose(), err)
	}
}

func TestMistakesInACommandAreToldAndRepeatNoValue(t *testing.T) {
	folder := t.TempDir()
	file, key := filepath.Join(folder, "secrets.age"), filepath.Join(folder, "key.txt")
	if got := command(t.Context(), "", "secret", "init", file, key); got.status != 0 {
		t.Fatalf("init: %+v", got)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const onStdin = "no value: it is read from standard input"
	for _, c := range []struct {
		args  []string
		stdin string
		says  string
	}{
		{[]string{"nope"}, "", `unknown command "nope" for "signpost"`},
		{[]string{"secret", "nope"}, "", `unknown command "nope" for "signpost secret"`},
		{[]string{"secret", "list", file, key, "extra"}, "", "expected 2 arguments, <file> <identity>: got 3"},
		{[]string{"secret", "list", file, key, "--yaml"}, "", "unknown flag: --yaml"},
		{[]string{"secret", "init", file}, "", "expected 2 arguments, <file> <identity>: got 1"},
		{[]string{"secret", "init", file, ""}, "", "argument 2 is empty"},
		{[]string{"secret", "rm", file, key}, "", "[<tenant>/]<name>: got 2"},
		{[]string{"secret", "rm", file, key, "A"}, "", "expected a name of"},
		{[]string{"secret", "set", file, key}, "", "[<tenant>/]<name>: got 2"},
		{[]string{"secret", "set", file, key, "a", "S3cr3t"}, "x", onStdin},
		{[]string{"secret", "set", file, key, "a", "=", "S3cr3t"}, "x", onStdin},
		{[]string{"secret", "set", file, key, "a=S3cr3t"}, "x", onStdin},
		{[]string{"secret", "set", file, key, "a", "--value", "S3cr3t"}, "x", "read from standard input"},
		{[]string{"secret", "set", file, key, "a", "-S3cr3t"}, "x", "read from standard input"},
		{[]string{"secret", "set", file, key, "S3cr3t"}, "x", "expected a name of"},
		{[]string{"secret", "set", file, key, "a"}, "", "the value is empty"},
		{[]string{"secret", "set", file, key, "a"}, "\r\n", "the value is empty"},
		{[]string{"secret", "set", file, key, "a"}, "S3cr3t\xff", "not UTF-8"},
		{[]string{"secret", "set", file, key, "a"}, strings.Repeat("S3cr3t", 1<<18), "larger than 65536 bytes"},
		{[]string{"secret", "set", file + "x", key, "a"}, "x", "there is no " + file + "x: make it with `caddy signpost secret init`"},
		{[]string{"secret", "set", key, file, "a"}, "x", file + " is an encrypted file"},
	} {
		got := command(t.Context(), c.stdin, c.args...)
		if got.status != 1 || got.out != "" || !strings.HasPrefix(got.err, "Error: ") || !strings.Contains(got.err, c.says) || strings.Contains(got.err, "3cr3t") {
			t.Errorf("%q: got %+v, want an error that says %q", c.args, got, c.says)
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a mistake changed the file: %v", err)
	}
}

func TestEachCommandHasHelpWithAnExample(t *testing.T) {
	for _, words := range [][]string{{}, {"secret"}, {"secret", "init"}, {"secret", "set"}, {"secret", "list"}, {"secret", "rm"}} {
		example := "$ caddy signpost " + strings.Join(words, " ")
		for _, args := range [][]string{append(slices.Clone(words), "--help"), words} {
			if len(words) == 2 && len(args) == 2 {
				continue // It is missing its arguments.
			}
			if got := command(t.Context(), "", args...); got.status != 0 || !strings.Contains(got.out, strings.TrimSpace(example)) && len(words) > 0 {
				t.Errorf("%q: got %+v, want help that has %q", args, got, example)
			}
		}
	}
}

// ageLines is a `signpost` block that injects secrets from an age file, and has given the call's key to the bot.
func ageLines(url, file, key string) string {
	return unlimited + "secrets age " + file + " " + key + "\npolicy api " + url + " {\ninject header X-Key {secret.key}\n}"
}

func TestAPolicyInjectsWhatTheCommandSet(t *testing.T) {
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		for name, word := range map[string]string{"s3cr3t-shared": "shared", "s3cr3t-acme": "acme's"} {
			if r.Header.Get("X-Key") == name {
				w.Header().Set("Got", word)
			}
		}
	})
	folder := t.TempDir()
	file, key := filepath.Join(folder, "secrets.age"), filepath.Join(folder, "key.txt")
	for _, c := range []struct{ stdin, args string }{{"", "init"}, {"s3cr3t-shared", "set key"}, {"s3cr3t-acme", "set acme/key"}} {
		words := strings.Fields(c.args)
		if got := command(t.Context(), c.stdin, append([]string{"secret", words[0], file, key}, words[1:]...)...); got.status != 0 {
			t.Fatalf("%s: %+v", c.args, got)
		}
	}
	s := start(t, ageLines(third.URL, file, key))
	s.get("/api/x").want(t, 200, "Got", "shared")
	s.get("/api/x", "X-Tenant-ID", "acme").want(t, 200, "Got", "acme's")
	if err := os.Truncate(file, 100); err != nil {
		t.Fatal(err)
	}
	s.get("/api/x", "X-Tenant-ID", "acme").want(t, 200, "Got", "acme's")
}

func TestABrokenFileOfSecretsIsValidButDoesNotStart(t *testing.T) {
	for name, breaks := range map[string]func(file, key string) error{
		"chmod 600 ":                  func(_, key string) error { return os.Chmod(key, 0o644) },
		"no such file":                func(file, _ string) error { return os.Remove(file) },
		"is damaged or cut short":     func(file, _ string) error { return os.Truncate(file, 100) },
		"neither shared nor for any ": func(string, string) error { return nil }, // It is empty.
	} {
		folder := t.TempDir()
		file, key, logged := filepath.Join(folder, "secrets.age"), filepath.Join(folder, "key.txt"), filepath.Join(folder, "log")
		if got := command(t.Context(), "", "secret", "init", file, key); got.status != 0 {
			t.Fatalf("init: %+v", got)
		}
		if err := breaks(file, key); err != nil {
			t.Fatal(err)
		}
		s := &sidecar{t: t, socket: filepath.Join(folder, "bot.sock"), globals: loggingTo(logged, "INFO")}
		source := s.source(ageLines("http://127.0.0.1:1", file, key), "signpost")
		if err := validate(source); err != nil {
			t.Errorf("%s: validating gave %v, want a warning only", name, err)
		}
		log, err := os.ReadFile(logged)
		if err != nil || !strings.Contains(string(log), name) {
			t.Errorf("%s: the log, %v, does not say so:\n%s", name, err, log)
		}
		if err := load(source); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("starting gave %v, want an error that says %q", err, name)
		}
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestOnlyAgeHasAnIdentityAndItAlways(t *testing.T) {
	for source, want := range map[string]string{
		`{"from": "age", "where": "secrets.age"}`:               "expected the encrypted file and the identity file",
		`{"from": "age", "identity": "key.txt"}`:                "expected the encrypted file and the identity file",
		`{"from": "dir", "where": "x", "identity": "key.txt"}`:  "only age has one",
		`{"from": "vault", "where": "x"}`:                       "expected env, dir or age",
		`{"from": "age", "where": "nope", "identity": "nope2"}`: "",
	} {
		err := caddy.Validate(&caddy.Config{AppsRaw: caddy.ModuleMap{"signpost": []byte(`{"secrets": [` + source + `]}`)}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want an error that says %q", source, err, want)
		}
	}
}
