package replay

import (
	"cmp"
	"slices"
	"strings"
)

// Report is what became of recorded calls.
type Report struct {
	// Calls is how many were read. It is the sum of the next five.
	Calls int `json:"calls"`

	// Same came to the same, Different to something else.
	Same      int `json:"same"`
	Different int `json:"different"`

	// Unknown would be sent now, where the answer was never recorded.
	Unknown int `json:"unknown"`

	// Now have nothing to be compared with.
	Now int `json:"now"`

	// NotReplayed could not be replayed.
	NotReplayed int `json:"not_replayed"`

	// Limits is what became of limits and breakers.
	Limits Limits `json:"limits"`

	// Differences are the kinds of differences, the most frequent first; those beyond
	// MaxGroups are counted together in the last one.
	Differences []Group `json:"differences"`

	// Unknowns tell what was compared with of the calls whose answer is unknown, and
	// Verdicts what the calls come to that have nothing to be compared with.
	Unknowns []Group `json:"unknowns"`
	Verdicts []Group `json:"verdicts"`

	// Reasons say why calls could not be replayed.
	Reasons []Group `json:"reasons"`

	// Late is how many calls stood so far from their place in the order of time that
	// they were played too late.
	Late int `json:"late"`

	// Mistakes are what is wrong with the inputs themselves, each with its place.
	Mistakes []string `json:"mistakes"`

	options Options
	differs bool
	groups  map[groupKey]*Group
	kinds   [findings]int // groups of each kind
	broken  int           // entries that are no JSON
}

// Group are calls of which the same is to be told.
type Group struct {
	// Label is what they called: "store.order_status". It is empty where nobody knows.
	Label string `json:"label"`

	// Text is what is told of them: "route shipped → preparing".
	Text string `json:"text"`

	// Calls is how many there are.
	Calls int `json:"calls"`

	// Examples are the first of them, at most MaxExamples.
	Examples []Example `json:"examples"`

	kind finding
}

// Example is one call of a group.
type Example struct {
	ID      string   `json:"id"`
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Number  int      `json:"number"`
	Was     *Verdict `json:"was,omitempty"`
	Is      *Verdict `json:"is,omitempty"`
	Changes []Change `json:"changes,omitempty"`

	order int // of the call among all
}

// Bounds of a report.
const (
	// MaxGroups bounds the groups of each kind, and MaxExamples the calls that stand
	// for one.
	MaxGroups   = 500
	MaxExamples = 3
	// maxMistakes bounds the entries of which it is told what is wrong in them.
	maxMistakes = 10
)

// finding is what there is to tell of a call.
type finding int

const (
	different finding = iota
	unknown
	onlyNow
	notReplayed
	findings // how many there are
)

// groupKey tells groups apart.
type groupKey struct {
	kind        finding
	label, text string
}

// newReport makes an empty report.
func newReport(o Options) *Report {
	return &Report{Limits: o.Limits, Mistakes: []string{}, options: o, groups: make(map[groupKey]*Group)}
}

// beyond is the text of the group that takes what has no group of its own.
const beyond = "something else"

// group counts a call among those of its kind.
func (r *Report) group(kind finding, label, text string, e Example) {
	key := groupKey{kind, label, text}
	g := r.groups[key]
	if g == nil {
		if r.kinds[kind] >= MaxGroups-1 {
			key = groupKey{kind: kind, text: beyond}
		}
		if g = r.groups[key]; g == nil {
			g = &Group{Label: key.label, Text: key.text, kind: kind}
			r.groups[key] = g
			r.kinds[kind]++
		}
	}
	g.Calls++
	// Calls end in another order than that in which they began.
	at, _ := slices.BinarySearchFunc(g.Examples, e, func(a, b Example) int { return cmp.Compare(a.order, b.order) })
	if at < MaxExamples {
		e.Was, e.Is = e.Was.shortened(), e.Is.shortened()
		g.Examples = slices.Insert(g.Examples, at, e)
		g.Examples = g.Examples[:min(len(g.Examples), MaxExamples)]
	}
}

// example makes an example of a call.
func example(c *Call) Example {
	return Example{ID: c.ID, File: c.From.File, Line: c.From.Line, Number: c.From.Number, order: c.order}
}

// labelOf is what a call is known to have called.
func labelOf(c *Call) string {
	if c.Operation != "" {
		return c.Policy + "." + c.Operation
	}
	return c.Policy
}

// skip counts a call that cannot be replayed.
func (r *Report) skip(c *Call, label string, why Reason) {
	r.Calls++
	r.NotReplayed++
	r.group(notReplayed, label, string(why), example(c))
	if c.broken != nil {
		if r.broken++; r.broken <= maxMistakes {
			r.Mistakes = append(r.Mistakes, "reading "+c.From.File+": "+c.broken.Error())
		}
	}
}

// Differs tells whether any call would be answered or refused otherwise, one whose
// answer would be another that nobody knows included.
func (r *Report) Differs() bool { return r.differs }

// add compares what a call comes to with what it came to before.
func (r *Report) add(t *task) {
	c, now := &t.call, &t.now
	was := ending{verdict: c.Was, sent: c.Sent}
	if t.before != nil {
		was = *t.before
	} else if c.Blind {
		was.why = WhyRedacted
	}
	label := cmp.Or(now.label, was.label, labelOf(c))
	if why := cmp.Or(now.why, was.why); why != "" {
		r.skip(c, label, why)
		return
	}
	r.Calls++
	e := example(c)
	e.Was, e.Is = was.verdict, now.verdict
	switch {
	case now.unknown || was.unknown:
		r.Unknown++
		r.addUnknown(&was, now, label, e)
	case was.verdict == nil:
		r.Now++
		r.group(onlyNow, label, now.verdict.String(), e)
	default:
		r.compare(c, was, *now, label, e)
	}
}

// addUnknown counts a call that is sent, though its answer was never recorded.
func (r *Report) addUnknown(was, now *ending, label string, e Example) {
	text := "sent, answer unknown"
	switch {
	case was.unknown && now.unknown:
		e.Was, e.Is = nil, nil
	case was.unknown:
		e.Was, r.differs = nil, true
		text = "was sent, answer unknown; now " + now.verdict.String()
	default:
		e.Is = nil
		if was.verdict != nil {
			r.differs = true
			text = "was " + was.verdict.String() + "; now sent, answer unknown"
		}
	}
	r.group(unknown, label, text, e)
}

// compare counts a call as the same, or as different.
func (r *Report) compare(c *Call, was, now ending, label string, e Example) {
	e.Changes = compare(was.verdict, now.verdict)
	if !c.Redacted && (r.options.Before != nil || was.verdict != nil && !was.verdict.InHeaders) {
		e.Changes = append(e.Changes, compareSent(was.sent, now.sent)...)
	}
	if len(e.Changes) == 0 {
		r.Same++
		return
	}
	r.Different++
	r.differs = true
	kinds := make([]string, len(e.Changes))
	for i := range e.Changes {
		kinds[i] = e.Changes[i].kind
	}
	r.group(different, label, strings.Join(kinds, ", "), e)
}

// String tells a verdict in a few words.
func (v *Verdict) String() string {
	text := string(v.Outcome)
	if v.Route != "" {
		text += ", route " + v.Route
	}
	if v.Fallback != "" {
		text += ", fallback " + v.Fallback
	}
	return text
}

// shortened is the verdict with variables as a report shows them.
func (v *Verdict) shortened() *Verdict {
	if v == nil {
		return nil
	}
	less := *v
	less.Vars = make(map[string]string, len(v.Vars))
	for name, value := range v.Vars {
		less.Vars[name] = short(value)
	}
	return &less
}

// finish puts the groups into order.
func (r *Report) finish() {
	all := make([]*Group, 0, len(r.groups))
	for _, g := range r.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Text, b.Text))
	})
	lists := [findings]*[]Group{&r.Differences, &r.Unknowns, &r.Verdicts, &r.Reasons}
	for _, list := range lists {
		*list = []Group{}
	}
	for _, g := range all {
		list := lists[g.kind]
		*list = append(*list, *g)
	}
}
