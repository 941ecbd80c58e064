package replay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// redacted stands in the call log for what nobody is to see.
const redacted = "[redacted]"

// detail is a call of the log. What is hardly ever looked at is not read.
type detail struct {
	calllog.Detail
	Response json.RawMessage `json:"response"`
	Hints    json.RawMessage `json:"hints"`
	Sent     *sentDetail     `json:"sent"`
	Faults   ignored         `json:"faults"`
	Drift    ignored         `json:"drift"`
	Limits   ignored         `json:"limits"`
	Cell     ignored         `json:"breaker_cell"`
}

// sentDetail is the request that went out; its headers are not compared.
type sentDetail struct {
	calllog.RequestDetail
	Headers ignored `json:"headers"`
}

// ignored is a member that nobody reads.
type ignored struct{}

// UnmarshalJSON takes any value.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

// readDetail makes a call of an entry of the call log, or of one with more around
// it, as POST /signpost/test and `call --json` give it. The error is that of the
// JSON.
func readDetail(raw []byte) (Call, error) {
	var read struct {
		detail
		Call   *detail               `json:"call"`
		Answer *calllog.AnswerDetail `json:"answer"`
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		return Call{}, err
	}
	d := &read.detail
	if read.Call != nil {
		d = read.Call
		d.complete(read.Answer)
	}
	c := Call{ID: d.ID, Took: millis(d.LatencyMS), Tenant: d.Tenant, Policy: d.Policy}
	c.Time, _ = time.Parse(time.RFC3339, d.Time)
	if c.Tenant == policy.Anonymous {
		c.Tenant = ""
	}
	c.Was = verdictOf(d)
	switch {
	case d.ID == "" || !slices.Contains(policy.Outcomes(), c.Was.Outcome):
		c.Why = WhyShape
	case d.Request == nil:
		c.Why = WhySummary
	default:
		c.Why = c.take(d)
	}
	return c, nil
}

// complete puts the whole body of the answer in place of one that was cut, where a
// test call tells it beside the call.
func (d *detail) complete(answer *calllog.AnswerDetail) {
	if answer == nil || answer.BodyCut || d.Received == nil || !d.Received.BodyCut || d.Fallback != "" || answer.BodyBytes != d.Received.BodyBytes {
		return
	}
	d.Received.Body, d.Received.BodyEncoding, d.Received.BodyCut = answer.Body, answer.BodyEncoding, false
}

// verdictOf is what became of the call then.
func verdictOf(d *detail) *Verdict {
	v := &Verdict{
		Outcome: policy.Outcome(d.Outcome), Route: d.Route, Next: d.Next, Status: d.Status, Fallback: d.Fallback,
		Vars: make(map[string]string, len(d.Vars)),
	}
	for _, named := range d.Vars {
		v.Vars[named.Name] = string(named.Value)
	}
	return v
}

// take reads the parts of a call of the log.
func (c *Call) take(d *detail) Reason {
	if why := unplayable(d); why != "" {
		return why
	}
	if why := c.takeRequest(d); why != "" {
		return why
	}
	if why := c.takeAttempts(d); why != "" {
		return why
	}
	c.Redacted, c.Blind = isRedacted(d), bytes.Contains(d.Hints, []byte(redacted))
	if d.Sent != nil {
		body, coded := bodyOf(&d.Sent.Content)
		c.Sent = &Sent{Method: d.Sent.Method, URL: d.Sent.URL, Body: body[:min(len(body), MaxSent)]}
		c.Sent.Partly = !coded || d.Sent.BodyCut || d.Sent.BodyNote != "" || len(body) > MaxSent
	}
	if d.Fallback == "stale" {
		return c.takeStale(d)
	}
	return ""
}

// isRedacted tells whether something was taken out of what the bot sent, or of what
// came back. Headers do not count: their names say that they are credentials.
func isRedacted(d *detail) bool {
	for _, v := range d.Input {
		if strings.Contains(string(v.Value), redacted) {
			return true
		}
	}
	return strings.Contains(d.Request.Body, redacted) || strings.Contains(d.Request.URL, redacted) ||
		d.Received != nil && strings.Contains(d.Received.Body, redacted)
}

// unplayable says why there is nothing to replay.
func unplayable(d *detail) Reason {
	answered := d.Received != nil && d.Received.Status == http.StatusSwitchingProtocols
	switch outcome := policy.Outcome(d.Outcome); {
	case outcome == policy.Canceled:
		return WhyGone
	case d.Method == http.MethodConnect:
		return WhyTunnel
	case answered:
		return WhyUpgrade
	case outcome == policy.BadRequest && d.Status != http.StatusBadRequest && d.Fallback == "", outcome == policy.BadRequest && len(d.Attempts) > 0:
		return WhyUpload // It was too large, or did not come in time.
	case len(d.Attempts) > 0:
		return ""
	case outcome == policy.Timeout:
		return WhyUpload
	case outcome == policy.Unreachable:
		return WhyToken
	}
	return ""
}

// The beginnings of reasons, as the engine gives them, for what no recording holds.
const (
	reasonNoSecret = "There is no secret for this call"
	reasonTenant   = "The tenant's name is not allowed"
)

// takeRequest reads what the bot sent.
func (c *Call) takeRequest(d *detail) Reason {
	outcome := policy.Outcome(d.Outcome)
	if outcome == policy.Internal || outcome == policy.Denied && len(d.Attempts) == 0 &&
		(strings.HasPrefix(d.Reason, reasonNoSecret) || strings.HasPrefix(d.Reason, reasonTenant)) {
		c.Suppose = outcome
	}
	u, err := url.Parse(d.Request.URL)
	if err != nil {
		return WhyShape
	}
	if len(d.Request.URL) >= calllog.MaxURL {
		return WhyURL
	}
	c.Method, c.Query, c.Header = d.Request.Method, u.RawQuery, headerOf(d.Request.Headers)
	body, coded := bodyOf(&d.Request.Content)
	if !coded {
		return WhyCoding
	}
	c.Body = body
	c.Unread = d.Request.BodyCut || d.Request.BodyNote != ""
	c.address(u)
	if c.Operation != "" && len(d.Input) > 0 && (c.Unread || strings.Contains(c.Query, redacted)) {
		c.takeInput(d.Input)
	}
	return ""
}

// address finds out whom a URL means, as a site does that serves all policies, else
// one that serves only that of the call.
func (c *Call) address(u *url.URL) {
	path := u.EscapedPath()
	if u.IsAbs() {
		c.URL, c.Policy = u, ""
		return
	}
	if name, operation, named := policy.SplitCall(path); named && (c.Policy == "" || c.Policy == name) {
		c.Policy, c.Operation = name, operation
		return
	}
	name, rest := policy.SplitPath(path)
	if c.Policy == "" || c.Policy == name {
		c.Policy, c.Path = name, rest
	} else {
		c.Path = path // The whole path is the policy's.
	}
}

// takeInput takes the variables as the operation had read them, where not all is
// there of what the bot sent.
func (c *Call) takeInput(input []calllog.VarDetail) {
	object := make(map[string]json.RawMessage, len(input))
	for _, v := range input {
		if isCut(v.Value) {
			return
		}
		object[v.Name] = v.Value
	}
	body, err := json.Marshal(object)
	if err != nil {
		return // Not reached: each value was read as JSON.
	}
	c.Method, c.Query, c.Body, c.Unread = http.MethodPost, "", body, false
	c.Header.Set("Content-Type", "application/json")
}

// isCut tells what stands for a variable that was too long: "[9000 bytes]".
func isCut(value []byte) bool {
	count, found := strings.CutSuffix(strings.TrimPrefix(string(value), `"[`), ` bytes]"`)
	_, err := strconv.Atoi(count)
	return found && err == nil && bytes.HasPrefix(value, []byte(`"[`))
}

// takeAttempts reads what the third party did. Of answers but the last one there is
// only the status.
func (c *Call) takeAttempts(d *detail) Reason {
	if c.Suppose != "" {
		return "" // Nothing is asked of the third party.
	}
	c.Given = make([]Given, 0, len(d.Attempts))
	for i, a := range d.Attempts {
		g := Given{Status: a.Status, Start: millis(a.StartMS), Duration: millis(a.DurationMS)}
		switch outcome := policy.Outcome(a.Outcome); outcome {
		case policy.Timeout, policy.Unreachable, policy.Incomplete, policy.Denied:
			g.Outcome = outcome
			if a.ProxyError == "http_protocol_error" || a.ProxyError == "http_response_content_coding" {
				g.Status = 0 // It did not break off: its head was no good.
			}
			g.Endless = outcome == policy.Timeout && i == len(d.Attempts)-1 && reached(d, g.Start+g.Duration)
		default:
			if a.Status == 0 {
				return WhyShape
			}
			g.Cut, g.Size = true, -1
		}
		c.Given = append(c.Given, g)
	}
	if last := len(c.Given) - 1; last >= 0 && d.Received != nil && c.Given[last].Outcome == "" {
		g := &c.Given[last]
		if why := g.take(d.Received); why != "" {
			return why
		}
		if bound, err := policy.ParseSize(afterWord(d.Reason, "is larger than ")); err == nil && g.Size < 0 {
			g.Size = int64(bound) + 1 // So much was seen of it.
		}
	}
	return ""
}

// reached tells whether a call that took so long had come to its deadline. Older logs
// tell of that in words alone.
func reached(d *detail, took time.Duration) bool {
	if deadline := millis(d.DeadlineMS); deadline > 0 {
		return took >= deadline-time.Millisecond // Times are written shortened.
	}
	return strings.Contains(d.Reason, " within ")
}

// millis reads milliseconds, at most as many as a stale answer may be old.
func millis(ms float64) time.Duration {
	return time.Duration(min(max(ms, 0), float64(maxAge.Milliseconds()))*1e3) * time.Microsecond
}
