package terminal

import (
	"io"
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

// redraw is how often a bar is drawn at most.
const redraw = 100 * time.Millisecond

// Progress shows how far a long work has come: a bar with count, rate and the time
// that remains. It is only seen on a terminal; elsewhere nothing is written. A nil
// Progress shows nothing. It is safe for concurrent use.
type Progress struct{ bar *progressbar.ProgressBar }

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
		progressbar.OptionThrottle(redraw),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // It turns when something was done, and needs no goroutine.
	}
	if unit == Bytes {
		options = append(options, progressbar.OptionShowBytes(true))
	} else {
		options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString("calls"))
	}
	bar := progressbar.NewOptions64(total, options...)
	bar.StartWithoutRender() // The time counts from here, not from the first thing that is done.
	return &Progress{bar}
}

// Add tells that n more were done. More than the total changes nothing.
func (p *Progress) Add(n int64) {
	if p != nil {
		_ = p.bar.Add64(n) // A bar that cannot be drawn is no reason to stop the work.
	}
}

// Done takes the bar away, so that the line is free for what is printed next.
func (p *Progress) Done() {
	if p != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}
