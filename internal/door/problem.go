package door

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"sallyport/internal/fault"
)

// A Problem is an error as programs get it (RFC 9457).
type Problem struct {
	Type      string         `json:"type" doc:"Where the code is explained."`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail,omitempty"`
	Code      fault.Code     `json:"code" doc:"Stable, for programs."`
	Reference string         `json:"reference" doc:"By which the operator finds it in the log."`
	Errors    []ProblemField `json:"errors,omitempty" doc:"What is wrong with which input."`
}

// A ProblemField is what is wrong with one input.
type ProblemField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// NewProblem makes the Problem of a fault. Base is the installation's base URL.
func NewProblem(f *fault.Error, base, reference string) *Problem {
	p := &Problem{
		Type: base + "/help/errors/" + string(f.Code), Title: f.Title, Status: f.Status(), Detail: f.Detail,
		Code: f.Code, Reference: reference,
	}
	for _, field := range f.Fields {
		p.Errors = append(p.Errors, ProblemField{field.Name, field.Message})
	}
	return p
}

// Error makes a Problem an error, as huma wants it.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus is what huma asks for.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is what huma asks for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// WriteProblem answers a program with an error.
func WriteProblem(w http.ResponseWriter, f *fault.Error, base, reference string) {
	ErrorHeaders(w.Header(), f, reference)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(f.Status())
	// The client may be gone; nobody is left to be told.
	_ = json.NewEncoder(w).Encode(NewProblem(f, base, reference))
}

// ErrorHeaders sets the headers that every refusal has.
func ErrorHeaders(h http.Header, f *fault.Error, reference string) {
	h.Set("Sallyport-Error", string(f.Code))
	h.Set("Sallyport-Reference", reference)
	h.Set("Cache-Control", "no-store")
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	if f.Status() == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" && (f.Code == fault.Unauthenticated || f.Code == fault.TokenExpired) {
		h.Set("WWW-Authenticate", `Bearer realm="sallyport"`)
	}
}
