package telemetry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// tracesPath is where a collector receives spans, below its base URL
// (OTLP specification 1.x, section "OTLP/HTTP Request").
const tracesPath = "/v1/traces"

// newSpanExporter makes the exporter for an endpoint, or, when it is empty,
// the one that the OTEL_* variables describe. Time-outs, certificates,
// compression and headers are those variables' in either case.
func newSpanExporter(ctx context.Context, endpoint string) (sdktrace.SpanExporter, error) {
	if endpoint == "" {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("making the span exporter of the OTEL_* variables: %w", err)
		}
		return exporter, nil
	}
	target, err := parseCollector(endpoint)
	if err != nil {
		return nil, fmt.Errorf("reading the trace endpoint: %w", err)
	}
	exporter, err := target.exporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the span exporter: %w", err)
	}
	return exporter, nil
}

// collector is where spans go.
type collector struct {
	// grpc tells OTLP over gRPC from OTLP over HTTP.
	grpc bool

	// url is http or https without credentials; over gRPC only its host counts.
	url string

	// headers hold the credentials that the endpoint named, or are nil.
	headers map[string]string
}

// CheckEndpoint tells what is wrong with a collector's URL. The error does not
// repeat it.
func CheckEndpoint(endpoint string) error {
	_, err := parseCollector(endpoint)
	return err
}

// parseCollector reads a collector's URL. http and https speak OTLP over HTTP,
// grpc and grpcs the same over gRPC, where the s means TLS. Over HTTP the URL
// is the collector's base: /v1/traces is added unless it ends so. A user and
// password are sent as basic authentication, in place of the headers of
// OTEL_EXPORTER_OTLP_HEADERS. Errors do not repeat the URL, which may hold a
// secret.
func parseCollector(endpoint string) (collector, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return collector{}, errors.New("expected a URL such as http://localhost:4318 or grpc://localhost:4317")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return collector{}, errors.New("a collector's URL has no query and no fragment")
	}
	var c collector
	switch u.Scheme {
	case "http", "https":
		u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), tracesPath) + tracesPath
	case "grpc", "grpcs":
		if strings.Trim(u.Path, "/") != "" {
			return collector{}, errors.New("a collector's gRPC address has no path")
		}
		c.grpc = true
		u.Scheme = strings.Replace(u.Scheme, "grpc", "http", 1)
	default:
		return collector{}, errors.New("expected one of the schemes http, https, grpc, grpcs")
	}
	if u.User != nil {
		password, _ := u.User.Password()
		pair := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		c.headers = map[string]string{"Authorization": "Basic " + pair}
		u.User = nil
	}
	u.RawPath = ""
	c.url = u.String()
	return c, nil
}

// exporter makes the exporter. It connects when it first sends.
func (c collector) exporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if c.grpc {
		opts := []otlptracegrpc.Option{otlptracegrpc.WithEndpointURL(c.url)}
		if c.headers != nil {
			opts = append(opts, otlptracegrpc.WithHeaders(c.headers))
		}
		return otlptracegrpc.New(ctx, opts...)
	}
	opts := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(c.url)}
	if c.headers != nil {
		opts = append(opts, otlptracehttp.WithHeaders(c.headers))
	}
	return otlptracehttp.New(ctx, opts...)
}
