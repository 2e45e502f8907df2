package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/id"
	"sallyport/internal/session"
)

type userOut struct {
	ID             string            `json:"id" doc:"usr_…, or inv_… of an invitation."`
	OrganizationID *string           `json:"organization_id" nullable:"true" doc:"null: independent."`
	Email          string            `json:"email"`
	PendingEmail   *string           `json:"pending_email,omitempty" doc:"Asked for and not confirmed yet; left out of lists."`
	Name           string            `json:"name"`
	Role           *access.Role      `json:"role" nullable:"true" enum:"owner,administrator,member"`
	Status         access.UserStatus `json:"status" enum:"invited,active,deactivated"`
	SSO            userSSOOut        `json:"sso"`
	SignIn         signInOut         `json:"sign_in"`
	CreatedAt      time.Time         `json:"created_at"`
}

type userSSOOut struct {
	Setting   access.SSOSetting `json:"setting" enum:"inherit,enabled,disabled"`
	ProfileID *string           `json:"profile_id" nullable:"true"`
}

type signInOut struct {
	Method    access.Method `json:"method" enum:"password,sso,none"`
	Reason    access.Reason `json:"reason"`
	ProfileID *string       `json:"profile_id" nullable:"true"`
}

func showUser(v directory.UserView) userOut {
	if i := v.Invitation; i != nil {
		return userOut{
			ID: i.ID, OrganizationID: &i.OrganizationID, Email: i.Email, Name: i.Name, Role: &i.Role, Status: access.UserInvited,
			SSO:       userSSOOut{Setting: access.SSOInherit},
			SignIn:    signInOut{Method: access.MethodPassword, Reason: access.ReasonNotEnforced},
			CreatedAt: i.CreatedAt,
		}
	}
	u := v.User
	out := userOut{
		ID: u.ID, OrganizationID: optional(u.OrganizationID), Email: u.Email, Name: u.Name, Status: u.Status,
		SSO:       userSSOOut{u.SSO, optional(u.ProfileID)},
		SignIn:    signInOut{v.SignIn.Method, v.SignIn.Reason, optional(v.SignIn.ProfileID)},
		CreatedAt: u.CreatedAt,
	}
	out.PendingEmail = optional(v.NewEmail)
	if u.Role != "" {
		out.Role = &u.Role
	}
	return out
}

type sessionOut struct {
	ID              string        `json:"id"`
	Method          access.Method `json:"method"`
	SSOProfileID    *string       `json:"sso_profile_id" nullable:"true"`
	AuthenticatedAt time.Time     `json:"authenticated_at"`
	LastSeenAt      time.Time     `json:"last_seen_at"`
	CreatedAt       time.Time     `json:"created_at"`
	Address         string        `json:"address"`
	Agent           string        `json:"agent"`
}

func showSession(s session.Session) sessionOut {
	return sessionOut{s.ID, s.Method, optional(s.ProfileID), s.AuthenticatedAt, s.LastSeenAt, s.CreatedAt, s.Address, s.Agent}
}

func (a *API) users() {
	const tag = "Users"
	user, organization := []id.Kind{id.User}, []id.Kind{id.Organization}

	type addUser struct {
		ID   string `path:"id"`
		Body struct {
			Email    string  `json:"email"`
			Name     string  `json:"name,omitempty"`
			Role     string  `json:"role,omitempty" enum:"owner,administrator,member"`
			Invite   *bool   `json:"invite,omitempty" doc:"Send the invitation; true if left out."`
			Language string  `json:"language,omitempty" enum:"en,de" doc:"Of mails to the user."`
			Password *string `json:"password,omitempty" doc:"Only the operator: vouches for the user, who is active at once."`
		}
	}
	handle(a, route{id: "add-user", method: http.MethodPost, path: "/organizations/{id}/users", tag: tag,
		summary: "Add a user, or invite one", action: access.ActUserCreate, kinds: organization, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *addUser) (*body[userOut], error) {
			v, err := a.Directory.AddUser(ctx, actor, in.ID, directory.NewUser{
				Email: in.Body.Email, Name: in.Body.Name, Role: access.Role(in.Body.Role), Password: in.Body.Password,
				Language: in.Body.Language, Silent: in.Body.Invite != nil && !*in.Body.Invite,
			})
			return &body[userOut]{showUser(v)}, err
		})

	type listUsers struct {
		ID     string            `path:"id"`
		Text   string            `query:"q" maxLength:"200" doc:"Words, each the beginning of a word of the name, of the address or of its domain."`
		Status access.UserStatus `query:"status" enum:"invited,active,deactivated"`
		Role   access.Role       `query:"role" enum:"owner,administrator,member"`
		SSO    access.SSOSetting `query:"sso" enum:"inherit,enabled,disabled"`
		Domain string            `query:"domain" maxLength:"253"`
		Reason access.Reason     `query:"reason" enum:"user_deactivated,sso_disabled_for_user,sso_enabled_for_user,domain_enforced,not_enforced" doc:"Why users sign in as they do."`
		NoSSO  bool              `query:"without_sso" doc:"Only users who do not sign in by SSO."`
		Paging
	}
	handle(a, route{id: "list-users", method: http.MethodGet, path: "/organizations/{id}/users", tag: tag,
		summary: "List an organization's users and invitations", action: access.ActUserRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *listUsers) (*body[list[userOut]], error) {
			found, err := a.Directory.Users(ctx, actor, directory.UserQuery{
				OrganizationID: in.ID, Text: in.Text, Status: in.Status, Role: in.Role, SSO: in.SSO, Domain: in.Domain,
				Reason: in.Reason, WithoutSSO: in.NoSSO, Page: in.directory(),
			})
			return listUpTo(found.Items, found.Next, showUser), err
		})

	type createIndependentUser struct {
		Body struct {
			Email    string  `json:"email"`
			Name     string  `json:"name,omitempty"`
			Language string  `json:"language,omitempty" enum:"en,de" doc:"Of mails to the user."`
			Password *string `json:"password,omitempty" doc:"With it the user is active; without it an invitation is sent."`
		}
	}
	handle(a, route{id: "create-independent-user", method: http.MethodPost, path: "/users", tag: tag,
		summary: "Create an independent user", action: access.ActUserCreateIndependent, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *createIndependentUser) (*body[userOut], error) {
			v, err := a.Directory.AddIndependentUser(ctx, actor, directory.NewUser{
				Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password, Language: in.Body.Language,
			})
			return &body[userOut]{showUser(v)}, err
		})

	userOrInvitation := []id.Kind{id.User, id.Invitation}
	handle(a, route{id: "get-user", method: http.MethodGet, path: "/users/{id}", tag: tag,
		summary: "Get a user", action: access.ActUserRead, kinds: userOrInvitation},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[userOut], error) {
			v, err := a.Directory.User(ctx, actor, in.ID)
			return &body[userOut]{showUser(v)}, err
		})

	type updateUser struct {
		ID   string `path:"id"`
		Body struct {
			Name   *string `json:"name,omitempty"`
			Email  *string `json:"email,omitempty" doc:"Within the domains that the organization holds. It counts once it was confirmed by the link that is mailed there; until then pending_email. The present address takes that back."`
			Status *string `json:"status,omitempty" enum:"active,deactivated"`
			Role   *string `json:"role,omitempty" enum:"owner,administrator,member"`
			SSO    *struct {
				Setting   string  `json:"setting" enum:"inherit,enabled,disabled"`
				ProfileID *string `json:"profile_id,omitempty" nullable:"true"`
			} `json:"sso,omitempty"`
		}
	}
	handle(a, route{id: "update-user", method: http.MethodPatch, path: "/users/{id}", tag: tag,
		summary: "Change a user", action: access.ActUserUpdate, kinds: user},
		func(ctx context.Context, actor access.Actor, in *updateUser) (*body[userOut], error) {
			change := directory.UserChange{Name: in.Body.Name, Email: in.Body.Email, Status: (*access.UserStatus)(in.Body.Status), Role: (*access.Role)(in.Body.Role)}
			if s := in.Body.SSO; s != nil {
				change.SSO = &directory.SSOChange{Setting: access.SSOSetting(s.Setting), ProfileID: text(s.ProfileID)}
			}
			v, err := a.Directory.UpdateUser(ctx, actor, in.ID, change)
			return &body[userOut]{showUser(v)}, err
		})

	handle(a, route{id: "remove-user", method: http.MethodDelete, path: "/users/{id}", tag: tag,
		summary: "Remove a user, or revoke an invitation", action: access.ActUserDelete, kinds: userOrInvitation, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.Directory.RemoveUser(ctx, actor, in.ID)
		})

	handle(a, route{id: "send-invitation", method: http.MethodPost, path: "/users/{id}/invitation", tag: tag,
		summary: "Mail an invitation once more", action: access.ActUserInvite, kinds: userOrInvitation},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[userOut], error) {
			v, err := a.Directory.ResendInvitation(ctx, actor, in.ID)
			return &body[userOut]{showUser(v)}, err
		})

	handle(a, route{id: "send-password-reset", method: http.MethodPost, path: "/users/{id}/password-reset", tag: tag,
		summary: "Mail a link to set another password", action: access.ActUserPasswordReset, kinds: user},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[userOut], error) {
			v, err := a.SignIn.SendPasswordReset(ctx, actor, in.ID)
			return &body[userOut]{showUser(v)}, err
		})

	handle(a, route{id: "list-user-sessions", method: http.MethodGet, path: "/users/{id}/sessions", tag: tag,
		summary: "List a user's sessions", action: access.ActUserRead, kinds: user},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[list[sessionOut]], error) {
			found, err := a.SignIn.UserSessions(ctx, actor, in.ID)
			return listOf(found, 0, showSession, nil), err
		})

	handle(a, route{id: "end-user-sessions", method: http.MethodDelete, path: "/users/{id}/sessions", tag: tag,
		summary: "End a user's sessions", action: access.ActUserSessions, kinds: user, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.SignIn.EndUserSessions(ctx, actor, in.ID)
		})
}
