package curl

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// Bounds of what is shown of values.
const (
	// maxShown bounds one, in characters.
	maxShown = 60
	// maxSamples bounds how many are told of.
	maxSamples = 32
)

// variable makes a variable of a value of the command, and notes what stood there. A
// private value is not told.
func (t *taking) variable(name, value string, private bool) string {
	name = t.names.Of(name, "value")
	raw, _ := json.Marshal(value) // A text can always be written.
	t.note(name, value, raw, private)
	return name
}

// sample is a variable and what stood in its place.
type sample struct {
	name  string
	value json.RawMessage
	shown string
}

// note keeps what stood in the place of a variable. What may be a credential is not
// shown, here and elsewhere.
func (t *taking) note(name, value string, raw json.RawMessage, private bool) {
	s := sample{name, raw, draft.OneLine(value, maxShown)}
	if private || draft.LooksPrivate(value) || draft.HoldsPrivate(value) || t.hides(value) {
		t.hide(value)
		s.shown = "not shown"
	}
	t.samples = append(t.samples, s)
}

// literal keeps a text as it is. One that a template would take for a variable
// becomes a variable, which has it as its default.
func (t *taking) literal(name, value string) string {
	private := t.hides(value) || draft.HoldsPrivate(value)
	if !strings.Contains(value, "{{") && !private {
		return value
	}
	if private {
		return "{{" + t.variable(draft.Word(name), value, true) + "}}"
	}
	variable := t.variable(draft.Word(name), value, false)
	raw, _ := json.Marshal(value) // A text can always be written.
	t.operation.Inputs = append(t.operation.Inputs, policy.InputSpec{Var: variable, Type: "string", Default: raw})
	return "{{" + variable + "}}"
}

var (
	// prefix are the first segments of a path that all operations of an API share.
	prefix = regexp.MustCompile(`(?i)^(?:api|apis|rest|services?|gateway|public|v\d{1,3}(?:\.\d{1,3}|(?:alpha|beta)\d{0,2})?)$`)
	// version is one behind "api".
	version = regexp.MustCompile(`^(?:\d{1,2}(?:\.\d{1,2})?|latest)$`)
	// plainWords are values that say how, not what.
	plainWords = regexp.MustCompile(`^[A-Za-z][A-Za-z_,.:*-]{0,60}$`)
	// pages are parameters that say how much.
	pages = regexp.MustCompile(`^(?:limit|page|per_page|page_size|size|offset|skip|start|count|top|max_results|results)$`)
	// searches are parameters that say what.
	searches = regexp.MustCompile(`^(?:q|query|search|term|keyword|email|mail|phone|name|first_name|last_name|city|address|zip|id|.*_id|.*_number)$`)
)

// takePath splits the path into the base URL and the operation's template.
func (t *taking) takePath() {
	segments := strings.Split(t.address.path, "/")[1:]
	base := 0
	for base < len(segments)-1 && (prefix.MatchString(segments[base]) || base > 0 && version.MatchString(segments[base]) && strings.EqualFold(segments[base-1], "api")) {
		base++
	}
	if base == len(segments)-1 && segments[base] == "" && base > 0 {
		base-- // A base URL has no slash at its end.
	}
	t.draft.Policy.BaseURL = t.address.scheme + "://" + t.address.host
	for _, s := range segments[:base] {
		t.draft.Policy.BaseURL += "/" + s
	}
	before := ""
	for _, s := range segments[base:] {
		t.operation.Template += "/" + t.segment(s, before)
		before = s
	}
}

// segment gives a segment of the path as the template has it.
func (t *taking) segment(s, before string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		plain = s // The policy is refused for it.
	}
	secret := draft.LooksPrivate(plain) || t.hides(plain)
	if strings.Contains(s, mark) {
		return t.shellSegment(s)
	}
	if !secret && (!isIdentifier(s) || isVersion(s)) {
		t.lastWord = s
		return s
	}
	name := "id"
	if word := draft.Word(before); word != "" && !isIdentifier(before) {
		name = draft.Singular(word) + "_id"
	}
	variable := t.variable(name, plain, secret)
	if secret {
		t.warnOfPart(variable, "path")
	}
	return "{{" + variable + "}}"
}

// isVersion tells segments such as v2, which name no thing.
func isVersion(s string) bool { return prefix.MatchString(s) }

// takeQuery sorts the parameters: credentials, variables, and what stays.
func (t *taking) takeQuery(parameters []pair) error {
	for _, p := range parameters {
		switch {
		case p.name == "":
			t.request.warn("a query parameter without a name")
		case strings.Contains(p.name, "{{"):
			return p.value.wrong("a query parameter whose name holds {{, which stands for a variable")
		case (draft.IsPrivate(p.name) || p.value.isPrivate()) && p.value.text != "":
			about := "the query parameter " + draft.OneLine(p.name, maxShown)
			t.inject(policy.Inject{As: "query", Name: p.name, Value: t.secret(p.value, p.name, about)})
		default:
			template, err := t.parameter(p)
			if err != nil {
				return err
			}
			t.operation.Query = append(t.operation.Query, policy.Field{Name: p.name, Value: template})
		}
	}
	return nil
}

// parameter gives the template of a parameter's value.
func (t *taking) parameter(p pair) (string, error) {
	value, name := p.value.text, draft.Word(p.name)
	switch {
	case p.value.hasVariable():
		return t.template(p.value)
	case value == "" || plainWords.MatchString(value) && !searches.MatchString(name) && !draft.LooksPrivate(value):
		return t.literal(p.name, value), nil
	case pages.MatchString(name) && json.Valid([]byte(value)):
		variable := t.variable(name, value, false)
		t.operation.Inputs = append(t.operation.Inputs, policy.InputSpec{Var: variable, Type: "number", Default: json.RawMessage(value)})
		return "{{" + variable + "}}", nil
	}
	return "{{" + t.variable(name, value, policy.IsPrivateName(p.name)) + "}}", nil
}
