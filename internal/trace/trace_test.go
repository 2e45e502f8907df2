package trace

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sallyport/internal/fault"
)

// recorded makes a Tracer and what it records.
func recorded() (*Tracer, *tracetest.SpanRecorder) {
	r := tracetest.NewSpanRecorder()
	return New(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r))), r
}

func visit(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/things/7?secret=hush", nil)
	for _, h := range header {
		r.Header.Set("Traceparent", h)
	}
	return r
}

// attributes are those of a span as name=value, in order.
func attributes(s sdktrace.ReadOnlySpan) string {
	var all []string
	for _, a := range s.Attributes() {
		all = append(all, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestSpansStandBelowEachOther(t *testing.T) {
	tracer, rec := recorded()
	ctx, request := tracer.Request(t.Context(), visit(), false)
	outer, first := Start(ctx, "first")
	_, second := Start(outer, "second")
	second.Event("begun")
	second.Set(Profile, "sso_1")
	second.Set(Reference, "")
	second.End(nil)
	first.End(nil)
	request.Answered("/things/{id}", "POST", 303, nil, "")
	all := rec.Ended()
	if len(all) != 3 || all[2].Name() != "POST /things/{id}" || all[0].Parent().SpanID() != all[1].SpanContext().SpanID() ||
		all[1].Parent().SpanID() != all[2].SpanContext().SpanID() || all[2].Parent().IsValid() {
		t.Fatalf("%v", all)
	}
	if attributes(all[0]) != "sallyport.sso_profile_id=sso_1" || len(all[0].Events()) != 1 {
		t.Errorf("%s %v", attributes(all[0]), all[0].Events())
	}
	if want := "http.request.method=POST http.response.status_code=303 http.route=/things/{id}"; attributes(all[2]) != want {
		t.Error(attributes(all[2]))
	}
	if request.ID() != all[2].SpanContext().TraceID().String() {
		t.Error(request.ID())
	}
}

func TestOfAnErrorASpanTellsTheCodeAlone(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		want   string
		failed bool
	}{
		"none":      {nil, "", false},
		"a refusal": {fault.New(fault.Forbidden, "hush"), "sallyport.code=forbidden", false},
		"a failure": {errors.New("hush"), "sallyport.code=internal", true},
		"overload":  {fault.Wrap(errors.New("hush"), fault.Overloaded, "hush"), "sallyport.code=overloaded", true},
		"gone":      {context.Canceled, "sallyport.code=canceled", false},
	} {
		tracer, rec := recorded()
		ctx, _ := tracer.Request(t.Context(), visit(), false)
		_, span := Start(ctx, "work")
		span.End(c.err)
		got := rec.Ended()[0]
		if attributes(got) != c.want || (got.Status().Code == codes.Error) != c.failed || strings.Contains(got.Status().Description, "hush") || len(got.Events()) > 0 {
			t.Errorf("%s: %q %v %v", name, attributes(got), got.Status(), got.Events())
		}
	}
}

func TestARefusedRequestHasItsReference(t *testing.T) {
	tracer, rec := recorded()
	_, request := tracer.Request(t.Context(), visit(), false)
	request.Answered("", "other", 503, fault.New(fault.Overloaded, "hush"), "att_1")
	got := rec.Ended()[0]
	if want := "http.request.method=other http.response.status_code=503 sallyport.code=overloaded sallyport.reference=att_1"; attributes(got) != want ||
		got.Name() != "other" || got.Status().Code != codes.Error {
		t.Errorf("%s %s %v", got.Name(), attributes(got), got.Status())
	}
}

func TestOnlyTheTrustedNameTheParent(t *testing.T) {
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, c := range map[string]struct {
		header  string
		trusted bool
		want    string
	}{
		"trusted":          {theirs, true, "b7ad6b7169203331"},
		"anybody":          {theirs, false, "0000000000000000"},
		"trusted nonsense": {"00-x-y-01", true, "0000000000000000"},
		"trusted silence":  {"", true, "0000000000000000"},
	} {
		tracer, rec := recorded()
		_, request := tracer.Request(t.Context(), visit(c.header), c.trusted)
		request.Answered("", "GET", 200, nil, "")
		if got := rec.Ended()[0].Parent().SpanID().String(); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestARequestThatIsNotSampledMakesNothing(t *testing.T) {
	rec := tracetest.NewSpanRecorder()
	tracer := New(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec), sdktrace.WithSampler(sdktrace.NeverSample())))
	ctx, request := tracer.Request(t.Context(), visit(), false)
	_, span := Start(ctx, "work")
	span.End(nil)
	request.Answered("/", "GET", 200, nil, "")
	if len(rec.Started()) > 0 || request.ID() != "" {
		t.Errorf("%v %s", rec.Started(), request.ID())
	}
}

// work is what a sign-in does with spans: a request, a use case, a validation,
// three transactions.
func work(ctx context.Context, t *Tracer, r *http.Request) {
	ctx, request := t.Request(ctx, r, false)
	inner, span := Start(ctx, "use case")
	span.Set(Profile, "sso_1")
	for range 4 {
		_, one := Start(inner, "below")
		one.Event("begun")
		one.Set(Engine, "sqlite")
		one.End(nil)
	}
	span.End(nil)
	request.Answered("/", "GET", 200, nil, "")
}

func TestWithoutATracerNothingIsAllocated(t *testing.T) {
	r := visit()
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { work(ctx, nil, r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	r := visit()
	on := New(sdktrace.NewTracerProvider(sdktrace.WithBatcher(tracetest.NewNoopExporter())))
	unsampled := New(sdktrace.NewTracerProvider(sdktrace.WithBatcher(tracetest.NewNoopExporter()), sdktrace.WithSampler(sdktrace.NeverSample())))
	for _, c := range []struct {
		name   string
		tracer *Tracer
	}{{"off", nil}, {"unsampled", unsampled}, {"on", on}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				work(b.Context(), c.tracer, r)
			}
		})
	}
}
