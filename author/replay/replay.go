package replay

import (
	"fmt"
	"sync"
	"time"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// Limits says what becomes of rate limits, concurrency and breakers.
type Limits string

// The ways.
const (
	// LimitsRecorded asks none of them: a call that one of them refused then is
	// refused again, all others pass. It is the default, since a log holds the last
	// calls of each policy, and not those before that filled a window.
	LimitsRecorded Limits = "recorded"
	// LimitsOn asks those of the configuration, at the time of each call. It is for
	// recordings without gaps.
	LimitsOn Limits = "on"
	// LimitsOff asks none, and refuses nothing: of what was refused then, the answer
	// is unknown.
	LimitsOff Limits = "off"
)

// Options say how calls are replayed. The zero value works.
type Options struct {
	// Before is the configuration whose verdicts are compared with. Default: those
	// that were recorded; calls without one are only told as they are now.
	Before *policy.Spec

	// Policy replays only the calls of that policy. Default: all.
	Policy string

	// Limits is LimitsRecorded by default.
	Limits Limits

	// Max is how many calls are read at most. Default: all.
	Max int

	// TenantHeader names the tenant of calls in HAR files. Default: X-Tenant-ID.
	TenantHeader string

	// Tenants are those of the tenants file, of both configurations. Default: the
	// files that they name are read.
	Tenants *tenant.File
}

// Run plays recorded calls through a configuration, and tells what becomes of them
// otherwise than before. Calls are played at the times at which they were made, in
// virtual time, so that they overlap as they did; what the third party did, and how
// long it took, is what was recorded.
//
// The error is policy.Mistakes where a configuration is at fault. An input that
// cannot be read to its end, or in which there is no call, is none: it is told in the
// Report, with all that could be read.
func Run(spec *policy.Spec, o Options, inputs ...Input) (*Report, error) {
	if o.Limits == "" {
		o.Limits = LimitsRecorded
	}
	if o.Limits != LimitsRecorded && o.Limits != LimitsOn && o.Limits != LimitsOff {
		return nil, fmt.Errorf("limits are %q: expected %s, %s or %s", o.Limits, LimitsRecorded, LimitsOn, LimitsOff)
	}
	if o.TenantHeader == "" {
		o.TenantHeader = "X-Tenant-ID"
	}
	r := &run{options: o, report: newReport(o)}
	var fault error
	err := stage.Run(func() {
		r.ended = sync.NewCond(&r.mu)
		fault = r.play(spec, inputs)
	})
	if fault != nil {
		return nil, fault
	}
	if err != nil {
		return nil, fmt.Errorf("replaying: %w", err)
	}
	r.report.finish()
	return r.report, nil
}

// run is one replay.
type run struct {
	options Options
	houses  []*house // the configuration, and the one before, if there is one
	order   order
	began   time.Time // of the bubble's clock, at the first call's time
	first   time.Time
	last    time.Time // the recorded time of the last call that began
	after   time.Time // when that was probably over, by the bubble's clock
	number  int

	mu     sync.Mutex
	report *Report
	bytes  int        // of the calls that are under way
	ended  *sync.Cond // signals that one of them is over; its lock is mu
}

// maxUnderWay bounds the calls that are played beside each other, in bytes. One call
// may be larger.
const maxUnderWay = 24 << 20

// house is one configuration with all of its gateways. They share what they count;
// each plays one call at a time.
type house struct {
	spec    *policy.Spec
	tenants *tenant.File
	state   *policy.State
	options *Options
	free    chan *slot
	made    int
}

// maxOverlap bounds how many calls are played beside each other. Where more were
// under way then, some begin late.
const maxOverlap = 256

// open makes a house. Its first gateway shows whether the configuration is sound.
func open(spec *policy.Spec, o *Options) (*house, error) {
	spec = plain(spec)
	if o.Limits != LimitsOn {
		spec = calm(spec)
	}
	h := &house{spec: spec, tenants: o.Tenants, state: policy.NewState(nil), options: o, free: make(chan *slot, maxOverlap)}
	s, err := h.open()
	if err != nil {
		return nil, err
	}
	h.free <- s
	return h, nil
}

// open makes one more gateway.
func (h *house) open() (*slot, error) {
	s := &slot{party: new(party), tasks: make(chan *task)}
	gateway, err := stage.Open(h.spec, stage.Cast{Party: s.party, State: h.state, Tenants: h.tenants})
	if err != nil {
		return nil, err
	}
	s.gateway = gateway
	h.made++
	go func() {
		for t := range s.tasks {
			t.done(h, s.perform(&t.call, h.options))
			h.free <- s
		}
	}()
	return s, nil
}

// take gives a gateway that has nothing to do, and waits for one where there are
// too many.
func (h *house) take() *slot {
	select {
	case s := <-h.free:
		return s
	default:
	}
	if h.made < maxOverlap {
		if s, err := h.open(); err == nil { // The first one was sound, too.
			return s
		}
	}
	return <-h.free
}

// close waits until all calls are over, and ends the gateways.
func (h *house) close() {
	for range h.made {
		close((<-h.free).tasks)
	}
}

// play opens the configurations and replays all inputs.
func (r *run) play(spec *policy.Spec, inputs []Input) error {
	specs := []*policy.Spec{spec}
	if r.options.Before != nil {
		specs = append(specs, r.options.Before)
	}
	for i, spec := range specs {
		h, err := open(spec, &r.options)
		if err != nil {
			if i > 0 {
				err = fmt.Errorf("the configuration before: %w", err)
			}
			return err
		}
		defer h.close()
		r.houses = append(r.houses, h)
	}
	for _, in := range inputs {
		if r.full() {
			break
		}
		calls := 0
		err := read(in, r.options.TenantHeader).each(func(c Call) bool {
			if c.Why != WhyShape {
				calls++
			}
			return r.take(c)
		})
		if err == nil && calls == 0 {
			err = fmt.Errorf("reading %s: %s", in.Name, noCall)
		}
		if err != nil {
			r.report.Mistakes = append(r.report.Mistakes, err.Error())
		}
	}
	for len(r.order.waiting) > 0 {
		r.begin(r.order.take())
	}
	for _, h := range r.houses {
		h.idle()
	}
	r.report.Late = r.order.late
	return nil
}

// idle waits until all calls are over.
func (h *house) idle() {
	slots := make([]*slot, 0, h.made)
	for range h.made {
		slots = append(slots, <-h.free)
	}
	for _, s := range slots {
		h.free <- s
	}
}

// full tells whether enough calls were read.
func (r *run) full() bool { return r.options.Max > 0 && r.number >= r.options.Max }

// take takes a call out of an input; more tells that there may come another one.
func (r *run) take(c Call) (more bool) {
	if r.full() {
		return false
	}
	r.number++
	c.order = r.number
	if c.Why != "" {
		r.mu.Lock()
		r.report.skip(&c, labelOf(&c), c.Why)
		r.mu.Unlock()
		return true
	}
	for r.order.isFull() {
		r.begin(r.order.take())
	}
	r.order.put(c)
	return true
}

// longest bounds how far the clock of a replay goes.
const longest = 100 * 365 * 24 * time.Hour

// begin lets a call begin at its time, or at once where that has passed.
func (r *run) begin(c Call) {
	if r.began.IsZero() {
		r.began, r.first = time.Now(), c.Time
	}
	at := r.began.Add(min(c.Time.Sub(r.first), longest))
	if c.Time.Equal(r.last) && r.after.After(at) {
		// Times are written in milliseconds. Of two calls in one, the second is taken
		// to have come after the first, if that was over so soon.
		at = earlier(r.after, at.Add(time.Millisecond-time.Microsecond))
	}
	time.Sleep(time.Until(at)) // Not at all where that has passed.
	r.last, r.after = c.Time, time.Now().Add(c.Took+time.Microsecond)
	r.mu.Lock()
	for r.bytes > 0 && r.bytes+c.weight > maxUnderWay {
		r.ended.Wait()
	}
	r.bytes += c.weight
	r.mu.Unlock()
	t := &task{run: r, call: c, left: len(r.houses)}
	for _, h := range r.houses {
		h.take().tasks <- t
		stage.Settle() // Calls at the same time begin one after the other.
	}
}

// earlier gives the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// task is one call, in all configurations.
type task struct {
	run    *run
	call   Call
	now    ending
	before *ending
	left   int // configurations that are not done
}

// done notes what the call came to in a configuration.
func (t *task) done(h *house, e ending) {
	r := t.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if h == r.houses[0] {
		t.now = e
	} else {
		t.before = &e
	}
	if t.left--; t.left == 0 {
		r.report.add(t)
		r.bytes -= t.call.weight
		r.ended.Signal()
	}
}
