package api

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// testAnswer is what POST test gives.
type testAnswer struct {
	Call          calllog.Detail        `json:"call"`
	Answer        *calllog.AnswerDetail `json:"answer"`
	Values        []valueAnswer         `json:"values"`
	ValuesLeftOut int                   `json:"values_left_out"`
}

// valueAnswer is one value of the answer, and how a policy reads it.
type valueAnswer struct {
	Path    string          `json:"path"`
	Type    string          `json:"type"`
	Value   json.RawMessage `json:"value,omitempty"` // Of scalars alone.
	Var     string          `json:"var"`
	Extract string          `json:"extract"`
}

// answerOf tells of a call that was made. The entry has been redacted, and holds
// more of the bodies than a log does.
func answerOf(e *calllog.Entry) testAnswer {
	answer := testAnswer{Call: detailOf(e.Cut(calllog.MaxBodies)), Answer: e.Detail().Response, Values: []valueAnswer{}}
	// Variables are read from the third party's answer, and from a stale one in
	// its stead; what the gateway says itself is not for them.
	ours := e.UpstreamStatus == 0 || e.Fallback != ""
	if ours && e.Fallback != "stale" || answer.Answer.BodyCut || e.Response.Note != "" {
		return answer
	}
	places, leftOut, err := extract.Places(e.Response.Body)
	if err != nil {
		return answer // It is no JSON, or was redacted in the middle of a number.
	}
	answer.ValuesLeftOut = leftOut
	names := variableNames{}
	for _, p := range places {
		name := names.pick(p.Member)
		value := valueAnswer{Path: p.Path, Type: p.Value.Kind().String(), Var: name, Extract: policy.ExtractLine(name, p.Path)}
		if kind := p.Value.Kind(); kind != extract.Object && kind != extract.Array {
			value.Value = p.Value.AppendJSON(nil)
		}
		answer.Values = append(answer.Values, value)
	}
	return answer
}

// maxVariable bounds the names of variables that are suggested, in bytes.
const maxVariable = 48

// variableNames are the names that have been suggested, with how many were of each.
type variableNames map[string]int

// pick makes a name of a variable, [a-z][a-z0-9_]*, out of a member's, which no
// other value has been given: status, status_2.
func (v variableNames) pick(member string) string {
	base := variableName(member)
	for {
		v[base]++
		if v[base] == 1 {
			return base
		}
		name := base + "_" + strconv.Itoa(v[base])
		if v[name] == 0 {
			v[name] = 1
			return name
		}
	}
}

// variableName makes the name of a variable out of a member's: orderStatus is
// order_status. What holds no letter of ASCII is "value".
func variableName(member string) string {
	var b strings.Builder
	var last rune
	for _, c := range member {
		if b.Len() >= maxVariable {
			break
		}
		upper := 'A' <= c && c <= 'Z'
		if upper {
			c |= 0x20
		}
		letter := 'a' <= c && c <= 'z'
		digit := '0' <= c && c <= '9'
		switch {
		case !letter && (!digit || b.Len() == 0):
			if b.Len() > 0 && last != '_' {
				b.WriteByte('_')
				last = '_'
			}
			continue
		case upper && ('a' <= last && last <= 'z' || '0' <= last && last <= '9'):
			b.WriteByte('_')
		}
		b.WriteRune(c)
		if last = c; upper {
			last = 'A'
		}
	}
	if name := strings.TrimRight(b.String(), "_"); name != "" {
		return name
	}
	return "value"
}
