package calllog

import "time"

// Summary is a call in a list, as JSON.
type Summary struct {
	ID        string `json:"id"`
	Time      string `json:"time"` // RFC 3339 with milliseconds
	Tenant    string `json:"tenant"`
	Policy    string `json:"policy"`
	Operation string `json:"operation"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Status    int    `json:"status"`
	Outcome   string `json:"outcome"`
	Route     string `json:"route"`
	Next      string `json:"next"`

	// LatencyMS is in milliseconds, to the microsecond.
	LatencyMS float64 `json:"latency_ms"`

	TraceID  string `json:"trace_id"`
	Failed   bool   `json:"failed"`
	Fallback string `json:"fallback"`
	Reason   string `json:"reason"`
}

// Listed is a Summary with the number of attempts.
type Listed struct {
	Summary
	Attempts int `json:"attempts"`
}

// Listed renders the call for a list.
func (e *Entry) Listed() Listed { return Listed{e.summary(), len(e.Attempts)} }

func (e *Entry) summary() Summary {
	return Summary{
		ID: e.ID, Time: stamp(e.Time), Tenant: e.Tenant, Policy: e.Policy, Operation: e.Operation,
		Method: e.Method, Path: e.Path, Status: e.Status, Outcome: e.Outcome, Route: e.Route, Next: e.Next,
		LatencyMS: millis(e.Duration), TraceID: e.TraceID, Failed: e.Failed, Fallback: e.Fallback, Reason: e.Reason,
	}
}

// TimeForm is how operators are told times: RFC 3339 with milliseconds, in UTC.
const TimeForm = "2006-01-02T15:04:05.000Z07:00"

// stamp writes a time in that form.
func stamp(t time.Time) string { return t.UTC().Format(TimeForm) }

// millis gives milliseconds to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
