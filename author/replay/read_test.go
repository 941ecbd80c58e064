package replay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

// one is the least that a call of the log is.
const one = `{"id":"00f067aa0ba902b7","time":"2026-11-20T08:00:00.000Z","policy":"store","operation":"order_status","outcome":"success","route":"shipped","next":"continue",` +
	`"status":200,"latency_ms":1,"request":{"method":"GET","url":"/store/orders/1","headers":[],"body":"","body_encoding":"utf-8"},` +
	`"received":{"status":200,"headers":[],"body":"{\"order\":{\"status\":\"shipped\"}}","body_encoding":"utf-8","body_bytes":30},` +
	`"vars":[{"name":"status","value":"shipped"},{"name":"eta","value":"unknown"}],"attempts":[{"start_ms":0.1,"duration_ms":1,"status":200,"outcome":"success"}]}`

func TestCallsAreReadInEveryFormInWhichTheyAreGiven(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	for name, test := range map[string]struct {
		text  string
		calls int
	}{
		"a line each":            {one + "\n" + one + "\n\n" + one, 3},
		"one behind the other":   {one + one, 2},
		"a list":                 {" [" + one + " ,\n" + one + "]\n", 2},
		"an object with calls":   {`{"more":false,"calls":[` + one + `,` + one + `],"x":[1]}`, 2},
		"what `call` prints":     {`{"call":` + one + `,"answer":{"status":200},"values":[]}`, 1},
		"a call and its answer":  {`{"call":` + strings.Replace(one, `"body_bytes":30`, `"body_bytes":30,"body_cut":true`, 1) + `,"answer":{"status":200,"body":"{\"order\":{\"status\":\"shipped\"}}","body_bytes":30}}`, 1},
		"members in other order": {`{"zone":{"a":"}"},` + one[1:], 1},
		"sorted members":         {sorted(t, one), 1},
		"a byte order mark":      {"\xef\xbb\xbf" + one, 1},
		"two documents":          {`{"calls":[` + one + `]}` + "\n" + `[` + one + `]`, 2},
	} {
		r, err := replay.Run(&spec, replay.Options{}, replay.Input{Name: "calls", From: iotest.OneByteReader(strings.NewReader(test.text))})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Same != test.calls || r.Calls != test.calls || len(r.Mistakes) > 0 {
			t.Errorf("%s: want %d calls, all the same:\n%s", name, test.calls, told(t, r))
		}
	}
}

// sorted writes an object with its members sorted by name.
func sorted(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestABrokenFileIsToldWithItsPlaceAndWhatCameBeforeCounts(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	for name, test := range map[string]struct {
		text string
		same int
		want string
	}{
		"empty":              {"", 0, "reading calls: line 1, byte 0: there is no call in it: expected calls as GET /signpost/calls/export gives them, or a HAR file"},
		"blank":              {" \n\t\n", 0, "reading calls: line 3, byte 4: there is no call in it"},
		"an empty list":      {"[]", 0, "reading calls: line 1, byte 2: there is no call in it"},
		"an empty object":    {"{}", 0, "reading calls: there is no call in it: expected calls as"},
		"an error's object":  {`{"error":"not found"}`, 0, "reading calls: there is no call in it"},
		"a list of nothing":  {"[{}]", 0, "reading calls: there is no call in it"},
		"an empty HAR file":  {`{"log":{"version":"1.2","entries":[]}}`, 0, "reading calls: line 1, byte 38: there is no call in it"},
		"no JSON":            {"hello", 0, "reading calls: line 1, byte 0: expected an object or a list"},
		"cut off":            {one + "\n" + one[:99], 1, "reading calls: line 2, byte 667, near call 2: the file ends in the middle: it was cut off, so export it again"},
		"cut off in a list":  {"[" + one + ",\n", 1, "reading calls: line 2, byte 570, near call 1: the file ends in the middle"},
		"no comma":           {"[" + one + " " + one + "]", 1, "reading calls: line 1, byte 569, near call 1: found '{' where a comma or ']' is expected"},
		"no value":           {"[" + one + ",]", 1, "found ']' where a value is expected"},
		"no colon":           {`{"more" 1}`, 0, "found '1' where a colon is expected"},
		"no name":            {`{more:1}`, 0, "found 'm' where the name of a member is expected"},
		"not JSON inside":    {one + "\n{\"id\":\"a\",\n\"x\":tru}", 1, "reading calls: line 3, byte 587, near call 2: invalid character '}' in literal true (expecting 'e'): expected JSON as it was exported"},
		"another type":       {one + "\n" + `{"id":"a","status":"200"}`, 1, "reading calls: line 2, byte 592, near call 2: status: found a string where a number is expected"},
		"a list of no calls": {"[1,2]", 0, "reading calls: line 1, byte 2, near call 1: found a number where an object is expected"},
	} {
		r := replayed(t, spec, test.text)
		if r.Same != test.same || len(r.Mistakes) == 0 || !strings.HasPrefix(r.Mistakes[0], strings.TrimSuffix(test.want, "…")) && !strings.Contains(r.Mistakes[0], test.want) {
			t.Errorf("%s: want %d the same and %q:\n%s", name, test.same, test.want, told(t, r))
		}
	}
	r, err := replay.Run(&spec, replay.Options{}, replay.Input{Name: "calls", From: io.MultiReader(strings.NewReader(one), iotest.ErrReader(errors.New("the disk is gone")))})
	if err != nil || r.Same != 1 || len(r.Mistakes) != 1 || !strings.Contains(r.Mistakes[0], "the disk is gone") {
		t.Errorf("%v: %+v", err, r)
	}
}

// replayed plays a text.
func replayed(t testing.TB, spec policy.Spec, text string) *replay.Report {
	t.Helper()
	r, err := replay.Run(&spec, replay.Options{}, replay.Input{Name: "calls", From: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatCannotBeReplayedIsCountedWithItsReason(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	with := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(one) }
	named := func(more ...string) string {
		return with(append([]string{
			`"method":"GET","url":"/store/orders/1"`, `"method":"POST","url":"/call/store/order_status","body_cut":true`,
		}, more...)...)
	}
	for name, test := range map[string]struct {
		text string
		why  replay.Reason // empty: it is the same
	}{
		"as it is":                        {one, ""},
		"a summary":                       {`{"id":"a","outcome":"success"}`, replay.WhySummary},
		"no call":                         {`{"id":"a","outcome":"fine","request":{}}`, replay.WhyShape},
		"no id":                           {with(`"00f067aa0ba902b7"`, `""`), replay.WhyShape},
		"an address that is none":         {with(`/store/orders/1`, `://`), replay.WhyShape},
		"a URL that was cut":              {with(`/store/orders/1`, `/store/orders/`+strings.Repeat("1", 3000)), replay.WhyURL},
		"a fault of our own":              {with(`"outcome":"success","route":"shipped",`, `"outcome":"internal","route":"error","fallback":"static",`, `"duration_ms":1,"status":200,"outcome":"success"`, `"duration_ms":1,"outcome":"internal"`, `{"name":"status","value":"shipped"},`, ``), ""},
		"gone":                            {with(`"outcome":"success","route"`, `"outcome":"canceled","route"`), replay.WhyGone},
		"a tunnel":                        {with(`"policy":"store"`, `"method":"CONNECT"`), replay.WhyTunnel},
		"another protocol":                {with(`"received":{"status":200`, `"received":{"status":101`), replay.WhyUpgrade},
		"its upload":                      {with(`"outcome":"success","route"`, `"outcome":"bad_request","route"`, `"status":200,"latency`, `"status":413,"latency`), replay.WhyUpload},
		"its token":                       {with(`"outcome":"success","route"`, `"outcome":"unreachable","route"`, `"attempts":[{"start_ms":0.1,"duration_ms":1,"status":200,"outcome":"success"}]`, `"attempts":[]`), replay.WhyToken},
		"an answer that was cut":          {with(`"body_bytes":30`, `"body_bytes":90,"body_cut":true`), replay.WhyCut},
		"an answer that was not kept":     {with(`"body_bytes":30`, `"body_note":"The body was not read."`), replay.WhyCut},
		"an answer that redact hid":       {with(`"body_bytes":30`, `"body_bytes":90,"body_note":"The body is not kept: redact is written, and not all of it was seen."`), replay.WhyHidden},
		"no base64":                       {with(`"body_encoding":"utf-8","body_bytes"`, `"body_encoding":"base64","body_bytes"`), replay.WhyCoding},
		"variables that were cut":         {named(), replay.WhyInput},
		"variables as they were read":     {named(`"vars":`, `"input":[{"name":"order_number","value":"1"}],"vars":`), ""},
		"variables that were too long":    {named(`"vars":`, `"input":[{"name":"order_number","value":"[9000 bytes]"}],"vars":`), replay.WhyInput},
		"a condition on what is secret":   {with(`"vars":`, `"hints":[{"values":[{"name":"vars.status","value":"[redacted]"}]}],"vars":`), replay.WhyRedacted},
		"conditions will read a secret":   {with(`\"shipped\"`, `\"[redacted]\"`), replay.WhyRedacted},
		"a secret that nobody reads":      {with(`}}","body_enc`, `},\"card\":\"[redacted]\"}","body_enc`, `"body_bytes":30`, `"body_bytes":52`), ""},
		"larger than a call may be":       {with(`"vars":`, `"x":"`+strings.Repeat("x", replay.MaxEntry)+`","vars":`), replay.WhyLarge},
		"an answer too long for a policy": {with(`"{\"order\":{\"status\":\"shipped\"}}"`, `"`+strings.Repeat("x", replay.MaxBody+1)+`"`), replay.WhyBody},
	} {
		r := replayed(t, spec, test.text+one)
		switch {
		case test.why == "" && r.Same != 2, test.why != "" && (r.Same != 1 || r.NotReplayed != 1 || r.Reasons[0].Text != string(test.why)):
			t.Errorf("%s: want %q:\n%.2000s", name, test.why, told(t, r))
		case test.why != "" && (len(r.Reasons[0].Examples) != 1 || r.Reasons[0].Examples[0].ID == "" || r.Reasons[0].Examples[0].Number != 1):
			t.Errorf("%s: the example is %+v", name, r.Reasons[0].Examples)
		}
	}
}

func TestAtMostSoManyCallsAreRead(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	endless := io.MultiReader(strings.NewReader(one+one), iotest.ErrReader(errors.New("read on")))
	r, err := replay.Run(&spec, replay.Options{Max: 1}, replay.Input{Name: "calls", From: endless}, replay.Input{Name: "more", From: iotest.ErrReader(errors.New("read at all"))})
	if err != nil || r.Calls != 1 || r.Same != 1 || len(r.Mistakes) > 0 {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestAConfigurationAtFaultIsAMistake(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	bad := storeSpec("ftp://x:1")
	for _, test := range []struct{ spec, before *policy.Spec }{{&bad, nil}, {&spec, &bad}} {
		_, err := replay.Run(test.spec, replay.Options{Before: test.before}, replay.Input{Name: "calls", From: strings.NewReader(one)})
		var mistakes policy.Mistakes
		if !errors.As(err, &mistakes) || (test.before != nil) != strings.Contains(err.Error(), "before") {
			t.Errorf("%v", err)
		}
	}
}

func FuzzAnyFileIsReadOrToldToBeBroken(f *testing.F) {
	spec := storeSpec("https://api.store.example/v2")
	f.Add([]byte(one))
	f.Add([]byte(`[` + one + `,{"call":` + one + `}]`))
	f.Add([]byte(`{"log":{"entries":[{"startedDateTime":"2026-11-20T08:00:00Z","time":1,"request":{"method":"GET","url":"https://api.store.example/v2/orders/1","headers":[]},"response":{"status":200,"headers":[],"content":{"size":2,"text":"{}"}}}]}}`))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"http://h/store/orders/1"},"response":{"status":200,"headers":[{"name":"signpost-outcome","value":"success"},{"name":"signpost-policy","value":"store"}],"content":{"text":"{}"}}}]}}`))
	f.Add([]byte(`{"calls":[],"x":"\"}"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := replay.Run(&spec, replay.Options{}, replay.Input{Name: "calls", From: bytes.NewReader(text)})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if sum := r.Same + r.Different + r.Unknown + r.Now + r.NotReplayed; sum != r.Calls {
			t.Fatalf("%q: %d calls, %d in sum", text, r.Calls, sum)
		}
		if r.Calls == 0 && len(r.Mistakes) == 0 && !bytes.ContainsAny(text, "[") {
			t.Fatalf("%q: nothing is told", text)
		}
		if err := r.Write(io.Discard); err != nil {
			t.Fatal(err)
		}
	})
}
