package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"sallyport/internal/trace"
)

// tracesPath is where a collector takes traces, below its endpoint.
const tracesPath = "/v1/traces"

// Variables of OpenTelemetry that say where traces go, or that there are none.
// The others, such as those for headers and sampling, its SDK reads by itself.
const (
	otelDisabled = "OTEL_SDK_DISABLED"
	otelExporter = "OTEL_TRACES_EXPORTER"
	otelTraces   = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	otelEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
)

// tracesURL is where traces go: below the endpoint that the setting names, else
// where OpenTelemetry's variables say. It is empty where there are none.
func tracesURL(setting string, environ []string) (address, from string) {
	v := make(map[string]string)
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "OTEL_") {
			v[name] = value
		}
	}
	switch {
	case strings.EqualFold(v[otelDisabled], "true"):
		return "", ""
	case setting != "":
		return below(setting), "--otlp-endpoint"
	case v[otelExporter] == "none":
		return "", ""
	case v[otelTraces] != "":
		return v[otelTraces], otelTraces
	case v[otelEndpoint] != "":
		return below(v[otelEndpoint]), otelEndpoint
	}
	return "", ""
}

func below(endpoint string) string { return strings.TrimSuffix(endpoint, "/") + tracesPath }

// openTracer starts to send traces to a collector. The returned function sends
// what is left, and ends that. Without an address there is nothing.
func openTracer(ctx context.Context, address, version string, logger *slog.Logger) (*trace.Tracer, func(context.Context) error, error) {
	if address == "" {
		return nil, func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(address))
	if err != nil {
		return nil, nil, Problems{"--otlp-endpoint: " + err.Error()}
	}
	// What the variables say stands behind: it wins.
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "sallyport"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, nil, Problems{"OTEL_RESOURCE_ATTRIBUTES: expected NAME=VALUE with commas between"}
	}
	// The SDK keeps this one in a variable of its package. It calls it for each
	// batch that no collector took, after a minute of tries.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("traces not sent", "cause", err) }))
	// A full queue drops spans: no request waits for a collector.
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return trace.New(provider), provider.Shutdown, nil
}

// flushTraces sends what is left, if somebody takes it soon.
func (a *App) flushTraces() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := a.stopTracer(ctx); err != nil {
		a.Logger.Warn("traces not sent", "cause", err)
	}
}
