package configs_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// scraping is the part of Prometheus's configuration that ships.
type scraping struct {
	Global struct {
		ScrapeInterval     time.Duration `yaml:"scrape_interval"`
		ScrapeTimeout      time.Duration `yaml:"scrape_timeout"`
		EvaluationInterval time.Duration `yaml:"evaluation_interval"`
	}
	RuleFiles     []string `yaml:"rule_files"`
	ScrapeConfigs []struct {
		JobName       string `yaml:"job_name"`
		MetricsPath   string `yaml:"metrics_path"`
		SampleLimit   int    `yaml:"sample_limit"`
		StaticConfigs []struct {
			Targets []string
		} `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
}

// ruleGroups is a file of alert rules.
type ruleGroups struct {
	Groups []struct {
		Name  string
		Rules []alertRule
	}
}

type alertRule struct {
	Alert       string
	Expr        string
	For         time.Duration
	Labels      map[string]string
	Annotations map[string]string
}

// ruleTests is a file of unit tests of alert rules.
type ruleTests struct {
	RuleFiles          []string      `yaml:"rule_files"`
	EvaluationInterval time.Duration `yaml:"evaluation_interval"`
	Tests              []struct {
		Name        string
		Interval    time.Duration
		InputSeries []struct{ Series, Values string } `yaml:"input_series"`
		Expressions []struct {
			Expr     string
			EvalTime time.Duration `yaml:"eval_time"`
			Samples  []struct {
				Labels string
				Value  float64
			} `yaml:"exp_samples"`
		} `yaml:"promql_expr_test"`
	}
}

const (
	scrapingPath = "configs/prometheus/prometheus.yml"
	rulesPath    = "configs/prometheus/alerts.yml"
)

func TestPrometheusScrapesASiteOfTheSidecarInCompose(t *testing.T) {
	inRepository(t)
	site := read(t, "configs/compose/Caddyfile")
	wantChecked(t, scrapingPath, func(source string) []string {
		var config scraping
		if err := decodeYAML(source, &config); err != nil {
			return []string{err.Error()}
		}
		var problems []string
		for _, path := range config.RuleFiles {
			if _, err := os.Stat(filepath.Join(filepath.Dir(scrapingPath), path)); err != nil {
				problems = append(problems, err.Error())
			}
		}
		for _, job := range config.ScrapeConfigs {
			if !strings.Contains(read(t, rulesPath), `up{job="`+job.JobName+`"}`) {
				problems = append(problems, "no rule says that "+job.JobName+" is down")
			}
			for _, target := range job.StaticConfigs[0].Targets {
				host, port, err := net.SplitHostPort(target)
				if err != nil || host != "signpost" || !strings.Contains(site, "\n:"+port+" {\n\tmetrics "+job.MetricsPath+"\n") {
					problems = append(problems, fmt.Sprintf("%s%s is not what a site of compose serves", target, job.MetricsPath))
				}
			}
		}
		return problems
	}, map[string]mistake{
		"unknown key":   {"scrape_interval", "scrape_every", "scrape_every not found"},
		"another port":  {"signpost:9180", "signpost:9181", "signpost:9181/metrics is not what a site"},
		"another path":  {"metrics_path: /metrics", "metrics_path: /prometheus", "is not what a site"},
		"another host":  {"signpost:9180", "localhost:9180", "is not what a site"},
		"another job":   {"job_name: signpost", "job_name: gateways", "no rule says that gateways is down"},
		"no such rules": {"- alerts.yml", "- alert.yml", "no such file"},
	})
}

func TestAlertRulesAskForWhatTheGatewayExposesAndSayWhatToDo(t *testing.T) {
	inRepository(t)
	exposed := exposed(t)
	wantChecked(t, rulesPath, func(source string) []string { return checkRules(source, exposed) }, map[string]mistake{
		"unknown key":         {"        for: 5m", "        during: 5m", "during not found"},
		"unknown metric":      {"rate(signpost_broken_answers_total", "rate(signpost_broken_total", "signpost_broken_total is not exposed"},
		"bare histogram":      {"duration_seconds_bucket", "duration_seconds", "signpost_call_duration_seconds is not exposed"},
		"unknown label":       {`route="failure"`, `branch="failure"`, "signpost_calls_total has no label branch"},
		"unknown outcome":     {"success|canceled", "success|cancelled", "cancelled is no outcome"},
		"unknown group":       {"count by (policy, host)", "count by (policy, hosts)", "by (hosts): nothing within"},
		"unknown shown label": {"{{ $labels.reason }}", "{{ $labels.because }}", "shows the label because"},
		"same name":           {"alert: SignpostBrokenAnswers", "alert: SignpostCallsFailing", "SignpostCallsFailing stands twice"},
		"another severity":    {"          severity: critical", "          severity: urgent", `the severity "urgent"`},
		"nothing to do":       {"          action:", "          remedy:", `no "action"`},
	})
}

// checkRules names what is wrong with alert rules.
func checkRules(source string, exposed exposition) []string {
	var file ruleGroups
	if err := decodeYAML(source, &file); err != nil {
		return []string{err.Error()}
	}
	var problems []string
	seen := make(map[string]bool)
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if seen[rule.Alert] {
				problems = append(problems, rule.Alert+" stands twice")
			}
			seen[rule.Alert] = true
			for _, problem := range checkRule(rule, exposed) {
				problems = append(problems, rule.Alert+": "+problem)
			}
		}
	}
	return problems
}

func checkRule(rule alertRule, exposed exposition) []string {
	labels, problems := checkPromQL(rule.Expr, exposed)
	if severity := rule.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, severity) {
		problems = append(problems, fmt.Sprintf("the severity %q is none of critical, warning, info", severity))
	}
	for _, annotation := range []string{"summary", "description", "action"} {
		if rule.Annotations[annotation] == "" {
			problems = append(problems, fmt.Sprintf("there is no %q", annotation))
		}
	}
	for _, text := range rule.Annotations {
		problems = append(problems, checkShown(text, labels)...)
	}
	return problems
}

func TestEveryAlertRuleIsShownFiringAndNotFiring(t *testing.T) {
	inRepository(t)
	exposed := exposed(t)
	wantChecked(t, "configs/prometheus/alerts_test.yml", func(source string) []string {
		var rules ruleGroups
		if err := decodeYAML(read(t, rulesPath), &rules); err != nil {
			return []string{err.Error()}
		}
		return checkRuleTests(source, rules, exposed)
	}, map[string]mistake{
		"unknown key":       {"input_series", "series", "not found"},
		"unknown metric":    {"series: 'signpost_drift{", "series: 'signpost_drifts{", "signpost_drifts is not exposed"},
		"unknown label":     {`channel="mail"`, `via="mail"`, "signpost_alerts_total has no label via"},
		"no rule":           {`alertname="SignpostDown"`, `alertname="SignpostUp"`, "SignpostDown is not shown"},
		"never seen firing": {"- labels: 'ALERTS{alertname=\"SignpostStructureDrift\"", "- labels: 'ALERTS{alertname=\"Other\"", "SignpostStructureDrift is not shown firing"},
	})
}

// checkRuleTests wants two expressions for each rule: one that finds it firing,
// and one that finds it not.
func checkRuleTests(source string, rules ruleGroups, exposed exposition) []string {
	var file ruleTests
	if err := decodeYAML(source, &file); err != nil {
		return []string{err.Error()}
	}
	var problems []string
	firing, silent := make(map[string]bool), make(map[string]bool)
	for _, test := range file.Tests {
		for _, input := range test.InputSeries {
			_, wrong := checkPromQL(input.Series, exposed)
			problems = append(problems, wrong...)
		}
		for _, e := range test.Expressions {
			name, state, _ := strings.Cut(strings.TrimPrefix(e.Expr, `ALERTS{alertname="`), `"`)
			if state != `,alertstate="firing"}` {
				problems = append(problems, e.Expr+" does not ask which alerts fire")
			}
			silent[name] = silent[name] || len(e.Samples) == 0
			for _, sample := range e.Samples {
				firing[name] = firing[name] || sample.Value == 1 && strings.HasPrefix(sample.Labels, `ALERTS{alertname="`+name+`",`)
			}
		}
	}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if !firing[rule.Alert] {
				problems = append(problems, rule.Alert+" is not shown firing")
			}
			if !silent[rule.Alert] {
				problems = append(problems, rule.Alert+" is not shown silent")
			}
		}
	}
	return problems
}
