package door

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"sallyport/internal/fault"
)

// Metrics is told of every request that was answered. Route is the pattern
// that matched, not the path: paths hold ids and are without number.
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

// Observe logs and counts the requests that next answers, and turns a panic
// into an answer of 500. Neither paths nor query strings stand in the log: both
// can hold what only the visitor should know.
func Observe(next http.Handler, logger *slog.Logger, metrics Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		n := &note{}
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				if cause == http.ErrAbortHandler {
					panic(cause)
				}
				logger.Error("panic", "cause", cause, "route", r.Pattern)
				if rec.status == 0 {
					http.Error(rec, "Internal Server Error", http.StatusInternalServerError)
				}
			}
			took := time.Since(start)
			metrics.Request(r.Pattern, r.Method, rec.statusOr200(), took)
			logRequest(r, logger, n, rec.statusOr200(), took)
		}()
		next.ServeHTTP(rec, r)
	})
}

func logRequest(r *http.Request, logger *slog.Logger, n *note, status int, took time.Duration) {
	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("route", r.Pattern), slog.String("method", r.Method), slog.Int("status", status), slog.Duration("took", took),
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
