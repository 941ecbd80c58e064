package api

import (
	"math"
	"strconv"
	"time"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// stamp is a time as the API writes it: RFC 3339 with milliseconds, in UTC. The
// zero time is null.
type stamp time.Time

// MarshalJSON writes the time.
func (s stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	if t = t.UTC(); t.Year() > 9999 || t.Year() < 0 { // RFC 3339 has four digits.
		return []byte("null"), nil
	}
	return strconv.AppendQuote(nil, t.Format(calllog.TimeForm)), nil
}

// stampOf is that of a time that may be missing.
func stampOf(t *time.Time) stamp {
	if t == nil {
		return stamp{}
	}
	return stamp(*t)
}

// wholeMillis gives milliseconds, rounded up: who waits so long does not come
// too early.
func wholeMillis(d time.Duration) int64 {
	return int64(math.Ceil(float64(d) / float64(time.Millisecond)))
}

// orEmpty gives a list that is not nil, so that it stands as [] in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
