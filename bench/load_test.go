package main

import (
	"strings"
	"testing"
	"time"
)

// wrkReport is what wrk 4.1 prints with --latency.
const wrkReport = `Running 5s test @ http://127.0.0.1:41795/store/orders/10042
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.93ms    1.55ms  32.46ms   88.47%
    Req/Sec     9.10k     1.02k   11.29k    68.00%
  Latency Distribution
     50%    1.50ms
     75%    2.34ms
     90%  980.00us
     99%    7.79ms
  45330 requests in 5.00s, 51.36MB read
Requests/sec:   9063.77
Transfer/sec:     10.27MB
`

func TestTheReportOfWrkIsRead(t *testing.T) {
	got, err := parseWrk(wrkReport)
	want := loaded{calls: 45330, rate: 9063.77, median: 1500 * time.Microsecond, p99: 7790 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestARunInWhichCallsFailedIsNoMeasurement(t *testing.T) {
	const counted = "  45330 requests in 5.00s, 51.36MB read\n"
	for _, failed := range []string{
		"  Non-2xx or 3xx responses: 17\n",
		"  Socket errors: connect 0, read 3, write 0, timeout 0\n",
	} {
		_, err := parseWrk(strings.Replace(wrkReport, counted, counted+failed, 1))
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(failed)) {
			t.Errorf("%q: got %v, want an error that says so", failed, err)
		}
	}
}

func TestAReportWithoutItsFiguresIsAnError(t *testing.T) {
	for _, line := range []string{"  45330 requests", "Requests/sec:", "     50%", "     99%"} {
		if got, err := parseWrk(strings.Replace(wrkReport, line, "x", 1)); err == nil {
			t.Errorf("without %q: got %+v, want an error", line, got)
		}
	}
	if got, err := parseWrk(strings.Replace(wrkReport, "45330", "0", 1)); err == nil {
		t.Errorf("without calls: got %+v, want an error", got)
	}
}

func FuzzParseWrk(f *testing.F) {
	f.Add(wrkReport)
	f.Add("  0 requests in 5.00s\nRequests/sec: 0.00\n")
	f.Fuzz(func(t *testing.T, report string) {
		if got, err := parseWrk(report); err == nil && got.calls < 1 {
			t.Errorf("parseWrk(%q) gives %+v, want an error where there are no calls", report, got)
		}
	})
}
