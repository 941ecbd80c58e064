package postman

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// Bounds of what is read of an answer.
const (
	maxExtracts = 8
	maxExpected = 200 // Bytes of a variable that a test expects.
)

// answer is a saved response that can become a test.
type answer struct {
	name   string
	status int
	kind   string // Content-Type, where it is no JSON
	body   []byte
	isJSON bool
}

// outcome is what becomes of a call that is answered so.
func (a *answer) outcome() policy.Outcome {
	switch {
	case a.status >= 500:
		return policy.ServerError
	case a.status >= 400:
		return policy.ClientError
	}
	return policy.Success
}

// reads tells whether a policy looks into the answer.
func (a *answer) reads() bool {
	return a.status < 300 && a.status != http.StatusNoContent && a.status != http.StatusResetContent && a.status != http.StatusPartialContent
}

// answers takes what saved responses tell: variables of the good ones, routes of the
// others.
func (o *operation) answers() {
	o.save()
	good := slices.DeleteFunc(slices.Clone(o.saved), func(a answer) bool { return !a.reads() })
	plain := slices.ContainsFunc(good, func(a answer) bool { return !a.isJSON })
	switch {
	case len(good) == 0 || o.spec.Method == http.MethodHead:
	case plain:
		o.note("Nothing is read of its answers: one of those that were saved is no JSON, and would be unmappable.")
	default:
		o.extracts(good[0].body)
	}
	for _, a := range o.saved {
		route := routeOf(a.status)
		if route != "" && !slices.ContainsFunc(o.spec.Hints, func(h policy.Hint) bool { return h.Route == route }) {
			o.spec.Hints = append(o.spec.Hints, policy.Hint{Route: route, When: "status == " + strconv.Itoa(a.status)})
		}
	}
	slices.SortFunc(o.spec.Hints, func(a, b policy.Hint) int { return cmp.Compare(a.When, b.When) })
}

// routeOf names the branch of a status that a conversation can go on from. Of others,
// such as a credential that is refused, the outcome's own is the right one.
func routeOf(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotAcceptable,
		http.StatusProxyAuthRequired, http.StatusUnsupportedMediaType, http.StatusTooManyRequests:
		return ""
	}
	if status < 400 || status > 499 {
		return ""
	}
	return draft.Word(http.StatusText(status))
}

// save keeps the saved responses that can be looked at, without credentials.
func (o *operation) save() {
	for _, r := range o.call.responses {
		status, err := strconv.Atoi(string(r.Code))
		if err != nil || status < 200 || status > 599 {
			continue
		}
		a := answer{name: string(r.Name), status: status, body: []byte(strings.TrimSpace(string(r.Body)))}
		if clean, isJSON := withoutCredentials(a.body); isJSON {
			a.body, a.isJSON = clean, true
		} else {
			var names draft.Names
			template, _ := draft.HideInText(string(a.body), &names)
			a.body = []byte(redact(template))
			a.kind = typeOf(r.Header)
		}
		o.saved = append(o.saved, a)
	}
}

// typeOf gives the type that an answer says it has.
func typeOf(all headers) string {
	for _, h := range all {
		if headerName(h) == contentType && !hasControl(string(h.Value)) && len(h.Value) <= maxText {
			return redact(strings.TrimSpace(string(h.Value)))
		}
	}
	return ""
}

// redact leaves no variables in a text that came: those were credentials.
func redact(s string) string { return reference.ReplaceAllString(s, redacted) }

// withoutCredentials overwrites what is private in a JSON document. One in which
// nothing is stays as it was.
func withoutCredentials(document []byte) ([]byte, bool) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var root any
	if len(document) == 0 || decoder.Decode(&root) != nil || decoder.More() {
		return nil, false
	}
	if changed := overwrite(&root, false); !changed {
		return document, true
	}
	clean, err := json.Marshal(root)
	return clean, err == nil
}

// overwrite replaces the texts and numbers of private members, and what was found to
// be a credential elsewhere.
func overwrite(at *any, private bool) (changed bool) {
	switch v := (*at).(type) {
	case map[string]any:
		for name, inner := range v {
			if overwrite(&inner, private || draft.IsPrivate(name)) {
				v[name], changed = inner, true
			}
		}
	case []any:
		for i := range v {
			changed = overwrite(&v[i], private) || changed
		}
	case string:
		if private && v != "" || reference.MatchString(v) || looksPrivate(v) && !isExample(v) {
			*at, changed = redacted, true
		}
	case json.Number:
		if private {
			*at, changed = redacted, true
		}
	}
	return changed
}

// extracts reads the values of an answer that a conversation may need: of its two
// upper levels, and not many.
func (o *operation) extracts(document []byte) {
	var names draft.Names
	for _, m := range members(document) {
		if len(o.spec.Extracts) == maxExtracts {
			return
		}
		value := bytes.TrimSpace(m.value)
		if value[0] != '{' {
			o.extract(&names, m, "$"+step(m.name), "")
			continue
		}
		for _, inner := range members(value) {
			if value := bytes.TrimSpace(inner.value); value[0] != '{' && len(o.spec.Extracts) < maxExtracts {
				o.extract(&names, inner, "$"+step(m.name)+step(inner.name), m.name)
			}
		}
	}
}

// extract adds a variable, if the value is one that a bot can say.
func (o *operation) extract(names *draft.Names, m member, path, around string) {
	value := string(bytes.TrimSpace(m.value))
	if value[0] == '[' || value == "null" || len(value) > maxExpected || strings.Contains(value, redacted) {
		return
	}
	name := m.name
	if strings.EqualFold(name, "id") || strings.EqualFold(name, "name") || strings.EqualFold(name, "status") {
		name = strings.TrimSpace(around + " " + name)
	}
	if o.parts.good("extract "+path, nil, policy.OperationSpec{Rules: policy.Rules{Extracts: []policy.Extract{{Var: "value", Path: path}}}}) {
		o.spec.Extracts = append(o.spec.Extracts, policy.Extract{Var: names.Of(name, "value"), Path: path})
	}
}

// member is one of an object.
type member struct {
	name  string
	value json.RawMessage
}

// members gives those of an object in their order, and none of anything else. Of
// those with the same name the last one counts.
func members(object []byte) []member {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	var all []member
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return nil
		}
		text, _ := name.(string)
		all = slices.DeleteFunc(all, func(m member) bool { return m.name == text })
		all = append(all, member{text, value})
		if len(all) > 4*maxExtracts {
			break
		}
	}
	return all
}

// plainStep is a member's name that needs no brackets in a JSONPath.
var plainStep = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// step is the step of a JSONPath to a member.
func step(name string) string {
	if plainStep.MatchString(name) {
		return "." + name
	}
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}
