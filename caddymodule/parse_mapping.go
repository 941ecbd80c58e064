package caddymodule

import (
	"encoding/json"
	"fmt"

	"github.com/signpost-gateway/signpost/policy"
)

// extractUsage is the grammar of `extract`.
const extractUsage = "extract <var> <jsonpath> [default <json>] [required]"

// fallbackWords are the subdirectives of `fallback`.
var fallbackWords = words[policy.Fallback]{
	"stale": {
		form{usage: "stale <duration>", min: 1, max: 1},
		setDuration(func(f *policy.Fallback) *policy.Duration { return &f.Stale }),
	},
	"respond": {form{usage: "respond <status> [<type>] <body>", min: 1, max: 3}, readRespond},
	"route": {
		form{usage: "route <route>", min: 1, max: 1},
		setText(func(f *policy.Fallback) *string { return &f.Route }),
	},
	"next": {nextForm, setNext(func(f *policy.Fallback) *string { return &f.Next })},
}

func readFallback(s scope, l *line, r *policy.Rules) {
	f := policy.Fallback{When: s.expression(l, 0), Places: policy.Places{"fallback": l.place}}
	readBlock(s, l.block, fallbackWords, &f, f.Places)
	r.Fallbacks = append(r.Fallbacks, f)
}

// readRespond reads `respond 204`, `respond 503 <body>` or
// `respond 503 <type> <body>`.
func readRespond(s scope, l *line, f *policy.Fallback) {
	f.Respond = &policy.Respond{Status: s.count(l, 0, 1)}
	if n := len(l.args); n > 1 {
		f.Respond.Body = l.arg(n - 1)
		if n > 2 {
			f.Respond.Type = l.arg(1)
		}
	}
}

// readExtract keeps an extraction even where its tail is wrong, so that the
// hints which read the variable are not complained of as well.
func readExtract(s scope, l *line, r *policy.Rules) {
	e := policy.Extract{Var: l.arg(0), Path: l.arg(1), Place: l.place}
	s = s.called(e.Var)
tail:
	for i := 2; i < len(l.args); i++ {
		switch what := l.args[i]; {
		case what.says("default") && e.Default == nil && i+1 < len(l.args):
			i++
			value, err := defaultValue(l.args[i])
			if err != nil {
				s.wrong(l.place, "%v", err)
				break tail
			}
			e.Default = value
		case what.says("required") && !e.Required:
			e.Required = true
		default:
			s.wrong(l.place, "%q is not expected here: expected %s, and quotes around a path or value with blanks", what.text, extractUsage)
			break tail
		}
	}
	r.Extracts = append(r.Extracts, e)
}

// defaultValue reads the value behind `default`.
func defaultValue(a argument) (json.RawMessage, error) {
	value, err := literal(a)
	switch {
	case err == nil:
		return value, nil
	case a.quote == 0:
		return nil, fmt.Errorf("the default %s is not JSON: write %q for text", a.text, a.text)
	default:
		return nil, fmt.Errorf("the default %s is not JSON: %w", a.text, err)
	}
}

func readHint(s scope, l *line, r *policy.Rules) {
	h := policy.Hint{Route: l.arg(0), Place: l.place}
	h.When = s.called(h.Route).expression(l, 1)
	r.Hints = append(r.Hints, h)
}
