package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

const (
	// maxSpanQueue is the ceiling for OTEL_BSP_MAX_QUEUE_SIZE, whose default is
	// 2048: so many spans wait at most, what comes on top is dropped.
	maxSpanQueue = 1 << 16

	// exportComplaints is how often at most a failing export is logged.
	exportComplaints = time.Minute
)

// Why a span was not exported: the label "reason" of signpost_spans_dropped_total.
const (
	droppedQueueFull = "queue_full"
	droppedExport    = "export"
	droppedShutdown  = "shutdown"
)

// boundedProcessor is OpenTelemetry's batching processor with its losses
// counted. Ending a span never waits: it costs two atomic additions and a
// channel send that has room. Batches of 512 spans leave every 5 s or sooner,
// each under a time-out of 30 s; the variables OTEL_BSP_* change those numbers.
// It is safe for concurrent use.
type boundedProcessor struct {
	sdktrace.SpanProcessor
	exporter *countingExporter
	limit    int64
	closed   atomic.Bool
}

// newBoundedProcessor starts the goroutine that sends to exporter.
func newBoundedProcessor(exporter sdktrace.SpanExporter, log *zap.Logger, dropped *prometheus.CounterVec) *boundedProcessor {
	p := &boundedProcessor{exporter: newCountingExporter(exporter, log, dropped)}
	p.SpanProcessor = sdktrace.NewBatchSpanProcessor(p.exporter, func(o *sdktrace.BatchSpanProcessorOptions) {
		// The variables were read before; what they say must stay in bounds,
		// for a batch larger than the queue could never fill.
		if o.MaxQueueSize < 1 {
			o.MaxQueueSize = sdktrace.DefaultMaxQueueSize
		}
		o.MaxQueueSize = min(o.MaxQueueSize, maxSpanQueue)
		if o.MaxExportBatchSize < 1 {
			o.MaxExportBatchSize = sdktrace.DefaultMaxExportBatchSize
		}
		o.MaxExportBatchSize = min(o.MaxExportBatchSize, o.MaxQueueSize)
		o.BlockOnQueueFull = false
		p.limit = int64(o.MaxQueueSize)
	})
	return p
}

// OnEnd takes a span over, or drops it when as many wait as the queue holds.
// The bound includes the batch that is under way, so the queue beneath, which
// would drop without telling, always has room.
func (p *boundedProcessor) OnEnd(s sdktrace.ReadOnlySpan) {
	switch {
	case !s.SpanContext().IsSampled():
		return
	case p.closed.Load():
		p.exporter.drop(droppedShutdown, 1)
	case p.exporter.waiting.Add(1) > p.limit:
		p.exporter.waiting.Add(-1)
		p.exporter.drop(droppedQueueFull, 1)
	default:
		p.SpanProcessor.OnEnd(s)
	}
}

// Shutdown sends what waits until ctx ends, then gives up the export that is
// under way, and those that would follow, so that no goroutine stays behind.
func (p *boundedProcessor) Shutdown(ctx context.Context) error {
	p.closed.Store(true)
	defer p.exporter.abandon()
	return p.SpanProcessor.Shutdown(ctx)
}

// countingExporter sends batches, counts those that are lost, and keeps errors
// to itself: OpenTelemetry would print each to standard error.
type countingExporter struct {
	next    sdktrace.SpanExporter
	log     *zap.Logger
	dropped *prometheus.CounterVec

	// waiting is how many spans were taken over and are not sent yet.
	waiting atomic.Int64

	// lost is how many spans were dropped since the last line in the log.
	lost atomic.Int64

	// abandoned ends when nothing may be sent any more.
	abandoned context.Context
	abandon   context.CancelFunc

	mu         sync.Mutex
	complained time.Time // when the last line was written
}

// newCountingExporter wraps next.
func newCountingExporter(next sdktrace.SpanExporter, log *zap.Logger, dropped *prometheus.CounterVec) *countingExporter {
	e := &countingExporter{next: next, log: log, dropped: dropped}
	e.abandoned, e.abandon = context.WithCancel(context.Background())
	return e
}

// ExportSpans sends one batch. It never fails.
func (e *countingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer e.waiting.Add(-int64(len(spans)))
	if e.abandoned.Err() != nil {
		e.drop(droppedShutdown, len(spans))
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(e.abandoned, cancel)
	defer stop()

	err := e.next.ExportSpans(ctx, spans)
	switch {
	case err == nil:
	case e.abandoned.Err() != nil:
		e.drop(droppedShutdown, len(spans))
	default:
		e.drop(droppedExport, len(spans))
		e.complain(err)
	}
	return nil
}

// Shutdown ends the exporter beneath.
func (e *countingExporter) Shutdown(ctx context.Context) error { return e.next.Shutdown(ctx) }

// drop counts n spans that nobody will see.
func (e *countingExporter) drop(reason string, n int) {
	e.dropped.WithLabelValues(reason).Add(float64(n))
	e.lost.Add(int64(n))
}

// complain logs err and how much was lost since it last did, at most once in
// exportComplaints. A collector may answer with a page: the text is cut.
func (e *countingExporter) complain(err error) {
	now := time.Now()
	e.mu.Lock()
	due := e.complained.IsZero() || now.Sub(e.complained) >= exportComplaints
	if due {
		e.complained = now
	}
	e.mu.Unlock()
	if due {
		e.log.Warn("exporting spans",
			zap.String("error", clipped(err.Error())),
			zap.Int64("spans_dropped", e.lost.Swap(0)),
		)
	}
}

// keptIDs gives spans that are rendered after the fact the ids under which the
// bot and the third party already know them.
type keptIDs struct {
	// known finds the ids that the next span must get: policy.KeptIDs.
	known func(context.Context) (trace.SpanContext, bool)
}

// NewIDs gives the ids of a span without a parent.
func (k keptIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if sc, ok := k.known(ctx); ok && sc.IsValid() {
		return sc.TraceID(), sc.SpanID()
	}
	var id trace.TraceID
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id, randomSpanID()
}

// NewSpanID gives the id of a span with a parent in the trace.
func (k keptIDs) NewSpanID(ctx context.Context, in trace.TraceID) trace.SpanID {
	if sc, ok := k.known(ctx); ok && sc.IsValid() && sc.TraceID() == in {
		return sc.SpanID()
	}
	return randomSpanID()
}

// randomSpanID gives an id that is not zero. Ids are no secrets.
func randomSpanID() trace.SpanID {
	var id trace.SpanID
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

// Interface guards.
var (
	_ sdktrace.SpanProcessor = (*boundedProcessor)(nil)
	_ sdktrace.SpanExporter  = (*countingExporter)(nil)
	_ sdktrace.IDGenerator   = keptIDs{}
)
