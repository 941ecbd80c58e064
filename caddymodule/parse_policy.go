package caddymodule

import (
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// policyWords are the subdirectives of a policy: the rules, what only a policy
// can say, and those that only an operation can say.
var policyWords = lift(ruleWords, func(p *policy.PolicySpec) *policy.Rules { return &p.Rules }).with(operatorWords).with(words[policy.PolicySpec]{
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
		form{usage: injectUsage, min: 1, max: anyNumber, many: true, block: mayBlock, private: true},
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
	"input":  {form: form{outside: "an operation"}},
	"query":  {form: form{outside: "an operation"}},
	"header": {form: form{outside: "an operation"}},
	"json":   {form: form{outside: "an operation"}},
	"form":   {form: form{outside: "an operation"}},
	"text":   {form: form{outside: "an operation"}},
})

// operationWords are the subdirectives of an operation: the rules, those of a
// named call, and those that only a policy can say.
var operationWords = lift(ruleWords, func(o *policy.OperationSpec) *policy.Rules { return &o.Rules }).with(callWords).with(words[policy.OperationSpec]{
	"methods":         {form: form{outside: "the policy"}},
	"concurrency":     {form: form{outside: "the policy"}},
	"operations_only": {form: form{outside: "the policy"}},
	"inject":          {form: form{outside: "the policy"}},
	"propagate":       {form: form{outside: "the policy"}},
	"allow_private":   {form: form{outside: "the policy"}},
	"transport":       {form: form{outside: "the policy"}},
	"operation":       {form: form{outside: "the policy"}},
	"record":          {form: form{outside: "the policy"}},
	"alert":           {form: form{outside: "the policy"}},
})

func readOperation(s scope, l *line, p *policy.PolicySpec) {
	o := policy.OperationSpec{
		Name: l.arg(0), Method: strings.ToUpper(l.arg(1)), Template: l.arg(2),
		Places: policy.Places{"operation": l.place},
	}
	readBlock(s.called(o.Name), l.block, operationWords, &o, o.Places)
	p.Operations = append(p.Operations, o)
}
