package policy

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signpost-gateway/signpost/policy/hint"
)

// tracerName names the instrumentation in what is exported.
const tracerName = "github.com/signpost-gateway/signpost"

// maxAttribute bounds the text of one attribute, in bytes.
const maxAttribute = 256

// keptKey is where the ids of a span that is made afterwards are kept.
type keptKey struct{}

// KeptIDs gives, inside Tracing.Kept, the ids that the span about to be started
// must get: those the call had while it was under way.
func KeptIDs(ctx context.Context) (trace.SpanContext, bool) {
	ids, ok := ctx.Value(keptKey{}).(trace.SpanContext)
	return ids, ok
}

// startSpan begins the SERVER span and gives the call its trace id, which it has
// without any tracing too.
func (c *call) startSpan() {
	ctx := c.req.Context()
	parent := trace.SpanFromContext(ctx)
	tracer := c.gateway.tracer
	if parent.IsRecording() {
		tracer = parent.TracerProvider().Tracer(tracerName)
	}
	if tracer != nil {
		_, c.span = tracer.Start(ctx, c.spanName(),
			trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(c.rec.Start))
		c.rec.Trace = c.span.SpanContext()
	}
	if !c.rec.Trace.IsValid() {
		config := trace.SpanContextConfig{TraceID: parent.SpanContext().TraceID(), SpanID: newSpanID()}
		if !config.TraceID.IsValid() {
			config.TraceID = newTraceID()
		}
		c.rec.Trace = trace.NewSpanContext(config)
	}
}

func newTraceID() (id trace.TraceID) {
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64()|1) // Never all zeros.
	return id
}

func newSpanID() (id trace.SpanID) {
	binary.LittleEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}

// explains tells whether somebody will read why this branch was taken.
func (c *call) explains() bool {
	return c.span != nil && c.span.IsRecording() || c.keepsSome() || c.recorded() != nil
}

// keepsSome tells whether a call that sampling left out may be kept after all.
func (c *call) keepsSome() bool {
	t := &c.gateway.tracing
	return t.Kept != nil && (t.KeepFailed || t.KeepSlow > 0)
}

// spanName is method and route, never a raw path: names stay few.
func (c *call) spanName() string {
	method := methodLabel(c.req.Method)
	if method == otherMethod {
		method = "HTTP"
	}
	if c.op == nil {
		return method
	}
	return method + " " + c.route()
}

// route is what stands for the path of the bot's request.
func (c *call) route() string {
	if c.named && c.op.callRoute != "" {
		return c.op.callRoute
	}
	return c.op.route
}

// otherMethod stands for methods that are not standard ones.
const otherMethod = "_OTHER"

var standardMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect,
}

// methodLabel gives a method of a short list.
func methodLabel(method string) string {
	if slices.Contains(standardMethods, method) {
		return method
	}
	return otherMethod
}

// startAttemptSpan begins a CLIENT span where the call is recorded, and gives the
// context of the attempt.
func (c *call) startAttemptSpan(a *Attempt) context.Context {
	recording := c.span != nil && c.span.IsRecording()
	if !recording && !c.keepsSome() {
		return c.ctx
	}
	if recording {
		ctx := trace.ContextWithSpan(context.Background(), c.span)
		_, a.span = c.span.TracerProvider().Tracer(tracerName).Start(ctx, c.attemptName(),
			trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(a.Start))
	}
	peer := &atomic.Value{}
	a.peer = peer
	return httptrace.WithClientTrace(c.ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { peer.Store(info.Conn.RemoteAddr().String()) },
	})
}

// attemptName is method and template, where there is one.
func (c *call) attemptName() string {
	method := methodLabel(c.asked.method)
	if method == otherMethod {
		method = "HTTP"
	}
	if c.op == nil || c.op.path == nil {
		return method
	}
	return method + " " + c.urlTemplate()
}

// urlTemplate is the path at the third party, with the names of what it holds.
func (c *call) urlTemplate() string { return c.policy.basePath + c.op.path.Route() }

// propagate writes the trace context for a third party that may know it.
func (c *call) propagate(header http.Header, a *Attempt) {
	span := c.rec.Trace
	if a.span != nil {
		span = a.span.SpanContext()
	}
	ctx := trace.ContextWithSpanContext(context.Background(), span)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
}

// endSpan renders the record as spans: onto those that are recording or, where
// sampling left the call out but it is to be kept, onto new ones with the same
// ids and times.
func (c *call) endSpan() {
	end := c.rec.Start.Add(c.rec.Duration)
	if c.span != nil && c.span.IsRecording() {
		for i := range c.rec.Attempts {
			if a := &c.rec.Attempts[i]; a.span != nil {
				c.describeAttempt(a.span, i)
				a.span.End(trace.WithTimestamp(a.Start.Add(a.Duration)))
			}
		}
		c.describeCall(c.span)
		c.span.End(trace.WithTimestamp(end))
		return
	}
	t := &c.gateway.tracing
	if t.Kept == nil || !(t.KeepFailed && c.rec.Failed() || t.KeepSlow > 0 && c.rec.Duration >= t.KeepSlow) {
		return
	}
	if c.span == nil {
		return
	}
	tracer := t.Kept.Tracer(tracerName)
	ctx := context.WithValue(c.req.Context(), keptKey{}, c.rec.Trace)
	ctx, span := tracer.Start(ctx, c.spanName(), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(c.rec.Start))
	for i := range c.rec.Attempts {
		a := &c.rec.Attempts[i]
		ids := trace.NewSpanContext(trace.SpanContextConfig{TraceID: c.rec.Trace.TraceID(), SpanID: newSpanID()})
		_, child := tracer.Start(context.WithValue(ctx, keptKey{}, ids), c.attemptName(),
			trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(a.Start))
		c.describeAttempt(child, i)
		child.End(trace.WithTimestamp(a.Start.Add(a.Duration)))
	}
	c.describeCall(span)
	span.End(trace.WithTimestamp(end))
}

// describeCall writes the SERVER span's attributes and events.
func (c *call) describeCall(span trace.Span) {
	r := &c.rec
	attributes := append(make([]attribute.KeyValue, 0, 24+len(r.Vars)),
		attribute.String("http.request.method", methodLabel(r.Method)),
		attribute.String("url.scheme", schemeOf(c.req)),
		attribute.String("url.path", c.spanText(c.req.URL.Path)),
		attribute.Int("http.response.status_code", r.Status),
		attribute.String("signpost.outcome", string(r.Outcome)),
	)
	attributes = appendMethod(attributes, r.Method)
	if c.op != nil {
		attributes = append(attributes, attribute.String("http.route", c.route()))
	}
	if r.Outcome != Canceled { // Nobody is left to take a branch.
		attributes = append(attributes, attribute.String("signpost.next", r.Next))
	}
	attributes = appendText(attributes, "signpost.route", r.Route,
		"signpost.tenant", r.Tenant, "signpost.policy", r.Policy, "signpost.operation", r.Operation, "signpost.plan", r.Plan, "signpost.fallback", r.Fallback,
		"signpost.reason", r.Reason, "signpost.breaker.state", r.BreakerState, "signpost.limit", r.LimitHit)
	attributes = appendState(attributes, r)
	if c.wasError() {
		attributes = append(attributes, attribute.String("error.type", string(r.Outcome)))
	}
	for i := range r.Vars {
		v := &r.Vars[i]
		attributes = append(attributes, attribute.String("signpost.var."+v.Name, c.spanText(string(v.Value.AppendText(nil)))))
	}
	span.SetAttributes(attributes...)
	for i := range r.Hints {
		c.describeHint(span, &r.Hints[i], r.Start.Add(r.Duration))
	}
	for _, f := range r.Faults {
		span.AddEvent("signpost.condition_fault", trace.WithTimestamp(r.Start.Add(r.Duration)), trace.WithAttributes(
			attribute.String("signpost.condition.where", f.Where),
			attribute.String("signpost.condition.text", bounded(f.Condition)),
			attribute.String("signpost.condition.error", c.spanText(f.Err.Error()))))
	}
	for _, d := range r.Drift {
		span.AddEvent("signpost.drift", trace.WithTimestamp(r.Start.Add(r.Duration)), trace.WithAttributes(
			attribute.String("signpost.drift.path", c.spanText(d.Path)),
			attribute.String("signpost.drift.was", d.Was), attribute.String("signpost.drift.is", d.Is)))
	}
	if r.Broken != "" {
		span.AddEvent("signpost.broken", trace.WithAttributes(attribute.String("signpost.reason", r.Broken)),
			trace.WithTimestamp(r.Start.Add(r.Duration)))
	}
	// A 4xx is the caller's business, and a cancelled call nobody's error.
	if r.Status >= http.StatusInternalServerError || r.Failed() && r.Fallback != "" {
		span.SetStatus(codes.Error, bounded(r.Reason))
	}
}

// appendMethod appends a method that is not of the short list as it was.
func appendMethod(attributes []attribute.KeyValue, method string) []attribute.KeyValue {
	if methodLabel(method) != otherMethod {
		return attributes
	}
	return append(attributes, attribute.String("http.request.method_original", bounded(method)))
}

// wasError tells the outcomes that are errors of a call: all but success and
// that of a bot that went away.
func (c *call) wasError() bool { return c.rec.Outcome != Success && c.rec.Outcome != Canceled }

// appendText appends the pairs of name and value whose value is not empty.
func appendText(attributes []attribute.KeyValue, pairs ...string) []attribute.KeyValue {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			attributes = append(attributes, attribute.String(pairs[i], bounded(pairs[i+1])))
		}
	}
	return attributes
}

// appendState appends what a state that sidecars share had to do with the call,
// if anything.
func appendState(attributes []attribute.KeyValue, r *Record) []attribute.KeyValue {
	if r.SharedWait > 0 {
		attributes = append(attributes, attribute.Float64("signpost.state.wait_ms", float64(r.SharedWait.Microseconds())/1000))
	}
	return appendText(attributes, "signpost.state", r.Decided)
}

// describeHint is the event that says why a branch was taken or passed by.
func (c *call) describeHint(span trace.Span, h *HintResult, at time.Time) {
	attributes := append(make([]attribute.KeyValue, 0, 4+len(h.Readings)),
		attribute.String("signpost.hint.route", h.Route),
		attribute.String("signpost.hint.condition", bounded(h.Condition)),
		attribute.Bool("signpost.hint.result", h.Holds),
	)
	if h.Err != nil {
		attributes = append(attributes, attribute.String("signpost.hint.error", c.spanText(h.Err.Error())))
	}
	for _, reading := range h.Readings {
		attributes = append(attributes, attribute.String("signpost.hint.value."+bounded(reading.Name), c.spanText(readingText(reading))))
	}
	span.AddEvent("signpost.hint", trace.WithAttributes(attributes...), trace.WithTimestamp(at))
}

// isPrivateReading tells the places of a condition at which the bot's own headers
// and parameters are read.
func isPrivateReading(name string) bool {
	return strings.HasPrefix(name, "request.headers") || strings.HasPrefix(name, "request.query")
}

// readingText shows a value that a condition read. What the bot itself sent in
// headers and query may be its credentials, and is not shown.
func readingText(r hint.Reading) string {
	if isPrivateReading(r.Name) {
		return redacted
	}
	switch v := r.Value.(type) {
	case nil:
		return "null"
	case string:
		return bounded(v)
	case []any:
		return fmt.Sprintf("[%d elements]", len(v))
	case map[string]any:
		return fmt.Sprintf("{%d members}", len(v))
	default:
		return bounded(fmt.Sprint(v))
	}
}

// describeAttempt writes a CLIENT span's attributes.
func (c *call) describeAttempt(span trace.Span, i int) {
	a := &c.rec.Attempts[i]
	host, port := splitHost(a.Host)
	attributes := append(make([]attribute.KeyValue, 0, 12),
		attribute.String("http.request.method", methodLabel(c.asked.method)),
		attribute.String("server.address", host),
		attribute.Int("server.port", port),
		attribute.String("url.full", c.spanText(c.publicURL())),
		attribute.String("signpost.policy", c.rec.Policy),
		attribute.String("signpost.outcome", string(a.Outcome)),
	)
	attributes = appendMethod(attributes, c.asked.method)
	if c.op != nil && c.op.path != nil {
		attributes = append(attributes, attribute.String("url.template", c.urlTemplate()))
	}
	if i > 0 {
		attributes = append(attributes, attribute.Int("http.request.resend_count", i))
	}
	if a.Status != 0 {
		attributes = append(attributes, attribute.Int("http.response.status_code", a.Status))
	}
	if peer, peerPort := splitHost(a.Peer()); peer != "" {
		attributes = append(attributes, attribute.String("network.peer.address", peer), attribute.Int("network.peer.port", peerPort))
	}
	failed := a.Outcome != Success && a.Outcome != Canceled
	if failed {
		attributes = append(attributes, attribute.String("error.type", string(a.Outcome)))
	}
	attributes = appendText(attributes, "signpost.proxy_error", a.ProxyError)
	span.SetAttributes(attributes...)
	if failed {
		span.SetStatus(codes.Error, "")
	}
}

func splitHost(address string) (string, int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return address, 0
	}
	port, _ := strconv.Atoi(text)
	return host, port
}

func schemeOf(req *http.Request) string {
	switch {
	case req.URL.Scheme != "":
		return req.URL.Scheme
	case req.TLS != nil:
		return "https"
	default:
		return "http"
	}
}

// publicURL is what was called, without credentials, and with the values of query
// parameters replaced: they may hold what a bot would not like to read in a trace.
func (c *call) publicURL() string {
	u := c.target()
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		if key, _, found := strings.Cut(pair, "="); found {
			pairs[i] = key + "=REDACTED"
		} else if pair != "" {
			pairs[i] = "REDACTED"
		}
	}
	u.RawQuery = strings.Join(pairs, "&")
	return u.String()
}

// spanText is a text that the bot or the third party may have had a part in, for
// an attribute: without secrets and what redact found, and cut.
func (c *call) spanText(s string) string {
	if c.scrubber != nil {
		b := []byte(s[:min(len(s), maxAttribute+maxCutSecret)])
		if c.scrubber.Bytes(b) > 0 {
			s = string(b)
		}
	}
	return bounded(c.masks.text(s))
}

// bounded cuts a text for an attribute.
func bounded(s string) string {
	if len(s) > maxAttribute {
		s = s[:maxAttribute]
	}
	return strings.ToValidUTF8(s, "?")
}
