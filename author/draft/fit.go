package draft

import (
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// ending is what tests of one branch have in common: how a call of an operation ends.
type ending struct {
	operation string
	outcome   policy.Outcome
	route     string
}

// endingOf gives what a test ends with.
func endingOf(t *policytest.Test) ending {
	e := ending{operation: t.Operation}
	if len(t.Steps) > 0 {
		expect := t.Steps[0].Expect
		e.outcome = expect.Outcome
		if expect.Route != nil {
			e.route = *expect.Route
		}
	}
	return e
}

// FitTests leaves out tests until there are no more than a file has room for,
// policytest.MaxTests, and tells how many it left out. The first test of each way that
// a call of an operation can end stays, since it reaches a branch; where even these are
// too many, those of an operation become the steps of one test.
func (d *Draft) FitTests() (left int) {
	if len(d.Tests) <= policytest.MaxTests {
		return 0
	}
	needed, ended, first := make([]bool, len(d.Tests)), make(map[ending]bool), make(map[string]int)
	for i := range d.Tests {
		e := endingOf(&d.Tests[i])
		if needed[i] = !ended[e]; needed[i] {
			ended[e] = true
			if _, met := first[e.operation]; !met {
				first[e.operation] = i
			}
		}
	}
	join, room := len(ended) > policytest.MaxTests, policytest.MaxTests-len(ended)
	if join {
		room = policytest.MaxTests - len(first)
	}
	kept, places := make([]policytest.Test, 0, policytest.MaxTests), make(map[string]int, len(first))
	for i, t := range d.Tests {
		at, begun := places[t.Operation]
		switch {
		case needed[i] && join && begun:
			kept[at].Steps = append(kept[at].Steps, t.Steps...)
			continue
		case needed[i] && join:
			places[t.Operation] = len(kept)
			t = policytest.Test{Name: t.Operation + ", every branch", Operation: t.Operation, Steps: append([]policytest.Step(nil), t.Steps...), Sequence: true}
		case !needed[i] && room > 0:
			room--
		case !needed[i]:
			left++
			continue
		}
		kept = append(kept, t)
	}
	d.Tests = kept
	return left
}
