package terminal

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// frames are what a spinner looks like, one after the other.
var frames = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// Spin shows on w, which should be standard error, that something is waited for and
// since when, until stop is called, which takes it away. It is only seen on a
// terminal; elsewhere nothing is written. stop may be called more than once and by
// any goroutine, and returns when nothing more is written.
func Spin(w io.Writer, what string) (stop func()) {
	if !IsTerminal(w) {
		return func() {}
	}
	return spin(w, For(w), what)
}

// spin is Spin wherever w goes.
func spin(w io.Writer, style Style, what string) (stop func()) {
	over, gone := make(chan struct{}), make(chan struct{})
	begun := time.Now()
	what = Safe(what)
	go func() {
		defer close(gone)
		turn := time.NewTicker(redraw)
		defer turn.Stop()
		for i := 0; ; i++ {
			// The end of the line is cleared, since what stood there may have been longer.
			fmt.Fprintf(w, "\r%s %s %s\x1b[0K", style.Name(frames[i%len(frames)]), what, style.Dim(fmt.Sprintf("%.1f s", time.Since(begun).Seconds())))
			select {
			case <-over:
				fmt.Fprint(w, "\r\x1b[2K")
				return
			case <-turn.C:
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() { close(over) })
		<-gone
	}
}
