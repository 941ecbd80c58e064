package policy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that stands in JSON as text: "4s". A bare
// number is nanoseconds, as Caddy writes it.
type Duration time.Duration

// ParseDuration reads Go's notation and a number of days: "1500ms", "2m30s",
// "1d". Negative durations are errors.
func ParseDuration(s string) (Duration, error) {
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil && n >= 0 && n <= 36500 {
			return Duration(n * float64(24*time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration: expected one such as 500ms, 4s, 2m, 1h or 1d", s)
	}
	return Duration(d), nil
}

// Std gives the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String gives Go's notation: "1m30s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes text: "4s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads text, or a number of nanoseconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		parsed, err := ParseDuration(text)
		*d = parsed
		return err
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%s is not a duration: expected text such as \"4s\"", b)
	}
	*d = Duration(n)
	return nil
}

// Size is a number of bytes that stands in JSON as text: "1MiB". A bare number
// is bytes.
type Size int64

// sizeUnits are the suffixes that ParseSize knows, longest first.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"B", 1}, {"", 1},
}

// ParseSize reads "512", "64KiB", "1MiB" or "1MB". Sizes are whole bytes from 0
// to 1 TiB.
func ParseSize(s string) (Size, error) {
	for _, u := range sizeUnits {
		digits, found := strings.CutSuffix(s, u.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err == nil && n >= 0 && n <= (1<<40)/u.bytes {
			return Size(n * u.bytes), nil
		}
	}
	return 0, fmt.Errorf("%q is not a size: expected one such as 4096, 64KiB or 1MiB", s)
}

// String gives the largest binary unit that fits: "64KiB".
func (s Size) String() string {
	for i := 2; i >= 0; i-- {
		if u := sizeUnits[i]; s > 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalJSON writes text: "1MiB".
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads text, or a number of bytes.
func (s *Size) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	parsed, err := ParseSize(text)
	*s = parsed
	return err
}
