package explain

import (
	"fmt"
	"strings"

	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// anonymous is the tenant of calls that name none.
const anonymous = policy.Anonymous

// label is how a call names what it called.
func label(d *calllog.Detail) string {
	switch {
	case d.Policy == "":
		return d.Method + " " + terminal.Cut(d.Path, maxShown)
	case d.Operation == "":
		return d.Policy
	default:
		return d.Policy + "." + d.Operation
	}
}

// headline tells the call in one line.
func headline(d *calllog.Detail) string {
	parts := []string{label(d) + ": " + d.Outcome}
	if d.Route != "" {
		parts = append(parts, "route "+d.Route, d.Next)
	}
	return strings.Join(parts, ", ")
}

// called tells what was called for whom, when and with what.
func called(d *calllog.Detail) []Line {
	what := fmt.Sprintf("%s %s, which no policy answers to", d.Method, terminal.Cut(d.Path, maxShown))
	switch {
	case d.Operation != "":
		what = fmt.Sprintf("the operation %s of the policy %s", d.Operation, d.Policy)
	case d.Policy != "":
		what = fmt.Sprintf("the policy %s, with a request that is none of its operations", d.Policy)
	}
	lines := plain(
		fmt.Sprintf("%s, for %s: a bot called %s.", moment(d.Time), who(d.Tenant), what),
		plan(d),
	)
	if d.Request != nil {
		lines = append(lines, plain("The bot sent "+request(d.Request)+".")...)
	}
	if len(d.Input) > 0 {
		lines = append(lines, plain("With "+assignments(d.Input)+".")...)
	}
	ids := "The call is " + d.ID
	if d.TraceID != "" {
		ids += ", its trace " + d.TraceID
	}
	return append(lines, plain(ids+".")...)
}

// plan tells which limits the tenant is on.
func plan(d *calllog.Detail) string {
	switch {
	case d.Plan == "":
		return "" // It was refused before that was known.
	case d.Tenant == "" || d.Tenant == anonymous:
		return fmt.Sprintf("The call named no tenant; such calls are on the plan %s together.", d.Plan)
	default:
		return fmt.Sprintf("%s is on the plan %s.", d.Tenant, d.Plan)
	}
}

// request tells a request in half a sentence.
func request(r *calllog.RequestDetail) string {
	text := r.Method + " " + terminal.Cut(r.URL, 2*maxShown)
	if r.BodyBytes > 0 {
		text += fmt.Sprintf(" with a body of %s", count(int(r.BodyBytes), "byte", "bytes"))
	}
	return text
}

// assignments tells variables with their values.
func assignments(vars []calllog.VarDetail) string {
	parts := make([]string, 0, len(vars))
	for _, v := range vars {
		parts = append(parts, v.Name+" = "+terminal.Cut(string(v.Value), maxShown))
	}
	return strings.Join(parts, ", ")
}

// variables tells what was read from the answer.
func variables(d *calllog.Detail) []Line {
	var lines []Line
	for _, v := range d.Vars {
		lines = append(lines, Line{Text: v.Name + " = " + terminal.Cut(string(v.Value), 2*maxShown)})
	}
	return lines
}

// drifted tells in what the answer's structure differs from earlier ones.
func drifted(d *calllog.Detail) []Line {
	var lines []Line
	for _, c := range d.Drift {
		text := fmt.Sprintf("%s was %s in earlier answers, and is %s in this one", c.Path, c.Was, c.Is)
		if len(c.Vars) > 0 {
			text += "; it is read into " + strings.Join(c.Vars, ", ")
		}
		lines = append(lines, Line{Bad, text + "."})
	}
	return lines
}
