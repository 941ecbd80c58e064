//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// harFile writes a HAR file with calls that bots made to a gateway, each with an
// answer of a certain size. Every other one was shipped.
func harFile(w io.Writer, gateway string, calls, size int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	fmt.Fprint(out, `{"log":{"version":"1.2","creator":{"name":"a proxy","version":"1"},"entries":[`)
	padding := strings.Repeat("x", size)
	for i := range calls {
		status := [...]string{"shipped", "packed"}[i%2]
		route := [...]string{"shipped", "success"}[i%2]
		text := fmt.Sprintf(`{"order":{"status":"%s","eta":"%d"},"padding":"%s"}`, status, i, padding)
		body, err := json.Marshal(text)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		fmt.Fprintf(out, `{"startedDateTime":"%s","time":5,"request":{"method":"GET","url":"%s/store/orders/%d","httpVersion":"HTTP/1.1","headers":[{"name":"X-Tenant-ID","value":"acme"}],"queryString":[],"cookies":[],"headersSize":-1,"bodySize":0},`+
			`"response":{"status":200,"statusText":"OK","httpVersion":"HTTP/1.1","headers":[{"name":"Content-Type","value":"application/json"},{"name":"Signpost-Outcome","value":"success"},{"name":"Signpost-Route","value":"%s"},{"name":"Signpost-Next","value":"continue"},`+
			`{"name":"Signpost-Policy","value":"store.order_status"},{"name":"Signpost-Var-Status","value":"%s"},{"name":"Signpost-Var-Eta","value":"%d"}],"cookies":[],"content":{"size":%d,"mimeType":"application/json","text":%s},"redirectURL":"","headersSize":-1,"bodySize":-1},"cache":{},"timings":{"send":0,"wait":5,"receive":0}}`,
			time.Date(2026, 11, 20, 8, 0, i, 0, time.UTC).Format(time.RFC3339Nano), gateway, 1000+i, route, status, i, len(text), body)
	}
	fmt.Fprint(out, "]}}")
	return out.Flush()
}

func TestAuthorReplaysAnEnormousRecordingInBoundedMemory(t *testing.T) {
	a := sit(t)
	a.drafts(t, "https://api.store.example", handoff)
	const calls, size = 10000, 50 << 10 // 500 MB in all.
	recorded, writer := io.Pipe()
	go func() { writer.CloseWithError(harFile(writer, "http://localhost:8080", calls, size)) }()
	said := a.pipes(t, 0, recorded, "replay", "-", "--json")
	if report := parse[replayReport](t, said); report.Calls != calls || report.Same != calls {
		t.Errorf("the replay tells %+v, want %d calls the same", report, calls)
	}
	const most = 400 << 20
	if t.Logf("500 MB were replayed within %s, with at most %d MiB", said.took.Round(time.Millisecond), said.memory>>20); said.memory > most {
		t.Errorf("the replay took %d MiB of memory, want at most %d", said.memory>>20, most>>20)
	}
	broken, writer := io.Pipe()
	go func() {
		err := harFile(writer, "http://localhost:8080", 100, size)
		if err == nil {
			_, err = io.WriteString(writer, `,{"log":`)
		}
		writer.CloseWithError(err)
	}()
	a.pipes(t, 1, broken, "replay", "-").tells(t, "100 calls: 100 the same, 0 different.", "standard input:")
}

// identity is how a line of the export begins.
var identity = regexp.MustCompile(`^\{"id":"[^"]*","time":"[^"]*"`)

func TestAuthorReplaysAHundredThousandCalls(t *testing.T) {
	t.Parallel()
	s := stage(t)
	var lines []string
	for _, of := range scenes[:4] {
		s.perform(t, of, of.calls[0])
	}
	await(t, "four calls in the log", func() bool {
		text, calls := exports(t, s.admin)
		lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		return len(calls) == 4
	})
	file, err := os.Create(filepath.Join(s.dir, "calls.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(file)
	const calls = 100000
	for i := range calls { // One a second, each with an id of its own.
		at := time.Date(2026, 11, 20, 8, 0, i, 0, time.UTC).Format(time.RFC3339)
		fmt.Fprintln(out, identity.ReplaceAllString(lines[i%4], fmt.Sprintf(`{"id":"%016x","time":"%s"`, i, at)))
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	said := s.runs(t, 0, "replay", "calls.ndjson", "--fail-on-difference")
	said.tells(t, "100000 calls: 100000 the same, 0 different.").hides(t, "late")
	t.Logf("%d calls were replayed within %s, %s of the processors, with at most %d MiB",
		calls, said.took.Round(time.Millisecond), said.worked.Round(time.Millisecond), said.memory>>20)
	s.write(t, "Changed", strings.ReplaceAll(s.read(t, "Caddyfile"), "hint shipped", "hint on_its_way"))
	s.runs(t, 0, "replay", "calls.ndjson", "--config", "Changed").tells(t, "25000  store.order_status  route shipped → on_its_way", "100000 calls: 75000 the same, 25000 different.")
	s.onTerminal(t, 0, "replay calls.ndjson --max 5000").tells(t, "replaying", "%", "5000 calls: 5000 the same")
}

func TestAuthorComparesTwoConfigurationsByWhatABrowserRecorded(t *testing.T) {
	t.Parallel()
	a := sit(t)
	a.drafts(t, "https://api.store.example", handoff)
	var har strings.Builder
	if err := harFile(&har, "https://api.store.example", 10, 10); err != nil {
		t.Fatal(err)
	}
	// The calls went to the store itself, which knows no verdicts.
	text := strings.NewReplacer("/store/orders/", "/v2/orders/", "Signpost-", "X-").Replace(har.String())
	a.write(t, "recorded.har", text)
	a.runs(t, 0, "replay", "recorded.har").tells(t, "5  store.order_status  success, route shipped", "10 calls")
	a.write(t, "Changed", strings.ReplaceAll(a.read(t, "Caddyfile"), `"shipped"`, `"packed"`))
	a.runs(t, 1, "replay", "recorded.har", "--before", "Caddyfile", "--config", "Changed", "--fail-on-difference").tells(t,
		"5  store.order_status  route shipped → success", "5  store.order_status  route success → shipped", "10 calls: 0 the same, 10 different.")
}
