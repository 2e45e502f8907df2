package trace

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"sallyport/internal/fault"
)

// scope names the instrumentation in every span.
const scope = "sallyport"

// Attributes of our own. Those of HTTP and databases have the names of
// OpenTelemetry's semantic conventions.
const (
	Code      = "sallyport.code"           // of a refusal
	Reference = "sallyport.reference"      // that a refusal's page shows, or that a sign-in is recorded by
	Profile   = "sallyport.sso_profile_id" // of the SSO profile
	Outcome   = "sallyport.outcome"        // of a message that was validated
	Engine    = "db.system.name"           // of a transaction
)

// A Span is a piece of work in a trace. The zero Span is in none: everything
// that is done with it does nothing.
type Span struct{ span oteltrace.Span }

// Start begins a span below that of ctx, and returns a context for what belongs
// to it. Where ctx has no span that is recorded it returns ctx as it is.
func Start(ctx context.Context, name string) (context.Context, Span) {
	parent := oteltrace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, Span{span}
}

// Set notes an id, a code or another word from a list of ours.
func (s Span) Set(key, value string) {
	if s.span != nil && value != "" {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Event notes that the work has come to a point.
func (s Span) Event(name string) {
	if s.span != nil {
		s.span.AddEvent(name)
	}
}

// End ends the span with how the work has ended: the code of a refusal, which
// is no failure of ours unless its status says so.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	switch f := fault.From(err); {
	case f == nil:
	case errors.Is(err, context.Canceled):
		s.Set(Code, "canceled") // whoever asked has gone
	default:
		s.refused(f)
	}
	s.span.End()
}

func (s Span) refused(f *fault.Error) {
	s.Set(Code, string(f.Code))
	if f.Status() >= 500 {
		s.span.SetStatus(codes.Error, string(f.Code))
	}
}
