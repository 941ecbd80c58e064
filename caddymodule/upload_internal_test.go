package caddymodule

import (
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// dripping is a body that gives a byte after each pause.
type dripping struct {
	pause time.Duration
	left  atomic.Int64
}

func drip(pause time.Duration, bytes int64) *dripping {
	d := &dripping{pause: pause}
	d.left.Store(bytes)
	return d
}

func (d *dripping) Read(p []byte) (int, error) {
	time.Sleep(d.pause)
	if d.left.Add(-1) < 0 {
		return 0, io.EOF
	}
	return copy(p, "x"), nil
}

func (d *dripping) Close() error { return nil }

func TestAnUploadIsReadOnAfterTheAnswerForAsLongAsItComesButNotForEver(t *testing.T) {
	for _, tc := range []struct {
		name  string
		body  *dripping
		least time.Duration
		most  time.Duration
		ends  bool
	}{
		{"it comes steadily", drip(400*time.Millisecond, 9), 4 * time.Second, 4100 * time.Millisecond, true},
		{"it stops", drip(time.Minute, 9), lingering, lingering, false},
		{"it never ends", drip(100*time.Millisecond, 1<<30), maxLingering, maxLingering + lingering, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upload{body: tc.body}
				began := time.Now()
				u.linger()
				if took := time.Since(began); took < tc.least || took > tc.most || u.ended.Load() != tc.ends {
					t.Errorf("it took %v and ended is %v, want %v to %v and %v", took, u.ended.Load(), tc.least, tc.most, tc.ends)
				}
				tc.body.left.Store(0) // So that nobody is left in the bubble.
				<-u.rest
			})
		})
	}
}
