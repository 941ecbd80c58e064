package postman

import (
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// operation is a request on its way into the policy.
type operation struct {
	call  *call
	in    inputs
	spec  policy.OperationSpec
	notes []string
	saved []answer
	parts parts
}

// operation makes an operation of a request. It fails where a named call cannot send
// what the request does.
func (d *drafting) operation(c *call) (*operation, error) {
	o := &operation{call: c, parts: d.parts}
	var err error
	if o.spec.Template, err = c.template(&o.in); err != nil {
		return nil, err
	}
	o.spec.Method = c.method
	o.query(&d.draft.Policy)
	o.in.inBody = true
	body, kind, err := c.payload(&o.in, c.kindOf())
	if err != nil {
		return nil, err
	}
	o.in.inBody = false
	for _, name := range o.in.private {
		d.warnings.add("%s: {{%s}}, a part of the body, may be a credential: Signpost injects those into headers and queries alone, so the bot has to send it", c.label(), name)
	}
	o.spec.Body = body
	o.headers(&d.draft.Policy, kind)
	o.spec.Inputs = o.in.declared
	o.describe()
	o.answers()
	return o, nil
}

// query makes the parameters of a named call.
func (o *operation) query(p *policy.PolicySpec) {
	for _, q := range o.call.query {
		key, value := decoded(string(q.Key)), decoded(string(q.Value))
		switch {
		case isCredential(key, value) || isInjected(p, "query", key):
		case strings.Contains(key, "{{"):
			o.in.left = append(o.in.left, shown(key))
		default:
			o.spec.Query = append(o.spec.Query, policy.Field{Name: key, Value: o.in.field(key, value, isData(key, value), o.call.scope)})
		}
	}
	if len(o.call.unsent) > 0 {
		o.note("The collection has these parameters too, switched off: %s.", shown(strings.Join(o.call.unsent, ", ")))
	}
}

// noise are headers that tools send by themselves, or that say nothing of the call.
var noise = regexp.MustCompile(`^(?:Host|Content-Length|Content-Type|Connection|Accept-Encoding|Transfer-Encoding|Te|Trailer|Upgrade|Keep-Alive|Expect|Cache-Control|Pragma|Postman-Token|Origin|Referer|Dnt|Priority|Sec-.*|X-Requested-With|Idempotency-Key|Content-Encoding)$`)

// isUnsendable tells the headers that no operation sends.
func isUnsendable(name string) bool { return noise.MatchString(name) }

// headers makes the headers of a named call. kind is a type of the body that has to
// be said.
func (o *operation) headers(p *policy.PolicySpec, kind string) {
	if kind != "" && !strings.Contains(kind, "{{") && o.spec.Body != nil {
		o.header(p, contentType, kind)
	}
	for _, h := range o.call.header {
		name, value := headerName(h), strings.TrimSpace(string(h.Value))
		switch {
		case name == "Idempotency-Key":
			o.note("A bot that sends an Idempotency-Key of its own has it passed on.")
		case isUnsendable(name) || isCredential(name, value) || isInjected(p, "header", name):
		case !strings.Contains(value, "{{"):
			o.header(p, name, value)
		default:
			o.header(p, name, o.in.field(name, value, false, o.call.scope))
		}
	}
}

// header adds a header, if it is one that a named call can have.
func (o *operation) header(p *policy.PolicySpec, name, value string) {
	again := func(f policy.Field) bool { return f.Name == name }
	if slices.ContainsFunc(o.spec.Header, again) {
		o.note("The header %s stands twice; the first counts.", shown(name))
		return
	}
	f := policy.Field{Name: name, Value: value}
	if !o.parts.good("header "+name+":"+value, p.Inject, policy.OperationSpec{Header: []policy.Field{f}}) {
		o.note("The header %s was left out: a named call does not send it.", shown(name))
		return
	}
	o.spec.Header = append(o.spec.Header, f)
}

// isInjected tells what the policy puts on every request.
func isInjected(p *policy.PolicySpec, as, name string) bool {
	return slices.ContainsFunc(p.Inject, func(in policy.Inject) bool {
		if as == "header" && name == "Authorization" && slices.Contains([]string{"bearer", "basic", "oauth2"}, in.As) {
			return true
		}
		return in.As == as && in.Name == name
	})
}

// describe says what the operation is, and what its inputs were made of.
func (o *operation) describe() {
	o.spec.Title = titled(o.call.name)
	if about := firstSentence(o.call.description); about != "" {
		o.notes = append([]string{about}, o.notes...)
	}
	if len(o.in.left) > 0 {
		o.note("Left out, since their names are variables: %s.", shown(strings.Join(o.in.left, ", ")))
	}
	if len(o.in.examples) > 0 {
		o.note("Inputs, with what stood there: %s.", draft.OneLine(strings.Join(o.in.examples, ", "), 4*maxText))
	}
}

// firstSentence is what a description begins with.
func firstSentence(text string) string {
	text = strings.TrimLeft(strings.TrimSpace(text), "#*->` ")
	text, _, _ = strings.Cut(text, "\n\n")
	line := draft.OneLine(shown(text), maxText)
	if i := strings.Index(line, ". "); i > 0 {
		line = line[:i+1]
	}
	return line
}
