package terminal

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Unit is what progress is counted in.
type Unit int

const (
	// Calls counts single things, and tells how many of them a second.
	Calls Unit = iota
	// Bytes counts bytes of a file.
	Bytes
)

// redraw is how often a bar is drawn.
const redraw = 100 * time.Millisecond

// Progress shows how far a long work has come: a bar with count, rate and the time
// that remains. It is only seen on a terminal; elsewhere nothing is written. A nil
// Progress shows nothing. It is safe for concurrent use, also by goroutines that live
// in virtual time: they only count, and what is drawn is drawn by the clock of whoever
// made it.
type Progress struct {
	bar        *progressbar.ProgressBar
	total      int64 // -1 where nobody knows
	count      atomic.Int64
	drawn      int64 // of count; the drawing goroutine's
	stop       sync.Once
	over, gone chan struct{}
}

// NewProgress begins to show the progress of what is done on w, which should be
// standard error. total is how much there is to do, 0 or less where nobody knows.
// What is a word or two, such as "replaying". Done must be called.
func NewProgress(w io.Writer, what string, total int64, unit Unit) *Progress {
	if !IsTerminal(w) {
		return nil
	}
	return startBar(w, what, total, unit)
}

// startBar is NewProgress wherever w goes.
func startBar(w io.Writer, what string, total int64, unit Unit) *Progress {
	if total <= 0 {
		total = -1
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(Safe(what)),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // It turns when it is drawn, and needs no goroutine of its own.
	}
	if unit == Bytes {
		options = append(options, progressbar.OptionShowBytes(true))
	} else {
		options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString("calls"))
	}
	bar := progressbar.NewOptions64(total, options...)
	bar.StartWithoutRender() // The time counts from here, not from the first thing that is done.
	p := &Progress{bar: bar, total: total, over: make(chan struct{}), gone: make(chan struct{})}
	go p.redraw()
	return p
}

// redraw draws the bar until it is over.
func (p *Progress) redraw() {
	defer close(p.gone)
	turn := time.NewTicker(redraw)
	defer turn.Stop()
	for {
		select {
		case <-p.over:
			return
		case <-turn.C:
			p.draw()
		}
	}
}

// draw draws the bar as far as it has come.
func (p *Progress) draw() {
	count := p.count.Load()
	if p.total > 0 {
		count = min(count, p.total)
		if p.drawn == p.total { // It is gone already, and would clear the line again and again.
			return
		}
	}
	_ = p.bar.Add64(count - p.drawn) // A bar that cannot be drawn is no reason to stop the work.
	p.drawn = count
}

// Add tells that n more were done. More than the total changes nothing.
func (p *Progress) Add(n int64) {
	if p != nil {
		p.count.Add(n)
	}
}

// Done takes the bar away, so that the line is free for what is printed next. It
// returns when nothing more is written, and may be called more than once.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.stop.Do(func() { close(p.over) })
	<-p.gone
	_ = p.bar.Finish()
	_ = p.bar.Clear()
}
