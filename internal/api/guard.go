package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// WithActor gives a request that comes from within the process its actor: the
// command line at the server itself. No request from outside can carry one.
func WithActor(ctx context.Context, actor access.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// guard answers what can be refused before the body is read.
func (a *API) guard(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		req, w := humago.Unwrap(ctx)
		actor, err := a.admit(req, r)
		if err != nil {
			a.refuse(w, req, err)
			return
		}
		ctx = huma.WithValue(ctx, actorKey{}, actor)
		next(huma.WithValue(ctx, apiKey{}, a))
	}
}

// admit returns who asks, if they may ask for this operation.
func (a *API) admit(req *http.Request, r route) (access.Actor, error) {
	actor, err := a.actor(req)
	if err != nil {
		return actor, err
	}
	if err := directory.Refusal(access.MayAnywhere(actor, r.action)); err != nil {
		return actor, err
	}
	if len(r.kinds) == 0 {
		return actor, nil
	}
	organizationID, known, err := a.organizationOf(req.Context(), r.kinds, req.PathValue("id"))
	switch {
	case err != nil:
		return actor, err
	case !known:
		return actor, fault.New(fault.NotFound, "")
	}
	if v := access.May(actor, r.action, organizationID); v != access.Allowed && v != access.NotFresh {
		return actor, directory.Refusal(v)
	}
	if r.needs == singleSignOn {
		return actor, a.requireSSO(req.Context(), organizationID)
	}
	return actor, nil
}

func (a *API) requireSSO(ctx context.Context, organizationID string) error {
	return a.DB.View(ctx, func(tx *db.Tx) error {
		o, err := a.Directory.OrganizationByID(tx, organizationID)
		if err != nil {
			return err
		}
		return o.RequireSSO()
	})
}

// actor returns whose token a request carries.
func (a *API) actor(req *http.Request) (access.Actor, error) {
	if actor, ok := req.Context().Value(actorKey{}).(access.Actor); ok {
		return actor, nil
	}
	scheme, secret, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return access.Actor{}, fault.New(fault.Unauthenticated, "Send an API token: Authorization: Bearer slp_…")
	}
	actor, err := a.Tokens.Authenticate(req.Context(), strings.TrimSpace(secret))
	actor.Address, actor.Agent = a.cfg.Proxies.Address(req), door.Agent(req)
	return actor, err
}

// organizationOf answers to whom an id of one of these kinds belongs.
func (a *API) organizationOf(ctx context.Context, kinds []id.Kind, value string) (organizationID string, known bool, err error) {
	for _, kind := range kinds {
		if !kind.Valid(value) {
			continue
		}
		switch kind {
		case id.SSOProfile:
			return a.SSO.OrganizationOf(ctx, value)
		case id.ConnectionTest:
			return a.SSO.OrganizationOfTest(ctx, value)
		case id.Attempt:
			return a.Record.OrganizationOf(ctx, value)
		case id.SetupLink:
			return a.SSO.OrganizationOfSetupLink(ctx, value)
		case id.Feedback:
			return "", true, nil // the installation's
		case id.Job:
			return a.Imports.OrganizationOf(ctx, value)
		}
		return a.Directory.OrganizationOf(ctx, kind, value)
	}
	return "", false, nil
}

// Paging are the paging parameters of a list.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"100"`
}

func (p Paging) directory() directory.Page { return directory.Page{After: p.Cursor, Limit: p.Limit} }

// A list is a page of a list.
type list[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor" nullable:"true" doc:"Where the list goes on; null at its end."`
}

// listOf makes the answer of a list. A full page may be followed by another.
func listOf[T, U any](found []T, limit int, convert func(T) U, cursor func(T) string) *body[list[U]] {
	l := list[U]{Items: make([]U, 0, len(found))}
	for _, f := range found {
		l.Items = append(l.Items, convert(f))
	}
	if len(found) > 0 && len(found) == limit {
		next := cursor(found[len(found)-1])
		l.NextCursor = &next
	}
	return &body[list[U]]{l}
}

// listUpTo makes the answer of a list that knows where it goes on: a page may be
// short with more to follow.
func listUpTo[T, U any](found []T, next string, convert func(T) U) *body[list[U]] {
	l := listOf(found, 0, convert, nil)
	l.Body.NextCursor = optional(next)
	return l
}

// A body is an answer with a body.
type body[T any] struct{ Body T }

// none is an answer, or a request, without one.
type none struct{}

// ref is a request with nothing but an id in its path.
type ref struct {
	ID string `path:"id"`
}

// optional turns an empty string into null.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}
