package draft

import (
	"fmt"
	"slices"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// Draft is a policy that was made of something else: a curl command, an OpenAPI
// document, a Postman collection.
type Draft struct {
	// Policy is the policy. Secrets are references in it: {secret.store_token}.
	Policy policy.PolicySpec

	// Notes are comments above the policy, a line each.
	Notes []string

	// Operations are comments above each operation, by its name.
	Operations map[string][]string

	// Secrets are what the references in Policy stand for, in their order.
	Secrets []Secret

	// Warnings are what could not be taken over, and why; they stand above the
	// policy, and are told to whoever imports.
	Warnings []string

	// Ignored are rules of `check` that find what was asked for, in the policy's own
	// words.
	Ignored []Ignored

	// Tests are policy tests made of examples.
	Tests []policytest.Test
}

// Secret is one credential that whoever uses the policy has to supply.
type Secret struct {
	// Name is that of {secret.NAME}.
	Name string

	// About says what it is: "the API key in the header X-Api-Key".
	About string
}

// Ignored is a rule of `check` that a comment above the policy silences.
type Ignored struct {
	// Rule is the rule's id, such as no-timeout.
	Rule string

	// Why says who wants it so: "as the command says".
	Why string
}

// AddSecret notes a credential and gives the reference to it, {secret.NAME}. The
// name is made of what is given, with a number where another credential has it. One
// that was noted in the same words is the same.
func (d *Draft) AddSecret(name, about string) string {
	var names Names
	for _, s := range d.Secrets {
		if s.About == about {
			return reference(s.Name)
		}
		names.Take(s.Name)
	}
	name = names.Of(name, "secret")
	d.Secrets = append(d.Secrets, Secret{Name: name, About: about})
	return reference(name)
}

// reference is how a policy refers to a secret.
func reference(name string) string { return "{secret." + name + "}" }

// Note adds a comment above an operation.
func (d *Draft) Note(operation, text string) {
	if d.Operations == nil {
		d.Operations = make(map[string][]string)
	}
	d.Operations[operation] = append(d.Operations[operation], text)
}

// Warn adds what could not be taken over, once.
func (d *Draft) Warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(d.Warnings, text) {
		d.Warnings = append(d.Warnings, text)
	}
}
