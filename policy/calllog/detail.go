package calllog

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// Detail is a call in full, as JSON.
type Detail struct {
	Summary
	Plan           string  `json:"plan"`
	RouteBy        string  `json:"route_by"`
	ProxyError     string  `json:"proxy_error"`
	UpstreamStatus int     `json:"upstream_status"`
	UpstreamMS     float64 `json:"upstream_ms"`
	Breaker        string  `json:"breaker"`
	Limit          string  `json:"limit"`
	Broken         string  `json:"broken"`

	Cell          *CellDetail   `json:"breaker_cell"`
	Limits        []LimitDetail `json:"limits"`
	State         *StateDetail  `json:"state"` // null: nothing was asked of a shared state.
	DeadlineMS    float64       `json:"deadline_ms"`
	RetryAfterMS  float64       `json:"retry_after_ms"`
	Success       string        `json:"success"` // The expression that made the call rejected.
	FallbackRule  string        `json:"fallback_rule"`
	FallbackAgeMS float64       `json:"fallback_age_ms"`

	Request  *RequestDetail `json:"request"`
	Sent     *RequestDetail `json:"sent"`
	Received *AnswerDetail  `json:"received"`
	Response *AnswerDetail  `json:"response"`

	Vars     []VarDetail     `json:"vars"`
	Input    []VarDetail     `json:"input"`
	Hints    []HintDetail    `json:"hints"`
	Faults   []FaultDetail   `json:"faults"`
	Attempts []AttemptDetail `json:"attempts"`
	Drift    []Change        `json:"drift"`
}

// CellDetail is a cell of a circuit breaker as the call met it.
type CellDetail struct {
	Breaker    string `json:"breaker"`
	Host       string `json:"host"`
	Tenant     string `json:"tenant"`
	TenantOnly bool   `json:"tenant_only"`
	Held       bool   `json:"held"`
	Since      string `json:"since"` // Empty where it refused nothing.
}

// LimitDetail is a limit that was asked.
type LimitDetail struct {
	Name     string  `json:"name"`
	Max      int     `json:"max"`
	WindowMS float64 `json:"window_ms"` // 0 of calls in flight.
	Left     int     `json:"left"`
	ResetMS  float64 `json:"reset_ms"`
	Shared   bool    `json:"shared"`
	Refused  bool    `json:"refused"`
}

// StateDetail is what a state that sidecars share had to do with the call.
type StateDetail struct {
	Decided string  `json:"decided"` // "redis", "local" or "refused"; empty where the limits asked nobody.
	WaitMS  float64 `json:"wait_ms"`
}

// RequestDetail is a request.
type RequestDetail struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Content
}

// AnswerDetail is an answer.
type AnswerDetail struct {
	Status int `json:"status"`
	Content
}

// Content is what requests and answers have in common.
type Content struct {
	Headers []header `json:"headers"`

	// Body is text, or base64 as BodyEncoding says: "utf-8" or "base64".
	Body         string `json:"body"`
	BodyEncoding string `json:"body_encoding"`

	// BodyBytes is how long the whole body was, and BodyCut tells that not all of
	// it is here. BodyNote says why, where it is not a matter of size.
	BodyBytes int64  `json:"body_bytes"`
	BodyCut   bool   `json:"body_cut"`
	BodyNote  string `json:"body_note"`
}

// VarDetail is a variable with its value.
type VarDetail struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

// HintDetail is a condition that was asked.
type HintDetail struct {
	Route     string        `json:"route"`
	Condition string        `json:"condition"`
	Result    bool          `json:"result"`
	Error     string        `json:"error"`
	Values    []ValueDetail `json:"values"`
}

// ValueDetail is what a condition read.
type ValueDetail struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// FaultDetail is another condition, which could not be evaluated.
type FaultDetail struct {
	Where     string `json:"where"`
	Condition string `json:"condition"`
	Error     string `json:"error"`
}

// AttemptDetail is one request sent to the third party.
type AttemptDetail struct {
	StartMS    float64 `json:"start_ms"` // after the call's arrival
	DurationMS float64 `json:"duration_ms"`
	Status     int     `json:"status"`
	Outcome    string  `json:"outcome"`
	Host       string  `json:"host"`
	ProxyError string  `json:"proxy_error"`
	Renewed    bool    `json:"renewed"` // Its token was refused; the next attempt had a new one.
}

// Detail renders the call in full.
func (e *Entry) Detail() Detail {
	d := Detail{
		Summary: e.summary(), Plan: e.Plan, RouteBy: e.RouteBy, ProxyError: e.ProxyError,
		UpstreamStatus: e.UpstreamStatus, UpstreamMS: millis(e.Upstream), Breaker: e.Breaker, Limit: e.Limit, Broken: e.Broken,
		Request: e.Request.request(), Sent: e.Sent.request(), Received: e.Received.answer(), Response: e.Response.answer(),
		Vars: variables(e.Vars), Input: variables(e.Inputs),
		Cell: e.Cell.detail(), State: e.state(), Limits: make([]LimitDetail, 0, len(e.Limits)), DeadlineMS: millis(e.Deadline), RetryAfterMS: millis(e.RetryAfter),
		Success: e.Success, FallbackRule: e.FallbackRule, FallbackAgeMS: millis(e.FallbackAge),
		Hints: []HintDetail{}, Faults: []FaultDetail{}, Attempts: []AttemptDetail{}, Drift: []Change{},
	}
	for _, l := range e.Limits {
		d.Limits = append(d.Limits, LimitDetail{
			Name: l.Name, Max: l.Max, WindowMS: millis(l.Window), Left: l.Left, ResetMS: millis(l.Reset), Shared: l.Shared, Refused: l.Refused,
		})
	}
	for _, h := range e.Hints {
		asked := HintDetail{Route: h.Route, Condition: h.Condition, Result: h.Holds, Error: h.Err, Values: []ValueDetail{}}
		for _, v := range h.Values {
			asked.Values = append(asked.Values, ValueDetail(v))
		}
		d.Hints = append(d.Hints, asked)
	}
	for _, f := range e.Faults {
		d.Faults = append(d.Faults, FaultDetail{Where: f.Where, Condition: f.Condition, Error: f.Err})
	}
	for _, a := range e.Attempts {
		d.Attempts = append(d.Attempts, AttemptDetail{
			StartMS: millis(a.After), DurationMS: millis(a.Duration), Status: a.Status, Outcome: a.Outcome, Host: a.Host, ProxyError: a.ProxyError,
			Renewed: a.Renewed,
		})
	}
	d.Drift = append(d.Drift, e.Drift...)
	return d
}

func (c *Cell) detail() *CellDetail {
	if c == nil {
		return nil
	}
	d := &CellDetail{Breaker: c.Breaker, Host: c.Host, Tenant: c.Tenant, TenantOnly: c.TenantOnly, Held: c.Held}
	if !c.Since.IsZero() {
		d.Since = stamp(c.Since)
	}
	return d
}

func (e *Entry) state() *StateDetail {
	if e.Decided == "" && e.SharedWait == 0 {
		return nil
	}
	return &StateDetail{Decided: e.Decided, WaitMS: millis(e.SharedWait)}
}

// variables tells variables. Where asterisks stand for a secret in the middle of a
// number, what is left is no JSON, and is not shown.
func variables(vars []Var) []VarDetail {
	details := make([]VarDetail, 0, len(vars))
	for _, v := range vars {
		shown := VarDetail{Name: v.Name, Value: v.JSON}
		if !json.Valid(v.JSON) {
			shown.Value = json.RawMessage(`"[redacted]"`)
		}
		details = append(details, shown)
	}
	return details
}

func (m *Message) request() *RequestDetail {
	if m == nil {
		return nil
	}
	return &RequestDetail{Method: m.Method, URL: m.URL, Content: m.content()}
}

func (m *Message) answer() *AnswerDetail {
	if m == nil {
		return nil
	}
	return &AnswerDetail{Status: m.Status, Content: m.content()}
}

func (m *Message) content() Content {
	c := Content{
		Headers: m.headers(), Body: string(m.Body), BodyEncoding: "utf-8",
		BodyBytes: m.Size, BodyCut: m.Cut, BodyNote: m.Note,
	}
	if whole := wholeRunes(m.Body, c.BodyCut); utf8.Valid(whole) {
		c.Body = string(whole)
	} else {
		c.Body, c.BodyEncoding = base64.StdEncoding.EncodeToString(m.Body), "base64"
	}
	return c
}

// wholeRunes drops what is left of a character that was cut in two.
func wholeRunes(text []byte, cut bool) []byte {
	if !cut {
		return text
	}
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if last := text[len(text)-i]; utf8.RuneStart(last) {
			if !utf8.FullRune(text[len(text)-i:]) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}
