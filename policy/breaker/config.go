package breaker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of a Config. They keep a cell's memory and arithmetic small; nothing
// sensible lies outside them.
const (
	// MaxAttempts is the largest number of attempts a threshold may ask for.
	MaxAttempts = 1_000_000

	// MaxProbes is the largest number of probes.
	MaxProbes = 100

	// MinSpan and MaxSpan bound Window, Open and Slow.
	MinSpan = time.Millisecond
	MaxSpan = 24 * time.Hour
)

// Config says when a cell opens and how it closes again. It is comparable:
// two breakers with equal configurations share their cells.
type Config struct {
	// Off lets every call pass and counts nothing. The other fields are then
	// not looked at.
	Off bool

	// Percent of the attempts finished in Window that must have failed for a
	// cell to open, above 0 and up to 100. Default: 50. Not looked at when
	// Consecutive is set.
	Percent float64

	// Attempts is how many must have finished in Window before Percent is
	// looked at, 1 to MaxAttempts. Default: 20.
	Attempts int

	// Window is the span that Percent and Attempts look at. It moves in
	// twentieths, so that an attempt is forgotten when between 95 % and 100 %
	// of Window have passed since it finished, and never counts after that.
	// Default: 30s.
	Window time.Duration

	// Consecutive, when above 0, opens a cell after so many failures without a
	// success between them, whenever they were. Default: 0, which is the
	// percentage.
	Consecutive int

	// Open is how long a cell refuses before it lets probes pass.
	// Default: 15s.
	Open time.Duration

	// Probes is how many calls pass while a cell is half-open. All must
	// succeed to close it; one that fails opens it again. Default: 3, up to
	// MaxProbes.
	Probes int

	// Slow makes a success that took longer a failure. Default: 0, none.
	Slow time.Duration
}

// Default is 50 % of 20 in 30s, open for 15s, 3 probes.
func Default() Config {
	return Config{Percent: 50, Attempts: 20, Window: 30 * time.Second, Open: 15 * time.Second, Probes: 3}
}

// Parse reads the words behind `breaker`: `50% of 20 in 30s`, `5 consecutive`
// or `off`. No words are the default. What the words do not say has its
// default. The error joins all that is wrong, each with what was expected.
func Parse(args []string) (Config, error) {
	switch {
	case len(args) == 0:
		return Default(), nil
	case len(args) == 1 && args[0] == "off":
		return Config{Off: true}, nil
	case len(args) == 2 && args[1] == "consecutive":
		return parseConsecutive(args[0])
	case len(args) == 5 && args[1] == "of" && args[3] == "in":
		return parsePercentage(args[0], args[2], args[4])
	}
	return Config{}, fmt.Errorf("reading %q: expected <percent>%% of <attempts> in <duration>, <n> consecutive, or off",
		strings.Join(args, " "))
}

func parseConsecutive(count string) (Config, error) {
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > MaxAttempts {
		return Config{}, fmt.Errorf("reading %q: expected a number of failures from 1 to %d", count, MaxAttempts)
	}
	c := Default()
	c.Percent, c.Attempts, c.Window = 0, 0, 0
	c.Consecutive = n
	return c, nil
}

func parsePercentage(percent, attempts, window string) (Config, error) {
	var wrong []error
	c := Default()

	digits, found := strings.CutSuffix(percent, "%")
	p, err := strconv.ParseFloat(digits, 64)
	if !found || err != nil || strings.Trim(digits, "0123456789.") != "" || !validPercent(p) {
		wrong = append(wrong, fmt.Errorf("reading %q: expected a percentage above 0%% and up to 100%%", percent))
	}
	n, err := strconv.Atoi(attempts)
	if err != nil || n < 1 || n > MaxAttempts {
		wrong = append(wrong, fmt.Errorf("reading %q: expected a number of attempts from 1 to %d", attempts, MaxAttempts))
	}
	d, err := parseSpan(window)
	if err != nil || !validSpan(d) {
		wrong = append(wrong, fmt.Errorf("reading %q: expected a duration such as 30s, from %v to %v", window, MinSpan, MaxSpan))
	}
	if len(wrong) > 0 {
		return Config{}, errors.Join(wrong...)
	}
	c.Percent, c.Attempts, c.Window = p, n, d
	return c, nil
}

// parseSpan reads Go's notation, and "1d", which other durations of a
// configuration may say too.
func parseSpan(s string) (time.Duration, error) {
	if s == "1d" {
		return 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}

// Validate joins all that is out of bounds, each with what was expected. Zero
// fields are fine, because they have defaults.
func (c Config) Validate() error {
	if c.Off {
		return nil
	}
	c = c.withDefaults()
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	if c.Consecutive != 0 {
		check(c.Consecutive > 0 && c.Consecutive <= MaxAttempts, "checking consecutive %d: expected 1 to %d", c.Consecutive, MaxAttempts)
	} else {
		check(validPercent(c.Percent), "checking percentage %v: expected above 0 and up to 100", c.Percent)
		check(c.Attempts > 0 && c.Attempts <= MaxAttempts, "checking attempts %d: expected 1 to %d", c.Attempts, MaxAttempts)
		check(validSpan(c.Window), "checking window %v: expected %v to %v", c.Window, MinSpan, MaxSpan)
	}
	check(validSpan(c.Open), "checking open %v: expected %v to %v", c.Open, MinSpan, MaxSpan)
	check(c.Probes > 0 && c.Probes <= MaxProbes, "checking probes %d: expected 1 to %d", c.Probes, MaxProbes)
	check(c.Slow == 0 || validSpan(c.Slow), "checking slow %v: expected %v to %v", c.Slow, MinSpan, MaxSpan)
	return errors.Join(wrong...)
}

func validPercent(p float64) bool { return p > 0 && p <= 100 }

func validSpan(d time.Duration) bool { return d >= MinSpan && d <= MaxSpan }

// String gives the words that Parse reads: "50% of 20 in 30s".
func (c Config) String() string {
	c = c.withDefaults()
	switch {
	case c.Off:
		return "off"
	case c.Consecutive != 0:
		return fmt.Sprintf("%d consecutive", c.Consecutive)
	}
	return fmt.Sprintf("%s%% of %d in %v", strconv.FormatFloat(c.Percent, 'f', -1, 64), c.Attempts, c.Window)
}

// withDefaults fills the zero fields and clears those that are not looked at,
// so that configurations that mean the same are equal.
func (c Config) withDefaults() Config {
	if c.Off {
		return Config{Off: true}
	}
	d := Default()
	if c.Consecutive != 0 {
		c.Percent, c.Attempts, c.Window = 0, 0, 0
	} else {
		orDefault(&c.Percent, d.Percent)
		orDefault(&c.Attempts, d.Attempts)
		orDefault(&c.Window, d.Window)
	}
	orDefault(&c.Open, d.Open)
	orDefault(&c.Probes, d.Probes)
	return c
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ripe reports whether what has finished in the window opens a cell.
func (c Config) ripe(finished, failed, inARow uint32) bool {
	if c.Consecutive > 0 {
		return int64(inARow) >= int64(c.Consecutive)
	}
	return int64(finished) >= int64(c.Attempts) &&
		float64(failed)*100 >= c.Percent*float64(finished)
}
