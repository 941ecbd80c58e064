package lint

import (
	"encoding/json"
	"io"
)

// jsonFinding is a finding for programs.
type jsonFinding struct {
	Rule     string   `json:"rule,omitempty"` // Missing: a mistake that load finds.
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"` // In characters, from 1.
	Name     string   `json:"name,omitempty"`
	Message  string   `json:"message"`
	Help     string   `json:"help,omitempty"`
}

// WriteJSON writes {"findings":[…],"errors":n,"warnings":n,"notes":n}. Each finding has
// severity and message, and rule, file, line, column, name and help where there are any.
func (r *Report) WriteJSON(w io.Writer) error {
	all := make([]jsonFinding, 0, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		all = append(all, jsonFinding{f.Rule, f.Severity, f.Place.File, f.Place.Line, f.Column, f.Name, f.Message, f.Help})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Findings []jsonFinding `json:"findings"`
		Errors   int           `json:"errors"`
		Warnings int           `json:"warnings"`
		Notes    int           `json:"notes"`
	}{all, r.Count(Error), r.Count(Warning), r.Count(Note)})
}
