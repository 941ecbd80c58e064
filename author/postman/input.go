package postman

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// inputs are the variables of one operation.
type inputs struct {
	names    draft.Names
	byName   map[string]string // the input of each of the collection's variables
	declared []policy.InputSpec
	samples  map[string]json.RawMessage // values to test with
	examples []string                   // what stood in the places of inputs, for a comment
	inBody   bool                       // the body is being made
	private  []string                   // inputs of the body that may be credentials
	left     []string                   // parameters that were left out, as their names are variables
}

// of gives the input for a variable, which is required. sample is what stood there
// once, if it is known.
func (in *inputs) of(variable, sample string) string {
	if name, found := in.byName[variable]; found {
		return name
	}
	name := in.name(variable)
	if in.inBody && isSecret(strings.TrimPrefix(variable, ownMark)) {
		in.private = append(in.private, name)
	}
	if sample == "" || isSecret(strings.TrimPrefix(variable, ownMark)) || looksPrivate(sample) || len(sample) > maxText {
		return name
	}
	raw := marshal(sample)
	in.samples[name] = raw
	in.example(name, raw)
	return name
}

// own gives the input for a place with a name of its own, such as a parameter. A
// variable of that name is another.
func (in *inputs) own(key, sample string) string { return in.of(ownMark+key, sample) }

// ownMark begins what is no variable of the collection.
const ownMark = "="

// preset gives the input for a variable that has a value where the bot sends none.
func (in *inputs) preset(variable, value string) string {
	if _, found := in.byName[variable]; found || isSecret(strings.TrimPrefix(variable, ownMark)) || looksPrivate(value) || len(value) > maxText || hasControl(value) {
		return in.of(variable, "")
	}
	name := in.name(variable)
	in.declared = append(in.declared, policy.InputSpec{Var: name, Default: marshal(value)})
	return name
}

// name makes the input of a variable.
func (in *inputs) name(variable string) string {
	if in.byName == nil {
		in.byName, in.samples = make(map[string]string), make(map[string]json.RawMessage)
	}
	name := in.names.Of(bare(strings.TrimPrefix(variable, ownMark)), "value")
	in.byName[variable] = name
	return name
}

// take adds what a document was made into.
func (in *inputs) take(samples []draft.Sample) {
	if in.byName == nil {
		in.byName, in.samples = make(map[string]string), make(map[string]json.RawMessage)
	}
	for _, s := range samples {
		in.declared = append(in.declared, s.Input)
		if s.Input.Type != "bool" && draft.IsPrivate(s.Input.Var) {
			in.private = append(in.private, s.Input.Var)
		}
		if !s.Private && len(s.Value) <= maxText && !bytes.Contains(s.Value, []byte("{{")) {
			in.samples[s.Input.Var] = s.Value
			in.example(s.Input.Var, s.Value)
		}
	}
}

// example notes what stood in the place of an input.
func (in *inputs) example(name string, value json.RawMessage) {
	in.examples = append(in.examples, name+" "+string(value))
}

// fill makes a template of a text: each variable becomes an input.
func (in *inputs) fill(s string, values *scope) string {
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		name, _ := whole(ref)
		return "{{" + in.of(name, values.value(name)) + "}}"
	})
}

// field makes the template of a query parameter, a header or a field of a form. A
// value that was typed in is an example where data says that it differs from call
// to call, and else what is sent where the bot says nothing else.
func (in *inputs) field(key, value string, data bool, values *scope) string {
	name, is := whole(value)
	switch known := values.value(name); {
	case is && known != "" && !data:
		return "{{" + in.preset(name, known) + "}}"
	case is || strings.Contains(value, "{{"):
		return in.fill(value, values)
	case data || value == "":
		return "{{" + in.own(key, value) + "}}"
	}
	return "{{" + in.preset(ownMark+key, value) + "}}"
}

// dataName are parameters that people fill in.
var dataName = regexp.MustCompile(`(?:^|_)(?:q|query|search|term|terms|keyword|keywords|text|message|email|mail|phone|name|id|ids|number|no|date|day|time|from|to|start|end|since|until|amount|address|city|zip)$`)

// isData tells the parameters that differ from call to call.
func isData(key, value string) bool {
	return dataName.MatchString(draft.Word(key)) || isExample(value) && len(value) > 3 || strings.ContainsAny(value, "@ ")
}

// marshal gives a text as JSON.
func marshal(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // A text always has JSON.
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// hasControl tells texts that a header or a line of a Caddyfile cannot hold.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
