package configs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// promToken is one token of PromQL; spans of time in brackets are one.
var promToken = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*|\[[^\]]*\]|[0-9][0-9a-z.]*|=~|!~|!=|>=|<=|==|\S`)

// What may stand before a parenthesis, or between two series.
var (
	promFunctions = []string{"sum", "max", "count", "rate", "increase", "histogram_quantile", "max_over_time"}
	promOperators = []string{"and", "or", "unless", "offset", "bool"}
)

// promQuery reads one expression. It knows no more of the language than the
// expressions here use, and reports the rest.
type promQuery struct {
	tokens   []string
	exposed  exposition
	problems []string

	series  []promSeries
	grouped []string // the labels of all `by`
}

// promSeries is a series that the expression asks for, and its place.
type promSeries struct {
	name string
	at   int
}

// targetLabels are those that Prometheus adds to each row that it scrapes.
var targetLabels = []string{"job", "instance"}

// checkPromQL names what an expression asks for that the gateway does not
// expose, and gives the labels that its result can have.
func checkPromQL(expression string, exposed exposition) (labels, problems []string) {
	q := &promQuery{tokens: promToken.FindAllString(expression, -1), exposed: exposed}
	// Series first: what labels a group may have depends on those within.
	for i := 0; i < len(q.tokens); i++ {
		i = q.readSeries(i)
	}
	for i := range q.tokens {
		q.checkGroup(i)
	}
	if len(q.series) == 0 {
		q.wrong("asks for no series")
	}
	if slices.Contains(q.tokens, "histogram_quantile") && !slices.Contains(q.grouped, "le") {
		q.wrong("histogram_quantile needs the label le")
	}
	if len(q.grouped) > 0 {
		return q.grouped, q.problems
	}
	return q.within(0, len(q.tokens)), q.problems
}

func (q *promQuery) wrong(format string, a ...any) {
	q.problems = append(q.problems, fmt.Sprintf(format, a...))
}

// at gives a token, or nothing behind the last.
func (q *promQuery) at(i int) string {
	if i < len(q.tokens) {
		return q.tokens[i]
	}
	return ""
}

// isName tells words from numbers, strings and signs.
func isName(token string) bool {
	return regexp.MustCompile(`^[a-zA-Z_:]`).MatchString(token)
}

// readSeries reads what begins at a token, and gives the last one of it.
func (q *promQuery) readSeries(i int) int {
	word, next := q.tokens[i], q.at(i+1)
	switch {
	case !isName(word) || slices.Contains(promOperators, word):
		return i
	case isGrouping(word):
		return q.closing(i + 1)
	case next == "(" || isGrouping(next):
		if !slices.Contains(promFunctions, word) {
			q.wrong("%s is no function", word)
		}
		return i
	}
	labels, known := q.exposed[word]
	if !known {
		q.wrong("%s is not exposed", word)
		labels = nil
	}
	q.series = append(q.series, promSeries{word, i})
	if next != "{" {
		return i
	}
	for i += 2; i < len(q.tokens) && q.tokens[i] != "}"; i++ {
		if !isName(q.tokens[i]) {
			continue
		}
		if known && !slices.Contains(labels, q.tokens[i]) && !slices.Contains(targetLabels, q.tokens[i]) {
			q.wrong("%s has no label %s", word, q.tokens[i])
		}
		q.checkValue(q.tokens[i], q.at(i+2))
	}
	return i
}

// checkValue tests the words of the closed list of outcomes.
func (q *promQuery) checkValue(label, value string) {
	if label != "outcome" {
		return
	}
	for word := range strings.SplitSeq(strings.Trim(value, `"`), "|") {
		if !slices.Contains(policy.Outcomes(), policy.Outcome(word)) {
			q.wrong("%s is no outcome", word)
		}
	}
}

// isGrouping tells the words that labels in parentheses follow.
func isGrouping(word string) bool {
	return slices.Contains([]string{"by", "without", "on", "ignoring", "group_left", "group_right"}, word)
}

// closing gives the parenthesis that closes the one at i.
func (q *promQuery) closing(i int) int {
	depth := 0
	for ; i < len(q.tokens); i++ {
		switch q.tokens[i] {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return len(q.tokens)
}

// within gives all labels of the series between two tokens.
func (q *promQuery) within(from, to int) []string {
	labels := slices.Clone(targetLabels)
	for _, s := range q.series {
		if from <= s.at && s.at < to {
			labels = append(labels, q.exposed[s.name]...)
		}
	}
	return labels
}

// checkGroup tests the labels behind `by` against the series in the parentheses
// that follow, and those of a match between two sides against all.
func (q *promQuery) checkGroup(i int) {
	word := q.tokens[i]
	if !isGrouping(word) {
		return
	}
	end := q.closing(i + 1)
	from, to := 0, len(q.tokens)
	if word == "by" || word == "without" {
		from, to = end+1, q.closing(end+1)
	}
	known := q.within(from, to)
	for _, label := range q.tokens[min(i+2, end):min(end, len(q.tokens))] {
		switch {
		case label == ",":
		case !slices.Contains(known, label):
			q.wrong("%s (%s): nothing within has that label", word, label)
		case word == "by":
			q.grouped = append(q.grouped, label)
		}
	}
}

// shownLabel is a label in an annotation or a legend.
var shownLabel = regexp.MustCompile(`\{\{\s*(?:with\s+)?(?:\$labels\.)?([a-z_]+)\s*\}\}`)

// checkShown names the labels that a text shows and a result cannot have.
func checkShown(text string, labels []string) []string {
	var problems []string
	for _, found := range shownLabel.FindAllStringSubmatch(text, -1) {
		if word := found[1]; word != "else" && word != "end" && !slices.Contains(labels, word) {
			problems = append(problems, fmt.Sprintf("%q shows the label %s, which the result has not", text, word))
		}
	}
	return problems
}

func TestExpressionsThatAskForWhatIsNotThereAreFound(t *testing.T) {
	exposed := exposition{"calls_total": {"policy", "outcome"}, "took_bucket": {"policy", "le"}, "tenants": nil, "limited_total": {"policy", "limit"}}
	for expression, want := range map[string]string{
		`sum by (policy) (rate(calls_total{outcome!~"success|timeout"}[5m])) > 0.1`:                                  "",
		`histogram_quantile(0.99, sum by (policy, le) (rate(took_bucket[$__rate_interval])))`:                        "",
		`sum by (instance) (tenants) and on (job) tenants`:                                                           "",
		`sum by (policy, limit) (limited_total) / on (policy) group_left () sum by (policy) (calls_total offset 1h)`: "",
		`max_over_time(tenants{job="signpost"}[1m]) == 2`:                                                            "",
		`rate(call_total[5m])`:                                   "call_total is not exposed",
		`tenants or took`:                                        "took is not exposed",
		`rate(calls_total{polcy="store"}[5m])`:                   "calls_total has no label polcy",
		`tenants{policy="store"}`:                                "tenants has no label policy",
		`calls_total{outcome=~"success|timed_out"}`:              "timed_out is no outcome",
		`sum by (route) (calls_total)`:                           "by (route): nothing within has that label",
		`sum by (limit) (calls_total) / sum(limited_total)`:      "by (limit): nothing within has that label",
		`calls_total and on (host) tenants`:                      "on (host): nothing within has that label",
		`rat(calls_total[5m])`:                                   "rat is no function",
		`histogram_quantile(0.9, sum by (policy) (took_bucket))`: "needs the label le",
		`1 > 0`: "asks for no series",
	} {
		_, problems := checkPromQL(expression, exposed)
		if got := strings.Join(problems, "\n"); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: the problems are %q, want %q", expression, got, want)
		}
	}
}

func TestTextsThatShowALabelThatTheResultHasNotAreFound(t *testing.T) {
	labels, _ := checkPromQL(`sum by (policy) (calls_total)`, exposition{"calls_total": {"policy", "outcome"}})
	for text, want := range map[string]int{
		"{{ $labels.policy }} fails":                                 0,
		"{{ with $labels.policy }}{{ . }}{{ else }}none{{ end }}":    0,
		"{{policy}} p99":                                             0,
		"{{ $value | humanizePercentage }} of {{ $labels.outcome }}": 1,
		"{{ with $labels.host }}{{ . }}{{ end }}":                    1,
		"{{outcome}} {{host}}":                                       2,
	} {
		if got := checkShown(text, labels); len(got) != want {
			t.Errorf("%s: the problems are %q, want %d", text, got, want)
		}
	}
}
