package stage_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/stage"
)

func TestAnHourOfWaitingTakesNoTime(t *testing.T) {
	began := time.Now()
	var passed time.Duration
	err := stage.Run(func() {
		start := time.Now()
		done := make(chan bool)
		go func() {
			time.Sleep(time.Hour)
			close(done)
		}()
		<-done
		passed = time.Since(start)
	})
	if err != nil || passed != time.Hour {
		t.Errorf("%s passed with the error %v, want 1h", passed, err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s really", took)
	}
}

func TestWhateverGoesWrongInABubbleIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		f    func()
		want string
	}{
		"a panic":                  {func() { panic("no good") }, "panic: no good"},
		"a goroutine that ends":    {func() { runtime.Goexit() }, "the goroutine ended itself"},
		"a wait for ever":          {func() { <-make(chan bool) }, "deadlock"},
		"a wait that is left":      {func() { go func() { <-make(chan bool) }() }, "deadlock"},
		"a bubble inside a bubble": {func() { panic(stage.Run(func() {})) }, "synctest bubble"},
	} {
		if err := stage.Run(c.f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	if err := stage.Run(func() {}); err != nil {
		t.Errorf("got %v of a bubble after the others, want none", err)
	}
}

func TestWhatAFunctionLeavesBehindComesToItsEnd(t *testing.T) {
	ended := false
	err := stage.Run(func() {
		go func() {
			time.Sleep(10 * time.Second)
			ended = true
		}()
	})
	if err != nil || !ended {
		t.Errorf("got %v, ended %v, want that the goroutine ended", err, ended)
	}
}

func BenchmarkRun(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := stage.Run(func() { time.Sleep(time.Hour) }); err != nil {
			b.Fatal(err)
		}
	}
}
