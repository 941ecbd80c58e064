package caddymodule

import (
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// Forms that more than one place refers to.
var (
	rateLimitForm   = form{usage: "rate_limit <n>/<window> [shared] or rate_limit off", min: 1, max: 2, many: true}
	concurrencyForm = form{usage: "concurrency <n> [shared]", min: 1, max: 2, many: true}
	methodsForm     = form{usage: "methods <METHOD…>", min: 1, max: anyNumber}
	breakerForm     = form{
		usage: "breaker <p>% of <n> in <duration>, breaker <n> consecutive or breaker off",
		max:   5, block: mayBlock,
	}
	nextForm = form{usage: "next continue|stop", min: 1, max: 1}
)

// ruleWords are the subdirectives that policies and operations share.
var ruleWords = words[policy.Rules]{
	"title": {
		form{usage: `title "<text>"`, min: 1, max: 1},
		setText(func(r *policy.Rules) *string { return &r.Title }),
	},
	"rate_limit": {
		rateLimitForm,
		func(s scope, l *line, r *policy.Rules) { s.rateLimit(l, &r.RateLimits, &r.RateLimitOff) },
	},
	"timeout": {
		form{usage: "timeout <duration>", min: 1, max: 1},
		setDuration(func(r *policy.Rules) *policy.Duration { return &r.Timeout }),
	},
	"retry": {
		form{usage: "retry <n> { on <expr>; methods <METHOD…>; backoff <min> <max> }", min: 1, max: 1, block: mayBlock},
		readRetry,
	},
	"strip": {
		form{usage: "strip header <name…>", min: 2, max: anyNumber, many: true},
		readStrip,
	},
	"breaker": {
		breakerForm,
		readBreaker,
	},
	"fallback": {
		form{usage: "fallback [<expr>] { stale <duration>; respond <status> [<type>] <body>; route <route>; next continue|stop }",
			max: anyNumber, many: true, block: mustBlock},
		readFallback,
	},
	"next": {nextForm, setNext(func(r *policy.Rules) *string { return &r.Next })},
	"success": {
		form{usage: "success <expr>", min: 1, max: anyNumber},
		func(s scope, l *line, r *policy.Rules) { r.Success = s.expression(l, 0) },
	},
	"extract": {form{usage: extractUsage, min: 2, max: anyNumber, many: true}, readExtract},
	"hint":    {form{usage: "hint <route> <expr>", min: 2, max: anyNumber, many: true}, readHint},
	"otherwise": {
		form{usage: "otherwise <route>", min: 1, max: 1},
		setText(func(r *policy.Rules) *string { return &r.Otherwise }),
	},
	"reply": {form{usage: "reply headers or reply envelope [<size>]", min: 1, max: 2}, readReply},
	"peek": {
		form{usage: "peek <size>", min: 1, max: 1},
		func(s scope, l *line, r *policy.Rules) { r.Peek = s.size(l, 0) },
	},
	"drift": {
		form{usage: "drift watch|off", min: 1, max: 1},
		func(s scope, l *line, r *policy.Rules) { r.Drift = s.oneOf(l, 0, "watch", "off") },
	},
}

// retryWords are the subdirectives of `retry`.
var retryWords = words[policy.Retry]{
	"on": {
		form{usage: "on <expr>", min: 1, max: anyNumber},
		func(s scope, l *line, r *policy.Retry) { r.On = s.expression(l, 0) },
	},
	"methods": {methodsForm, func(s scope, l *line, r *policy.Retry) { r.Methods = s.upper(l) }},
	"backoff": {
		form{usage: "backoff <min> <max>", min: 2, max: 2},
		func(s scope, l *line, r *policy.Retry) {
			r.BackoffMin, r.BackoffMax = s.duration(l, 0), s.duration(l, 1)
		},
	},
}

// breakerWords are the subdirectives of `breaker`.
var breakerWords = words[policy.BreakerSpec]{
	"open": {
		form{usage: "open <duration>", min: 1, max: 1},
		setDuration(func(b *policy.BreakerSpec) *policy.Duration { return &b.Open }),
	},
	"probes": {
		form{usage: "probes <n>", min: 1, max: 1},
		func(s scope, l *line, b *policy.BreakerSpec) { b.Probes = s.count(l, 0, 1) },
	},
	"slow": {
		form{usage: "slow <duration>", min: 1, max: 1},
		setDuration(func(b *policy.BreakerSpec) *policy.Duration { return &b.Slow }),
	},
}

// rateLimit reads a limit; the engine reads the rate itself.
func (s scope) rateLimit(l *line, limits *[]policy.RateLimit, off *bool) {
	switch {
	case l.arg(0) == "off" && len(l.args) == 1:
		*off = true
	case l.arg(0) == "off":
		s.wrong(l.place, "off takes nothing more")
	default:
		*limits = append(*limits, policy.RateLimit{Rate: l.arg(0), Shared: s.shared(l), Place: l.place})
	}
}

// concurrency reads a bound of calls in flight.
func (s scope) concurrency(l *line) policy.Concurrency {
	return policy.Concurrency{Calls: s.count(l, 0, 1), Shared: s.shared(l), Place: l.place}
}

// shared reads the word behind a limit.
func (s scope) shared(l *line) bool {
	return len(l.args) > 1 && s.oneOf(l, 1, "shared") == "shared"
}

func readRetry(s scope, l *line, r *policy.Rules) {
	r.Retry = &policy.Retry{Places: policy.Places{"retry": l.place}}
	if len(l.args) == 1 {
		r.Retry.Attempts = s.count(l, 0, 0)
	}
	readBlock(s, l.block, retryWords, r.Retry, r.Retry.Places)
}

func readStrip(s scope, l *line, r *policy.Rules) {
	if s.oneOf(l, 0, "header") == "header" {
		r.Strip = append(r.Strip, l.texts(1)...)
	}
}

// readBreaker keeps the words of the line; the engine reads them itself.
func readBreaker(s scope, l *line, r *policy.Rules) {
	b := &policy.BreakerSpec{Trip: strings.Join(l.texts(0), " "), Places: policy.Places{"breaker": l.place}}
	if b.Trip == "off" && l.braces {
		s.wrong(l.place, "a breaker that is off takes no block")
	}
	if b.Trip == "" && !l.braces {
		s.wrong(l.place, "says nothing: expected %s", breakerForm.usage)
	}
	readBlock(s, l.block, breakerWords, b, b.Places)
	r.Breaker = b
}

// readReply reads the form of the answer. What is wrong with its size is left
// to the engine, but for one of headers, which have none.
func readReply(s scope, l *line, r *policy.Rules) {
	reply := policy.Reply{As: s.oneOf(l, 0, "headers", "envelope")}
	switch {
	case reply.As == "":
		return
	case len(l.args) > 1 && reply.As == "headers":
		s.wrong(l.place, "headers have no size: expected reply headers or reply envelope [<size>]")
	case len(l.args) > 1:
		reply.Size = s.size(l, 1)
	}
	r.Reply = &reply
}
