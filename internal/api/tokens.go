package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/token"
)

// TokenOut is a token without its secret.
type TokenOut struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	OrganizationID *string      `json:"organization_id" nullable:"true" doc:"null: operator-wide."`
	Scope          access.Scope `json:"scope" enum:"admin,read,users,sso,audit"`
	CreatedAt      time.Time    `json:"created_at"`
	ExpiresAt      time.Time    `json:"expires_at"`
}

type newTokenOut struct {
	TokenOut
	Token string `json:"token" doc:"The secret. It is shown this once."`
}

func showToken(t token.Token) TokenOut {
	return TokenOut{t.ID, t.Name, optional(t.OrganizationID), t.Scope, t.CreatedAt, t.ExpiresAt}
}

func (a *API) tokens() {
	const tag = "Tokens"

	type createToken struct {
		Body struct {
			Name           string `json:"name,omitempty"`
			OrganizationID string `json:"organization_id,omitempty" doc:"Left out: operator-wide, or the token's own organization."`
			Scope          string `json:"scope" enum:"admin,read,users,sso,audit"`
			Expires        string `json:"expires,omitempty" doc:"A duration such as 30m, 12h or 7d; 30d if left out."`
		}
	}
	handle(a, route{id: "create-token", method: http.MethodPost, path: "/tokens", tag: tag,
		summary: "Create an API token", action: access.ActTokenCreateRead, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *createToken) (*body[newTokenOut], error) {
			life, err := token.ParseLife(in.Body.Expires)
			if err != nil {
				return nil, fault.Invalid(fault.Field{Name: "expires", Message: err.Error()})
			}
			t, secret, err := a.Tokens.Create(ctx, actor, token.NewToken{
				Name: in.Body.Name, OrganizationID: own(actor, in.Body.OrganizationID), Scope: access.Scope(in.Body.Scope), Life: life,
			})
			return &body[newTokenOut]{newTokenOut{showToken(t), secret}}, err
		})

	type listTokens struct {
		OrganizationID string `query:"organization_id" maxLength:"40"`
		Paging
	}
	handle(a, route{id: "list-tokens", method: http.MethodGet, path: "/tokens", tag: tag,
		summary: "List API tokens", action: access.ActTokenRead},
		func(ctx context.Context, actor access.Actor, in *listTokens) (*body[list[TokenOut]], error) {
			found, err := a.Tokens.List(ctx, actor, own(actor, in.OrganizationID), in.directory())
			return listOf(found, in.Limit, showToken, func(t token.Token) string { return t.ID }), err
		})

	handle(a, route{id: "delete-token", method: http.MethodDelete, path: "/tokens/{id}", tag: tag,
		summary: "End an API token", action: access.ActTokenDelete, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.Tokens.Delete(ctx, actor, in.ID)
		})
}

// own fills in the actor's own organization where none is named.
func own(actor access.Actor, organizationID string) string {
	if organizationID == "" {
		return actor.OrganizationID
	}
	return organizationID
}
