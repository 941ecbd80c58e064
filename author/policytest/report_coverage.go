package policytest

import (
	"fmt"
	"math"
	"strconv"

	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
)

// Below gives the configurations of which tests reached less than that many percent
// of the branches.
func (r *Report) Below(threshold float64) []*Coverage {
	var below []*Coverage
	for i := range r.Coverage {
		if c := &r.Coverage[i]; c.Percent() < threshold {
			below = append(below, c)
		}
	}
	return below
}

// coverage lists the branches that no test reached.
func (p *printer) coverage(c *Coverage) {
	for i := range c.Branches {
		if b := &c.Branches[i]; b.Tests == 0 {
			p.line(terminal.Safe(described(b.Branch)), ": ", p.Style.Bad("no test reached it"))
		}
	}
}

// described tells where a branch stands, whose it is, and what it says.
func described(b policy.Branch) string {
	whose := b.Policy
	if b.Operation != "" {
		whose += "." + b.Operation
	}
	if b.Place.File == "" {
		return whose + ": " + b.Text
	}
	return fmt.Sprintf("%v: %s: %s", b.Place, whose, b.Text)
}

// share tells how many of the branches of a configuration tests reached.
func (p *printer) share(c *Coverage) {
	text := fmt.Sprintf("coverage %s (%d of %s) of %s", percent(c.Percent()), c.Reached, counted(c.Total), terminal.Safe(c.Config))
	switch {
	case c.Percent() < p.Threshold:
		p.line(p.Style.Bad(text), fmt.Sprintf(": expected at least %s", percent(p.Threshold)))
	case c.Reached == c.Total:
		p.line(p.Style.Good(text))
	default:
		p.line(text)
	}
}

// counted tells how many branches there are.
func counted(n int) string {
	if n == 1 {
		return "1 branch"
	}
	return fmt.Sprintf("%d branches", n)
}

// percent writes a share. It is rounded down, so that 100 % is all.
func percent(share float64) string {
	return strconv.FormatFloat(math.Floor(share*10)/10, 'f', -1, 64) + " %"
}
