package caddymodule_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// The reasons why an answer cannot be mapped, as the contract spells them.
const (
	notJSON  = "Response Mapping Not Done, Only JSON can be mapped as Response"
	tooLarge = "Response Mapping Not Done, the answer is larger than 1MiB"
	tooDeep  = "Response Mapping Not Done, the answer is nested deeper than 128 levels"
)

// gzipped is text in gzip.
func gzipped(t testing.TB, text string) string {
	t.Helper()
	var coded bytes.Buffer
	w := gzip.NewWriter(&coded)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatalf("compressing: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("compressing: %v", err)
	}
	return coded.String()
}

func TestAHostileDocumentIsForwardedByteForByteAndCostsOnlyItsMapping(t *testing.T) {
	leaksNothing(t)
	const kind = "application/json"
	// Members of gzip may follow each other: these are 64 MiB in all.
	bomb := gzipped(t, `{"a":"`) + strings.Repeat(gzipped(t, strings.Repeat("x", 1<<20)), 64) + gzipped(t, `"}`)
	documents := map[string]struct {
		kind, coding, body string
		outcome, reason    string
		value              string // Signpost-Var-A
	}{
		"a hundred thousand arrays":         {kind, "", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "unmappable", tooDeep, "none"},
		"a hundred thousand open arrays":    {kind, "", strings.Repeat("[", 100_000), "unmappable", tooDeep, "none"},
		"a hundred thousand objects":        {kind, "", strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), "unmappable", tooDeep, "none"},
		"depth 128":                         {kind, "", strings.Repeat("[", 127) + `{}` + strings.Repeat("]", 127), "success", "", "none"},
		"depth 129":                         {kind, "", strings.Repeat("[", 128) + `{}` + strings.Repeat("]", 128), "unmappable", tooDeep, "none"},
		"a number that no computer holds":   {kind, "", `{"a":1e400}`, "unmappable", notJSON, "none"},
		"a number of three hundred digits":  {kind, "", `{"a":` + strings.Repeat("9", 300) + `}`, "success", "", strings.Repeat("9", 300)},
		"a number of ten thousand digits":   {kind, "", `{"a":` + strings.Repeat("9", 10_000) + `}`, "unmappable", notJSON, "none"},
		"ill-formed UTF-8":                  {kind, "", "{\"a\":\"\xff\xfe\"}", "unmappable", notJSON, "none"},
		"half a surrogate":                  {kind, "", `{"a":"\ud800"}`, "success", "", "%EF%BF%BD"},
		"a line break in a value":           {kind, "", `{"a":"x\r\nSignpost-Route: forged"}`, "success", "", "x%0D%0ASignpost-Route: forged"},
		"the same member twice":             {kind, "", `{"a":"first","a":"last"}`, "success", "", "last"},
		"two documents":                     {kind, "", `{"a":1}{"a":2}`, "unmappable", notJSON, "none"},
		"a byte order mark":                 {kind, "", "\ufeff{\"a\":1}", "unmappable", notJSON, "none"},
		"nothing":                           {kind, "", "", "unmappable", notJSON, "none"},
		"NaN":                               {kind, "", `{"a":NaN}`, "unmappable", notJSON, "none"},
		"HTML that says it is JSON":         {kind, "", "<html>", "unmappable", notJSON, "none"},
		"JSON that says it is HTML":         {"text/html", "", `{"a":1}`, "success", "", "1"},
		"a value over a header's bound":     {kind, "", `{"a":"` + strings.Repeat("x", 1025) + `"}`, "success", "", ""},
		"more than is peeked":               {kind, "", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, "unmappable", tooLarge, "none"},
		"gzip":                              {kind, "gzip", gzipped(t, `{"a":1}`), "success", "", "1"},
		"gzip that holds more than is read": {kind, "gzip", bomb, "unmappable", tooLarge, "none"},
		"gzip that is none":                 {kind, "gzip", `{"a":1}`, "unmappable", notJSON, "none"},
		"gzip that breaks off":              {kind, "gzip", bomb[:1000], "unmappable", notJSON, "none"},
		"gzip in gzip":                      {kind, "gzip, gzip", gzipped(t, gzipped(t, `{"a":1}`)), "unmappable", notJSON, "none"},
		"a coding that nobody asked for":    {kind, "br", "\x0b\x03\x80{\"a\":1}\x03", "unmappable", notJSON, "none"},
	}
	url := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		d := documents[r.URL.Query().Get("name")]
		w.Header().Set("Content-Type", d.kind)
		if d.coding != "" {
			w.Header().Set("Content-Encoding", d.coding)
		}
		io.WriteString(w, d.body)
	}).URL
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"extract a $.a default \"none\"\n}")
	for name, d := range documents {
		t.Run(name, func(t *testing.T) {
			shortly(t, func() bool { return s.get("/api/?name=gzip").StatusCode == 200 }, func() string { return "the slot did not come back" })
			got := s.get("/api/?name="+strings.ReplaceAll(name, " ", "+"), "Accept-Encoding", "gzip, br")
			got.passed(t, 200, d.outcome)
			got.want(t, 200, "Signpost-Reason", d.reason, "Signpost-Var-A", d.value, "Content-Encoding", d.coding)
			if got.body != d.body {
				t.Errorf("the body has %d bytes, want the third party's %d unchanged", len(got.body), len(d.body))
			}
		})
	}
}

// flood is how much an endless third party sends, in bytes.
const flood = 500 << 20

func TestAFloodOfAnAnswerStreamsThroughInBoundedMemory(t *testing.T) {
	leaksNothing(t)
	block := bytes.Repeat([]byte("all work and no play "), 1<<15)
	url := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		w.Header().Set("Content-Type", "application/json")
		for sent := 0; sent < size; sent += len(block) {
			if _, err := w.Write(block[:min(len(block), size-sent)]); err != nil {
				return
			}
		}
	}).URL
	t.Setenv("FLOOD_KEY", "abcdefghij0123456789")
	s := start(t, unlimited+"secrets env FLOOD_\npolicy plain "+url+" {"+fragile+"}\npolicy mapped "+url+" {"+fragile+"extract a $.a\n}\n"+
		"policy scrubbed "+url+" {"+fragile+"inject bearer {secret.key}\n}")
	for _, tc := range []struct {
		path            string
		size            int64
		outcome, reason string
	}{
		{"/plain/", flood, "success", ""},
		{"/mapped/", flood, "unmappable", tooLarge},
		{"/scrubbed/", flood / 5, "success", ""},
	} {
		t.Run(tc.path, func(t *testing.T) {
			before := heap()
			resp, err := s.bot.Get("http://sidecar" + tc.path + "?size=" + strconv.FormatInt(tc.size, 10))
			if err != nil {
				t.Fatalf("calling: %v", err)
			}
			defer resp.Body.Close()
			answer{Response: resp}.passed(t, 200, tc.outcome)
			answer{Response: resp}.want(t, 200, "Signpost-Reason", tc.reason)
			var got, most int64
			for err == nil {
				var n int64
				n, err = io.CopyN(io.Discard, resp.Body, tc.size/16)
				got, most = got+n, max(most, heap())
			}
			if !errors.Is(err, io.EOF) || got != tc.size {
				t.Errorf("got %d bytes and %v, want all %d", got, err, tc.size)
			}
			if bound := before + 48<<20; most > bound {
				t.Errorf("the heap grew to %d bytes, want at most %d", most, bound)
			}
		})
	}
	shortly(t, func() bool { return s.get("/plain/?size=1").StatusCode == 200 }, func() string { return "the slot did not come back" })
}

// heap is how much memory is in use, in bytes, rubbish not counted.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAnAnswerWithoutABodyIsPassedOnAndNeverRead(t *testing.T) {
	leaksNothing(t)
	url := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", `"v1"`)
		if status == 206 {
			w.Header().Set("Content-Range", "bytes 0-4/11")
		}
		w.WriteHeader(status)
		if status == 206 || status == 200 {
			io.WriteString(w, `{"ok"`)
		}
	}).URL
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"extract ok $.ok default `\"nobody said\"`\nhint named vars.ok == true\nhint by_status status in [204, 205, 206, 304]\n}")
	for _, tc := range []struct {
		method       string
		status       int
		route, body  string
		contentRange string
	}{
		{"GET", 204, "by_status", "", ""},
		{"GET", 205, "by_status", "", ""},
		{"GET", 206, "by_status", `{"ok"`, "bytes 0-4/11"},
		{"GET", 304, "by_status", "", ""},
		{"HEAD", 200, "success", "", ""},
		{"HEAD", 204, "by_status", "", ""},
	} {
		t.Run(fmt.Sprint(tc.method, tc.status), func(t *testing.T) {
			shortly(t, func() bool { return s.get("/api/204").StatusCode == 204 }, func() string { return "the slot did not come back" })
			got := s.send(tc.method, fmt.Sprint("/api/", tc.status), "")
			got.want(t, tc.status, "Signpost-Outcome", "success", "Signpost-Route", tc.route, "Signpost-Next", "continue",
				"Signpost-Var-Ok", "nobody said", "Content-Range", tc.contentRange, "Etag", `"v1"`)
			if got.body != tc.body {
				t.Errorf("the body is %q, want %q", got.body, tc.body)
			}
		})
	}
}
