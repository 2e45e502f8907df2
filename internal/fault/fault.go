package fault

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// An Error is a refusal. Its exported fields may be shown to whoever asked.
type Error struct {
	Code  Code
	Title string // the code's title unless a use case knows a better one
	// Detail says in a sentence or two what is wrong here and what to do.
	Detail string
	// Fields says what is wrong with which input; for forms and bodies.
	Fields []Field
	// RetryAfter is how long to wait before the next try; zero if that
	// changes nothing.
	RetryAfter time.Duration

	status int // zero: the code's own
	cause  error
}

// A Field is what is wrong with one input. Message never repeats the value.
type Field struct {
	Name    string // as the caller wrote it: a form field, a JSON path
	Message string
	// Reason is what a translation of the message is found by, where one code
	// has several messages.
	Reason string
	// Line is where in a document it is, from 1; 0 if it is not about a line.
	// Details are what the words of the reason have places for.
	Line    int
	Details []string
}

// New makes an Error that nothing but a rule caused.
func New(code Code, detail string) *Error {
	return &Error{Code: code, Title: code.Title(), Detail: detail}
}

// Newf is [New] with a formatted detail.
func Newf(code Code, format string, args ...any) *Error {
	return New(code, fmt.Sprintf(format, args...))
}

// Wrap makes an Error of something that failed. The cause is for the log: it
// stays reachable through errors.Is and errors.As and is shown to nobody.
func Wrap(cause error, code Code, detail string) *Error {
	e := New(code, detail)
	e.cause = cause
	return e
}

// Invalid refuses an input and names each field that is wrong.
func Invalid(fields ...Field) *Error {
	e := New(CodeInvalid, "")
	e.Fields = fields
	return e
}

// Limited refuses a try that came too early.
func Limited(retryAfter time.Duration, detail string) *Error {
	e := New(RateLimited, detail)
	e.RetryAfter = retryAfter
	return e
}

// AtSignIn returns the error as the answer to somebody who tries to sign in.
// There [DomainNotVerified] is a refusal, 403, and not a conflict with the
// state of something that the caller administers.
func (e *Error) AtSignIn() *Error {
	at := *e
	if e.Code == DomainNotVerified {
		at.status = http.StatusForbidden
	}
	return &at
}

// Status is the HTTP status to answer with.
func (e *Error) Status() int {
	if e.status != 0 {
		return e.status
	}
	return e.Code.Status()
}

// Error is one line for the log. It holds the cause: doors show the fields.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	for _, f := range e.Fields {
		text += fmt.Sprintf(" [%s: %s]", f.Name, f.Message)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether the target is the error's code, or an Error with it.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Code:
		return t == e.Code
	case *Error:
		return t.Code == e.Code
	}
	return false
}

// From turns any error into an Error for a door to show. The outermost Error
// in err's chain wins. Anything else is [Internal] with a neutral detail, and
// err is kept as the cause. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if code, ok := errors.AsType[Code](err); ok {
		return Wrap(err, code, "")
	}
	return Wrap(err, Internal, "Please try again. If it happens again, tell support the reference.")
}
