package draft

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// isEmptyPolicy tells whether a policy says no more than its address.
func isEmptyPolicy(spec *policy.PolicySpec) bool {
	said := *spec
	said.Name, said.BaseURL, said.Places = "", "", nil
	return reflect.ValueOf(said).IsZero()
}

// ownRules writes what only a policy says.
func (p *page) ownRules(spec *policy.PolicySpec) {
	if spec.Title != "" {
		p.line(word("title"), text(spec.Title))
	}
	for i := range spec.Inject {
		p.inject(&spec.Inject[i])
	}
	if len(spec.Methods) > 0 {
		p.line(append(words("methods"), texts(spec.Methods)...)...)
	}
	for _, c := range spec.Concurrency {
		p.line(shared(words("concurrency", strconv.Itoa(c.Calls)), c.Shared)...)
	}
	p.flag("operations_only", spec.OperationsOnly)
	p.flag("propagate trace", spec.PropagateTrace)
	p.flag("allow_private", spec.AllowPrivate)
	p.record(spec.Record)
	if len(spec.Alert) > 0 {
		p.line(append(words("alert"), texts(spec.Alert)...)...)
	}
	if len(spec.Transport) > 0 && p.first == nil {
		p.first = errors.New("the configuration of a transport is Caddy's, which alone knows how to write it")
	}
}

// flag writes a word that says all by standing there.
func (p *page) flag(name string, on bool) {
	if on {
		p.line(word(name))
	}
}

// shared adds the word that says whose limit it is.
func shared(tokens []token, is bool) []token {
	if is {
		return append(tokens, word("shared"))
	}
	return tokens
}

// record writes what the call log keeps.
func (p *page) record(r *policy.RecordSpec) {
	if r == nil {
		return
	}
	tokens := words("record", strconv.Itoa(r.Calls))
	switch {
	case r.NoBodies:
		tokens = append(tokens, words("bodies", "0")...)
	case r.Bodies > 0:
		tokens = append(tokens, words("bodies", r.Bodies.String())...)
	}
	if len(r.Redact) > 0 {
		tokens = append(append(tokens, word("redact")), texts(r.Redact)...)
	}
	p.line(tokens...)
}

// rules writes what a policy and an operation can say, but the title.
func (p *page) rules(r *policy.Rules) {
	p.flag("rate_limit off", r.RateLimitOff)
	for _, l := range r.RateLimits {
		p.line(shared([]token{word("rate_limit"), text(l.Rate)}, l.Shared)...)
	}
	p.duration("timeout", r.Timeout)
	p.retry(r.Retry)
	if len(r.Strip) > 0 {
		p.line(append(words("strip", "header"), texts(r.Strip)...)...)
	}
	p.breaker(r.Breaker)
	p.optional("next", r.Next)
	if r.Peek > 0 {
		p.line(words("peek", r.Peek.String())...)
	}
	p.reply(r.Reply)
	p.optional("drift", r.Drift)
	for i := range r.Fallbacks {
		p.fallback(&r.Fallbacks[i])
	}
	p.mapping(r)
}

// mapping writes what reads the answer.
func (p *page) mapping(r *policy.Rules) {
	if r.Success != "" {
		p.line(word("success"), expr(r.Success))
	}
	for _, e := range r.Extracts {
		p.extract(e)
	}
	for _, h := range r.Hints {
		p.line(word("hint"), text(h.Route), expr(h.When))
	}
	p.optional("otherwise", r.Otherwise)
}

// optional writes a word with a text, where there is one.
func (p *page) optional(name, value string) {
	if value != "" {
		p.line(word(name), text(value))
	}
}

// duration writes a word with a time span, where there is one.
func (p *page) duration(name string, d policy.Duration) {
	if d > 0 {
		p.line(words(name, span(d))...)
	}
}

// span writes a time span without the zeros that Go puts behind it: 10m0s is 10m.
func span(d policy.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (p *page) retry(r *policy.Retry) {
	if r == nil {
		return
	}
	head := words("retry", strconv.Itoa(r.Attempts))
	if r.On == "" && len(r.Methods) == 0 && r.BackoffMin == 0 && r.BackoffMax == 0 {
		p.line(head...)
		return
	}
	p.block(head, func() {
		if r.On != "" {
			p.line(word("on"), expr(r.On))
		}
		if len(r.Methods) > 0 {
			p.line(append(words("methods"), texts(r.Methods)...)...)
		}
		if r.BackoffMin > 0 || r.BackoffMax > 0 {
			p.line(words("backoff", span(r.BackoffMin), span(r.BackoffMax))...)
		}
	})
}

func (p *page) breaker(b *policy.BreakerSpec) {
	if b == nil {
		return
	}
	head := append(words("breaker"), texts(strings.Fields(b.Trip))...)
	if b.Open == 0 && b.Probes == 0 && b.Slow == 0 && b.Trip != "" {
		p.line(head...)
		return
	}
	p.block(head, func() {
		p.duration("open", b.Open)
		if b.Probes > 0 {
			p.line(words("probes", strconv.Itoa(b.Probes))...)
		}
		p.duration("slow", b.Slow)
	})
}

func (p *page) reply(r *policy.Reply) {
	if r == nil {
		return
	}
	tokens := []token{word("reply"), text(r.As)}
	if r.Size > 0 {
		tokens = append(tokens, word(r.Size.String()))
	}
	p.line(tokens...)
}

func (p *page) fallback(f *policy.Fallback) {
	head := words("fallback")
	if f.When != "" {
		head = append(head, expr(f.When))
	}
	p.block(head, func() {
		p.duration("stale", f.Stale)
		p.respond(f.Respond)
		p.optional("route", f.Route)
		p.optional("next", f.Next)
	})
}

func (p *page) respond(r *policy.Respond) {
	if r == nil {
		return
	}
	tokens := words("respond", strconv.Itoa(r.Status))
	if r.Type != "" {
		tokens = append(tokens, text(r.Type))
	}
	if r.Type != "" || r.Body != "" {
		tokens = append(tokens, text(r.Body))
	}
	p.line(tokens...)
}

// extract writes an extraction. A path in which Caddy would see something else has
// escapes that say the same, as policy.ExtractLine writes them.
func (p *page) extract(e policy.Extract) {
	path := e.Path
	if checkText(path) != nil {
		line := strings.TrimPrefix(policy.ExtractLine(e.Var, path), "extract "+e.Var+" ")
		path = strings.Trim(line, "`")
	}
	tokens := []token{word("extract"), text(e.Var), text(path)}
	if len(e.Default) > 0 {
		tokens = append(tokens, word("default"), value(e.Default))
	}
	if e.Required {
		tokens = append(tokens, word("required"))
	}
	p.line(tokens...)
}
