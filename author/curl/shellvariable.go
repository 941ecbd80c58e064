package curl

import (
	"encoding/json"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// template gives a text in which variables of the shell became variables of the call.
func (t *taking) template(w word) (string, error) {
	if strings.Contains(w.text, "{{") {
		return "", w.wrong("{{, which stands for a variable, beside a variable of the shell: write the value of the latter")
	}
	return markedVariable.ReplaceAllStringFunc(w.text, func(v string) string { return "{{" + t.input(v) + "}}" }), nil
}

// shellSegment gives a segment of the path with variables of the shell in it. A
// variable of the call stands for a whole segment.
func (t *taking) shellSegment(s string) string {
	variable := t.input(s)
	if (word{text: s}).isPrivate() {
		t.warnOfPart(variable, "path")
	}
	return "{{" + variable + "}}"
}

// input gives the variable of the call for a text with variables of the shell in it,
// which is called like them.
func (t *taking) input(text string) string {
	if name, known := t.inputs[text]; known {
		return name
	}
	shown := markedVariable.ReplaceAllStringFunc(text, func(v string) string { return "$" + strings.Trim(v, mark) })
	name := t.names.Of(draft.Word(shown), "value")
	if t.inputs == nil {
		t.inputs = make(map[string]string)
	}
	t.inputs[text] = name
	t.samples = append(t.samples, sample{name, json.RawMessage(`""`), draft.OneLine(shown, maxShown)})
	return name
}

// warnOfPart says that a part of the request cannot have credentials injected.
func (t *taking) warnOfPart(variable, part string) {
	t.request.warn("{{%s}}, a part of the %s, may be a credential: Signpost injects those into headers and queries alone, so the bot has to send it", variable, part)
}
