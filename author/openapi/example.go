package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/input"
)

// Bounds of the tests of one operation.
const (
	// maxExamples is how many examples of one answer become tests.
	maxExamples = 3
	// maxExpected is how large a variable may be that a test expects, in bytes.
	maxExpected = 200
	// maxExample is up to what size an example is looked at, in bytes.
	maxExample = 256 << 10
	// largeBody is from what size on a body is pruned, in bytes.
	largeBody = 1 << 10
)

// example is an example of an answer or of a request.
type example struct {
	name  string // empty: it has none
	value any
}

// examplesOf gives the examples of a media type, else that of its schema.
func (o *operation) examplesOf(media *openapi3.MediaType) []example {
	if media == nil {
		return nil
	}
	if media.Example != nil {
		return []example{{value: media.Example}}
	}
	var all []example
	if len(media.Examples) > maxContents {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		ref := media.Examples[name]
		if ref != nil && ref.Value != nil && ref.Value.Value != nil && len(all) < maxExamples {
			all = append(all, example{orElse(sentence(ref.Value.Summary), name), ref.Value.Value})
		}
	}
	if len(all) > 0 || media.Schema == nil {
		return all
	}
	if f := o.forms.of(media.Schema); f.example != nil {
		return []example{{value: f.example}}
	}
	return nil
}

// exampleInputs takes the values of variables from the example of a JSON body.
func (o *operation) exampleInputs(media *openapi3.MediaType) {
	for _, e := range o.examplesOf(media)[:min(1, len(o.examplesOf(media)))] {
		for v, path := range o.places {
			at := e.value
			for _, name := range path {
				object, _ := at.(map[string]any)
				at = object[name]
			}
			o.keepExample(v, at)
		}
	}
}

// sent gives the variables that a test sends: those with an example that the
// operation allows. Others have a value that is made up when the test runs.
func (o *operation) sent() map[string]json.RawMessage {
	var all map[string]json.RawMessage
	for v, example := range o.examples {
		if !isSmall(example, maxExpected) {
			continue
		}
		raw, err := json.Marshal(example)
		if err != nil || !o.allows(v, raw) {
			continue
		}
		if all == nil {
			all = make(map[string]json.RawMessage)
		}
		all[v] = raw
	}
	return all
}

// allows tells whether a variable may have a value.
func (o *operation) allows(v string, raw json.RawMessage) bool {
	spec := input.Spec{Name: v}
	if i := slices.IndexFunc(o.spec.Inputs, func(in policy.InputSpec) bool { return in.Var == v }); i >= 0 {
		in := o.spec.Inputs[i]
		spec.Type, spec.Matches, spec.In = in.Type, in.Matches, in.In
	}
	set, err := input.Compile([]input.Spec{spec})
	if err != nil {
		return false
	}
	sent, err := input.ParseJSON(fmt.Appendf(nil, "{%q:%s}", v, raw))
	if err != nil {
		return false
	}
	values, problems := set.Read(sent, nil)
	text := ""
	if len(values) > 0 {
		text = values[0].Text()
	}
	return len(problems) == 0 && text != "" && holdable(text)
}

// testGood makes tests of what the third party answers when all is well.
func (o *operation) testGood(good []answer, chosen answer, media *openapi3.MediaType) {
	if media == nil {
		status := http.StatusOK // Of a document that names no status, too: a test has to say something of the answer.
		if len(good) > 0 {
			status = max(status, good[0].status)
		}
		o.test("", given(status, nil), policytest.Expect{Outcome: policy.Success})
		return
	}
	examples := o.examplesOf(media)
	if len(examples) == 0 {
		examples = []example{{name: "made of the schema", value: o.made(media.Schema)}}
	}
	for i, e := range examples {
		if i > 0 && !o.roomy() {
			continue
		}
		body, ok := o.bodyOf(e)
		if !ok {
			body, ok = o.bodyOf(example{value: o.made(media.Schema)})
		}
		if ok = ok && o.fits(body); !ok && i == 0 {
			body, ok = []byte("{}"), true // The branch is to be tested, whatever the answer is.
		}
		if ok {
			o.test(e.name, given(chosen.status, body), policytest.Expect{Outcome: policy.Success, Vars: o.vars(body)})
		}
	}
}

// testNotFound makes the test of what was not found.
func (o *operation) testNotFound(refused []answer) {
	answer := given(http.StatusNotFound, nil)
	for _, a := range refused {
		if a.status != http.StatusNotFound {
			continue
		}
		_, media := pick(a.says.Content, isJSON)
		for _, e := range o.examplesOf(media) {
			if body, ok := o.bodyOf(e); ok && answer.Body == nil && o.fits(body) {
				answer = given(http.StatusNotFound, body)
			}
		}
	}
	route := notFound
	o.test("", answer, policytest.Expect{Outcome: policy.ClientError, Route: &route})
}

// given is an answer of the third party. A body is JSON.
func given(status int, body []byte) policytest.Given {
	g := policytest.Given{Status: status, Body: body}
	if body != nil {
		g.Headers = map[string]string{"Content-Type": "application/json"}
	}
	return g
}

// bodyOf gives an example as JSON. Of a large one there is what the policy reads,
// and what stands beside it. It is not ok where that is too large, too.
func (o *operation) bodyOf(e example) ([]byte, bool) {
	if text, is := e.value.(string); is && len(text) <= maxExample {
		var inside any // Some write the example as a text that is JSON.
		if json.Unmarshal([]byte(text), &inside) == nil {
			e.value = inside
		}
	}
	switch {
	case isSmall(e.value, largeBody):
	case isSmall(e.value, maxExample):
		e.value = pruned(e.value, "$", o.read())
	default:
		return nil, false
	}
	raw, err := json.Marshal(e.value)
	return raw, err == nil && len(raw) <= maxBody
}

// read gives the paths of what the policy reads, and of all that leads there.
func (o *operation) read() map[string]bool {
	read := make(map[string]bool)
	for _, extraction := range o.spec.Extracts {
		for i, c := range extraction.Path {
			if c == '.' || c == '[' {
				read[extraction.Path[:i]] = true
			}
		}
	}
	return read
}

// isSmall tells whether a value takes at most about as many bytes. It looks at no
// more of it than that.
func isSmall(v any, most int) bool { return smaller(v, &most) }

// smaller takes the size of a value from what is left.
func smaller(v any, left *int) bool {
	*left -= 2
	switch t := v.(type) {
	case string:
		*left -= len(t)
	case map[string]any:
		for name, member := range t {
			if *left -= len(name) + 4; *left < 0 || !smaller(member, left) {
				return false
			}
		}
	case []any:
		for _, item := range t {
			if !smaller(item, left) {
				return false
			}
		}
	default:
		*left -= 6
	}
	return *left >= 0
}

// pruned gives a value without the lists and objects in which nothing is read.
func pruned(v any, at string, read map[string]bool) any {
	switch t := v.(type) {
	case map[string]any:
		kept := make(map[string]any, len(t))
		for name, member := range t {
			step, _ := stepTo(name)
			if below := at + step; isScalar(member) || read[below] {
				kept[name] = pruned(member, below, read)
			}
		}
		return kept
	case []any:
		if len(t) > 0 && (isScalar(t[0]) || read[at+"[0]"]) {
			return []any{pruned(t[0], at+"[0]", read)}
		}
		return []any{}
	}
	return v
}

// isScalar tells what is no list and no object.
func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// vars gives the variables that the policy reads of a body.
func (o *operation) vars(body []byte) map[string]json.RawMessage {
	paths := make([]*extract.Path, 0, len(o.spec.Extracts))
	for _, e := range o.spec.Extracts {
		path, err := extract.CompilePath(e.Path)
		if err != nil {
			return nil // It cannot be: each was compiled when it was made.
		}
		paths = append(paths, path)
	}
	values, err := extract.NewReader(paths).Read(body, nil)
	if err != nil {
		return nil
	}
	vars := make(map[string]json.RawMessage)
	for i, v := range values {
		if raw := v.AppendJSON(nil); v.Exists() && len(raw) <= maxExpected {
			vars[o.spec.Extracts[i].Var] = raw
		}
	}
	return vars
}

// roomy tells whether there is room for more tests than one of each branch; where
// there is none, it notes that one is left out.
func (o *operation) roomy() bool {
	const most = maxTestBytes / 2 // The rest is for operations that are still to come.
	if o.bodies > most {
		o.dropped++
		return false
	}
	return true
}

// fits tells whether there is room for a body; where there is none, it notes that an
// example is left out.
func (o *operation) fits(body []byte) bool {
	if o.bodies+len(body) > maxTestBytes {
		o.dropped++
		return false
	}
	return true
}

// test adds a test.
func (o *operation) test(what string, given policytest.Given, expect policytest.Expect) {
	o.bodies += len(given.Body)
	name := fmt.Sprintf("%s, answered %d", o.name, max(given.Status, http.StatusOK))
	if what != "" {
		name += ": " + what
	}
	for _, t := range o.tests {
		if t.Name == name {
			name += fmt.Sprintf(" (%d)", len(o.tests)+1)
		}
	}
	o.tests = append(o.tests, policytest.Test{
		Name: name, Operation: o.name,
		Steps: []policytest.Step{{Repeat: 1, Input: o.sent(), Given: []policytest.Given{given}, Expect: expect}},
	})
}
