package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/feedback"
	"sallyport/internal/id"
	"sallyport/internal/imports"
	"sallyport/internal/record"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/token"
)

// Prefix is the path below which the API stands.
const Prefix = "/api/v1"

// A Config is what the door needs besides the use cases.
type Config struct {
	BaseURL string
	Version string
	Proxies door.Proxies
}

// Services are the use cases behind the door.
type Services struct {
	DB        *db.DB
	IDs       *id.Source
	Audit     *audit.Log
	Directory *directory.Service
	Record    *record.Service
	SSO       *sso.Service
	SignIn    *signin.Service
	Tokens    *token.Service
	Imports   *imports.Service
	Feedback  *feedback.Service
}

// An API is the door.
type API struct {
	Services
	cfg  Config
	huma huma.API
	mux  *http.ServeMux
}

// New builds the door.
func New(services Services, cfg Config) *API {
	answerProblems()
	a := &API{Services: services, cfg: cfg, mux: http.NewServeMux()}
	hc := huma.DefaultConfig("Sallyport", cfg.Version)
	hc.CreateHooks = nil // no $schema in answers
	hc.DocsPath, hc.SchemasPath, hc.OpenAPIPath = "", "", "/openapi"
	hc.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	hc.Info.Description = "Everything that the Admin Center does. Lists answer `items` and `next_cursor`; pass that as `cursor`."
	hc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "An API token, slp_…"},
	}
	hc.Security = []map[string][]string{{"token": {}}}
	a.huma = humago.NewWithPrefix(a.mux, Prefix, hc)
	a.organizations()
	a.domains()
	a.users()
	a.accounts()
	a.imports()
	a.profiles()
	a.connectionTests()
	a.setupLinks()
	a.keys()
	a.certificates()
	a.idpMetadata()
	a.tokens()
	a.diagnosis()
	a.auditLog()
	a.signIns()
	a.feedback()
	a.mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, fault.New(fault.NotFound, "There is no such operation."))
	})
	return a
}

// ServeHTTP answers requests below [Prefix].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	a.mux.ServeHTTP(w, negotiated(r))
}

// OpenAPI returns the description of the API, as it is served.
func (a *API) OpenAPI() ([]byte, error) {
	return json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
}

// refuse answers with an error outside of an operation.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	reference := a.IDs.New(id.Attempt)
	door.Note(r.Context(), f, reference)
	door.WriteProblem(w, f, a.cfg.BaseURL, reference)
}

// A route is what the guard has to know of an operation.
type route struct {
	id       string // of the operation, for OpenAPI
	method   string
	path     string
	summary  string
	tag      string
	action   access.Action
	kinds    []id.Kind // what {id} in the path may be; none: there is no {id}
	needs    feature
	status   int               // of success; 200 if zero
	maxBody  int64             // octets; 64 KiB if zero
	body     *huma.RequestBody // of an operation that reads it by itself
	produces string            // what is answered, where it is not JSON
}

// A feature is something that an edition includes.
type feature int

const (
	nothing feature = iota
	singleSignOn
)

const defaultMaxBody = 64 << 10

// handle adds an operation.
func handle[I, O any](a *API, r route, h func(ctx context.Context, actor access.Actor, in *I) (*O, error)) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.maxBody == 0 {
		r.maxBody = defaultMaxBody
	}
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: r.status, MaxBodyBytes: r.maxBody, Middlewares: huma.Middlewares{a.guard(r)},
		Errors: []int{401, 403, 404, 409, 422},
	}
	if r.produces != "" {
		op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			r.produces: {Schema: &huma.Schema{Type: "string"}}}}}
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		actor, _ := ctx.Value(actorKey{}).(access.Actor)
		out, err := h(ctx, actor, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	if r.body != nil { // huma reads what it knows of beforehand
		a.huma.OpenAPI().Paths[r.path].Post.RequestBody = r.body
	}
}

// problem turns an error of a handler into what huma writes.
func (a *API) problem(ctx context.Context, err error) error {
	f := fault.From(err)
	reference := a.IDs.New(id.Attempt)
	door.Note(ctx, f, reference)
	h := make(http.Header)
	door.ErrorHeaders(h, f, reference)
	return huma.ErrorWithHeaders(door.NewProblem(f, a.cfg.BaseURL, reference), h)
}

// answerProblems has huma's own refusals (bodies that do not fit) answered as
// ours are, and a field in other capitals be another field. huma keeps both in
// variables of its package.
var answerProblems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
		f := bodyFault(status, errs)
		if a, ok := ctx.Context().Value(apiKey{}).(*API); ok {
			reference := a.IDs.New(id.Attempt)
			door.Note(ctx.Context(), f, reference)
			_, w := humago.Unwrap(ctx)
			door.ErrorHeaders(w.Header(), f, reference)
			return door.NewProblem(f, a.cfg.BaseURL, reference)
		}
		return door.NewProblem(f, "", "")
	}
})

type (
	apiKey   struct{}
	actorKey struct{}
)

// bodyFault is what is wrong with a request that does not fit its operation.
// Values that were sent are never repeated.
func bodyFault(status int, errs []error) *fault.Error {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "The body is too large.")
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusRequestTimeout:
		return fault.New(fault.Malformed, "The body is not JSON.")
	case http.StatusInternalServerError:
		return fault.Wrap(errors.Join(errs...), fault.Internal, "")
	}
	var fields []fault.Field
	for _, err := range errs {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			fields = append(fields, bodyField(d))
		}
	}
	return fault.Invalid(fields...)
}

// bodyField turns what huma says of an input into what we say. A field that is
// missing huma names in a sentence about what it is missing in.
func bodyField(d *huma.ErrorDetail) fault.Field {
	var missing string
	if _, err := fmt.Sscanf(d.Message, validation.MsgExpectedRequiredProperty, &missing); err == nil {
		return fault.Field{Name: fieldName(d.Location + "." + missing), Message: "is needed"}
	}
	return fault.Field{Name: fieldName(d.Location), Message: d.Message}
}

// fieldName turns huma's location into the name of the field.
func fieldName(location string) string {
	for _, in := range []string{"body.", "query.", "path.", "header."} {
		if name, ok := strings.CutPrefix(location, in); ok {
			return name
		}
	}
	return location
}
