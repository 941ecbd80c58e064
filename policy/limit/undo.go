package limit

import (
	"context"
	"time"
)

// counted says where and when Redis counts a call. The zero value is nowhere.
type counted struct {
	at    int64  // Redis's microseconds.
	key   string // The hash of the tenant's windows, empty when they do not count it.
	sides [sides]bool
}

// countedAt is where a call is counted that this reply admitted, in the tenant's windows
// under this key.
func countedAt(answer reply, key string) counted {
	c := counted{at: answer.at}
	for s := range answer.windows {
		c.sides[s] = len(answer.windows[s]) > 0
	}
	if c.sides[own] {
		c.key = key
	}
	return c
}

// anywhere says whether a window counts the call.
func (c counted) anywhere() bool { return c.sides[own] || c.sides[shared] }

// refundPatience bounds how long a call that was not sent waits until Redis has taken it
// back. It waits so that its bot's next call, through whichever process, finds room.
const refundPatience = 10 * time.Millisecond

// undo has Redis take back calls that were counted under the limits of these sets, and
// give up places, when there is time.
func (r *Remote) undo(c counted, sets []*Set, calls int64, places ...place) {
	if c.anywhere() || len(places) > 0 {
		keys, args := r.undoing(c, sets, calls, places...)
		r.link.Later(undoScript, keys, args)
	}
}

// undoNow has Redis take back one call, and waits a little for that.
func (r *Remote) undoNow(c counted, sets []*Set) {
	if c.anywhere() {
		keys, args := r.undoing(c, sets, 1)
		r.link.Run(context.Background(), refundPatience, undoScript, keys, args)
	}
}

// undoing says what to undo.
func (r *Remote) undoing(c counted, sets []*Set, calls int64, places ...place) (keys, args []string) {
	keys = append(make([]string, 0, 2+len(places)), r.names.all, r.names.all)
	if c.sides[own] {
		keys[0] = c.key
	}
	var windows [sides]int
	args = append(make([]string, 0, 16), "", "", decimal(c.at), decimal(calls))
	for s := own; s < sides; s++ {
		for _, set := range sets {
			for i := range set.parts[s].rules {
				if c.sides[s] {
					rule := &set.parts[s].rules[i].remote
					args = append(args, rule.field, rule.window)
					windows[s]++
				}
			}
		}
	}
	args[0], args[1] = decimal(int64(windows[own])), decimal(int64(windows[shared]))
	for _, p := range places {
		keys, args = append(keys, p.key), append(args, p.member)
	}
	return keys, args
}

// tell has Redis keep places for so long from now, or give them up when that is
// nothing. It says what to tell.
func tell(places []place, millis string) (keys, args []string) {
	args = append(make([]string, 0, 1+len(places)), millis)
	for _, p := range places {
		keys, args = append(keys, p.key), append(args, p.member)
	}
	return keys, args
}
