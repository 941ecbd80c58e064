package caddymodule_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/signpost-gateway/signpost/caddymodule"
	"github.com/signpost-gateway/signpost/policy/secret"
)

// terminal makes a terminal: what is written to the user's side is typed.
func terminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return user, program
}

// echoes tells whether the terminal shows what is typed.
func echoes(t *testing.T, program *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestATerminalDoesNotShowTheSecretThatIsTyped(t *testing.T) {
	folder := t.TempDir()
	file, key := filepath.Join(folder, "secrets.age"), filepath.Join(folder, "key.txt")
	if got := command(t.Context(), "", "secret", "init", file, key); got.status != 0 {
		t.Fatalf("init: %+v", got)
	}
	user, program := terminal(t)
	cmd := caddymodule.Command()
	var complaints bytes.Buffer
	cmd.SetIn(program)
	cmd.SetErr(&complaints)
	cmd.SetArgs([]string{"secret", "set", file, key, "typed"})
	done := make(chan error, 1)
	go func() { done <- cmd.Execute() }()
	shortly(t, func() bool { return !echoes(t, program) }, func() string { return "the terminal still shows what is typed" })
	if _, err := user.WriteString("s3cr3t\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, want := complaints.String(), "Value of typed (not shown): \nset typed\n"; got != want {
		t.Errorf("the command said %q, want %q", got, want)
	}
	if !echoes(t, program) {
		t.Error("the terminal does not show what is typed any more")
	}
	// Something that is certainly shown, so that reading ends.
	if _, err := program.WriteString("end"); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for !strings.Contains(shown.String(), "end") {
		part := make([]byte, 100)
		n, err := user.Read(part)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(part[:n])
	}
	if strings.Contains(shown.String(), "s3cr3t") {
		t.Errorf("the terminal showed %q", shown.String())
	}
	if value, _, err := secret.Age(file, key).Lookup("", "typed"); value.Expose() != "s3cr3t" || err != nil {
		t.Errorf("the secret is %q, %v, want what was typed", value.Expose(), err)
	}
}
