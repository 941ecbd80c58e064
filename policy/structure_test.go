package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/drift"
)

// Two shapes of one operation's answers: in the second, the status has moved.
const (
	flatShape  = `{"order":{"id":7,"status":"shipped","tags":["a"]}}`
	movedShape = `{"order":{"id":7,"state":{"status":"shipped"},"tags":["a"]}}`
)

// movedStatus is in what the second differs from the first.
var movedStatus = drift.Change{Path: "$.order.status", Was: "string", Is: "missing", Vars: []string{"status"}}

// tracked is a Spec whose policy "store" has two operations that read a status.
func tracked() policy.Spec {
	spec := store(policy.Rules{Extracts: []policy.Extract{{Var: "status", Path: "$.order.status"}}})
	spec.Policies[0].Breaker = &policy.BreakerSpec{Trip: "off"}
	spec.Policies[0].Operations = []policy.OperationSpec{
		{Name: "order", Method: "GET", Template: "/orders/{{number}}"},
		{Name: "parcel", Method: "GET", Template: "/parcels/{{number}}"},
	}
	return spec
}

// party is a third party whose next answers a test sets.
type party struct {
	mu     sync.Mutex
	status int
	body   string
	kind   string // Content-Type, JSON where it is empty
}

func (p *party) say(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body = status, body
}

func (p *party) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	resp := reply(r, p.status, p.body)
	if p.kind != "" {
		resp.Header.Set("Content-Type", p.kind)
	}
	if r.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp, nil
}

// watching is a gateway that runs, with what it told.
type watching struct {
	*policy.Gateway
	t     testing.TB
	party *party

	mu      sync.Mutex
	told    []policy.Drift
	records [][]drift.Change
}

// watch starts a gateway. It stops with the test.
func watch(t testing.TB, spec policy.Spec, options ...func(*policy.Options)) *watching {
	t.Helper()
	w := &watching{t: t, party: &party{status: 200, body: flatShape}}
	w.Gateway = open(t, spec, w.party, append([]func(*policy.Options){func(o *policy.Options) {
		o.Drifted = func(d policy.Drift) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, d)
		}
		o.Observe = func(r *policy.Record) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.records = append(w.records, slices.Clone(r.Drift))
		}
	}}, options...)...)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

// get calls a path and gives Signpost-Drift.
func (w *watching) get(path string) string { return w.ask(http.MethodGet, path, nil) }

func (w *watching) ask(method, path string, header http.Header) string {
	w.t.Helper()
	req := request(method, path, "")
	for name, values := range header {
		req.Header[name] = values
	}
	resp, _ := call(w.t, w.Gateway, req)
	return resp.Header.Get("Signpost-Drift")
}

// teach lets an answer teach, and another one differ from it.
func (w *watching) teach(first, second string) {
	w.t.Helper()
	w.party.say(200, first)
	if got := w.get("/orders/1"); got != "" {
		w.t.Fatalf("the first answer says %q, want nothing", got)
	}
	w.party.say(200, second)
	if got := w.get("/orders/1"); got != changed {
		w.t.Fatalf("the second answer says %q, want %q", got, changed)
	}
}

// changed is what Signpost-Drift says.
const changed = "JSON Structure Change Detected"

// state gives what is known of the operation "order".
func (w *watching) state() policy.StructureInfo {
	w.t.Helper()
	info, known := w.Structure("store", "order")
	if !known {
		w.t.Fatal("the operation is not known")
	}
	return info
}

func TestTheFirstSuccessTeachesAndLaterOnesDriftOrNot(t *testing.T) {
	w := watch(t, tracked())
	if s := w.state(); s.State != "learning" || s.Learned != nil || s.Structure != nil {
		t.Errorf("before the first answer: %+v", s)
	}
	w.teach(flatShape, movedShape)
	for body, want := range map[string]string{
		flatShape:                                   "",
		movedShape:                                  changed,
		`{"order":{"id":"7","status":"x"}}`:         changed, // Another type.
		`{"order":{"status":"x"}}`:                  "",      // Nobody reads the id.
		`{"order":{"id":7,"status":null}}`:          "",
		`{"order":{"id":7.5,"status":"x","n":[1]}}`: "",
		`{"order":null}`:                            "",
		`[]`:                                        changed,
	} {
		w.party.say(200, body)
		if got := w.get("/orders/2"); got != want {
			t.Errorf("%s says %q, want %q", body, got, want)
		}
	}
}

func TestADifferenceIsToldOnceAndShownEachTime(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	w := watch(t, tracked(), func(o *policy.Options) { o.Tracing.Provider = provider })
	w.teach(flatShape, movedShape)
	w.get("/orders/2")
	w.party.say(200, `{"order":{"id":7,"state":{},"tags":"a"}}`)
	w.get("/orders/3")

	tags := drift.Change{Path: "$.order.tags", Was: "array", Is: "string"}
	if want := [][]drift.Change{nil, {movedStatus}, {movedStatus}, {movedStatus, tags}}; !reflect.DeepEqual(w.records, want) {
		t.Errorf("the records have %v, want %v", w.records, want)
	}
	var told [][]drift.Change
	for _, d := range w.told {
		if d.Policy != "store" || d.Operation != "order" || len(d.TraceID) != 32 {
			t.Errorf("told of %+v", d)
		}
		told = append(told, d.Changes)
	}
	if want := [][]drift.Change{{movedStatus}, {tags}}; !reflect.DeepEqual(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	events := ""
	for _, span := range spans.GetSpans() {
		for _, e := range span.Events {
			if e.Name == "signpost.drift" {
				for _, a := range e.Attributes {
					events += a.Value.AsString() + " "
				}
				events += "\n"
			}
		}
	}
	const one = "$.order.status string missing \n"
	if want := one + one + one + "$.order.tags array string \n"; events != want {
		t.Errorf("the spans have the events\n%swant\n%s", events, want)
	}
	s := w.state()
	if s.State != "drifting" || s.Count != 3 || s.Answers != 3 || s.DriftingSince == nil || s.LastSeen == nil || s.LastSeen.Before(*s.DriftingSince) {
		t.Errorf("the state is %+v", s)
	}
}

func TestWhatDriftedBeforeAReloadIsNotToldAgain(t *testing.T) {
	state := policy.NewState(nil)
	shared := func(o *policy.Options) { o.State = state }
	before := watch(t, tracked(), shared)
	before.Adopt()
	before.teach(flatShape, movedShape)

	after := watch(t, tracked(), shared)
	before.Stop()
	after.Adopt()
	after.party.say(200, movedShape)
	if got := after.get("/orders/1"); got != changed || len(after.told) != 0 {
		t.Errorf("after a reload an answer says %q, and %v is told; want %q, and nothing", got, after.told, changed)
	}
	if s := after.state(); s.State != "drifting" || s.Count != 2 {
		t.Errorf("after a reload the state is %+v", s)
	}
}

func TestOnlyAMappedSuccessTeachesOrDrifts(t *testing.T) {
	large := func(n int) string { return `{"order":{"status":"` + strings.Repeat("x", n) + `"}}` }
	filler := len(large(0))
	for name, c := range map[string]struct {
		change  func(*policy.PolicySpec)
		method  string
		path    string
		status  int
		body    string
		kind    string
		want    string // "compared", or only "taught" by the first, or only "drifts"; else nothing
		outcome string
	}{
		"a success":                 {status: 200, body: movedShape, want: "compared"},
		"a 201":                     {status: 201, body: movedShape, want: "compared"},
		"a 404":                     {status: 404, body: movedShape},
		"a 500":                     {status: 500, body: movedShape},
		"not JSON":                  {status: 200, body: `<html>`},
		"rejected":                  {status: 200, body: movedShape, change: func(p *policy.PolicySpec) { p.Success = "body.ok == true" }},
		"a redirect":                {status: 302, body: movedShape},
		"lacks what is required":    {status: 200, body: movedShape, want: "drifts", change: func(p *policy.PolicySpec) { p.Extracts[0].Required = true }},
		"a 204":                     {status: 204},
		"a part":                    {status: 206, body: movedShape},
		"a stream":                  {status: 200, body: "data: {}\n\n", kind: "text/event-stream"},
		"over the peek":             {status: 200, body: movedShape, change: func(p *policy.PolicySpec) { p.Peek = 16 }},
		"1 MiB":                     {status: 200, body: `[` + large(1<<20-filler-2) + `]`, want: "compared"},
		"over 1 MiB":                {status: 200, body: `[` + large(1<<20-filler-1) + `]`, change: func(p *policy.PolicySpec) { p.Peek = 2 << 20 }},
		"HEAD":                      {method: "HEAD", status: 200, body: movedShape, change: func(p *policy.PolicySpec) { p.Operations[0].Method = "HEAD" }},
		"drift off in the policy":   {status: 200, body: movedShape, change: func(p *policy.PolicySpec) { p.Drift = "off" }},
		"off in the operation":      {status: 200, body: movedShape, change: func(p *policy.PolicySpec) { p.Operations[0].Drift = "off" }},
		"on in the operation alone": {status: 200, body: movedShape, want: "compared", change: func(p *policy.PolicySpec) { p.Drift, p.Operations[0].Drift = "off", "watch" }},
		"no operation's":            {path: "/invoices/1", status: 200, body: movedShape},
		"not read":                  {status: 200, body: movedShape, change: func(p *policy.PolicySpec) { p.Extracts = nil }},
		"read for an envelope":      {status: 200, body: movedShape, want: "taught", change: func(p *policy.PolicySpec) { p.Extracts, p.Reply = nil, &policy.Reply{As: "envelope"} }},
		"read by a condition alone": {status: 200, body: `[]`, want: "compared", change: func(p *policy.PolicySpec) { p.Extracts, p.Success = nil, "body != 1" }},
		"mapped, in an envelope":    {status: 200, body: movedShape, want: "compared", change: func(p *policy.PolicySpec) { p.Reply = &policy.Reply{As: "envelope"} }},
	} {
		t.Run(name, func(t *testing.T) {
			spec := tracked()
			if c.change != nil {
				c.change(&spec.Policies[0])
			}
			state := policy.NewState(nil)
			taught := watch(t, spec, func(o *policy.Options) { o.State = state })
			if err := taught.PinStructure("store", "order", []byte(flatShape)); err != nil && !errors.Is(err, policy.ErrNoOperation) {
				t.Fatal(err)
			}
			untaught := watch(t, spec)
			for _, w := range []*watching{taught, untaught} {
				w.party.say(c.status, c.body)
				w.party.kind = c.kind
				method, path := c.method, c.path
				if method == "" {
					method = "GET"
				}
				if path == "" {
					path = "/orders/1"
				}
				got := w.ask(method, path, nil)
				drifted := w == taught && (c.want == "compared" || c.want == "drifts")
				learned := w == untaught && (c.want == "compared" || c.want == "taught")
				if (got == changed) != drifted || (len(w.told) == 1) != drifted || (len(w.records[0]) > 0) != drifted {
					t.Errorf("the header is %q, told of %v, recorded %v; want a drift: %v", got, w.told, w.records, drifted)
				}
				if s := w.state(); w == untaught && (s.Structure != nil) != learned {
					t.Errorf("the structure is %v in state %s, want one: %v", s.Structure, s.State, learned)
				}
			}
		})
	}
}

func TestAStaleAnswerIsNotComparedAgain(t *testing.T) {
	spec := tracked()
	spec.Policies[0].Fallbacks = []policy.Fallback{{Stale: seconds(60)}}
	w := watch(t, spec)
	w.teach(flatShape, movedShape)
	w.party.say(500, `{}`)
	if got := w.get("/orders/1"); got != "" || len(w.records[2]) != 0 {
		t.Errorf("a stale answer says %q, with %v in the record; want nothing", got, w.records[2])
	}
	if s := w.state(); s.Answers != 1 || s.Count != 1 {
		t.Errorf("%d answers were compared and %d drifted, want 1 and 1", s.Answers, s.Count)
	}
}

func TestNamedCallsAndOperationsHaveTheirOwnStructure(t *testing.T) {
	w := watch(t, tracked())
	named := func(operation string) string {
		t.Helper()
		req := request(http.MethodPost, "/call", `{"number":1}`)
		req.Header.Set("Content-Type", "application/json")
		resp, _ := ended(t, w.Answer(req, &policy.Call{Policy: "store", Operation: operation, Tenant: "acme"}))
		return resp.Header.Get("Signpost-Drift")
	}
	w.get("/orders/1")
	w.party.say(200, movedShape)
	if got := named("parcel"); got != "" {
		t.Errorf("another operation's first answer says %q, want nothing", got)
	}
	if got := named("order"); got != changed {
		t.Errorf("a named call says %q, want %q: its operation was taught", got, changed)
	}
	states := ""
	for _, s := range w.Structures() {
		states += s.Policy + "." + s.Operation + " " + s.State + " "
	}
	if want := "store.order drifting store.parcel watching "; states != want {
		t.Errorf("the states are %q, want %q", states, want)
	}
}

func TestADriftCanBeAcceptedIgnoredForgottenOrPinned(t *testing.T) {
	const other = `{"order":{"id":"7","state":{"status":"shipped"},"tags":["a"]}}`
	for name, c := range map[string]struct {
		do    func(*watching) error
		says  map[string]string // by answer
		state string            // before those
		left  int               // differences that are ignored
	}{
		"accept": {func(w *watching) error { return w.AcceptStructure("store", "order") },
			map[string]string{movedShape: "", flatShape: "", other: changed}, "watching", 0},
		"ignore": {func(w *watching) error { return w.IgnoreDrift("store", "order") },
			map[string]string{movedShape: "", flatShape: "", other: changed}, "watching", 1},
		"forget": {func(w *watching) error { return w.ForgetStructure("store", "order") },
			map[string]string{other: ""}, "learning", 0},
		"pin the present one": {func(w *watching) error { return w.PinStructure("store", "order", nil) },
			map[string]string{movedShape: changed, flatShape: ""}, "watching", 0},
		"pin an example": {func(w *watching) error { return w.PinStructure("store", "order", []byte(other)) },
			map[string]string{other: "", movedShape: changed}, "watching", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, tracked())
			w.teach(flatShape, movedShape)
			if err := c.do(w); err != nil {
				t.Fatal(err)
			}
			s := w.state()
			if s.State != c.state || s.Count != 0 || s.LastSeen != nil || s.DriftingSince != nil || len(s.Changes)+len(s.Diff) != 0 || s.Ignored != c.left {
				t.Errorf("the state is %+v, want %s with %d ignored", s, c.state, c.left)
			}
			if s.Pinned != strings.HasPrefix(name, "pin") {
				t.Errorf("pinned is %v", s.Pinned)
			}
			for body, want := range c.says {
				w.party.say(200, body)
				if got := w.get("/orders/1"); got != want {
					t.Errorf("%s then says %q, want %q", body, got, want)
				}
			}
		})
	}
}

func TestWhatCannotBeChangedByHandSaysWhy(t *testing.T) {
	spec := tracked()
	spec.Policies[0].Operations[1].Drift = "off"
	w := watch(t, spec)
	none := func() map[string]error {
		return map[string]error{
			"accept":        w.AcceptStructure("store", "order"),
			"ignore":        w.IgnoreDrift("store", "order"),
			"pin":           w.PinStructure("store", "order", nil),
			"pin no JSON":   w.PinStructure("store", "order", []byte("{")),
			"pin nothing":   w.PinStructure("store", "order", []byte{}),
			"off":           w.ForgetStructure("store", "parcel"),
			"off, pin":      w.PinStructure("store", "parcel", []byte("{}")),
			"no operation":  w.AcceptStructure("store", "orders"),
			"the policy":    w.AcceptStructure("store", ""),
			"no policy":     w.IgnoreDrift("stor", "order"),
			"nobody at all": w.ForgetStructure("", ""),
		}
	}
	want := map[string]error{
		"accept": policy.ErrNothingDrifts, "ignore": policy.ErrNothingDrifts, "pin": policy.ErrNoStructure,
		"pin no JSON": drift.ErrNotJSON, "pin nothing": drift.ErrNotJSON,
		"off": policy.ErrNoOperation, "off, pin": policy.ErrNoOperation, "no operation": policy.ErrNoOperation,
		"the policy": policy.ErrNoOperation, "no policy": policy.ErrNoOperation, "nobody at all": policy.ErrNoOperation,
	}
	for name, err := range none() {
		if !errors.Is(err, want[name]) {
			t.Errorf("%s: got %v, want %v", name, err, want[name])
		}
	}
	if s := w.state(); s.State != "learning" {
		t.Errorf("after what was refused the state is %+v", s)
	}
	if s, known := w.Structure("store", "parcel"); !known || s.State != "off" || s.Structure != nil {
		t.Errorf("with drift off: %v %+v", known, s)
	}
	for _, of := range [][2]string{{"store", ""}, {"store", "x"}, {"x", "order"}} {
		if s, known := w.Structure(of[0], of[1]); known {
			t.Errorf("%v is known: %+v", of, s)
		}
	}
}

func TestADriftIsExplainedInJSON(t *testing.T) {
	w := watch(t, tracked())
	w.teach(flatShape, movedShape)
	s := w.state()
	s.Learned, s.DriftingSince, s.LastSeen = nil, nil, nil
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"policy":"store","operation":"order","state":"drifting","learned":null,"pinned":false,"answers":1,"skipped":0,"count":1,` +
		`"drifting_since":null,"last_seen":null,"ignored":0,"changes":[{"path":"$.order.status","was":"string","is":"missing",` +
		`"vars":["status"],"suggest":"$.order.state.status","extract":"extract status $.order.state.status"}],` +
		`"structure":{"$":"object","$.order":"object","$.order.id":"number","$.order.status":"string","$.order.tags":"array","$.order.tags[*]":"string"},` +
		`"diff":[{"path":"$","old":"object","new":"object","kind":"same"},{"path":"$.order","old":"object","new":"object","kind":"same"},` +
		`{"path":"$.order.id","old":"number","new":"number","kind":"same"},{"path":"$.order.status","old":"string","kind":"removed"},` +
		`{"path":"$.order.state","new":"object","kind":"added"},{"path":"$.order.state.status","new":"string","kind":"added"},` +
		`{"path":"$.order.tags","old":"array","new":"array","kind":"same"},{"path":"$.order.tags[*]","old":"string","new":"string","kind":"same"}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, s := range watch(t, tracked()).Structures() {
		got, err := json.Marshal(s)
		want := `{"policy":"store","operation":"` + s.Operation + `","state":"learning","learned":null,"pinned":false,"answers":0,"skipped":0,"count":0,` +
			`"drifting_since":null,"last_seen":null,"ignored":0,"changes":[]}`
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

func TestNoMoreThanAHundredDifferencesAreRemembered(t *testing.T) {
	w := watch(t, tracked())
	object := func(value func(i int) string) string {
		members := make([]string, 150)
		for i := range members {
			members[i] = fmt.Sprintf(`"m%03d":%s`, i, value(i))
		}
		return `{` + strings.Join(members, ",") + `}`
	}
	w.teach(object(func(int) string { return "1" }), object(func(i int) string { return map[bool]string{true: `""`, false: "1"}[i < 60] }))
	w.party.say(200, object(func(i int) string { return map[bool]string{true: `""`, false: "1"}[i >= 60] }))
	w.get("/orders/1")
	if s := w.state(); len(s.Changes) != 100 {
		t.Errorf("%d differences are remembered, want 100", len(s.Changes))
	}
	for range 3 {
		if got := w.get("/orders/1"); got != changed {
			t.Errorf("an answer beyond the bound says %q, want %q", got, changed)
		}
	}
	if len(w.told) != 2 || len(w.told[1].Changes) != 40 {
		t.Errorf("told %d times, want twice, the second time of 40", len(w.told))
	}
	for range 2 { // The second time, the first ones that were ignored are forgotten.
		if err := w.IgnoreDrift("store", "order"); err != nil {
			t.Fatal(err)
		}
		w.get("/orders/1")
	}
	if s := w.state(); s.Ignored != 100 {
		t.Errorf("%d differences are ignored, want 100", s.Ignored)
	}
}

func TestAnAnswerThatWasComparedBeforeAnAcceptOrIgnoreDriftsNoMoreAfterIt(t *testing.T) {
	// Comparing takes a while, so that some are about it at that moment.
	long := `{"order":{"id":7,"state":{"status":"shipped"},"tags":["` + strings.Repeat(`a","`, 50_000) + `"]}}`
	for i := range 4 {
		w := watch(t, tracked())
		change := []func(policy, operation string) error{w.AcceptStructure, w.IgnoreDrift}[i%2]
		w.teach(flatShape, long)
		var calls sync.WaitGroup
		answered := make(chan struct{}, 100)
		for range 4 {
			calls.Go(func() {
				for range 4 {
					w.get("/orders/1")
					answered <- struct{}{}
				}
			})
		}
		for range 3 {
			<-answered
		}
		if err := change("store", "order"); err != nil {
			t.Error(err)
		}
		calls.Wait()
		if s := w.state(); s.State != "watching" {
			t.Fatalf("the answer was accepted or ignored, and came again: %+v", s)
		}
	}
}

func TestWhatIsKnownIsNeverMixedWhileCallsAndPeopleChangeIt(t *testing.T) {
	w := watch(t, tracked())
	var calls, people sync.WaitGroup
	shapes := []string{flatShape, movedShape}
	structures := make([]*drift.Structure, len(shapes))
	for i, shape := range shapes {
		s, err := drift.Learn([]byte(shape))
		if err != nil {
			t.Fatal(err)
		}
		structures[i] = s
	}
	for n := range 16 {
		calls.Go(func() {
			for range 60 {
				w.party.say(200, shapes[n%2])
				w.get("/orders/1")
			}
		})
	}
	stop := make(chan struct{})
	for _, change := range []func(policy, operation string) error{w.AcceptStructure, w.IgnoreDrift, w.ForgetStructure} {
		people.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := change("store", "order"); err != nil && !errors.Is(err, policy.ErrNothingDrifts) {
					t.Error(err)
				}
			}
		})
	}
	people.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			s := w.state()
			switch {
			case s.Structure == nil && (s.State != "learning" || len(s.Changes)+s.Ignored+len(s.Diff) > 0):
				t.Errorf("without a structure: %+v", s)
			case s.Structure != nil && !s.Structure.Equal(structures[0]) && !s.Structure.Equal(structures[1]):
				t.Errorf("a structure of no answer: %+v", s.Structure)
			case (s.State == "drifting") != (len(s.Changes) > 0) || (len(s.Changes) > 0) != (len(s.Diff) > 0):
				t.Errorf("half a drift: %+v", s)
			}
			// Read as it is told, the second shape has all that is read in the first.
			if s.Structure != nil && s.Structure.Equal(structures[1]) && len(s.Changes) > 0 {
				t.Errorf("differences of another structure: %+v", s)
			}
		}
	})
	calls.Wait()
	close(stop)
	people.Wait()
	if err := w.ForgetStructure("store", "order"); err != nil {
		t.Fatal(err)
	}
	w.told = nil
	w.teach(flatShape, movedShape)
	if len(w.told) != 1 || !reflect.DeepEqual(w.told[0].Changes, []drift.Change{movedStatus}) {
		t.Errorf("in the end %v is told, want %v", w.told, movedStatus)
	}
}

func BenchmarkAWatchedCall(b *testing.B) {
	for _, drifting := range []string{"off", "watch"} {
		b.Run(drifting, func(b *testing.B) {
			spec := tracked()
			spec.Policies[0].Drift = drifting
			g := open(b, spec, says(200, flatShape))
			if err := g.Start(); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(g.Stop)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := g.Policy("store").RoundTrip(request(http.MethodGet, "/orders/1", ""))
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
