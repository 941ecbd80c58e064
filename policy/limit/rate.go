package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxCalls is the largest number of calls that a limit can allow.
	MaxCalls = 1_000_000_000
	// MinWindow is the shortest span that a rate can be about.
	MinWindow = time.Millisecond
	// MaxWindow is the longest span that a rate can be about.
	MaxWindow = 31 * day

	day = 24 * time.Hour
)

// Rate allows at most N calls in any span of Window. The zero value is not
// valid; see [Rate.Validate].
type Rate struct {
	// N is the number of calls, from 1 to [MaxCalls].
	N int
	// Window is the length of the span, from [MinWindow] to [MaxWindow].
	Window time.Duration
}

// units are the lengths that windows are written in, longest first. From the
// second on they are windows by themselves.
var units = []struct {
	name   string
	length time.Duration
}{
	{"d", day},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
	{"ms", time.Millisecond},
	{"us", time.Microsecond},
	{"ns", time.Nanosecond},
}

// ParseRate reads a rate such as "10/m", "10/30s", "20000/d" or "5/2d": a number
// of calls, a slash, and one of s, m, h, d, a number of days, or a duration as
// [time.ParseDuration] reads it. The error quotes s and says what was expected.
func ParseRate(s string) (Rate, error) {
	calls, window, ok := strings.Cut(s, "/")
	if !ok {
		return Rate{}, fmt.Errorf("reading rate %q: want <calls>/<window>, such as 10/m, 10/30s or 20000/d", s)
	}
	n, err := strconv.ParseUint(calls, 10, 63)
	if err != nil || n > MaxCalls {
		return Rate{}, fmt.Errorf("reading rate %q: want a whole number of calls from 1 to %d before the slash", s, MaxCalls)
	}
	length, err := parseWindow(window)
	if err != nil {
		return Rate{}, fmt.Errorf("reading rate %q: want a window of s, m, h, d or a duration such as 30s after the slash", s)
	}
	r := Rate{N: int(n), Window: length}
	if err := r.Validate(); err != nil {
		return Rate{}, fmt.Errorf("reading rate %q: %w", s, err)
	}
	return r, nil
}

// parseWindow reads what stands after the slash of a rate.
func parseWindow(s string) (time.Duration, error) {
	for _, u := range units {
		if s == u.name && u.length >= time.Second {
			return u.length, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(s)
}

// Validate says whether r is within the bounds of its fields.
func (r Rate) Validate() error {
	if r.N < 1 || r.N > MaxCalls {
		return fmt.Errorf("want from 1 to %d calls, got %d", MaxCalls, r.N)
	}
	if r.Window < MinWindow || r.Window > MaxWindow {
		return fmt.Errorf("want a window from %s to %s, got %s", shortDuration(MinWindow), shortDuration(MaxWindow), shortDuration(r.Window))
	}
	return nil
}

// String gives a text that [ParseRate] reads as r, with the window in the largest
// unit that needs no fraction: "10/m", "10/90s".
func (r Rate) String() string {
	window := shortDuration(r.Window)
	if unit := strings.TrimPrefix(window, "1"); len(unit) == 1 {
		window = unit
	}
	return strconv.Itoa(r.N) + "/" + window
}

// shortDuration writes d in the largest unit that needs no fraction.
func shortDuration(d time.Duration) string {
	for _, u := range units {
		if d != 0 && d%u.length == 0 {
			return strconv.FormatInt(int64(d/u.length), 10) + u.name
		}
	}
	return d.String()
}
