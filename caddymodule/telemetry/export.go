package telemetry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"

	"github.com/signpost-gateway/signpost/policy"
)

const (
	// shutdownPatience is how long Shutdown lets a collector take for the spans
	// that still wait. A reload or a stop takes at most that much longer.
	shutdownPatience = 3 * time.Second

	// maxSpanValue is the length in bytes at which the text of an attribute is
	// cut when OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT sets no other limit, so
	// that the memory of the queue is bounded.
	maxSpanValue = 4096
)

// Export exports the spans of one configuration. The zero value, and a nil
// pointer, export none. It is safe for concurrent use.
//
// It sets none of OpenTelemetry's globals: Caddy's `tracing` and other modules
// in the same process keep their own.
type Export struct {
	tracing   policy.Tracing
	processor *boundedProcessor
}

// New sets up the export of spans as the `trace` block t says, which
// may be nil, and as the OTEL_* variables say where it is silent. Without a
// block and without OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_ENDPOINT and
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT nothing is exported; OTEL_SDK_DISABLED=true
// and OTEL_TRACES_EXPORTER=none turn the export off whatever the block says.
//
// No connection is made before there is a span to send. What it starts, a
// goroutine, ends with Shutdown.
func New(ctx context.Context, t *Trace, log *zap.Logger, version string) (*Export, error) {
	if !exportWanted(t, log) {
		return &Export{}, nil
	}
	if t == nil {
		t = &Trace{}
	}
	sampling, err := samplingOptions(t.Sample)
	if err != nil {
		return nil, err
	}
	exporter, err := newSpanExporter(ctx, t.Endpoint)
	if err != nil {
		return nil, err
	}
	processor := newBoundedProcessor(exporter, log, Process().spansDropped)

	limits := sdktrace.NewSpanLimits() // as the OTEL_* variables say
	if limits.AttributeValueLengthLimit < 0 {
		limits.AttributeValueLengthLimit = maxSpanValue
	}
	common := []sdktrace.TracerProviderOption{
		sdktrace.WithSpanProcessor(processor),
		sdktrace.WithResource(describeService(ctx, log, version)),
		sdktrace.WithRawSpanLimits(limits),
	}
	tel := &Export{processor: processor}
	tel.tracing = policy.Tracing{
		Provider:   sdktrace.NewTracerProvider(append(sampling, common...)...),
		KeepFailed: t.KeepFailed,
		KeepSlow:   t.KeepSlow.Std(),
	}
	if t.KeepFailed || t.KeepSlow > 0 {
		tel.tracing.Kept = sdktrace.NewTracerProvider(append(common,
			sdktrace.WithSampler(sdktrace.AlwaysSample()),
			sdktrace.WithIDGenerator(keptIDs{known: policy.KeptIDs}),
		)...)
	}
	return tel, nil
}

// Tracing is what the engine needs to make spans. Its providers stay usable
// after Shutdown; what they make then is counted as dropped.
func (t *Export) Tracing() policy.Tracing {
	if t == nil {
		return policy.Tracing{}
	}
	return t.tracing
}

// Shutdown sends what still waits and ends the export. It returns at the
// latest when ctx ends or after shutdownPatience, whatever the collector does;
// spans that were not sent by then are dropped, counted, and an error says so.
// A second call does nothing.
func (t *Export) Shutdown(ctx context.Context) error {
	if t == nil || t.processor == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, shutdownPatience)
	defer cancel()
	if err := t.processor.Shutdown(ctx); err != nil {
		return fmt.Errorf("flushing spans: %w", err)
	}
	return nil
}

// exportWanted tells whether spans are exported at all.
func exportWanted(t *Trace, log *zap.Logger) bool {
	off := ""
	switch {
	case strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true"):
		off = "OTEL_SDK_DISABLED"
	case os.Getenv("OTEL_TRACES_EXPORTER") == "none":
		off = "OTEL_TRACES_EXPORTER"
	}
	if off != "" {
		if t != nil {
			log.Info("tracing is configured, but the environment turns it off", zap.String("variable", off))
		}
		return false
	}
	if t != nil && !t.onlyUI() {
		return true
	}
	for _, name := range []string{
		"OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// samplingOptions gives the sampler for a percentage. A bot's own traceparent
// decides before it. Without a percentage OTEL_TRACES_SAMPLER decides, and
// without that every trace is exported whose parent, if any, is.
func samplingOptions(percent *float64) ([]sdktrace.TracerProviderOption, error) {
	if percent == nil {
		return nil, nil
	}
	if !(*percent >= 0 && *percent <= 100) { // not a number is refused, too
		return nil, fmt.Errorf("sampling %v%% of the traces: expected 0 to 100", *percent)
	}
	root := sdktrace.TraceIDRatioBased(*percent / 100)
	return []sdktrace.TracerProviderOption{sdktrace.WithSampler(sdktrace.ParentBased(root))}, nil
}

// describeService says who sends the spans. OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES come before what is said here.
func describeService(ctx context.Context, log *zap.Logger, version string) *resource.Resource {
	// The keys are spelled out: importing the conventions for two of them
	// would tie this file to one release of theirs.
	attrs := []attribute.KeyValue{attribute.String("service.name", "signpost")}
	if version != "" {
		attrs = append(attrs, attribute.String("service.version", version))
	}
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attrs...),
		resource.WithFromEnv(),
	)
	// A broken pair in the environment costs that pair, not the export.
	if err != nil {
		log.Warn("reading the resource of traces", zap.String("error", clipped(err.Error())))
		if !errors.Is(err, resource.ErrPartialResource) {
			return resource.NewSchemaless(attrs...)
		}
	}
	return res
}
