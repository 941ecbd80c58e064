package openapi

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// Import drafts a policy of an OpenAPI document, which it reads whole. It reads
// nothing else: no file, no network, no environment. What is wrong with the
// document, or with what the options choose in it, is a policy.Mistakes with the
// places. The draft passes policy.Check.
func Import(r io.Reader, o Options) (out *draft.Draft, err error) {
	// The document is a stranger's: what neither the library nor this package can cope
	// with in it ends its import, and neither the program nor what else runs in it.
	defer func() {
		if broken := recover(); broken != nil {
			out, err = nil, policy.Mistakes{{Name: orElse(o.File, unnamed), Text: line("the document cannot be read: %v", broken)}}
		}
	}()
	data, err := io.ReadAll(io.LimitReader(r, MaxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	d, err := read(data, &o)
	if err != nil {
		return nil, asMistakes(err)
	}
	if out, err = d.draft(&o); err != nil {
		return nil, asMistakes(err)
	}
	return out, nil
}

// asMistakes gives a single mistake as a list of one.
func asMistakes(err error) error {
	var one policy.Mistake
	if errors.As(err, &one) {
		return policy.Mistakes{one}
	}
	return err
}

// draft makes the policy.
func (d *document) draft(o *Options) (*draft.Draft, error) {
	chosen, err := d.chosen(o)
	if err != nil {
		return nil, err
	}
	doc, err := d.model(chosen)
	if err != nil {
		return nil, err
	}
	out := &draft.Draft{Operations: make(map[string][]string)}
	title := d.root.get("info").get("title").string()
	if out.Policy.BaseURL, err = d.base(doc, o); err != nil {
		return nil, err
	}
	out.Policy.Name = orElse(o.Name, policyName(title, out.Policy.BaseURL))
	if holdable(title) {
		out.Policy.Title = sentence(title)
	}
	out.Policy.OperationsOnly = true
	out.Policy.Timeout = policy.Duration(policy.DefaultTimeout) // Written out, since it is the first thing to think about.
	out.Policy.Fallbacks = []policy.Fallback{{Route: handOff, Next: "continue"}}
	out.Notes = d.introduction(title)
	if isPrivateHost(out.Policy.BaseURL) {
		out.Policy.AllowPrivate = true
		out.Notes = append(out.Notes, "The host is of a private network, which `allow_private` lets calls reach.")
	}
	d.operate(out, doc, chosen, o)
	if err := d.settle(out); err != nil {
		return nil, err
	}
	out.Tests = append(out.Tests, failing(out.Policy.Operations[0].Name))
	if left := d.dropped + out.FitTests(); left > 0 {
		d.notes.add("%d examples did not become tests: a file has room for %d tests, and these have %d MiB of bodies at most", left, policytest.MaxTests, maxTestBytes>>20)
	}
	out.CompleteTests()
	out.Notes = append(out.Notes, d.told.all()...)
	out.Warnings = d.notes.all()
	return out, nil
}

// policyName makes the policy's name of the title, if that is short, else of the host.
func policyName(title, base string) string {
	const maxWords = 2
	name := draft.PolicyName(title)
	if u, err := url.Parse(base); err == nil && strings.Count(name, "_") >= maxWords {
		return draft.HostPolicyName(u.Host)
	}
	return name
}

// handOff is the route where the third party cannot help.
const handOff = "handoff"

// failing is the test of a call that the third party does not answer.
func failing(operation string) policytest.Test {
	route, next := handOff, "continue"
	return policytest.Test{
		Name: operation + ", not answered", Operation: operation,
		Steps: []policytest.Step{{
			Repeat: 1,
			Given:  []policytest.Given{{Outcome: policy.Timeout}},
			Expect: policytest.Expect{Outcome: policy.Timeout, Route: &route, Next: &next},
		}},
	}
}

// introduction says what the policy was made of.
func (d *document) introduction(title string) []string {
	source := orElse(sentence(title), "an API")
	if version := d.root.get("info").get("version"); version != nil && version.text != "" {
		source += " " + version.text
	}
	return []string{printable("Made of the OpenAPI document of " + source + ".")}
}

// operate drafts credentials and operations.
func (d *document) operate(out *draft.Draft, doc *openapi3.T, chosen []choice, o *Options) {
	type said struct {
		choice
		item *openapi3.PathItem
		op   *openapi3.Operation
	}
	var all []said
	var left, others reasons
	var needs []openapi3.SecurityRequirements
	for _, c := range chosen {
		item, op := find(doc, c)
		if op == nil {
			left.add("its path or method is none that can be read", c)
			continue
		}
		if at, is := d.elsewhere(item, op, out.Policy.BaseURL, o); is {
			left.add("it is served at "+quote(at)+", and a policy has one base URL", c)
			continue
		}
		all = append(all, said{c, item, op})
		needs = append(needs, requirements(doc, op))
	}
	taken := d.credentials(out, doc, needs)
	drafter := &drafter{document: d, inject: out.Policy.Inject, headers: make(map[string]bool),
		forms: &forms{known: make(map[*openapi3.Schema]*form)}}
	for i, s := range all {
		one := drafter.operation(s.choice, s.item, s.op)
		if one.left != "" {
			left.add(one.left, s.choice)
			continue
		}
		if !taken.allows(needs[i]) {
			others.add("it is called with the credentials of the policy, but asks for others", s.choice)
		}
		out.Policy.Operations = append(out.Policy.Operations, one.spec)
		out.Operations[one.name] = one.comments()
		out.Tests = append(out.Tests, one.tests...)
	}
	left.tell(d.notes, "%s: %s")
	others.tell(d.notes, "%s: %s")
}

// find gives an operation of the library's model, nil where it has none: the library
// takes some names for its own.
func find(doc *openapi3.T, c choice) (*openapi3.PathItem, *openapi3.Operation) {
	item := doc.Paths.Value(c.path)
	if item == nil {
		return nil, nil
	}
	return item, item.GetOperation(c.method)
}

// credentials drafts what is injected, and gives the way to authenticate that it
// is; nil where there is none.
func (d *document) credentials(out *draft.Draft, doc *openapi3.T, needs []openapi3.SecurityRequirements) *way {
	// Some APIs answer nobody without this header, and named calls send none.
	agent := policy.Inject{As: "header", Name: "User-Agent", Value: "signpost"}
	out.Policy.Inject = []policy.Inject{agent}
	keys := &keyring{draft: out, notes: d.notes}
	if doc.Components != nil {
		keys.schemes = doc.Components.SecuritySchemes
	}
	best := keys.common(needs)
	if best == nil && len(keys.schemes) == 1 {
		for name, ref := range keys.schemes {
			if ref == nil || ref.Value == nil {
				continue
			}
			d.told.add("No operation asks for the security scheme %s, but it is the only one, and was taken.", quote(name))
			best = &way{schemes: []string{name}}
		}
	}
	if best == nil {
		d.told.add("The document says nothing of credentials. Where the third party wants one, write such as inject bearer {secret.%s}.", draft.SecretName(out.Policy.Name, "token"))
		return nil
	}
	own := keys.inject(best)
	if slices.ContainsFunc(own, func(in policy.Inject) bool { return in.As == "header" && strings.EqualFold(in.Name, agent.Name) }) {
		out.Policy.Inject = nil // A header has one value.
	}
	out.Policy.Inject = append(out.Policy.Inject, own...)
	return best
}

// maxRounds bounds how often operations are left out that the policy refuses.
const maxRounds = 4

// settle leaves out the operations that the policy would be refused for, such as
// those that it could not tell apart, and asks again.
func (d *document) settle(out *draft.Draft) error {
	var mistakes policy.Mistakes
	for range maxRounds {
		mistakes = policy.Check(&policy.Spec{TenantsFile: "tenants.yaml", Policies: []policy.PolicySpec{out.Policy}})
		refused := make(map[string]bool)
		for _, m := range mistakes {
			rest, is := strings.CutPrefix(m.Name, "policy "+out.Policy.Name+": operation ")
			if name, _, _ := strings.Cut(rest, ":"); is && !refused[name] {
				refused[name] = true
				d.notes.add("the operation %s is left out: %s", name, m.Text)
			}
		}
		if len(refused) == 0 {
			break
		}
		out.Policy.Operations = slices.DeleteFunc(out.Policy.Operations, func(op policy.OperationSpec) bool { return refused[op.Name] })
		for name := range refused {
			delete(out.Operations, name)
		}
		out.Tests = slices.DeleteFunc(out.Tests, func(t policytest.Test) bool { return refused[t.Operation] })
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	if len(out.Policy.Operations) == 0 {
		return d.mistake(0, 0, "no operation can be taken over: %s", strings.Join(d.notes.all(), "; "))
	}
	return nil
}
