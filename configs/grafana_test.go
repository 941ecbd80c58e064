package configs_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is what Grafana reads of a dashboard, as far as it can be wrong.
type dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Templating    struct{ List []dashboardVariable }
	Annotations   struct {
		List []struct {
			Name, Expr, TextFormat string
			Datasource             struct{ UID string }
		}
	}
	Panels []dashboardPanel
}

type dashboardVariable struct {
	Name, Type string
	Query      any
	Definition string
}

type dashboardPanel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ Type, UID string }
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ Type, UID string }
	}
}

// dashboardSource is what every panel asks: the source that the reader chose.
const dashboardSource = "${datasource}"

func TestTheDashboardAsksForWhatTheGatewayExposes(t *testing.T) {
	inRepository(t)
	exposed := exposed(t)
	wantChecked(t, "configs/grafana/signpost.json", func(source string) []string { return checkDashboard(source, exposed) }, map[string]mistake{
		"broken JSON":       {`"panels": [`, `"panels": `, "reading JSON"},
		"unknown metric":    {"(signpost_breaker_state{", "(signpost_breakers{", "signpost_breakers is not exposed"},
		"unknown label":     {"(signpost_breaker_state{policy", "(signpost_breaker_state{tenant", "signpost_breaker_state has no label tenant"},
		"unknown group":     {"sum by (policy, kind)", "sum by (policy, type)", "by (type): nothing within"},
		"unknown legend":    {"{{policy}} {{kind}}", "{{policy}} {{type}}", "shows the label type"},
		"unknown variable":  {`operation=~\"$operation\"`, `operation=~\"$endpoint\"`, "$endpoint is not defined"},
		"one fixed source":  {`"uid": "${datasource}"`, `"uid": "prometheus"`, "its own data source"},
		"same panel twice":  {`"id": 3,`, `"id": 2,`, "has the id 2 of another"},
		"panels that touch": {`"x": 12,`, `"x": 11,`, "lies over"},
		"over the edge":     {`"w": 12,`, `"w": 25,`, "beyond the 24 columns"},
		"nothing explained": {`"description": "Which way`, `"about": "Which way`, "no description"},
		"values of no label": {"label_values(signpost_calls_total, policy)", "label_values(signpost_calls_total, tenant)",
			"signpost_calls_total has no label tenant"},
	})
}

// labelValues is how a variable asks Prometheus for its values.
var labelValues = regexp.MustCompile(`^label_values\(([a-z_]+)(\{.*\})?, ([a-z_]+)\)$`)

// variableUse is a variable within an expression; those that begin with two
// underscores are Grafana's own.
var variableUse = regexp.MustCompile(`\$\{?([a-z][a-z_]*)`)

// checkDashboard names what is wrong with a dashboard.
func checkDashboard(source string, exposed exposition) []string {
	var board dashboard
	if err := json.Unmarshal([]byte(source), &board); err != nil {
		return []string{"reading JSON: " + err.Error()}
	}
	var problems, defined []string
	for _, v := range board.Templating.List {
		defined = append(defined, v.Name)
		if v.Type == "query" {
			problems = append(problems, checkVariable(v, exposed)...)
		}
	}
	for _, a := range board.Annotations.List {
		if a.Expr != "" {
			if a.Datasource.UID != dashboardSource {
				problems = append(problems, a.Name+": has its own data source")
			}
			labels, wrong := checkPromQL(a.Expr, exposed)
			problems = append(append(problems, wrong...), checkShown(a.TextFormat, labels)...)
		}
	}
	for i, p := range board.Panels {
		for _, problem := range append(checkPlace(p, board.Panels[:i]), checkPanel(p, exposed)...) {
			problems = append(problems, p.Title+": "+problem)
		}
	}
	for _, found := range variableUse.FindAllStringSubmatch(source, -1) {
		if !slices.Contains(defined, found[1]) {
			problems = append(problems, "$"+found[1]+" is not defined")
		}
	}
	return problems
}

func checkVariable(v dashboardVariable, exposed exposition) []string {
	found := labelValues.FindStringSubmatch(v.Definition)
	if found == nil {
		return []string{fmt.Sprintf("the variable %s asks %q", v.Name, v.Definition)}
	}
	_, problems := checkPromQL(found[1]+found[2], exposed)
	if !slices.Contains(exposed[found[1]], found[3]) {
		problems = append(problems, found[1]+" has no label "+found[3])
	}
	if query, _ := v.Query.(map[string]any); query["query"] != v.Definition {
		problems = append(problems, fmt.Sprintf("the variable %s shows %q and asks %v", v.Name, v.Definition, query["query"]))
	}
	return problems
}

// checkPlace wants panels of different ids side by side.
func checkPlace(p dashboardPanel, others []dashboardPanel) []string {
	var problems []string
	g := p.GridPos
	if g.X+g.W > 24 || g.W < 1 || g.H < 1 {
		problems = append(problems, "reaches beyond the 24 columns")
	}
	for _, other := range others {
		o := other.GridPos
		if other.ID == p.ID {
			problems = append(problems, fmt.Sprintf("has the id %d of another", p.ID))
		}
		if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
			problems = append(problems, "lies over "+other.Title)
		}
	}
	return problems
}

func checkPanel(p dashboardPanel, exposed exposition) []string {
	if p.Type == "row" {
		return nil
	}
	var problems []string
	if p.Description == "" {
		problems = append(problems, "has no description")
	}
	if p.Datasource.UID != dashboardSource || len(p.Targets) == 0 {
		problems = append(problems, "has its own data source, or asks nothing")
	}
	for _, target := range p.Targets {
		if target.Datasource.UID != dashboardSource {
			problems = append(problems, target.RefID+" has its own data source")
		}
		labels, wrong := checkPromQL(target.Expr, exposed)
		problems = append(append(problems, wrong...), checkShown(target.LegendFormat, labels)...)
		if strings.Contains(target.Expr, "rate(") && !strings.Contains(target.Expr, "[$__rate_interval]") {
			problems = append(problems, target.RefID+" has a rate over a fixed span")
		}
	}
	return problems
}
