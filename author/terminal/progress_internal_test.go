package terminal

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is what was written, safe for several goroutines.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestProgressTellsCountRateAndWhatRemains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown screen
		p := startBar(&shown, "replaying", 1000, Calls)
		for range 5 {
			time.Sleep(time.Second)
			p.Add(100)
		}
		time.Sleep(redraw)
		synctest.Wait()
		last := shown.String()
		last = last[strings.LastIndex(last, "\r")+1:]
		for _, part := range []string{"replaying", "50%", "(500/1000, ", " calls/s)", "[5s:5s]"} {
			if !strings.Contains(last, part) {
				t.Errorf("the bar does not tell %q: %q", part, last)
			}
		}
		p.Done()
		if got := shown.String(); !strings.HasSuffix(got, "\x1b[2K\r") {
			t.Errorf("the bar stays: %q", got[len(got)-40:])
		}
	})
}

func TestProgressOfAnUnknownTotalNeitherFailsNorLeavesAGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // Which fails where a goroutine is left.
		for _, total := range []int64{0, -1} {
			var shown screen
			p := startBar(&shown, "reading", total, Bytes)
			for range 3 {
				time.Sleep(time.Second)
				p.Add(1 << 20)
			}
			time.Sleep(redraw)
			synctest.Wait()
			if got := shown.String(); !strings.Contains(got, "3.1 MB") {
				t.Errorf("the bytes are not told: %q", got)
			}
			p.Done()
			if got := shown.String(); !strings.HasSuffix(got, "\x1b[2K\r") {
				t.Errorf("the bar stays: %q", got)
			}
		}
	})
}

func TestProgressBeyondItsTotalIsNoFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown screen
		p := startBar(&shown, "x", 3, Calls)
		for _, n := range []int64{2, 5} {
			p.Add(n)
			time.Sleep(2 * redraw)
		}
		p.Done()
		p.Done()
		if got := shown.String(); !strings.Contains(got, "(2/3") || strings.Contains(got, "5/3") || strings.Contains(got, "7/3") {
			t.Errorf("got %q, want 2/3 and no more than there is", got)
		}
	})
}

func TestProgressOfWhatLivesInVirtualTimeIsDrawnInRealTime(t *testing.T) {
	var shown screen
	p := startBar(&shown, "replaying", 1000, Bytes)
	synctest.Test(t, func(*testing.T) {
		for range 500 {
			time.Sleep(time.Hour)
			p.Add(1)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(shown.String(), "50%") && time.Now().Before(deadline); {
		time.Sleep(redraw / 10)
	}
	p.Done()
	if got := shown.String(); !strings.Contains(got, "50%") || strings.Contains(got, "h") {
		t.Errorf("got %q, want half of it, and no hours", got)
	}
}

func TestWhereThereIsNoTerminalNothingIsShown(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, "replaying", 10, Calls)
	p.Add(10)
	p.Done()
	Spin(&out, "waiting")()
	if out.Len() > 0 {
		t.Errorf("got %q, want nothing", out.String())
	}
}

func TestASpinnerTellsHowLongItHasTurnedAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown screen
		stop := spin(&shown, Style{}, "waiting for\x1b[2J api.store.example")
		time.Sleep(1250 * time.Millisecond)
		stop()
		stop()
		got := shown.String()
		for _, part := range []string{`waiting for\x1b[2J api.store.example 0.0 s`, " 1.2 s"} {
			if !strings.Contains(got, part) {
				t.Errorf("it does not show %q: %q", part, got)
			}
		}
		if !strings.HasSuffix(got, "\r\x1b[2K") {
			t.Errorf("it stays: %q", got)
		}
	})
}

func BenchmarkProgress(b *testing.B) {
	b.ReportAllocs()
	var shown screen
	p := startBar(&shown, "replaying", int64(1)<<40, Calls)
	for b.Loop() {
		p.Add(1)
	}
	p.Done()
}
