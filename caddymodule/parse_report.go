package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/policy"
)

// report collects all that is wrong with one segment, so that an operator
// mends a file once and not line by line.
type report struct {
	mistakes policy.Mistakes

	// faulty are the lines with a mistake.
	faulty map[policy.Place]bool

	// chains tells by which imports a line came, where there is only one way.
	chains map[policy.Place]string
}

// scope is a report and the name of the thing that is being read.
type scope struct {
	*report
	name string

	// private says that what is written here may be a credential, which
	// messages do not repeat.
	private bool
}

// newScope begins a report.
func newScope() scope {
	return scope{report: &report{faulty: make(map[policy.Place]bool), chains: make(map[policy.Place]string)}}
}

// in goes into a word: `policy store` becomes `policy store: timeout`.
func (s scope) in(word string) scope {
	if s.name != "" {
		word = s.name + ": " + word
	}
	s.name = word
	return s
}

// called adds the name of the thing: `policy` becomes `policy store`.
func (s scope) called(name string) scope {
	if name == "" {
		return s
	}
	s.name += " " + name
	return s
}

// wrong reports a mistake.
func (s scope) wrong(at policy.Place, format string, args ...any) {
	s.add(policy.Mistake{Place: at, Name: s.name, Text: fmt.Sprintf(format, args...)})
}

// add reports a mistake that is already in words.
func (r *report) add(m policy.Mistake) {
	r.faulty[m.Place] = true
	r.mistakes = append(r.mistakes, m)
}

// check adds what the engine finds wrong with the spec. A line that could not
// be read is not complained of twice.
func (r *report) check(found policy.Mistakes) {
	for _, m := range found {
		if m.Place == (policy.Place{}) || !r.faulty[m.Place] {
			r.mistakes = append(r.mistakes, m)
		}
	}
}

// remember keeps the imports that a line came by. The lines of a snippet that
// is imported twice have two chains, and neither is told.
func (r *report) remember(at policy.Place, t caddyfile.Token) {
	chain := importChain(t)
	if known, again := r.chains[at]; again && known != chain {
		chain = ""
	}
	r.chains[at] = chain
}

// err gives the mistakes in the order of lines, or nil where there are none.
func (r *report) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	for i, m := range r.mistakes {
		if chain := r.chains[m.Place]; chain != "" {
			r.mistakes[i].Text += " (imported by " + chain + ")"
		}
	}
	r.mistakes.Sort()
	return r.mistakes
}

// oneALine makes an error for Caddy, which puts its own words in front: where
// there are several mistakes, each has a line of its own.
func oneALine(err error) error {
	var ms policy.Mistakes
	if errors.As(err, &ms) && len(ms) > 1 {
		return fmt.Errorf("%d mistakes:\n%w", len(ms), err)
	}
	return err
}

// importChain gives the imports by which a token came: "Caddyfile:3 (import)".
// Caddy shows them only in its errors.
func importChain(t caddyfile.Token) string {
	d := caddyfile.NewDispenser([]caddyfile.Token{t})
	d.Next()
	_, chain, _ := strings.Cut(d.Err("").Error(), " import chain ['")
	return strings.ReplaceAll(strings.TrimSuffix(chain, "']"), "','", ", then ")
}
