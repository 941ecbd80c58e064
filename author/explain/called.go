package explain

import (
	"encoding/json"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// Called is a test call: its entry, with as much of the answer as was kept, and what
// can be read of it.
type Called struct {
	// Call is the entry, with at most calllog.MaxBodies bytes of each body.
	Call calllog.Detail `json:"call"`

	// Answer is what the bot got, with all that was kept of the body.
	Answer *calllog.AnswerDetail `json:"answer"`

	// Values are those of an answer that policies read, in its order, at most
	// extract.MaxPlaces; ValuesLeftOut is how many more there are.
	Values        []Value `json:"values"`
	ValuesLeftOut int     `json:"values_left_out"`
}

// Value is one value of an answer, and how a policy reads it.
type Value struct {
	Path    string          `json:"path"`
	Type    string          `json:"type"`
	Value   json.RawMessage `json:"value,omitempty"` // Of scalars alone.
	Var     string          `json:"var"`
	Extract string          `json:"extract"`
}

// CalledWith tells of a call that was made, whose entry has been redacted. envelope
// tells that the bot asked for one. It is safe for concurrent use.
func CalledWith(e *calllog.Entry, envelope bool) Called {
	c := Called{Call: e.Cut(calllog.MaxBodies).Detail(), Answer: e.Detail().Response, Values: []Value{}}
	doc, ok := Document(e, envelope)
	if !ok {
		return c
	}
	places, leftOut, err := extract.Places(doc)
	if err != nil {
		return c // It is no JSON, or was redacted in the middle of a number.
	}
	c.ValuesLeftOut = leftOut
	var names Names
	for _, p := range places {
		name := names.Pick(p.Member)
		v := Value{Path: p.Path, Type: p.Value.Kind().String(), Var: name, Extract: policy.ExtractLine(name, p.Path)}
		if isScalar(p.Value) {
			v.Value = p.Value.AppendJSON(nil)
		}
		c.Values = append(c.Values, v)
	}
	return c
}

// Document gives the body that variables are read from: the third party's, or that
// of a stale answer in its stead; what the gateway says itself is not for them. ok is
// false where there is none, not all of it was kept, or a stale one is in an envelope.
func Document(e *calllog.Entry, envelope bool) (doc []byte, ok bool) {
	m := e.Received
	switch {
	case e.Fallback == "stale" && !envelope:
		m = &e.Response
	case e.Fallback != "":
		return nil, false
	}
	if m == nil || m.Cut || m.Note != "" {
		return nil, false
	}
	return m.Body, true
}

// isScalar tells the values that hold no others.
func isScalar(v extract.Value) bool { return v.Kind() != extract.Object && v.Kind() != extract.Array }
