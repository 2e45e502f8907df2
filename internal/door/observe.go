package door

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/trace"
)

// Metrics is told of every request that was answered: by the path of the pattern
// that matched, not its own, because paths hold ids and are without number; and
// by a method of the seven that are in use, or other.
type Metrics interface {
	Request(route, method string, status int, took time.Duration)
}

// A note is what a handler leaves for the log line of its request.
type note struct {
	fault     *fault.Error
	reference string
}

type noteKey struct{}

// Note leaves an error and its reference for the log line of the request.
func Note(ctx context.Context, f *fault.Error, reference string) {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		n.fault, n.reference = f, reference
	}
}

// Observers are told of the requests that a door answers.
type Observers struct {
	Logger  *slog.Logger
	Metrics Metrics
	Tracer  *trace.Tracer // nil: there are no traces
	Proxies Proxies       // whose traceparent counts
	// Reference makes the reference of an answer that no handler has given one.
	Reference func() string
}

// Observe logs, counts and traces the requests that next answers, and turns a
// panic into an answer of 500. Neither paths nor query strings stand in the log:
// both can hold what only the visitor should know.
func Observe(next http.Handler, o Observers) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		n := &note{}
		ctx, span := o.Tracer.Request(r.Context(), r, o.Proxies.passedOn(r))
		r = r.WithContext(context.WithValue(ctx, noteKey{}, n))
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				if cause == http.ErrAbortHandler {
					span.End(context.Canceled)
					panic(cause)
				}
				o.panicked(rec, r, n, cause)
			}
			status, route, method := rec.statusOr200(), routePath(r.Pattern), knownMethod(r.Method)
			took := time.Since(start)
			o.Metrics.Request(route, method, status, took)
			span.Answered(route, method, status, n.fault, n.reference)
			logRequest(r, o.Logger, n, status, took, span.ID())
		}()
		next.ServeHTTP(rec, r)
	})
}

// panicked answers in place of a handler that could not, if it had not begun to.
func (o *Observers) panicked(rec *recorder, r *http.Request, n *note, cause any) {
	n.fault, n.reference = fault.New(fault.Internal, ""), o.Reference()
	o.Logger.Error("panic", "cause", cause, "route", r.Pattern, "reference", n.reference, "stack", string(debug.Stack()))
	if rec.status != 0 {
		return
	}
	ErrorHeaders(rec.Header(), n.fault, n.reference)
	http.Error(rec, n.fault.Title+"\n"+n.reference, http.StatusInternalServerError)
}

// knownMethod keeps the methods few: that of a request is whatever its sender
// wrote.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// routePath is the path of a pattern.
func routePath(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return path
	}
	return pattern
}

func logRequest(r *http.Request, logger *slog.Logger, n *note, status int, took time.Duration, traceID string) {
	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("route", r.Pattern), slog.String("method", knownMethod(r.Method)), slog.Int("status", status), slog.Duration("took", took),
	}
	if traceID != "" {
		attrs = append(attrs, slog.String("trace_id", traceID))
	}
	if n.fault != nil {
		level = slog.LevelInfo
		attrs = append(attrs, slog.String("code", string(n.fault.Code)), slog.String("reference", n.reference))
		if cause := errors.Unwrap(n.fault); cause != nil && status >= 500 {
			level = slog.LevelError
			attrs = append(attrs, slog.String("cause", cause.Error()))
		}
	}
	logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// A recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) statusOr200() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
