package explain

import (
	"fmt"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// branch tells each hint in order, then who named the route, and what the bot is to
// do next.
func branch(d *calllog.Detail) []Line {
	lines := faults(d, "success", "so the answer is taken for no success")
	held := ""
	for i := range d.Hints {
		h := &d.Hints[i]
		lines = append(lines, hint(h))
		if h.Result {
			held = h.Route
		}
	}
	if policy.Outcome(d.Outcome) == policy.Canceled {
		return append(lines, plain("There is no branch: nobody was left to take it.")...)
	}
	lines = append(lines, plain("So the branch is "+d.Route+": "+named(d, held))...)
	return append(lines, plain("Signpost-Next is "+d.Next+": "+next(d, held))...)
}

// hint tells whether one held, and why.
func hint(h *calllog.HintDetail) Line {
	rule := quoted("hint " + h.Route + " " + h.Condition)
	switch {
	case h.Error != "":
		text := fmt.Sprintf("%s could not be evaluated, so it does not hold: %s", rule, sentence(h.Error))
		if len(h.Values) > 0 {
			text += " It read: " + readings(h.Values) + "."
		}
		return Line{Bad, text}
	case h.Result:
		return Line{Yes, fmt.Sprintf("%s holds%s.", rule, because(h))}
	default:
		return Line{No, fmt.Sprintf("%s does not hold%s.", rule, because(h))}
	}
}

// named tells who named the route.
func named(d *calllog.Detail, held string) string {
	if d.RouteBy == policy.RouteByHint {
		return "the first hint that holds names it."
	}
	why := "no hint held"
	switch {
	case held != "":
		why = quoted("hint "+held) + " held"
	case len(d.Hints) == 0:
		why = "no hint was asked"
	}
	switch d.RouteBy {
	case policy.RouteByOtherwise:
		return why + ", and `otherwise` names it for that."
	case policy.RouteByFallback:
		return why + ", but the fallback names it whatever hints say."
	default:
		return why + ", so it is the one that stands for " + d.Outcome + "."
	}
}

// next tells why the bot goes on, or stops.
func next(d *calllog.Detail, held string) string {
	planned := ""
	switch {
	case d.Outcome == string(policy.Success):
		planned = "the call succeeded"
	case held != "" || d.RouteBy == policy.RouteByOtherwise:
		planned = "somebody planned for this, as " + by(held) + " names the route"
	case d.Fallback != "":
		planned = "somebody planned for this, as a fallback answered"
	}
	if d.Next == "continue" {
		switch {
		case planned != "":
			return planned + "."
		case d.FallbackRule != "":
			return "nobody planned for this, but the fallback or the policy says `next continue`."
		default:
			return "nobody planned for this, but the policy says `next continue`."
		}
	}
	if planned != "" {
		return planned + ", but the fallback says `next stop`."
	}
	return "nobody planned for this, as neither hint, `otherwise` nor an answer of a fallback covers it."
}

// by names the rule that gave a route.
func by(held string) string {
	if held != "" {
		return quoted("hint " + held)
	}
	return "`otherwise`"
}
