package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/id"
)

type organizationOut struct {
	ID                      string            `json:"id"`
	Name                    string            `json:"name"`
	Edition                 directory.Edition `json:"edition" enum:"standard,administration,enterprise"`
	SessionIdleMinutes      int64             `json:"session_idle_minutes"`
	SessionMaxMinutes       int64             `json:"session_max_minutes"`
	InitialPasswordRequired bool              `json:"initial_password_required"`
	CreatedAt               time.Time         `json:"created_at"`
}

func showOrganization(o directory.Organization) organizationOut {
	return organizationOut{
		ID: o.ID, Name: o.Name, Edition: o.Edition,
		SessionIdleMinutes: int64(o.Limits.Idle / time.Minute), SessionMaxMinutes: int64(o.Limits.Max / time.Minute),
		InitialPasswordRequired: o.InitialPassword, CreatedAt: o.CreatedAt,
	}
}

func (a *API) organizations() {
	const tag = "Organizations"
	organization := []id.Kind{id.Organization}

	type createOrganization struct {
		Body struct {
			Name       string `json:"name"`
			Edition    string `json:"edition,omitempty" enum:"standard,administration,enterprise"`
			OwnerEmail string `json:"owner_email,omitempty"`
		}
	}
	handle(a, route{id: "create-organization", method: http.MethodPost, path: "/organizations", tag: tag,
		summary: "Create an organization", action: access.ActOrganizationCreate, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *createOrganization) (*body[organizationOut], error) {
			o, err := a.Directory.CreateOrganization(ctx, actor, directory.NewOrganization{
				Name: in.Body.Name, Edition: directory.Edition(in.Body.Edition), OwnerEmail: in.Body.OwnerEmail,
			})
			return &body[organizationOut]{showOrganization(o)}, err
		})

	handle(a, route{id: "list-organizations", method: http.MethodGet, path: "/organizations", tag: tag,
		summary: "List the organizations that the token reaches", action: access.ActOrganizationRead},
		func(ctx context.Context, actor access.Actor, in *Paging) (*body[list[organizationOut]], error) {
			found, err := a.Directory.Organizations(ctx, actor, in.directory())
			return listOf(found, in.Limit, showOrganization, func(o directory.Organization) string { return o.ID }), err
		})

	handle(a, route{id: "get-organization", method: http.MethodGet, path: "/organizations/{id}", tag: tag,
		summary: "Get an organization", action: access.ActOrganizationRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[organizationOut], error) {
			o, err := a.Directory.Organization(ctx, actor, in.ID)
			return &body[organizationOut]{showOrganization(o)}, err
		})

	type updateOrganization struct {
		ID   string `path:"id"`
		Body struct {
			Name                    *string `json:"name,omitempty"`
			Edition                 *string `json:"edition,omitempty" enum:"standard,administration,enterprise" doc:"Only the operator changes it."`
			SessionIdleMinutes      *int64  `json:"session_idle_minutes,omitempty" minimum:"5" maximum:"1440"`
			SessionMaxMinutes       *int64  `json:"session_max_minutes,omitempty" minimum:"15" maximum:"43200"`
			InitialPasswordRequired *bool   `json:"initial_password_required,omitempty"`
		}
	}
	handle(a, route{id: "update-organization", method: http.MethodPatch, path: "/organizations/{id}", tag: tag,
		summary: "Change an organization's settings", action: access.ActOrganizationUpdate, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *updateOrganization) (*body[organizationOut], error) {
			o, err := a.Directory.UpdateOrganization(ctx, actor, in.ID, directory.OrganizationChange{
				Name: in.Body.Name, Edition: (*directory.Edition)(in.Body.Edition),
				SessionIdleMinutes: in.Body.SessionIdleMinutes, SessionMaxMinutes: in.Body.SessionMaxMinutes,
				InitialPassword: in.Body.InitialPasswordRequired,
			})
			return &body[organizationOut]{showOrganization(o)}, err
		})
}
