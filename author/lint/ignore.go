package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// ignoring is what a comment that silences rules begins with.
const ignoring = "check:ignore"

// uselessIgnore is the rule about the comments themselves.
const uselessIgnore = "useless-ignore"

// silencer is a rule that a comment silences, and where.
type silencer struct {
	rule     string
	place    policy.Place // of the comment
	from, to int          // the lines for which it holds
	used     bool
}

// silence drops the findings that a comment silences. Comments that name no rule, an
// unknown one, one of errors, or one that finds nothing there, are findings themselves.
func (c *checker) silence(rules []Rule) {
	r := ruleOf(rules, uselessIgnore)
	var all []silencer
	for _, path := range paths(&c.Subject) {
		for _, s := range c.files.of(path).silencers(path) {
			switch {
			case s.rule == "":
				c.add(r, s.place, "", ignoring, "name the rules: `# check:ignore <rule> [<rule>…] [- reason]`", "names no rule")
			case ruleOf(rules, s.rule) == nil:
				c.add(r, s.place, "", s.rule, "`caddy signpost check --rules` lists them", "there is no rule %q%s", s.rule, similar(s.rule, rules))
			case s.rule == uselessIgnore || ruleOf(rules, s.rule).Severity == Error:
				c.add(r, s.place, "", s.rule, "mend what it is about, and drop the comment", "%s cannot be silenced", s.rule)
			default:
				all = append(all, s)
			}
		}
	}
	c.findings = slices.DeleteFunc(c.findings, func(f Finding) bool {
		silent := false
		for i := range all {
			s := &all[i]
			if s.rule == f.Rule && s.place.File == f.Place.File && s.from <= f.Place.Line && f.Place.Line <= s.to {
				s.used, silent = true, true
			}
		}
		return silent
	})
	for _, s := range all {
		if !s.used {
			c.add(r, s.place, "", s.rule, "drop the comment", "silences nothing: %s finds nothing here", s.rule)
		}
	}
}

// silencers gives what the comments of a file silence. One at the end of a line holds
// for that line, one that stands alone for the next line that is more than a comment;
// where a block opens there, for all of it. One that stands first in a block holds for
// the block, since that is where `caddy fmt` puts what stood behind its brace.
func (s *source) silencers(path string) []silencer {
	var all []silencer
	for i := range s.lines {
		l := &s.lines[i]
		rest, is := strings.CutPrefix(strings.TrimSpace(l.comment), ignoring)
		if !is || rest != "" && !strings.ContainsAny(rest[:1], " \t") {
			continue
		}
		from, to := s.reach(i + 1)
		place := policy.Place{File: path, Line: i + 1}
		named := rulesIn(rest)
		if len(named) == 0 {
			named = []string{""}
		}
		for _, rule := range named {
			all = append(all, silencer{rule: rule, place: place, from: from, to: to})
		}
	}
	return all
}

// reach gives the lines for which the comment on a line holds; none at the end of a
// file.
func (s *source) reach(number int) (from, to int) {
	if !s.lines[number-1].isComment() {
		return number, s.lines[number-1].end
	}
	before := number - 1
	for before > 0 && s.lines[before-1].isComment() {
		before--
	}
	if before > 0 && before == s.lines[number-1].block {
		return before, s.lines[before-1].end
	}
	for next := number + 1; next <= len(s.lines); next++ {
		if !s.lines[next-1].isComment() {
			return next, s.lines[next-1].end
		}
	}
	return number, number
}

// isComment tells the lines that are empty, or nothing but a comment.
func (l *line) isComment() bool {
	text := strings.TrimSpace(l.text)
	return !l.inside && (text == "" || strings.HasPrefix(text, "#"))
}

// rulesIn gives the rules that a comment names, up to the dash before its reason.
func rulesIn(text string) []string {
	var rules []string
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		if strings.Trim(field, "-–—") == "" {
			break
		}
		rules = append(rules, field)
	}
	return rules
}

// similar proposes a rule whose name begins or ends like the one that is meant.
func similar(name string, rules []Rule) string {
	for _, r := range rules {
		for _, part := range strings.Split(name, "-") {
			if len(part) > 3 && strings.Contains(r.ID, part) {
				return fmt.Sprintf("; did you mean %s?", r.ID)
			}
		}
	}
	return ""
}
