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
func worded(t testing.TB, kind Kind, d Digest, o Options) letter {
	t.Helper()
	s, _, _ := newDesked(t, o)
	return s.letter(&job{subject: subject{"store", kind}, digest: d, told: d.Until, id: "ABC"})
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
		d.add(&f)
	}
	l := worded(t, Failing, d, Options{
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

The next message about this comes in an hour at the earliest, if it goes on.
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
	d.add(&Failure{Operation: "order_status", Reason: "$.order.status is gone", Time: afternoon})
	l := worded(t, Drifting, d, Options{})
	want := `Signpost: answers of store changed (1 time)

Policy: store
At:     20 November 2026 14:04:05 UTC

The last reasons, newest first:
  14:04:05 order_status: $.order.status is gone

The next message about this comes in an hour at the earliest, if it goes on.
`
	if l.text != want {
		t.Errorf("got\n%s\nwant\n%s", l.text, want)
	}
}

func TestWhatEveryPartOfALetterHoldsIsBounded(t *testing.T) {
	huge := strings.Repeat("ä<&\r\n\u202e", 1<<12)
	var d Digest
	for i := range 100 {
		d.add(&Failure{Operation: huge, Outcome: fmt.Sprint(i, huge), Reason: fmt.Sprint(i, huge), Route: huge, TraceID: huge, Time: afternoon})
	}
	for _, url := range []string{"", huge, "http://jaeger/" + strings.Repeat("a", 32<<10), "http://jaeger/\r\nX: y"} {
		l := worded(t, Failing, d, Options{Titles: map[string]string{"store": huge}, TraceURL: func(string) string { return url }})
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
	if len(d.Outcomes) != maxOutcomes || len(d.Reasons) != maxReasons || d.Total != 100 {
		t.Errorf("got %d outcomes, %d reasons and %d in all", len(d.Outcomes), len(d.Reasons), d.Total)
	}
}

func TestADigestKeepsTheLastDifferentReasons(t *testing.T) {
	var d Digest
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
	for cut := range 13 {
		var whole, first, second Digest
		for i := range 12 {
			f := Failure{Outcome: outcomes[i*i%3], Reason: fmt.Sprint(i % 7), Time: afternoon.Add(time.Duration(i) * time.Minute)}
			whole.add(&f)
			if i < cut {
				first.add(&f)
			} else {
				second.add(&f)
			}
		}
		before := fmt.Sprint(first, second)
		got := first.followedBy(second)
		if fmt.Sprint(first, second) != before {
			t.Errorf("cut at %d: joining changed what was joined", cut)
		}
		if got.Total != whole.Total || !got.Since.Equal(whole.Since) || !got.Until.Equal(whole.Until) {
			t.Errorf("cut at %d: got %+v, want %+v", cut, got, whole)
		}
		for _, want := range whole.Outcomes {
			if !slices.Contains(got.Outcomes, want) {
				t.Errorf("cut at %d: got %v, want %v", cut, got.Outcomes, whole.Outcomes)
			}
		}
		for i := range whole.Reasons {
			if got.Reasons[i].Text != whole.Reasons[i].Text {
				t.Errorf("cut at %d: got the reasons %v, want %v", cut, got.Reasons, whole.Reasons)
			}
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
