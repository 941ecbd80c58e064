package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// patience bounds every wait for what comes by itself: a span, a file that is
// read again. Nothing waits that long unless it fails.
const patience = 10 * time.Second

// traceSink is an OTLP/HTTP collector. Spans of one call arrive in the order in
// which they ended: the CLIENT spans, then the SERVER span.
type traceSink struct {
	t     testing.TB
	url   string
	spans chan sunkSpan
	early []sunkSpan // read from spans while another trace was looked for
}

// sunkSpan is what was exported of a span, with its values as text.
type sunkSpan struct {
	kind              tracepb.Span_SpanKind
	name              string
	trace, id, parent string
	status            tracepb.Status_StatusCode
	attributes        map[string]string
	events            []sunkEvent
	took              time.Duration
}

type sunkEvent struct {
	name       string
	attributes map[string]string
}

// sinkTraces starts a collector, to which spans come at once.
func sinkTraces(t testing.TB) *traceSink {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "5")
	k := &traceSink{t: t, spans: make(chan sunkSpan, 1<<14)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := k.receive(r); err != nil {
			t.Errorf("receiving spans: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

func (k *traceSink) receive(r *http.Request) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var export collectorpb.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &export); err != nil {
		return err
	}
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				k.spans <- sink(s)
			}
		}
	}
	return nil
}

func sink(s *tracepb.Span) sunkSpan {
	sunk := sunkSpan{
		kind: s.Kind, name: s.Name,
		trace: fmt.Sprintf("%x", s.TraceId), id: fmt.Sprintf("%x", s.SpanId), parent: fmt.Sprintf("%x", s.ParentSpanId),
		status: s.GetStatus().GetCode(), attributes: texts(s.Attributes),
		took: time.Duration(s.EndTimeUnixNano - s.StartTimeUnixNano),
	}
	for _, e := range s.Events {
		sunk.events = append(sunk.events, sunkEvent{e.Name, texts(e.Attributes)})
	}
	return sunk
}

func texts(pairs []*commonpb.KeyValue) map[string]string {
	m := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		switch v := pair.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			m[pair.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			m[pair.Key] = fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_BoolValue:
			m[pair.Key] = fmt.Sprint(v.BoolValue)
		default:
			m[pair.Key] = pair.Value.String()
		}
	}
	return m
}

// isCall tells Signpost's SERVER spans from those of others, such as Caddy's.
func (s *sunkSpan) isCall() bool {
	return s.kind == tracepb.Span_SPAN_KIND_SERVER && s.attributes["signpost.outcome"] != ""
}

// call waits for the SERVER span of a trace and gives it with its CLIENT spans.
func (k *traceSink) call(trace string) (server sunkSpan, clients []sunkSpan) {
	k.t.Helper()
	bound := time.After(patience)
	for _, s := range k.early {
		if s.trace == trace && s.kind == tracepb.Span_SPAN_KIND_CLIENT {
			clients = append(clients, s)
		}
	}
	for _, s := range k.early {
		if s.trace == trace && s.isCall() {
			return s, clients
		}
	}
	for {
		select {
		case s := <-k.spans:
			k.early = append(k.early, s)
			switch {
			case s.trace != trace:
			case s.isCall():
				return s, clients
			case s.kind == tracepb.Span_SPAN_KIND_CLIENT:
				clients = append(clients, s)
			}
		case <-bound:
			k.t.Fatalf("no SERVER span of trace %s within %s; %d spans of others", trace, patience, len(k.early))
		}
	}
}

// of gives the spans of the call that had this answer.
func (k *traceSink) of(a answer) (server sunkSpan, clients []sunkSpan) {
	k.t.Helper()
	return k.call(a.Header.Get("Signpost-Trace"))
}

// want compares attributes; an empty value means that there is none.
func (s *sunkSpan) want(t testing.TB, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got, found := s.attributes[pairs[i]]; got != pairs[i+1] || found && pairs[i+1] == "" {
			t.Errorf("span %q: %s is %q, want %q", s.name, pairs[i], got, pairs[i+1])
		}
	}
}
