package openapi

import (
	"fmt"
	"strings"
)

// warnings are lines that are told, in the order in which they came up; of what is
// said twice, once.
type warnings struct {
	lines []string
	said  map[string]bool
	more  int // how many there were beyond the bound
}

func newWarnings() *warnings { return &warnings{said: make(map[string]bool)} }

// add notes one line.
func (w *warnings) add(format string, args ...any) {
	line := printable(fmt.Sprintf(format, args...))
	switch {
	case w.said[line]:
	case len(w.lines) == maxWarnings:
		w.more++
	default:
		w.said[line] = true
		w.lines = append(w.lines, line)
	}
}

// all gives the lines, and how many more there were.
func (w *warnings) all() []string {
	if w.more == 0 {
		return w.lines
	}
	return append(w.lines, fmt.Sprintf("and %d more", w.more))
}

// reasons collect operations of which the same is to be told.
type reasons struct {
	texts []string
	of    map[string][]choice
}

// add notes an operation.
func (r *reasons) add(reason string, o choice) {
	if r.of == nil {
		r.of = make(map[string][]choice)
	}
	if len(r.of[reason]) == 0 {
		r.texts = append(r.texts, reason)
	}
	r.of[reason] = append(r.of[reason], o)
}

// maxNamed is how many operations one warning names.
const maxNamed = 2

// tell writes one line for each reason; format has the operations and the reason.
func (r *reasons) tell(to *warnings, format string) {
	for _, reason := range r.texts {
		all := r.of[reason]
		names := make([]string, 0, maxNamed)
		for _, o := range all[:min(maxNamed, len(all))] {
			names = append(names, o.String())
		}
		who := strings.Join(names, " and ")
		if len(all) > maxNamed {
			who = fmt.Sprintf("%d operations, such as %s", len(all), who)
		}
		to.add(format, who, reason)
	}
}
