package limit

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestAReplyIsReadForWhatWasAsked(t *testing.T) {
	f := shape{windows: [sides]int{2, 1}, gates: 1, claims: 2, counts: true}
	numbers := []int64{0, 0, 0, 1000, 1500, 3, 1, 4, 5_000_000, 6, 7, 8, 9, 10}
	r, err := f.read(numbers)
	if err != nil {
		t.Fatalf("read(%v): %v", numbers, err)
	}
	if r.stands != standsNothing || r.which != -1 || r.now != 1000 || r.at != 1500 || r.permits != 3 || !r.crowded {
		t.Errorf("read(%v) = %+v", numbers, r)
	}
	if !slices.Equal(r.windows[own], []int64{4, 5_000_000, 6, 7}) || !slices.Equal(r.windows[shared], []int64{8, 9}) || !slices.Equal(r.flying, []int64{10}) {
		t.Errorf("read(%v): windows %v, in flight %v", numbers, r.windows, r.flying)
	}
	numbers = []int64{1, 3, 2_000_000, 1000, 1000, 0, 0, 4, 5, 6, 7, 8, 9, 10}
	if r, err = f.read(numbers); err != nil || r.stands != standsWindow || r.which != 2 || r.wait != 2*time.Second {
		t.Errorf("read(%v) = %+v, %v", numbers, r, err)
	}
}

func TestAReplyThatNoScriptGivesIsAnError(t *testing.T) {
	f := shape{windows: [sides]int{1, 1}, gates: 1, claims: 1, counts: true}
	good := []int64{0, 0, 0, 1000, 1000, 1, 0, 1, 1, 1, 1, 1}
	if _, err := f.read(good); err != nil {
		t.Fatalf("read(%v): %v", good, err)
	}
	with := func(changes ...int64) []int64 {
		bad := slices.Clone(good)
		for i := 0; i < len(changes); i += 2 {
			bad[changes[i]] = changes[i+1]
		}
		return bad
	}
	for name, bad := range map[string][]int64{
		"nothing":                    nil,
		"too short":                  good[:len(good)-1],
		"too long":                   append(slices.Clone(good), 1),
		"negative":                   with(8, -1),
		"of no kind":                 with(0, 4, 1, 1, 5, 0),
		"a window too many":          with(0, 1, 1, 3, 5, 0),
		"no window":                  with(0, 1, 5, 0),
		"a limit too many":           with(0, 2, 1, 2, 5, 0),
		"a claim too many":           with(0, 3, 1, 2, 5, 0),
		"something in the way of it": with(1, 1),
		"counted nothing":            with(5, 0),
		"counted though refused":     with(0, 1, 1, 1),
		"counted in the past":        with(4, 999),
	} {
		if r, err := f.read(bad); !errors.Is(err, errReply) {
			t.Errorf("%s: read(%v) = %+v, %v, want an error", name, bad, r, err)
		}
	}
	f.counts = false
	if _, err := f.read(good); !errors.Is(err, errReply) {
		t.Errorf("a look that counts: got %v, want an error", err)
	}
}

func FuzzReply(f *testing.F) {
	seed := func(numbers ...int64) {
		var text []byte
		for _, n := range numbers {
			text = binary.BigEndian.AppendUint64(text, uint64(n))
		}
		f.Add(uint8(1), uint8(1), uint8(1), uint8(1), true, text)
	}
	seed(0, 0, 0, 1000, 1000, 1, 0, 1, 1, 1, 1, 1)
	seed(1, 2, 1<<62, 1000, 1000, 0, 0, 1<<62, 1<<62, 1, 1, 1)
	seed(3, 1, 5, 1000, 1000, 0, 1, 0, 0, 0, 0, 0)
	seed(-1)
	f.Fuzz(func(t *testing.T, tenant, all, gates, claims uint8, counts bool, text []byte) {
		table := newTable(0)
		var g group
		for i := range tenant % 4 {
			g.limits = append(g.limits, Limit{Scope: string('a' + rune(i)), Rate: Rate{N: 3, Window: time.Minute}})
		}
		for i := range all % 4 {
			g.limits = append(g.limits, Limit{Scope: string('a' + rune(i)), Rate: Rate{N: 3, Window: time.Minute}, Shared: true})
		}
		for i := range gates % 4 {
			g.slots = append(g.slots, Concurrency{Scope: string('a' + rune(i)), N: 3, Shared: i%2 == 0})
		}
		k := Ticket{table: table, tenant: "acme", sets: fill([]*Set{table.Compile(g.limits, g.slots)})}
		k.remote = &remoteTicket{of: NewRemote(table, &wire{}, RemoteOptions{})}
		a := asking{first: own, slots: true, counts: counts, claims: make([]Claim, claims%4)}
		var numbers []int64
		for ; len(text) >= 8; text = text[8:] {
			numbers = append(numbers, int64(binary.BigEndian.Uint64(text)))
		}
		r, err := k.shapeOf(a).read(numbers)
		if err != nil {
			return
		}
		// Whatever passes for a reply can be told.
		k.believe(r, "key", start, a)
		if r.stands != standsNothing {
			if refusal := k.refused(r, a); refusal.RetryAfter < 0 {
				t.Errorf("%v: refusal %+v", numbers, *refusal)
			}
		}
		for _, s := range k.SharedStates(start, k.States(start, nil)) {
			if s.Remaining < 0 || s.Remaining > 3 || s.Reset < 0 {
				t.Errorf("%v: state %+v", numbers, s)
			}
		}
		k.InFlight(nil)
	})
}
