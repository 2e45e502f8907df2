package trace

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"sallyport/internal/fault"
)

// A Tracer begins traces. A nil Tracer begins none.
type Tracer struct{ tracer oteltrace.Tracer }

// New makes a Tracer whose spans go where the provider sends them.
func New(p oteltrace.TracerProvider) *Tracer { return &Tracer{p.Tracer(scope)} }

// A Request is the span of a request at the door. The zero Request is none.
type Request struct{ Span }

// Request begins the span of a request. It is the first of its trace, unless a
// proxy that is trusted names the span that the request belongs to: from anybody
// else such a header would choose what is recorded.
func (t *Tracer) Request(ctx context.Context, r *http.Request, trusted bool) (context.Context, Request) {
	if t == nil {
		return ctx, Request{}
	}
	if trusted {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := t.tracer.Start(ctx, "request", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	if !span.IsRecording() {
		return ctx, Request{}
	}
	return ctx, Request{Span{span}}
}

// ID is the id of the trace, for the log; empty where there is none.
func (r Request) ID() string {
	if r.span == nil {
		return ""
	}
	return r.span.SpanContext().TraceID().String()
}

// Answered ends the span. Route is the pattern that matched, method one of
// those that there are; f and reference are those of a refusal.
func (r Request) Answered(route, method string, status int, f *fault.Error, reference string) {
	if r.span == nil {
		return
	}
	name := method
	if route != "" {
		name = method + " " + route
		r.Set("http.route", route)
	}
	r.span.SetName(name)
	r.Set("http.request.method", method)
	r.span.SetAttributes(attribute.Int("http.response.status_code", status))
	r.Set(Reference, reference)
	if f != nil {
		r.Set(Code, string(f.Code))
	}
	if status >= 500 {
		r.span.SetStatus(codes.Error, "")
	}
	r.span.End()
}
