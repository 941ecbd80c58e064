package policytest

import (
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Encode writes a file of tests as a person would: small things on one line, larger
// ones on several. Read gives the same back, but for places, and for the white space
// of bodies that are JSON. Path is not written. What YAML cannot hold is an error,
// such as a body that is no text: that belongs into a file.
func Encode(w io.Writer, f File) error {
	e := encoder{}
	root := e.file(f)
	if e.err != nil {
		return fmt.Errorf("writing tests: %w", e.err)
	}
	return write(w, root)
}

// write writes a tree.
func write(w io.Writer, root *yaml.Node) error {
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	if err := errors.Join(out.Encode(root), out.Close()); err != nil {
		return fmt.Errorf("writing tests: %w", err)
	}
	return nil
}

// encoder makes the tree of a file. It keeps the first error.
type encoder struct{ err error }

// fail notes that something cannot be written.
func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// members are those of a mapping that is being made. What is empty is left out.
type members struct {
	*encoder
	node *yaml.Node
}

// mapping begins one.
func (e *encoder) mapping() members {
	return members{e, &yaml.Node{Kind: yaml.MappingNode}}
}

// add adds a member; nil is none.
func (m members) add(name string, value *yaml.Node) {
	if value != nil {
		m.node.Content = append(m.node.Content, textNode(name), value)
	}
}

// text adds a text, unless it is empty.
func (m members) text(name, value string) {
	if value != "" {
		m.add(name, m.textNode(name, value))
	}
}

// pointer adds a text, unless there is none.
func (m members) pointer(name string, value *string) {
	if value != nil {
		m.add(name, m.textNode(name, *value))
	}
}

// number adds a number, unless it is 0.
func (m members) number(name string, value int) {
	if value != 0 {
		m.add(name, plainNode(fmt.Sprint(value)))
	}
}

// duration adds a span of time, unless it is 0.
func (m members) duration(name string, value time.Duration) {
	if value != 0 {
		m.add(name, plainNode(value.String()))
	}
}

// textNode is a text of which it is known that YAML can hold it.
func (e *encoder) textNode(name, value string) *yaml.Node {
	if !utf8.ValidString(value) {
		e.fail("%s is not UTF-8: put it into a file", name)
	}
	return textNode(value)
}

// file makes the whole document.
func (e *encoder) file(f File) *yaml.Node {
	m := e.mapping()
	m.text("config", f.Config)
	m.text("adapter", f.Adapter)
	m.text("policy", f.Policy)
	m.text("operation", f.Operation)
	if len(f.Tests) == 0 {
		e.fail("there are no tests")
	}
	m.add("tests", e.tests(f.Tests, f.Policy, f.Operation))
	return m.node
}

// tests makes the list of tests of a file that says itself what they call.
func (e *encoder) tests(tests []Test, policyName, operation string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range tests {
		list.Content = append(list.Content, e.test(&tests[i], policyName, operation))
	}
	return list
}

// test makes one test.
func (e *encoder) test(t *Test, policyName, operation string) *yaml.Node {
	m := e.mapping()
	m.text("name", t.Name)
	inherited := operation
	if t.Policy != policyName {
		m.text("policy", t.Policy)
		inherited = ""
	}
	switch {
	case t.Operation != inherited && t.Operation == "":
		m.add("operation", plainNode("null"))
	case t.Operation != inherited:
		m.text("operation", t.Operation)
	}
	switch {
	case t.Sequence:
		steps := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range t.Steps {
			step := e.mapping()
			step.step(&t.Steps[i])
			steps.Content = append(steps.Content, step.node)
		}
		m.add("steps", steps)
	case len(t.Steps) == 1:
		m.step(&t.Steps[0])
	default:
		e.fail("the test %q has %d steps and is no sequence", t.Name, len(t.Steps))
	}
	return m.node
}

// step adds the keys of a step.
func (m members) step(s *Step) {
	m.duration("wait", s.Wait)
	if s.Repeat != 1 {
		m.number("repeat", s.Repeat)
	}
	m.text("tenant", s.Tenant)
	if s.Input != nil {
		m.add("input", m.variables(s.Input))
	}
	if s.Request != nil {
		m.add("request", m.request(s.Request))
	}
	switch len(s.Given) {
	case 0:
	case 1:
		m.add("given", m.given(&s.Given[0]))
	default:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range s.Given {
			list.Content = append(list.Content, m.given(&s.Given[i]))
		}
		m.add("given", list)
	}
	m.add("expect", m.expect(&s.Expect))
	for _, part := range m.node.Content {
		fold(part)
	}
}

// request makes a base-URL call.
func (e *encoder) request(r *Request) *yaml.Node {
	m := e.mapping()
	m.text("method", r.Method)
	m.text("path", r.Path)
	m.text("query", r.Query)
	body, headers := e.body(r.Body, r.Headers)
	m.add("headers", e.headers(headers))
	m.add("body", body)
	return m.node
}

// given makes what the third party does.
func (e *encoder) given(g *Given) *yaml.Node {
	m := e.mapping()
	m.text("outcome", string(g.Outcome))
	if g.Call != "" {
		m.text("call", g.Call)
		m.duration("after", g.After)
		return m.node
	}
	m.number("status", g.Status)
	body, headers := e.body(g.Body, g.Headers)
	if g.File != "" {
		body, headers = e.textNode("file", g.File), withoutJSONType(g.Headers, isJSONFile(g.File))
	}
	m.add("headers", e.headers(headers))
	if g.File != "" {
		m.add("file", body)
	} else {
		m.add("body", body)
	}
	m.duration("after", g.After)
	return m.node
}

// expect makes what must come of a call.
func (e *encoder) expect(x *Expect) *yaml.Node {
	m := e.mapping()
	m.pointer("route", x.Route)
	m.pointer("next", x.Next)
	m.text("outcome", string(x.Outcome))
	m.number("status", x.Status)
	if len(x.Vars) > 0 {
		m.add("vars", e.variables(x.Vars))
	}
	if len(x.Missing) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, name := range x.Missing {
			list.Content = append(list.Content, textNode(name))
		}
		m.add("missing", list)
	}
	m.add("body", e.expectedBody(x.Body))
	m.pointer("fallback", x.Fallback)
	m.pointer("reason", x.Reason)
	m.add("headers", e.headers(x.Headers))
	if x.Attempts != nil {
		m.add("attempts", plainNode(fmt.Sprint(*x.Attempts)))
	}
	m.add("sent", e.sent(x.Sent))
	return m.node
}

// sent makes the request that goes out.
func (e *encoder) sent(s *Sent) *yaml.Node {
	switch {
	case s == nil:
		return nil
	case s.Nothing:
		return textNode("nothing")
	}
	m := e.mapping()
	m.text("method", s.Method)
	m.text("url", s.URL)
	m.add("headers", e.headers(s.Headers))
	m.add("body", e.expectedBody(s.Body))
	return m.node
}
