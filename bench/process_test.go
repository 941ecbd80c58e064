package main

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestCPUTimeIsUserAndSystemTime(t *testing.T) {
	const fields = " S 1 1 1 0 -1 4194560 9000 0 12 0 1234 566 0 0 20 0 9 0 55 1 2 3\n"
	for _, name := range []string{"(caddy)", "(a b)", "(a) S 1 (b)", "()"} {
		got, err := parseCPUTime("4711 " + name + fields)
		if want := 18 * time.Second; err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestCPUTimeOfAnotherFormatIsAnError(t *testing.T) {
	for _, stat := range []string{"", "4711", "4711 (caddy)", "4711 (caddy) S 1 2", "4711 (caddy) S 1 1 1 0 -1 4194560 9000 0 12 0 x 566 0 0"} {
		if got, err := parseCPUTime(stat); err == nil {
			t.Errorf("%q: got %s, want an error", stat, got)
		}
	}
}

func TestCPUTimeOfThisProcessGrows(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("CPU time is read from /proc, which only Linux has")
	}
	self := &gateway{name: "test", pid: os.Getpid()}
	before, err := self.cpuTime()
	if err != nil {
		t.Fatalf("reading CPU time: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if after, err := self.cpuTime(); err != nil || after > before {
			if err != nil {
				t.Errorf("reading CPU time again: %v", err)
			}
			return
		}
	}
	t.Error("no CPU time was counted in a minute of work")
}

func FuzzParseCPUTime(f *testing.F) {
	f.Add("4711 (caddy) S 1 1 1 0 -1 4194560 9000 0 12 0 1234 566 0 0 20")
	f.Add("4711 (a) b) S")
	f.Fuzz(func(_ *testing.T, stat string) {
		_, _ = parseCPUTime(stat) // It must not panic.
	})
}
