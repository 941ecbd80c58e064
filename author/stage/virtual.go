package stage

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// linger is how much virtual time is left, when f has returned, to goroutines that
// it leaves behind, such as one that renews a token. It costs no real time.
const linger = time.Hour

// Run calls f in a bubble in which time stands still while anything runs, and
// leaps to the next timer when everything waits: an hour of waiting takes
// microseconds. The clock begins at midnight UTC of 1 January 2000. All that waits
// must wait for something inside of the bubble; channels and timers of the outside
// may not be used in it, nor those of the inside outside.
//
// Run returns when f has, and everything that f started. The error says that f
// panicked, that it ended its goroutine, or that something waits for what never
// comes, which then goes on waiting for as long as the program runs. Bubbles may
// run beside each other, but not inside of each other.
func Run(f func()) (err error) {
	defer func() {
		if hung := recover(); hung != nil { // So package synctest says that everything waits.
			err = fmt.Errorf("playing in virtual time: %v", hung)
		}
	}()
	// The engine reads the time by itself in many places, and its breakers are of a
	// library that takes no clock. Package synctest alone makes all of it live in
	// another time without a change. It asks for a test, of which it needs nothing
	// but that it is not nil; a T that has failed would end the program, so that
	// nothing of f may reach it.
	synctest.Test(new(testing.T), func(*testing.T) {
		ended := make(chan error, 1)
		go func() {
			outcome := errGaveUp
			defer func() {
				if fault := recover(); fault != nil {
					outcome = fmt.Errorf("playing in virtual time: panic: %v", fault)
				}
				ended <- outcome
			}()
			f()
			outcome = nil
		}()
		err = <-ended
		time.Sleep(linger)
	})
	return err
}

// errGaveUp is what came of a function that ended its goroutine.
var errGaveUp = errors.New("playing in virtual time: the goroutine ended itself")
