package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// shelf is a storage in memory that can fail and hang.
type shelf struct {
	mu    sync.Mutex
	files map[string][]byte
	saves int

	load, save error         // what is said instead
	hang       chan struct{} // where there is one, everything waits for it first
}

func (s *shelf) wait() {
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

func (s *shelf) Load(name string) ([]byte, error) {
	s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load != nil {
		return nil, s.load
	}
	data, known := s.files[name]
	if !known {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return data, nil
}

func (s *shelf) Save(name string, data []byte) error {
	s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves++
	if s.save != nil {
		return s.save
	}
	if s.files == nil {
		s.files = make(map[string][]byte)
	}
	s.files[name] = data
	return nil
}

// set changes how the shelf behaves.
func (s *shelf) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// held gives what is stored.
func (s *shelf) held(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.files[name])
}

// lines counts what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// warnings are the lines at WARN and above.
func (l *lines) warnings() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			found = append(found, line)
		}
	}
	return found
}

// storing starts a gateway with a storage in a bubble, and waits until it has read
// what it can.
func storing(t *testing.T, spec policy.Spec, on *shelf, log *lines, state *policy.State) *watching {
	t.Helper()
	w := watch(t, spec, func(o *policy.Options) {
		o.Storage, o.State, o.Log = on, state, slog.New(slog.NewTextHandler(log, nil))
	})
	synctest.Wait()
	return w
}

func TestWhatIsKnownOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on shelf
		var log lines
		before := storing(t, tracked(), &on, &log, nil)
		before.teach(flatShape, movedShape)
		was := before.state()
		before.Stop()
		if names := slices.Sorted(maps.Keys(on.files)); !slices.Equal(names, []string{"store.order"}) {
			t.Fatalf("stored %v, want what was learned alone", names)
		}
		time.Sleep(time.Hour)

		after := storing(t, tracked(), &on, &log, nil)
		is := after.state()
		if is.State != "drifting" || !is.Learned.Equal(*was.Learned) || !is.DriftingSince.Equal(*was.DriftingSince) || !is.Structure.Equal(was.Structure) {
			t.Errorf("after a restart %+v is known, want %+v", is, was)
		}
		if is.Count != 0 || is.LastSeen != nil || len(is.Changes) != 1 || is.Changes[0].Extract != "extract status $.order.state.status" || len(is.Diff) != len(was.Diff) {
			t.Errorf("after a restart the drift is told as %+v", is)
		}
		after.party.say(200, movedShape)
		if got := after.get("/orders/1"); got != changed || len(after.told) != 0 {
			t.Errorf("after a restart an answer says %q and %v is told; want %q, and nothing", got, after.told, changed)
		}
		if err := after.IgnoreDrift("store", "order"); err != nil {
			t.Fatal(err)
		}
		after.Stop()
		again := storing(t, tracked(), &on, &log, nil)
		again.party.say(200, movedShape)
		if got := again.get("/orders/1"); got != "" || again.state().Ignored != 1 {
			t.Errorf("what was ignored before a restart says %q", got)
		}
		if err := again.PinStructure("store", "order", []byte(`{"order":{"status":"x","n":1}}`)); err != nil {
			t.Fatal(err)
		}
		again.Stop()
		if s := storing(t, tracked(), &on, &log, nil).state(); !s.Pinned || s.State != "watching" || s.Ignored != 0 || s.Structure.Len() != 4 {
			t.Errorf("what was pinned is after a restart %+v", s)
		}
		if found := log.warnings(); len(found) != 0 {
			t.Errorf("the log says %q", found)
		}
	})
}

func TestForgettingOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on shelf
		before := storing(t, tracked(), &on, &lines{}, nil)
		before.get("/orders/1")
		if err := before.ForgetStructure("store", "order"); err != nil {
			t.Fatal(err)
		}
		before.Stop()
		if s := storing(t, tracked(), &on, &lines{}, nil).state(); s.State != "learning" {
			t.Errorf("after a restart %+v is known", s)
		}
	})
}

func TestNamesOfAnySignsAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := make([]string, 1000)
		for i := range members {
			members[i] = `"` + strings.Repeat("<&>", 80) + string(rune(0x4e00+i)) + `":1`
		}
		doc := `{` + strings.Join(members, ",") + `}`
		var on shelf
		var log lines
		before := storing(t, tracked(), &on, &log, nil)
		before.party.say(200, doc)
		before.get("/orders/1")
		before.Stop()
		after := storing(t, tracked(), &on, &log, nil)
		if s := after.state(); s.Structure == nil || s.Structure.Len() != 1001 || len(log.warnings()) > 0 {
			t.Errorf("of %d bytes that are stored %v was read; the log says %.300q", len(on.held("store.order")), s.State, log.warnings())
		}
	})
}

func TestWhatCannotBeReadIsLearnedAnew(t *testing.T) {
	const about = `"about":"GET https://api.store.example/v2/orders/{number}"`
	const structure = `"structure":{"$":"object","$.order":"object","$.order.status":"string"}`
	for name, c := range map[string]struct {
		stored string
		load   error
		warns  bool
		state  string
	}{
		"good":                       {stored: `{` + about + `,"learned":"2026-01-02T03:04:05Z",` + structure + `}`, state: "watching"},
		"reordered by hand":          {stored: "{\n" + structure + ",\n" + about + "}\n", state: "watching"},
		"further members":            {stored: `{` + about + `,` + structure + `,"more":1}`, state: "watching"},
		"nothing":                    {stored: ``, warns: true, state: "learning"},
		"garbage":                    {stored: "\x00\x01", warns: true, state: "learning"},
		"half of it":                 {stored: `{` + about + `,"struc`, warns: true, state: "learning"},
		"another type":               {stored: `[]`, warns: true, state: "learning"},
		"null":                       {stored: `null`, state: "learning"},
		"no structure":               {stored: `{` + about + `,"pinned":true,"ignored":[{"path":"$","was":"object","is":"array"}]}`, state: "learning"},
		"a structure without a root": {stored: `{` + about + `,"structure":{}}`, warns: true, state: "learning"},
		"a type that is none":        {stored: `{` + about + `,"structure":{"$":"thing"}}`, warns: true, state: "learning"},
		"changes alone":              {stored: `{` + about + `,` + structure + `,"changes":[{"path":"$","was":"object","is":"array"}]}`, state: "watching"},
		"the latest alone":           {stored: `{` + about + `,` + structure + `,"latest":{"$":"array"}}`, state: "watching"},
		"a drift by hand":            {stored: `{` + about + `,` + structure + `,"latest":{"$":"array"},"changes":[{"path":"$","was":"object","is":"array","vars":["gone"]}]}`, state: "drifting"},
		"over the bound":             {stored: `{` + about + `,` + structure + `,"more":"` + strings.Repeat("x", 4<<20) + `"}`, warns: true, state: "learning"},
		"another API's":              {stored: `{"about":"GET https://api.store.example/v1/orders/{number}",` + structure + `}`, state: "learning"},
		"no permission":              {load: fs.ErrPermission, warns: true, state: "learning"},
		"not there":                  {load: fs.ErrNotExist, state: "learning"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				on := &shelf{files: map[string][]byte{"store.order": []byte(c.stored), "store.parcel": []byte(c.stored)}, load: c.load}
				var log lines
				w := storing(t, tracked(), on, &log, nil)
				s := w.state()
				if s.State != c.state || (c.state == "learning") != (s.Structure == nil) || c.state == "learning" && (s.Pinned || s.Ignored > 0) {
					t.Errorf("known is %+v, want %s", s, c.state)
				}
				if found := log.warnings(); len(found) != map[bool]int{true: 1}[c.warns] {
					t.Errorf("%d warnings, want one: %v: %.500q", len(found), c.warns, found)
				}
				if _, err := json.Marshal(w.Structures()); err != nil {
					t.Error(err)
				}
				if got := w.get("/orders/1"); got != map[bool]string{true: changed}[c.state == "drifting"] && c.state != "drifting" {
					t.Errorf("the next answer says %q", got)
				}
				w.party.say(200, movedShape)
				if got := w.get("/orders/1"); got != changed {
					t.Errorf("an answer of another shape says %q, want %q", got, changed)
				}
				w.Stop()
				if c.load == nil && !strings.Contains(on.held("store.order"), `"$.order.status":"string"`) {
					t.Errorf("in the end is stored %.300s", on.held("store.order"))
				}
			})
		})
	}
}

func TestWhatCannotBeSavedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &shelf{save: errors.New("the file system is read-only")}
		var log lines
		w := storing(t, tracked(), on, &log, nil)
		w.get("/orders/1")
		w.get("/parcels/1")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if on.saves < 2*10 || on.saves > 2*22 {
			t.Errorf("two operations were tried %d times in 10 minutes, want about 20 times each", on.saves)
		}
		if found := log.warnings(); len(found) != 1 || !strings.Contains(found[0], "read-only") {
			t.Errorf("the log says %q, want one warning", found)
		}
		on.set(func() { on.save = nil })
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if on.held("store.order") == "" || on.held("store.parcel") == "" {
			t.Error("half a minute after the storage came back nothing is stored")
		}
		saves := on.saves
		w.get("/orders/2")
		time.Sleep(time.Hour)
		if on.saves != saves {
			t.Errorf("saved %d times more although nothing changed", on.saves-saves)
		}
	})
}

func TestAStopSavesWhatCouldNotBeSavedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &shelf{save: fs.ErrPermission}
		w := storing(t, tracked(), on, &lines{}, nil)
		w.get("/orders/1")
		synctest.Wait()
		on.set(func() { on.save = nil })
		start := time.Now()
		w.Stop()
		if took := time.Since(start); on.held("store.order") == "" || took != 0 {
			t.Errorf("after a stop, which took %v, is stored %q", took, on.held("store.order"))
		}
	})
}

func TestAReloadSavesWhatTheConfigurationBeforeCouldNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &shelf{save: fs.ErrPermission}
		state := policy.NewState(nil)
		before := storing(t, tracked(), on, &lines{}, state)
		before.get("/orders/1")
		synctest.Wait()
		after := storing(t, tracked(), on, &lines{}, state)
		before.Stop()
		after.Adopt()
		on.set(func() { on.save = nil })
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if on.held("store.order") == "" {
			t.Error("what was learned before the reload is not stored")
		}
	})
}

func TestWhatACallTeachesAfterItsConfigurationStoppedIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on shelf
		state := policy.NewState(nil)
		before := storing(t, tracked(), &on, &lines{}, state)
		after := storing(t, tracked(), &on, &lines{}, state)
		before.Stop()
		after.Adopt()
		before.get("/orders/1")
		synctest.Wait()
		if on.held("store.order") == "" {
			t.Error("what was learned is not stored")
		}
		if s := after.state(); s.State != "watching" {
			t.Errorf("the configuration in charge is %s", s.State)
		}
	})
}

func TestAConfigurationThatIsTakenBackLeavesSavingToTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on shelf
		state := policy.NewState(nil)
		before := storing(t, tracked(), &on, &lines{}, state)
		rejected := storing(t, tracked(), &on, &lines{}, state)
		rejected.Stop()
		before.get("/orders/1")
		synctest.Wait()
		if on.held("store.order") == "" {
			t.Error("what was learned is not stored")
		}
	})
}

func TestAStorageThatHangsHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		on := &shelf{hang: release}
		start := time.Now()
		w := storing(t, tracked(), on, &lines{}, nil)
		for range 3 {
			if got := w.get("/orders/1"); got != "" {
				t.Errorf("before the storage was read an answer says %q", got)
			}
		}
		if err := w.PinStructure("store", "order", []byte(flatShape)); err != nil {
			t.Error(err)
		}
		w.party.say(200, movedShape)
		if got := w.get("/orders/1"); got != changed {
			t.Errorf("what was pinned meanwhile does not count: %q", got)
		}
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("start and calls took %v, want half a second for the start", took)
		}
		w.Stop()
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("start and stop took %v, want a second more", took)
		}
		close(release)
		synctest.Wait()
		if !strings.Contains(on.held("store.order"), `"pinned":true`) {
			t.Errorf("when the storage came back it got %q, want what was pinned", on.held("store.order"))
		}
	})
}

func TestAStorageThatHangsWhileSavingHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var on shelf
		state := policy.NewState(nil)
		w := storing(t, tracked(), &on, &lines{}, state)
		on.set(func() { on.hang = release })
		start := time.Now()
		w.teach(flatShape, movedShape)
		synctest.Wait()
		after := storing(t, tracked(), &on, &lines{}, state)
		if took := time.Since(start); took != 0 {
			t.Errorf("calls and a start took %v", took)
		}
		w.Stop()
		after.Stop()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("two stops took %v, want two seconds", took)
		}
		close(release)
		synctest.Wait()
		if !strings.Contains(on.held("store.order"), `"changes":[`) {
			t.Errorf("when the storage came back it got %q, want the last of what is known", on.held("store.order"))
		}
	})
}

func TestAReloadWhileTheStorageIsReadLosesNothingOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on shelf
		first := storing(t, tracked(), &on, &lines{}, nil)
		first.get("/orders/1")
		first.Stop()

		release := make(chan struct{})
		on.set(func() { on.hang, on.load = release, errors.New("context canceled") })
		state := policy.NewState(nil)
		var log lines
		before := storing(t, tracked(), &on, &log, state)
		before.Stop()
		close(release) // What was being read is called off.
		synctest.Wait()
		on.set(func() { on.hang, on.load = nil, nil })
		if s := storing(t, tracked(), &on, &log, state).state(); s.State != "watching" {
			t.Errorf("after the reload the operation is %s, want what was stored", s.State)
		}
		if found := log.warnings(); len(found) > 0 {
			t.Errorf("the log says %q", found)
		}
	})
}

func TestAnotherAPIBeginsAnew(t *testing.T) {
	for name, change := range map[string]func(*policy.PolicySpec){
		"base URL": func(p *policy.PolicySpec) { p.BaseURL = "https://api.store.example/v3" },
		"template": func(p *policy.PolicySpec) { p.Operations[0].Template = "/v3/orders/{{number}}" },
		"method":   func(p *policy.PolicySpec) { p.Operations[0].Method, p.Methods = "POST", nil },
		"nothing":  func(*policy.PolicySpec) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var on shelf
				state := policy.NewState(nil)
				before := storing(t, tracked(), &on, &lines{}, state)
				before.get("/orders/1")
				spec := tracked()
				change(&spec.Policies[0])
				want := map[bool]string{true: "watching", false: "learning"}[name == "nothing"]
				reloaded := storing(t, spec, &on, &lines{}, state)
				if got := reloaded.state().State; got != want {
					t.Errorf("after a reload the operation is %s, want %s", got, want)
				}
				before.Stop()
				reloaded.Adopt()
				reloaded.Stop()
				restarted := storing(t, spec, &on, &lines{}, nil)
				if got := restarted.state().State; got != want {
					t.Errorf("after a restart the operation is %s, want %s", got, want)
				}
			})
		})
	}
}

func TestAnExtractThatChangesIsReadInTheStructureThatIsKnown(t *testing.T) {
	state := policy.NewState(nil)
	before := watch(t, tracked(), func(o *policy.Options) { o.State = state })
	before.teach(flatShape, movedShape)
	spec := tracked()
	spec.Policies[0].Extracts[0].Default = json.RawMessage(`"unknown"`)
	after := watch(t, spec, func(o *policy.Options) { o.State = state })
	after.party.say(200, movedShape)
	if got := after.get("/orders/1"); got != "" {
		t.Errorf("a path that has a default now says %q", got)
	}
}

func TestWhatNoConfigurationWatchesIsForgotten(t *testing.T) {
	state := policy.NewState(nil)
	shared := func(o *policy.Options) { o.State = state }
	before := watch(t, tracked(), shared)
	before.get("/orders/1")
	spec := tracked()
	spec.Policies[0].Operations[0].Drift = "off"
	without := watch(t, spec, shared)
	if s := watch(t, tracked(), shared).state(); s.State != "watching" {
		t.Errorf("before anybody is in charge the operation is %s", s.State)
	}
	without.Adopt()
	if s := watch(t, tracked(), shared).state(); s.State != "learning" {
		t.Errorf("after a configuration that does not watch it, the operation is %s", s.State)
	}
}

func TestChangesAreSavedWhileTheyGoOnAndTheLastOneStays(t *testing.T) {
	var on shelf
	state := policy.NewState(nil)
	running := func() *policy.Gateway {
		g := open(t, tracked(), nil, func(o *policy.Options) {
			o.Storage, o.State = &on, state
			o.Transport = func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return says(200, flatShape), nil }
		})
		if err := g.Start(); err != nil {
			t.Fatal(err)
		}
		return g
	}
	g := running()
	var people sync.WaitGroup
	for range 4 {
		people.Go(func() {
			for i := range 50 {
				var err error
				if i%2 == 0 {
					err = g.PinStructure("store", "order", []byte(flatShape))
				} else {
					err = g.ForgetStructure("store", "order")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	reloads := []*policy.Gateway{g}
	for range 5 {
		reloads = append(reloads, running())
	}
	people.Wait()
	if err := g.PinStructure("store", "order", []byte(`[1]`)); err != nil {
		t.Fatal(err)
	}
	for _, g := range reloads {
		g.Stop()
	}
	if got := on.held("store.order"); !strings.Contains(got, `"structure":{"$":"array","$[*]":"number"}`) {
		t.Errorf("in the end is stored %s", got)
	}
}

// Sites may take calls before what is stored has been read.
func TestAnAnswerThatComesBeforeTheStorageIsReadTeachesWhereNothingIsStored(t *testing.T) {
	for name, c := range map[string]struct{ stored, header string }{
		"nothing":           {"", changed},
		"another structure": {`{"about":"GET https://api.store.example/v2/orders/{number}","structure":{"$":"array"}}`, changed},
		"the moved one":     {`{"about":"GET https://api.store.example/v2/orders/{number}","structure":{"$":"object"}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				on := &shelf{}
				if c.stored != "" {
					if err := on.Save("store.order", []byte(c.stored)); err != nil {
						t.Fatal(err)
					}
				}
				on.set(func() { on.hang = release })
				w := storing(t, tracked(), on, &lines{}, nil)
				defer w.Stop()
				if got := w.get("/orders/1"); got != "" {
					t.Errorf("the first answer says %q", got)
				}
				close(release)
				synctest.Wait()
				w.party.say(200, movedShape)
				if got := w.get("/orders/1"); got != c.header {
					t.Errorf("an answer of another shape says %q, want %q", got, c.header)
				}
			})
		})
	}
}
