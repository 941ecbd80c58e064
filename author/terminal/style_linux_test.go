package terminal_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/signpost-gateway/signpost/author/terminal"
)

// open makes a terminal of that many columns, and gives the program's side of it.
func open(t *testing.T, columns uint16) *os.File {
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
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return program
}

func TestColoursGoToATerminalAlone(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, test := range []struct {
		name, term, noColor string
		terminal, want      bool
	}{
		{"a terminal", "xterm", "", true, true},
		{"a dumb terminal", "dumb", "", true, false},
		{"NO_COLOR", "xterm", "1", true, false},
		{"a file", "xterm", "", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TERM", test.term)
			t.Setenv("NO_COLOR", test.noColor)
			out := file
			if test.terminal {
				out = open(t, 80)
			}
			style := terminal.For(out)
			if style.Colours() != test.want {
				t.Errorf("colours: %t, want %t", style.Colours(), test.want)
			}
			want := "shipped"
			if test.want {
				want = "\x1b[32mshipped\x1b[0m"
			}
			if got := style.Good("shipped"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	if terminal.For(new(bytes.Buffer)).Colours() {
		t.Error("a buffer has colours")
	}
}

func TestTheColumnsAreTheTerminalsOwn(t *testing.T) {
	for _, test := range []struct {
		columns uint16
		want    int
	}{{132, 132}, {20, 20}, {0, 0}, {3, 0}} {
		if got := terminal.Columns(open(t, test.columns)); got != test.want {
			t.Errorf("of %d columns there are %d, want %d", test.columns, got, test.want)
		}
	}
	if got := terminal.Columns(new(bytes.Buffer)); got != 0 {
		t.Errorf("a buffer has %d columns", got)
	}
}
