package main

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestCPUTimeOfThisProcessGrows(t *testing.T) {
	self := process{name: "test", pid: os.Getpid()}
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
