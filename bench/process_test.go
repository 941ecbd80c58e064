package main

import (
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
