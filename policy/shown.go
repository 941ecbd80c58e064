package policy

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/hint"
	"github.com/signpost-gateway/signpost/policy/limit"
)

// shownMethod gives a method for the log. A text of the bot's is copied, since it
// may be a part of a long one.
func (c *call) shownMethod(method string) string {
	if i := slices.Index(standardMethods, method); i >= 0 {
		return standardMethods[i]
	}
	return c.shownText(method, maxMethod)
}

// shownText gives a text for the log, at most bound bytes of it, without secrets
// and what is masked. It is a copy.
func (c *call) shownText(s string, bound int) string {
	if c.masks.isWhole(s) || c.masks.body != "" && c.masks.body == bounded(s) {
		return redacted
	}
	b := []byte(s[:min(len(s), bound+maxCutSecret)])
	c.scrubber.Bytes(b)
	c.masks.overwrite(b, len(b) < len(s))
	return strings.ToValidUTF8(string(b[:min(len(b), bound)]), "?")
}

// tell copies hints, variables and attempts, whose memory is the call's.
func (p *packer) tell(e *keptCall) {
	c := p.call
	r := &c.rec
	values := e.values[:0] // Of all hints together.
	e.Hints = e.hints[:0]
	for i := range r.Hints {
		h := &r.Hints[i]
		asked := calllog.Hint{Route: h.Route, Condition: h.Condition, Holds: h.Holds}
		if h.Err != nil {
			asked.Err = c.shownText(h.Err.Error(), maxAttribute)
		}
		from := len(values)
		for _, read := range h.Readings {
			values = append(values, calllog.Value{Name: read.Name, Value: c.shownValue(read)})
		}
		asked.Values = values[from:len(values):len(values)]
		e.Hints = append(e.Hints, asked)
	}
	for _, f := range r.Faults {
		e.Faults = append(e.Faults, calllog.Fault{Where: f.Where, Condition: f.Condition, Err: c.shownText(f.Err.Error(), maxAttribute)})
	}
	e.Attempts = e.attempts[:0]
	for i := range r.Attempts {
		a := &r.Attempts[i]
		e.Attempts = append(e.Attempts, calllog.Attempt{
			After: a.Start.Sub(r.Start), Duration: a.Duration, Status: a.Status, Outcome: string(a.Outcome), Host: a.Host, ProxyError: a.ProxyError,
			Renewed: a.Renewed,
		})
	}
	if c.glimpse.cell != (calllog.Cell{}) {
		e.cell = c.glimpse.cell
		e.Cell = &e.cell
	}
	e.Limits = c.limitsInto(e.limits[:0])
	for _, d := range r.Drift {
		e.Drift = append(e.Drift, calllog.Change{Path: c.shownText(d.Path, maxAttribute), Was: d.Was, Is: d.Is, Vars: append([]string{}, d.Vars...)})
	}
}

// limitsInto appends the limits that were asked: the tenant's windows, those of all
// tenants, then those on calls in flight.
func (c *call) limitsInto(limits []calllog.Limit) []calllog.Limit {
	g := &c.glimpse
	refused := func(name string, shared, inFlight bool) bool {
		return g.refusal != nil && g.refusal.Limit == name && g.refusal.Shared == shared && g.refusal.Overloaded == inFlight
	}
	for i, states := range [][]limit.State{c.rec.Limits, g.shared} {
		shared := i == 1
		for _, s := range states {
			limits = append(limits, calllog.Limit{
				Name: s.Name, Max: s.Rate.N, Window: s.Rate.Window, Left: s.Remaining, Reset: s.Reset, Shared: shared, Refused: refused(s.Name, shared, false),
			})
		}
	}
	for _, f := range g.inFlight {
		limits = append(limits, calllog.Limit{
			Name: f.Name, Max: f.N, Left: max(f.N-f.Calls, 0), Shared: f.Shared, Refused: refused(f.Name, f.Shared, true),
		})
	}
	return limits
}

// jsonString writes a text as JSON.
func jsonString(s string) []byte {
	value, err := extract.FromAny(s)
	if err != nil {
		return []byte(`""`) // Not reached: any string can be encoded.
	}
	return value.AppendJSON(nil)
}

// shownValue is what a condition read, as it may be shown. Of lists and objects it
// tells the size.
func (c *call) shownValue(read hint.Reading) any {
	if isPrivateReading(read.Name) || c.masks.any() && isAboutContent(read.Name) && c.masks.isWhole(read.Value) {
		return redacted
	}
	switch v := read.Value.(type) {
	case nil, bool, int:
		return v
	case float64:
		if isFinite(v) {
			return v
		}
	case string:
		switch {
		case read.Name == "text" && len(c.recording().redact) > 0:
			return redacted // What is short in it would be shown.
		case !c.masks.any() && len(v) <= maxAttribute && utf8.ValidString(v) && !isOfRequest(read.Name):
			return read.Value // As it is, without a copy.
		}
		return c.shownText(v, maxAttribute)
	}
	return c.masks.text(readingText(read))
}

// isAboutContent tells the places of a condition that hold what was sent or came,
// from those that tell of the call.
func isAboutContent(name string) bool {
	for _, root := range []string{"vars", "body", "text", "path", "exists", "input", "headers", "request"} {
		if strings.HasPrefix(name, root) {
			return true
		}
	}
	return false
}

// isOfRequest tells the places of a condition that hold what the bot sent: nobody
// has looked for secrets there.
func isOfRequest(name string) bool {
	return strings.HasPrefix(name, "request") || strings.HasPrefix(name, "input")
}

// isFinite tells the numbers that JSON can write.
func isFinite(f float64) bool { return f-f == 0 }

// hidePath takes secrets, and what redact found, out of the path that observers
// get. Hardly any path holds one.
func (c *call) hidePath() {
	if c.scrubber == nil && !c.masks.any() {
		return
	}
	var room [256]byte
	b := append(room[:0], c.rec.Path...)
	changed := c.scrubber.Bytes(b) > 0
	if c.masks.any() {
		c.masks.overwrite(b, false)
		changed = true
	}
	if changed {
		c.rec.Path = string(b)
	}
}
