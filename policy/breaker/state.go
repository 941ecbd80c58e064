package breaker

import (
	"strconv"
	"time"

	"github.com/sony/gobreaker/v2"
)

// State is what a cell does with calls.
type State uint8

// The states of a cell, from the best to the worst.
const (
	// Closed lets calls pass.
	Closed State = iota
	// HalfOpen lets a few probes pass.
	HalfOpen
	// Open refuses calls.
	Open
)

// String gives "closed", "half-open" or "open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half-open"
	case Open:
		return "open"
	}
	return "state " + strconv.Itoa(int(s))
}

// stateOf translates the state machine's word for a state.
func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	}
	return Closed
}

// Transition is a change of a cell's state.
type Transition struct {
	// Policy and Host name the cell. Tenant is empty for the host's own cell.
	Policy, Host, Tenant string

	// From and To are the states before and after.
	From, To State

	// At is when the new state began. A cell becomes half-open when its open
	// time ends, and closed when a hold does, but that is noticed only when
	// something asks; At is the end of the open time or the hold then.
	At time.Time
}

// Status is what one cell looks like.
type Status struct {
	// Policy and Host name the cell. Tenant is empty for the host's own cell.
	Policy, Host, Tenant string

	// State is the state at the moment of asking.
	State State

	// Since is when that state began. Zero for a host that was never called.
	Since time.Time

	// ProbesAt is when an open cell lets the next probe pass, or, when it is
	// held open, all calls. Zero unless the cell is open, and when it is held
	// open without an end.
	ProbesAt time.Time

	// Held is set when somebody holds the breaker in State, and HeldUntil is
	// when that ends: zero is never. See Breaker.Hold.
	Held      bool
	HeldUntil time.Time

	// Counts are what the state machine looks at.
	Counts Counts
}

// Counts are the finished attempts of the window, or, while half-open, of the
// probes. With a consecutive threshold nothing is forgotten by time, and
// Finished and Failed count since the cell was last closed.
type Counts struct {
	// Finished is how many attempts succeeded or failed.
	Finished uint32

	// Failed is how many of them failed.
	Failed uint32

	// FailedInARow is how many failed since the last success.
	FailedInARow uint32

	// ProbesOut is how many probes are on their way.
	ProbesOut int
}
