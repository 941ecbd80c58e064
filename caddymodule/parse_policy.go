package caddymodule

import (
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// policyWords are the subdirectives of a policy: the rules, and what only a
// policy can say.
var policyWords = lift(ruleWords, func(p *policy.PolicySpec) *policy.Rules { return &p.Rules }).with(words[policy.PolicySpec]{
	"methods": {
		methodsForm,
		func(s scope, l *line, p *policy.PolicySpec) { p.Methods = s.upper(l) },
	},
	"concurrency": {
		concurrencyForm,
		func(s scope, l *line, p *policy.PolicySpec) { p.Concurrency = append(p.Concurrency, s.concurrency(l)) },
	},
	"operations_only": {
		form{usage: "operations_only"},
		setFlag(func(p *policy.PolicySpec) *bool { return &p.OperationsOnly }),
	},
	"inject": {
		form{usage: injectUsage, min: 1, max: anyNumber, many: true, block: mayBlock},
		readInject,
	},
	"propagate": {
		form{usage: "propagate trace", min: 1, max: 1},
		func(s scope, l *line, p *policy.PolicySpec) { p.PropagateTrace = s.oneOf(l, 0, "trace") == "trace" },
	},
	"allow_private": {
		form{usage: "allow_private"},
		setFlag(func(p *policy.PolicySpec) *bool { return &p.AllowPrivate }),
	},
	"transport": {
		form{usage: "transport { … }", block: mustBlock},
		readTransport,
	},
	"operation": {
		form{usage: "operation <name> <METHOD> <template> { … }", min: 3, max: 3, many: true, block: mayBlock},
		readOperation,
	},
})

// operationWords are the subdirectives of an operation: the rules, those of a
// named call, and those that only a policy can say.
var operationWords = lift(ruleWords, func(o *policy.OperationSpec) *policy.Rules { return &o.Rules }).with(words[policy.OperationSpec]{
	"input":           {form: form{soon: true}},
	"query":           {form: form{soon: true}},
	"header":          {form: form{soon: true}},
	"json":            {form: form{soon: true}},
	"form":            {form: form{soon: true}},
	"text":            {form: form{soon: true}},
	"methods":         {form: form{outside: "policy"}},
	"concurrency":     {form: form{outside: "policy"}},
	"operations_only": {form: form{outside: "policy"}},
	"inject":          {form: form{outside: "policy"}},
	"propagate":       {form: form{outside: "policy"}},
	"allow_private":   {form: form{outside: "policy"}},
	"transport":       {form: form{outside: "policy"}},
	"operation":       {form: form{outside: "policy"}},
})

// injectUsage is the grammar of `inject`.
const injectUsage = "inject header|query <name> <value>, inject bearer <value> or inject basic <user> <value>"

func readOperation(s scope, l *line, p *policy.PolicySpec) {
	o := policy.OperationSpec{
		Name: l.arg(0), Method: strings.ToUpper(l.arg(1)), Template: l.arg(2),
		Places: policy.Places{"operation": l.place},
	}
	readBlock(s.called(o.Name), l.block, operationWords, &o, o.Places)
	p.Operations = append(p.Operations, o)
}

func readInject(s scope, l *line, p *policy.PolicySpec) {
	in := policy.Inject{As: l.arg(0), Place: l.place}
	switch n := len(l.args); {
	case in.As == "jwt" || in.As == "oauth2":
		s.wrong(l.place, "inject %s is not available yet", in.As)
		return
	case l.braces:
		s.wrong(l.place, "takes no block: expected %s", injectUsage)
		return
	case in.As == "bearer" && n == 2:
		in.Value = l.arg(1)
	case (in.As == "header" || in.As == "query" || in.As == "basic") && n == 3:
		in.Name, in.Value = l.arg(1), l.arg(2)
	default:
		// The arguments are not repeated: they may hold a credential.
		s.wrong(l.place, "inject %q is not known with that many arguments: expected %s", in.As, injectUsage)
		return
	}
	p.Inject = append(p.Inject, in)
}
