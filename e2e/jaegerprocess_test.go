//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	// jaegerVersion is the release that the tests run, and jaegerSum what the
	// Go checksum database says of it.
	jaegerModule  = "github.com/jaegertracing/jaeger"
	jaegerVersion = "v1.76.0"
	jaegerSum     = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g="

	// jaegerPatience bounds how long it takes to build, from nothing: it is
	// compiled from source, which is a matter of minutes on a small machine.
	jaegerPatience = 8 * time.Minute

	// maxTraces bounds how many traces of a service a test looks at.
	maxTraces = 10_000
)

// jaegerBinary finds Jaeger in the user's cache, or builds it.
var jaegerBinary = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for a place for Jaeger: %w", err)
	}
	folder := filepath.Join(cache, "signpost-e2e")
	path := filepath.Join(folder, "jaeger-"+jaegerVersion[1:]+"-"+runtime.Version())
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("making a place for Jaeger: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), jaegerPatience)
	defer cancel()
	return path, buildJaeger(ctx, folder, path)
})

// buildJaeger compiles Jaeger. Its module replaces some of what it requires, so
// `go install` refuses it, and it is built in a copy of its folder. The binary
// gets its name at the end: of two builds at once each finds a whole one.
func buildJaeger(ctx context.Context, folder, path string) error {
	work, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return fmt.Errorf("making a folder for Jaeger's source: %w", err)
	}
	defer os.RemoveAll(work)
	text, err := run(ctx, work, "go", "mod", "download", "-json", jaegerModule+"@"+jaegerVersion)
	if err != nil {
		return fmt.Errorf("downloading Jaeger: %w", err)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(text, &module); err != nil {
		return fmt.Errorf("reading where Jaeger was downloaded to: %w", err)
	}
	if module.Sum != jaegerSum {
		return fmt.Errorf("downloading Jaeger: its sum is %s, want %s", module.Sum, jaegerSum)
	}
	source, built := filepath.Join(work, "source"), filepath.Join(work, "jaeger")
	if err := os.CopyFS(source, os.DirFS(module.Dir)); err != nil {
		return fmt.Errorf("copying Jaeger's source: %w", err)
	}
	if _, err := run(ctx, source, "go", "build", "-trimpath", "-buildvcs=false", "-o", built, "./cmd/all-in-one"); err != nil {
		return fmt.Errorf("building Jaeger: %w", err)
	}
	if err := os.Rename(built, path); err != nil {
		return fmt.Errorf("keeping Jaeger: %w", err)
	}
	return nil
}

// run runs a command of the Go tool beside this repository's module, and gives
// its standard output.
func run(ctx context.Context, folder, name string, arguments ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "PWD="+folder)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("%w: %s%s", err, out, failed.Stderr)
	}
	return out, err
}

// jaeger is a running Jaeger with collector, storage in memory, and query API.
type jaeger struct {
	http, grpc string // where spans are sent to
	query      string // without a slash at its end
}

// startJaeger runs Jaeger until the test ends. Its log is shown where the test
// fails.
func startJaeger(t *testing.T) jaeger {
	t.Helper()
	path, err := jaegerBinary()
	if err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	local := func() string { return "127.0.0.1:" + freePort(t) }
	otlpHTTP, otlpGRPC, query, admin := local(), local(), local(), local()
	cmd := exec.Command(path,
		"--collector.otlp.http.host-port", otlpHTTP, "--collector.otlp.grpc.host-port", otlpGRPC,
		"--query.http-server.host-port", query, "--query.grpc-server.host-port", local(), "--admin.http.host-port", admin,
		"--collector.http-server.host-port", "127.0.0.1:0", "--collector.grpc-server.host-port", "127.0.0.1:0",
		"--collector.num-workers", "1") // So that spans are stored in the order in which they came.
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &log, &log
	// It would trace itself, too.
	cmd.Env = append(os.Environ(), "SPAN_STORAGE_TYPE=memory", "OTEL_TRACES_SAMPLER=always_off")
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting Jaeger: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // It holds nothing that anyone wants back.
		<-ended
		if t.Failed() {
			t.Logf("Jaeger's log:\n%s", &log)
		}
	})
	j := jaeger{http: "http://" + otlpHTTP, grpc: "grpc://" + otlpGRPC, query: "http://" + query}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		status, _, err := fetch(t, "http://"+admin+"/")
		if err == nil && status == http.StatusOK {
			return j
		}
		if time.Now().After(deadline) || len(ended) > 0 {
			t.Fatalf("Jaeger does not say that it is up: status %d, %v", status, err)
		}
	}
}

// fetch gets what is at an address.
func fetch(t *testing.T, address string) (status int, body []byte, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// span is a span as Jaeger shows it, with its values as text.
type span struct {
	id, parent string // parent is empty for a root
	name       string
	service    string
	start, end int64 // microseconds
	tags       map[string]string
	types      map[string]string // of the tags: string, bool, int64
	events     []map[string]string
}

// apiSpan is a span in the answers of Jaeger's query API.
type apiSpan struct {
	SpanID, OperationName, ProcessID string
	References                       []struct{ RefType, TraceID, SpanID string }
	StartTime, Duration              int64
	Tags                             []apiField
	Logs                             []struct{ Fields []apiField }
}

type apiField struct {
	Key, Type string
	Value     any
}

// texts gives values by name, and their types.
func texts(fields []apiField) (values, types map[string]string) {
	values, types = make(map[string]string), make(map[string]string)
	for _, f := range fields {
		values[f.Key], types[f.Key] = fmt.Sprint(f.Value), f.Type
	}
	return values, types
}

// find looks for a trace once. What Jaeger has of it may not be all yet.
func (j jaeger) find(t *testing.T, trace string) (spans []span, found bool) {
	t.Helper()
	status, body, err := fetch(t, j.query+"/api/traces/"+trace+"?raw=true")
	if err != nil {
		t.Fatalf("asking Jaeger for the trace %s: %v", trace, err)
	}
	if status == http.StatusNotFound {
		return nil, false
	}
	var answer struct {
		Data []struct {
			Spans     []apiSpan
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer.Data) != 1 {
		t.Fatalf("asking Jaeger for the trace %s: %d, %v: %s", trace, status, err, body)
	}
	for _, s := range answer.Data[0].Spans {
		got := span{id: s.SpanID, name: s.OperationName, start: s.StartTime, end: s.StartTime + s.Duration,
			service: answer.Data[0].Processes[s.ProcessID].ServiceName}
		got.tags, got.types = texts(s.Tags)
		for _, r := range s.References {
			if r.RefType != "CHILD_OF" || r.TraceID != trace || got.parent != "" {
				t.Errorf("%s of the trace %s has the references %+v, want one, to its parent", s.OperationName, trace, s.References)
			}
			got.parent = r.SpanID
		}
		for _, l := range s.Logs {
			event, _ := texts(l.Fields)
			got.events = append(got.events, event)
		}
		spans = append(spans, got)
	}
	return spans, true
}

// await gives a trace once Jaeger has its SERVER span, which is sent last.
func (j jaeger) await(t *testing.T, trace string) (server span, clients []span) {
	t.Helper()
	if len(trace) != 32 {
		t.Fatalf("%q is no trace id", trace)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		spans, _ := j.find(t, trace)
		if server, clients, found := tree(t, trace, spans); found {
			return server, clients
		}
		if time.Now().After(deadline) {
			t.Fatalf("Jaeger has no SERVER span of the trace %s, but %+v", trace, spans)
		}
	}
}

// raw gives everything that Jaeger has stored, as its API says it.
func (j jaeger) raw(t *testing.T) string {
	t.Helper()
	_, body, err := fetch(t, j.query+"/api/services")
	var services struct{ Data []string }
	if err == nil {
		err = json.Unmarshal(body, &services)
	}
	if err != nil || len(services.Data) == 0 {
		t.Fatalf("asking Jaeger for its services: %v: %s", err, body)
	}
	all := string(body)
	for _, service := range services.Data {
		query := url.Values{"service": {service}, "limit": {fmt.Sprint(maxTraces)}, "raw": {"true"}}
		status, body, err := fetch(t, j.query+"/api/traces?"+query.Encode())
		if err != nil || status != http.StatusOK {
			t.Fatalf("asking Jaeger for the traces of %s: %d, %v: %s", service, status, err, body)
		}
		all += string(body)
	}
	return all
}
