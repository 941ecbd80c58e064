package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// Subject is what is checked.
type Subject struct {
	// Spec is the configuration. It is not looked into where there are mistakes.
	Spec *policy.Spec

	// Mistakes are what load finds. They are told like findings.
	Mistakes policy.Mistakes

	// Sites are those that serve the policies or their console.
	Sites []Site

	// Tested tells whether a policy test expects the variable of a policy: whoever
	// wrote it says that the bot reads it. Default: none does.
	Tested func(policy, variable string) bool

	// Read gives a file that the configuration is written in. Default: ReadFile.
	Read func(path string) ([]byte, error)
}

// Finding is one thing found.
type Finding struct {
	// Rule is the id of the rule, empty for a mistake that load finds.
	Rule     string
	Severity Severity

	// Place is where it stands. Column counts characters from 1, and is 0 where the
	// place is not known.
	Place  policy.Place
	Column int

	// Name is the path to the thing: `policy store: operation order_status`.
	Name string

	// Message says what is wrong, and Help what to do.
	Message, Help string

	word    string // what of the line it is about; empty: its first word
	caret   int    // 1 + how many characters of word come before what it is about; 0: all is
	snippet string // shown where the word is not found on the line
}

// Report is all that was found, in the order of files and lines. It is not safe for
// concurrent use.
type Report struct {
	Findings []Finding
	files    *files
}

// Count tells how many findings have the severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Severity == s {
			n++
		}
	}
	return n
}

// Add adds a mistake that was found elsewhere, at the end.
func (r *Report) Add(m policy.Mistake) {
	f := ofMistake(m)
	r.files.locate(&f)
	r.Findings = append(r.Findings, f)
}

// Check finds all that is wrong or unwise. What a comment silences is left out; a
// comment that silences nothing is a finding itself.
func Check(s Subject) *Report {
	c := &checker{Subject: s, files: newFiles(s.Read)}
	for _, m := range s.Mistakes {
		c.findings = append(c.findings, ofMistake(m))
	}
	if len(s.Mistakes) == 0 && s.Spec != nil {
		c.look()
	}
	for i := range c.findings {
		c.files.locate(&c.findings[i])
	}
	sortFindings(c.findings)
	return &Report{Findings: c.findings, files: c.files}
}

// checker is a check that is going on.
type checker struct {
	Subject
	files    *files
	parts    []part
	findings []Finding
}

// part is a policy or an operation, as a rule looks at it.
type part struct {
	policy *policy.PolicySpec
	op     *policy.OperationSpec // nil: the policy itself
	rules  *policy.Rules
	places policy.Places
	place  policy.Place
	name   string
	survey *policy.Survey
}

// look asks all rules, and then the comments.
func (c *checker) look() {
	surveys := policy.Surveys(c.Spec)
	next := func() *policy.Survey { // They come in the order of what they are about.
		s := &surveys[0]
		surveys = surveys[1:]
		return s
	}
	for i := range c.Spec.Policies {
		p := &c.Spec.Policies[i]
		if len(surveys) == 0 {
			return // The Spec has mistakes after all, which load tells.
		}
		name := "policy " + p.Name
		c.parts = append(c.parts, part{policy: p, rules: &p.Rules, places: p.Places, place: p.Places["policy"], name: name, survey: next()})
		for j := range p.Operations {
			o := &p.Operations[j]
			c.parts = append(c.parts, part{
				policy: p, op: o, rules: &o.Rules, places: o.Places, place: o.Places["operation"],
				name: name + ": operation " + o.Name, survey: next(),
			})
		}
	}
	rules := Rules()
	for i := range rules {
		if rules[i].find != nil {
			rules[i].find(c, &rules[i])
		}
	}
	c.silence(rules)
}

// policies gives the parts of each policy: itself and its operations.
func (c *checker) policies() [][]part {
	var all [][]part
	for i, p := range c.parts {
		if p.op == nil {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], c.parts[i])
	}
	return all
}

// add notes a finding of a rule. word is what of the line it is about.
func (c *checker) add(r *Rule, at policy.Place, name, word, help, format string, args ...any) *Finding {
	c.findings = append(c.findings, Finding{
		Rule: r.ID, Severity: r.Severity, Place: at, Name: name, word: word, Help: help, Message: fmt.Sprintf(format, args...),
	})
	return &c.findings[len(c.findings)-1]
}

// ofMistake makes a finding of what load found. The caret of an expression moves to
// its line; its message began with the place in the expression.
func ofMistake(m policy.Mistake) Finding {
	f := Finding{Severity: Error, Place: m.Place, Name: m.Name, Message: m.Text, snippet: m.Snippet}
	line, caret, found := strings.Cut(m.Snippet, "\n")
	if !found {
		return f
	}
	before := len([]rune(line)) - len([]rune(strings.TrimLeft(line, " ")))
	f.word = strings.TrimSpace(line)
	f.caret = max(len(caret)-before, 1)
	if place, rest, is := strings.Cut(f.Message, ": "); is && strings.Trim(place, "0123456789:") == "" {
		f.Message = rest
	}
	return f
}

// sortFindings puts the findings of each file in the order of its lines, the files in
// the order in which they were met, and those without a place last.
func sortFindings(all []Finding) {
	rank := map[string]int{"": len(all)}
	for _, f := range all {
		if _, met := rank[f.Place.File]; !met {
			rank[f.Place.File] = len(rank)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		for _, by := range []int{
			rank[a.Place.File] - rank[b.Place.File], a.Place.Line - b.Place.Line, a.Column - b.Column, a.Severity.rank() - b.Severity.rank(),
		} {
			if by != 0 {
				return by
			}
		}
		return 0
	})
}
