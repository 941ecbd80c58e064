package explain

import (
	"fmt"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// limits tells which limits were asked, and which one refused the call.
func limits(d *calllog.Detail) []Line {
	lines := decided(d)
	for i := range d.Limits {
		lines = append(lines, limit(d, &d.Limits[i]))
	}
	if len(lines) == 0 {
		return []Line{{Text: "None was asked: there are none for the call, or it was over before."}}
	}
	return lines
}

// decided tells who decided on the limits, where sidecars share them.
func decided(d *calllog.Detail) []Line {
	if d.State == nil {
		return nil
	}
	switch d.State.Decided {
	case "redis":
		return []Line{{Yes, fmt.Sprintf("Redis decided for all sidecars together, within %s.", duration(d.State.WaitMS))}}
	case "local":
		return []Line{{No, "Redis was away, so this sidecar decided by itself."}}
	case "refused":
		return []Line{{Bad, "Redis was away, and nothing may go out without it."}}
	}
	return nil
}

// limit tells of one.
func limit(d *calllog.Detail, l *calllog.LimitDetail) Line {
	whom := "for " + who(d.Tenant)
	if l.Shared {
		whom = "for all tenants together"
	}
	allows := fmt.Sprintf("%s at the same time, %s", count(l.Max, "call", "calls"), whom)
	left := fmt.Sprintf("There was room for %d more", l.Left)
	if l.WindowMS > 0 {
		allows = fmt.Sprintf("%s in any %s, %s", count(l.Max, "call", "calls"), window(l.WindowMS), whom)
	}
	switch {
	case l.Refused:
		left = "It was used up, and refused the call"
		if l.ResetMS > 0 {
			left += "; there is room again after " + duration(l.ResetMS)
		}
	case l.Left == 0:
		left = "Nothing is left of it now"
		if l.ResetMS > 0 {
			left += " for " + duration(l.ResetMS)
		}
	}
	mark := Yes
	if l.Refused {
		mark = Bad
	}
	return Line{mark, fmt.Sprintf("%s: %s. %s.", l.Name, allows, left)}
}

// breaker tells which cells were asked, and what they said.
func breaker(d *calllog.Detail) []Line {
	cell := d.Cell
	if cell == nil {
		if d.Breaker != "" { // An entry of a version that did not keep the cell.
			return []Line{{Text: "It was " + d.Breaker + "."}}
		}
		return []Line{{Text: "It was not asked: there is none, or the call did not come so far."}}
	}
	whose := fmt.Sprintf("The breaker of %s for %s", cell.Breaker, cell.Host)
	refused := policy.Outcome(d.Outcome) == policy.CircuitOpen
	since := ""
	if cell.Since != "" {
		since = " since " + moment(cell.Since)
	}
	switch {
	case refused && cell.Held:
		return []Line{{Bad, whose + " is held open by hand" + since + ", so the call was kept back."}}
	case refused && cell.TenantOnly:
		return []Line{{Bad, fmt.Sprintf("%s was %s for %s alone%s, because that tenant's calls keep failing, so the call was kept back.", whose, d.Breaker, cell.Tenant, since)}}
	case refused && d.Breaker == "half-open":
		return []Line{{Bad, whose + " was half-open" + since + ": a few calls find out whether the third party works again, and this one was beyond those."}}
	case refused:
		return []Line{{Bad, whose + " was open" + since + ", because the third party keeps failing, so the call was kept back."}}
	case d.Breaker == "half-open":
		return []Line{{Yes, whose + " was half-open: this call was one of the few that find out whether the third party works again."}}
	}
	text := whose + " was closed, so the call could pass."
	if cell.Tenant != "" {
		text += fmt.Sprintf(" So was that for %s alone, who has had trouble of its own.", cell.Tenant)
	}
	return []Line{{Yes, text}}
}

// fallback tells which one held, and what it gave.
func fallback(d *calllog.Detail) []Line {
	unsure := faults(d, "fallback", "so that fallback did not hold")
	if d.FallbackRule == "" {
		if d.Outcome == string(policy.Success) || d.Outcome == string(policy.Canceled) {
			return unsure // Nobody expects one.
		}
		return append(unsure, Line{No, "None is written for this outcome, or none held."})
	}
	lines := append(unsure, Line{Yes, "The first that held is " + quoted(d.FallbackRule) + "."})
	switch d.Fallback {
	case "stale":
		return append(lines, plain(fmt.Sprintf("It answered with the last success for the same request, which was %s old. Variables and hints read that one.", duration(d.FallbackAgeMS)))...)
	case "static":
		return append(lines, plain("It answered with its own text.")...)
	default:
		return append(lines, plain("It had no answer to give.")...)
	}
}
