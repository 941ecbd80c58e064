package explain

import (
	"time"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Timing is where the time of a call went. All numbers are milliseconds, to the
// microsecond.
type Timing struct {
	// TotalMS is the whole call, and SignpostMS what of it was neither spent on
	// requests nor on pauses between them.
	TotalMS    float64 `json:"total_ms"`
	SignpostMS float64 `json:"signpost_ms"`

	// Requests are those that went out, in order: attempts, and requests for tokens
	// before them.
	Requests []RequestTiming `json:"requests"`
}

// RequestTiming is where the time of one request went.
type RequestTiming struct {
	// Attempt is its number, from 1; 0 of a request for a token.
	Attempt int    `json:"attempt"`
	Method  string `json:"method"`
	Host    string `json:"host"`

	// Reused tells that the connection was there already.
	Reused bool `json:"reused"`

	// Failed tells that there was no answer.
	Failed bool    `json:"failed"`
	Phases []Phase `json:"phases"`
}

// Phase is one step of a request. Steps of a request do not overlap.
type Phase struct {
	// Name is "limits" before the first attempt, where limits are asked and
	// credentials read, "pause" before a further one, "dns", "connect", "tls",
	// "request", "first byte", "body", or "connection" where none of the first three
	// is known.
	Name       string  `json:"name"`
	StartMS    float64 `json:"start_ms"` // after the call's arrival
	DurationMS float64 `json:"duration_ms"`
}

// TimingOf puts together what the log knows of a call and what was noted of its
// requests. A call without requests has none.
func TimingOf(e *calllog.Entry, exchanges []Exchange) Timing {
	t := Timing{TotalMS: millis(e.Duration), Requests: []RequestTiming{}}
	end := e.Time.Add(e.Duration)
	busy := time.Duration(0)
	attempt, before := 0, e.Time
	for i := range exchanges {
		x := &exchanges[i]
		r := RequestTiming{Method: x.Method, Host: x.Host, Reused: x.Reused, Failed: x.Failed, Phases: []Phase{}}
		// Attempts begin before their request does, and there is no other in between.
		if attempt < len(e.Attempts) && !x.Begun.Before(e.Time.Add(e.Attempts[attempt].After)) {
			attempt++
			r.Attempt = attempt
		}
		over := x.Over
		if over.IsZero() || over.After(end) {
			over = end
		}
		add := func(name string, from, to time.Time) {
			if !from.IsZero() && to.After(from) {
				r.Phases = append(r.Phases, Phase{name, millis(from.Sub(e.Time)), millis(to.Sub(from))})
			}
		}
		switch {
		case r.Attempt == 1 && len(t.Requests) == 0:
			add("limits", before, x.Begun)
		case r.Attempt > 1:
			add("pause", before, x.Begun)
			busy += max(x.Begun.Sub(before), 0)
		}
		x.addPhases(add, over)
		busy += max(over.Sub(x.Begun), 0)
		before = over
		t.Requests = append(t.Requests, r)
	}
	t.SignpostMS = millis(max(e.Duration-busy, 0))
	return t
}

// addPhases adds the steps of a request, each from where the one before ended.
func (x *Exchange) addPhases(add func(name string, from, to time.Time), over time.Time) {
	at := x.Begun
	step := func(name string, from, to time.Time) {
		if to.IsZero() || to.After(over) {
			to = over // It broke off there.
		}
		if from.Before(at) {
			from = at
		}
		add(name, from, to)
		at = to
	}
	known := false
	for _, s := range []struct {
		name     string
		from, to time.Time
	}{{"dns", x.DNSStart, x.DNSDone}, {"connect", x.ConnectStart, x.ConnectDone}, {"tls", x.TLSStart, x.TLSDone}} {
		if !s.from.IsZero() && !x.Reused {
			known = true
			step(s.name, s.from, s.to)
		}
	}
	if x.Connected.IsZero() {
		return // It did not come further, or the transport tells nothing.
	}
	if !known {
		step("connection", x.Begun, x.Connected)
	}
	step("request", x.Connected, x.Sent)
	if x.Sent.IsZero() {
		return
	}
	step("first byte", x.Sent, x.FirstByte)
	if !x.FirstByte.IsZero() {
		step("body", x.FirstByte, over)
	}
}

// millis gives milliseconds to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
