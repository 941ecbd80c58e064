package lint

import "slices"

// Severity is how much a finding matters.
type Severity string

// The severities. Errors make `check` fail, warnings alone give it the status for
// lint, and notes do not change it unless it is strict.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// rank orders severities, the worst first.
func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Note}, s) }

// Rule is one thing that is legal and unwise.
type Rule struct {
	// ID is what findings and silencing comments name, and the heading of the rule's
	// section in docs/check.md.
	ID string `json:"id"`

	// Severity is that of the rule's findings; some are only notes.
	Severity Severity `json:"severity"`

	// Title says in one sentence what is found.
	Title string `json:"title"`

	// Why says what happens to whoever leaves it so, and what to do instead.
	Why string `json:"why"`

	// Bad is a configuration, or policies alone, in which the rule and no other finds
	// something, and Good the same without it.
	Bad  string `json:"bad"`
	Good string `json:"good"`

	// Tenants is the file tenants.yaml beside both, empty where there is none.
	Tenants string `json:"tenants,omitempty"`

	find func(*checker, *Rule)
}

// Anchor is the rule's section in the documentation.
func (r *Rule) Anchor() string { return "docs/check.md#" + r.ID }

// Rules gives all rules, in the order of the documentation.
func Rules() []Rule {
	return slices.Concat(conditionRules, failureRules, credentialRules, limitRules, stateRules, siteRules)
}

// ruleOf finds a rule by its id, nil where there is none.
func ruleOf(rules []Rule, id string) *Rule {
	if i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id }); i >= 0 {
		return &rules[i]
	}
	return nil
}
