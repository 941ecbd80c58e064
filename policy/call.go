package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/fault"
	"github.com/signpost-gateway/signpost/policy/hint"
	"github.com/signpost-gateway/signpost/policy/input"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/secret"
)

// call is one call on its way from the bot to the third party and back. run is
// its story. It is used by one goroutine at a time, but for the timer, which
// only cancels ctx.
type call struct {
	gateway *Gateway
	policy  *Policy    // nil: no such policy
	op      *operation // nil with policy
	req     *http.Request
	info    *Call
	path    string // escaped, below the base URL; not of a named call
	named   bool   // the bot sent variables, and the operation says what goes out
	rec     Record
	span    trace.Span

	// The request, as the third party is to get it.
	captured []string      // segments, in the order of op.captures
	inputs   []input.Value // what the bot's variables are, where something judges them
	asked    asked

	// Admission.
	tenant      string
	host        string // the one that the bot named; once admitted, the tenant's own, where the base URL says so
	plan        *plan
	known       bool
	ticket      limit.Ticket
	turn        *turn             // what the breaker has to do with the limits, where sidecars share both; nearly always nil
	limited     []limit.State     // the tenant's windows, for the RateLimit headers
	tenantVars  map[string]string // the tenants file's, where a host needs them; not to be changed
	credentials []credential
	secrets     []secret.Secret // all that is in credentials, for scrubbing
	scrubber    *secret.Scrubber
	deadline    time.Duration
	shortened   bool // by the request's header or the plan, not by the policy

	// Attempts.
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	trail    *fault.Trail // of the last attempt
	upload   *upload
	taken    bool // an upload has read the bot's body, and closes it
	renewed  bool // a token was asked for again
	reusable bool // nothing but the answer's body holds the call

	// The call log.
	glimpse glimpse
	masks   masks

	// The answer.
	envelope int // bounds the envelope that is to be sent, 0: none is
	env      *hint.Env
	peeked   []byte          // the memory of the peeked body
	values   []extract.Value // the memory of an answer's values
	vars     map[string]any  // what conditions read as vars
	given    map[string]any  // what conditions read as input
	readings []hint.Reading  // the memory of what hints read
}

// Reasons why a call's context ends before the bot's does.
var (
	errDeadline = errors.New("the deadline passed")
	errResent   = errors.New("the request would be sent a second time")
	errOver     = errors.New("the call is over")
)

// calls are used again, with the memory of their lists: a call that was not
// would cost a tenth more.
var calls = sync.Pool{New: func() any { return new(call) }}

// newCall makes a call that has not been addressed yet.
func newCall(g *Gateway, req *http.Request, info *Call) *call {
	c := calls.Get().(*call)
	if req.Method == "" || req.URL == nil { // GET, to net/http's clients; and nowhere.
		whole := *req
		whole.Method, whole.URL = cmp.Or(req.Method, http.MethodGet), cmp.Or(req.URL, new(url.URL))
		req = &whole
	}
	c.gateway, c.req, c.info, c.path = g, req, info, req.URL.EscapedPath()
	g.inFlight.Add(1)
	c.rec.Start = time.Now()
	c.rec.Method, c.rec.Path = req.Method, c.path
	return c
}

// maxKeptBody bounds the peek buffer that a call keeps for the next, in bytes.
const maxKeptBody = 64 << 10

// recycle gives the call's memory to a later one. Nobody may hold it any more:
// the answer's body has been closed, and the record was told to all.
func (c *call) recycle() {
	clear(c.rec.Attempts)
	clear(c.rec.Hints)
	clear(c.rec.Vars)
	clear(c.rec.Faults)
	clear(c.limited)
	clear(c.credentials)
	clear(c.secrets)
	clear(c.vars)
	clear(c.given)
	clear(c.values)
	clear(c.readings)
	next := call{
		vars: c.vars, given: c.given, limited: c.limited[:0], credentials: c.credentials[:0], secrets: c.secrets[:0],
		captured: c.captured[:0], values: c.values[:0], readings: c.readings[:0],
	}
	next.rec.Attempts, next.rec.Hints, next.rec.Vars = c.rec.Attempts[:0], c.rec.Hints[:0], c.rec.Vars[:0]
	next.rec.Faults = c.rec.Faults[:0]
	next.glimpse = c.glimpse.forget()
	if cap(c.peeked) <= maxKeptBody {
		next.peeked = c.peeked[:0]
	}
	*c = next
	calls.Put(c)
}

// run is the story of a call. Whatever happens, it ends in conclude, which
// decides outcome and route; so does a fault of our own.
func (c *call) run() (resp *http.Response) {
	defer func() {
		if fault := recover(); fault != nil {
			resp = c.internal(fault)
		}
		c.seeAnswer(resp)
	}()
	c.startSpan()
	if refused := c.admit(); refused != nil {
		return c.conclude(*refused)
	}
	return c.conclude(c.send())
}

// internal is the answer after a fault of our own. The fault itself is logged,
// not told.
func (c *call) internal(fault any) *http.Response {
	c.logFault("deciding a call", fmt.Errorf("panic: %v", fault))
	c.op = nil // Whatever mapping led here is not asked again.
	return c.conclude(ending{outcome: Internal, reason: "The gateway failed."})
}

// logFault tells the operator of a fault of our own. Its text may hold what was
// injected, which does not go into the log.
func (c *call) logFault(doing string, fault error) {
	text := []byte(fault.Error())
	c.scrubber.Bytes(text)
	c.gateway.log.Error(doing+" failed by a fault of the gateway", "policy", c.rec.Policy, "operation", c.rec.Operation, "fault", string(text))
}

// ending is what admission, or the last attempt, came to: the facts that decide
// turns into a verdict.
type ending struct {
	outcome    Outcome
	status     int    // 0: the outcome's own
	proxyError string // empty: the outcome's own
	reason     string
	retryAfter time.Duration
	allow      []string // the methods that are allowed, after a 405
	answer     *answer  // nil: the third party gave none
}

// startClock makes the context of the attempts, which ends with the deadline,
// with the bot's own context, or with the call. It is called again where an
// attempt alone was cancelled.
func (c *call) startClock() {
	if c.timer != nil {
		c.timer.Stop()
		c.cancel(errOver) // Nobody waits for it any more.
	}
	c.ctx, c.cancel = context.WithCancelCause(deaf{c.req.Context()})
	cancel := c.cancel
	c.timer = time.AfterFunc(c.left()-c.reserve(), func() { cancel(errDeadline) })
}

// deaf ends with the bot's context and hides its values: hooks of httptrace in
// them would see credentials, and answers that the engine has not looked at.
type deaf struct{ context.Context }

// Value gives nothing.
func (deaf) Value(any) any { return nil }

// AfterFunc saves package context the goroutine that it would start otherwise.
func (d deaf) AfterFunc(f func()) func() bool { return context.AfterFunc(d.Context, f) }

// halt is why a call's attempts must stop.
type halt int

const (
	haltNone     halt = iota // they need not
	haltDeadline             // the deadline passed
	haltGone                 // the bot went away
)

// halted tells whether the attempts must stop, and why.
func (c *call) halted() halt {
	switch {
	case c.ctx.Err() == nil:
		return haltNone
	case errors.Is(context.Cause(c.ctx), errDeadline):
		return haltDeadline
	default:
		return haltGone
	}
}

// left is how much of the deadline remains.
func (c *call) left() time.Duration { return c.deadline - time.Since(c.rec.Start) }

// finish ends the call: what it held is given back, and everybody who observes
// is told. The answer's body calls it when it is closed, once.
func (c *call) finish() {
	if c.rec.Duration == 0 {
		c.rec.Duration = time.Since(c.rec.Start)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.cancel != nil {
		c.cancel(errOver)
	}
	c.ticket.Release()
	c.gateway.leave()
	r := c.recorded()
	waits := r != nil && c.mayWait(r)
	var entry *calllog.Entry
	c.findSecrets() // For all that is told of the call from here on.
	if r != nil {
		c.seeRequest()
	}
	if r != nil && !waits {
		entry = c.entry(r) // Before the spans, which do not show what redact finds either.
	}
	c.endSpan()
	c.hidePath()
	c.gateway.observe(&c.rec)
	c.keepEntry(entry)
	if c.env != nil {
		c.env.Release()
		c.env = nil
	}
	switch {
	case waits:
		r.log.PutCall(c, c.rec.Failed(), r.settings.Redact) // It is the log's now.
	case c.reusable:
		c.recycle()
	}
}
