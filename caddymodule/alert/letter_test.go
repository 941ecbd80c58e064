package alert

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// worded gives the letter of a digest about store.
func worded(t testing.TB, d Digest, o Options) letter {
	t.Helper()
	s, _, _ := newDesked(t, o)
	return s.letter(&job{policy: "store", digest: d, told: afternoon, id: "ABC"})
}

var afternoon = time.Date(2026, 11, 20, 15, 4, 5, 0, time.FixedZone("CET", 3600))

func TestALetterSaysHowManyFailedWhyAndSinceWhen(t *testing.T) {
	var d Digest
	for i, f := range []Failure{
		{Operation: "order_status", Outcome: "timeout", Reason: "No answer within 4s", Route: "error", TraceID: "0af7"},
		{Operation: "order_status", Outcome: "server_error", Reason: "The third party answered 503", Route: "busy", TraceID: "0af8"},
		{Operation: "order_status", Outcome: "timeout", Reason: "No answer within 4s", Route: "error", TraceID: "0af9"},
	} {
		f.Time = afternoon.Add(time.Duration(i) * time.Minute)
		d.Failed.add(&f)
	}
	l := worded(t, d, Options{
		Titles:   map[string]string{"store": "The Store"},
		TraceURL: func(id string) string { return "http://localhost:16686/trace/" + id },
	})
	wantText := `Signpost: The Store fails (3 calls): timeout, server_error

Policy: store
First:  20 November 2026 14:04:05 UTC
Last:   20 November 2026 14:06:05 UTC

What became of the calls:
  2 timeout
  1 server_error

The last reasons, newest first:
  14:06:05 order_status, timeout, route error: No answer within 4s (2 times)
    http://localhost:16686/trace/0af9
  14:05:05 order_status, server_error, route busy: The third party answered 503
    http://localhost:16686/trace/0af8

The next message about this policy comes in an hour at the earliest, if it goes on.
`
	if l.text != wantText {
		t.Errorf("got\n%s\nwant\n%s", l.text, wantText)
	}
	wantShort := `Signpost: The Store fails (3 calls): timeout, server_error
• 14:06:05 order_status, timeout, route error: No answer within 4s (2 times) http://localhost:16686/trace/0af9
• 14:05:05 order_status, server_error, route busy: The third party answered 503 http://localhost:16686/trace/0af8`
	if l.short != wantShort {
		t.Errorf("got\n%s\nwant\n%s", l.short, wantShort)
	}
}

func TestALetterAboutDriftSaysWhatChanged(t *testing.T) {
	var d Digest
	d.Drifted.add(&Failure{Operation: "order_status", Reason: "$.order.status is gone", Time: afternoon})
	l := worded(t, d, Options{})
	want := `Signpost: answers of store changed (1 time)

Policy: store
At:     20 November 2026 14:04:05 UTC

The last changes, newest first:
  14:04:05 order_status: $.order.status is gone

The next message about this policy comes in an hour at the earliest, if it goes on.
`
	if l.text != want {
		t.Errorf("got\n%s\nwant\n%s", l.text, want)
	}
	if want := "Signpost: answers of store changed (1 time)\n• 14:04:05 order_status: $.order.status is gone"; l.short != want {
		t.Errorf("got\n%s\nwant\n%s", l.short, want)
	}
}

func TestALetterAboutBothNamesFailedCallsFirstAndCountsThemApart(t *testing.T) {
	var d Digest
	d.Failed.add(&Failure{Operation: "order_status", Outcome: "timeout", Reason: "No answer within 4s", Route: "error", TraceID: "0af7", Time: afternoon.Add(time.Hour)})
	for i := range 2 {
		d.Drifted.add(&Failure{Operation: "order_status", Reason: "$.order.status is gone", Time: afternoon.Add(time.Duration(i) * time.Minute)})
	}
	l := worded(t, d, Options{})
	wantText := `Signpost: store fails (1 call) and its answers changed (2 times): timeout

Policy: store
At:     20 November 2026 15:04:05 UTC

The last reasons, newest first:
  15:04:05 order_status, timeout, route error: No answer within 4s
    trace 0af7

Answers changed (2 times):
First:  20 November 2026 14:04:05 UTC
Last:   20 November 2026 14:05:05 UTC

The last changes, newest first:
  14:05:05 order_status: $.order.status is gone (2 times)

The next message about this policy comes in an hour at the earliest, if it goes on.
`
	if l.text != wantText {
		t.Errorf("got\n%s\nwant\n%s", l.text, wantText)
	}
	wantShort := `Signpost: store fails (1 call) and its answers changed (2 times): timeout
• 15:04:05 order_status, timeout, route error: No answer within 4s trace 0af7
Answers changed (2 times):
• 14:05:05 order_status: $.order.status is gone (2 times)`
	if l.short != wantShort {
		t.Errorf("got\n%s\nwant\n%s", l.short, wantShort)
	}
}

func TestWhatEveryPartOfALetterHoldsIsBounded(t *testing.T) {
	huge := strings.Repeat("ä<&\r\n\u202e", 1<<12)
	var d Digest
	for i := range 100 {
		f := Failure{Operation: huge, Outcome: fmt.Sprint(i, huge), Reason: fmt.Sprint(i, huge), Route: huge, TraceID: huge, Time: afternoon}
		d.Failed.add(&f)
		d.Drifted.add(&f) // It has more to say than a change ever has.
	}
	for _, url := range []string{"", huge, "http://jaeger/" + strings.Repeat("a", 32<<10), "http://jaeger/\r\nX: y"} {
		l := worded(t, d, Options{Titles: map[string]string{"store": huge}, TraceURL: func(string) string { return url }})
		if len(l.subject) > maxSubject || !isPlain(l.subject) {
			t.Errorf("got the subject %q", l.subject)
		}
		if len(l.short) > maxShort || !utf8.ValidString(l.short) || strings.ContainsAny(l.short, "<>\r\u202e") {
			t.Errorf("got %d bytes %q", len(l.short), l.short)
		}
		if len(l.text) > 32<<10 || !utf8.ValidString(l.text) || strings.ContainsAny(l.text, "\r\u202e") {
			t.Errorf("got %d bytes %q", len(l.text), l.text)
		}
	}
	for what, s := range map[string]Summary{"failures": d.Failed, "changes": d.Drifted} {
		if len(s.Outcomes) != maxOutcomes || len(s.Reasons) != maxReasons || s.Total != 100 {
			t.Errorf("%s: got %d outcomes, %d reasons and %d in all", what, len(s.Outcomes), len(s.Reasons), s.Total)
		}
	}
}

func TestASummaryKeepsTheLastDifferentReasons(t *testing.T) {
	var d Summary
	for i, reason := range []string{"a", "b", "c", "a", "d", "e", "f"} {
		d.add(&Failure{Outcome: "timeout", Reason: reason, Time: afternoon.Add(time.Duration(i) * time.Second)})
	}
	var got []string
	for _, r := range d.Reasons {
		got = append(got, fmt.Sprint(r.Text, r.Calls))
	}
	if want := []string{"c1", "a2", "d1", "e1", "f1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTwoDigestsComeToWhatOneWouldHaveSaid(t *testing.T) {
	outcomes := []string{"timeout", "server_error", "internal"}
	const events = 24
	for cut := range events + 1 {
		var whole, first, second Digest
		for i := range events {
			k, f := failing, Failure{Outcome: outcomes[i*i%3], Reason: fmt.Sprint(i % 7), Time: afternoon.Add(time.Duration(i) * time.Minute)}
			if i%3 == 1 {
				k, f.Outcome = drifting, ""
			}
			whole.of(k).add(&f)
			if i < cut {
				first.of(k).add(&f)
			} else {
				second.of(k).add(&f)
			}
		}
		before := fmt.Sprint(first, second)
		got := first.followedBy(second)
		if fmt.Sprint(first, second) != before {
			t.Errorf("cut at %d: joining changed what was joined", cut)
		}
		if whole.Drifted.Total != events/3 || len(whole.Drifted.Outcomes) != 0 || got.total() != events {
			t.Fatalf("cut at %d: got %d in all and %+v, want %d changes without outcomes", cut, got.total(), whole.Drifted, events/3)
		}
		compareSummaries(t, fmt.Sprintf("cut at %d: failures", cut), got.Failed, whole.Failed)
		compareSummaries(t, fmt.Sprintf("cut at %d: changes", cut), got.Drifted, whole.Drifted)
	}
}

func TestACloneOfADigestSharesNothingWithIt(t *testing.T) {
	for name, k := range map[string]kind{"failures": failing, "changes": drifting} {
		var d Digest
		d.of(k).add(&Failure{Outcome: "timeout", Reason: "No answer within 4s", Time: afternoon})
		before := fmt.Sprint(d)
		c := d.clone()
		c.of(k).Outcomes[0].Calls, c.of(k).Reasons[0].Text = 99, "another"
		if got := fmt.Sprint(d); got != before {
			t.Errorf("%s: got %s, want %s", name, got, before)
		}
	}
}

// compareSummaries compares what two summaries came to with what one would have said.
func compareSummaries(t *testing.T, what string, got, want Summary) {
	t.Helper()
	if got.Total != want.Total || !got.Since.Equal(want.Since) || !got.Until.Equal(want.Until) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
	for _, c := range want.Outcomes {
		if !slices.Contains(got.Outcomes, c) {
			t.Errorf("%s: got %v, want %v", what, got.Outcomes, want.Outcomes)
		}
	}
	if len(got.Reasons) != len(want.Reasons) || len(got.Outcomes) != len(want.Outcomes) {
		t.Fatalf("%s: got %+v, want %+v", what, got, want)
	}
	for i := range want.Reasons {
		if got.Reasons[i].Text != want.Reasons[i].Text {
			t.Errorf("%s: got the reasons %v, want %v", what, got.Reasons, want.Reasons)
		}
	}
}

func FuzzACleanedTextIsOneShortLine(f *testing.F) {
	for _, seed := range []string{"", "No answer within 4s", "a\r\nBcc: b@example.com", "\xff\xfe", "\u202egnp.exe", strings.Repeat("ä", maxText), strings.Repeat("\x80", 2*maxText)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := cleaned(text)
		if len(got) > maxText || !isPlain(got) {
			t.Errorf("%q becomes %q", text, got)
		}
		if cleaned(got) != got {
			t.Errorf("%q is not cleaned of %q", got, text)
		}
	})
}
