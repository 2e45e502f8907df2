package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/id"
)

type accountOut struct {
	ID             string    `json:"id"`
	OrganizationID string    `json:"organization_id"`
	Name           string    `json:"name"`
	Archived       bool      `json:"archived"`
	CreatedAt      time.Time `json:"created_at"`
}

func showAccount(a directory.Account) accountOut {
	return accountOut{a.ID, a.OrganizationID, a.Name, !a.ArchivedAt.IsZero(), a.CreatedAt}
}

type memberOut struct {
	AccountID string   `json:"account_id"`
	UserID    string   `json:"user_id"`
	Roles     []string `json:"roles"`
}

func showMember(m directory.Member) memberOut { return memberOut{m.AccountID, m.UserID, m.Roles} }

type placeOut struct {
	AccountID string   `json:"account_id"`
	Name      string   `json:"name"`
	Roles     []string `json:"roles"`
}

func showPlace(p directory.Place) placeOut { return placeOut{p.Account.ID, p.Account.Name, p.Roles} }

func (a *API) accounts() {
	const tag = "Accounts"
	account, organization := []id.Kind{id.Account}, []id.Kind{id.Organization}

	type createAccount struct {
		ID   string `path:"id"`
		Body struct {
			Name string `json:"name"`
		}
	}
	handle(a, route{id: "create-account", method: http.MethodPost, path: "/organizations/{id}/accounts", tag: tag,
		summary: "Create an account", action: access.ActAccountWrite, kinds: organization, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *createAccount) (*body[accountOut], error) {
			created, err := a.Directory.CreateAccount(ctx, actor, in.ID, in.Body.Name)
			return &body[accountOut]{showAccount(created)}, err
		})

	type listAccounts struct {
		ID string `path:"id"`
		Paging
	}
	handle(a, route{id: "list-accounts", method: http.MethodGet, path: "/organizations/{id}/accounts", tag: tag,
		summary: "List an organization's accounts", action: access.ActAccountRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *listAccounts) (*body[list[accountOut]], error) {
			found, err := a.Directory.Accounts(ctx, actor, in.ID, in.directory())
			return listOf(found, in.Limit, showAccount, func(x directory.Account) string { return x.ID }), err
		})

	handle(a, route{id: "get-account", method: http.MethodGet, path: "/accounts/{id}", tag: tag,
		summary: "Get an account", action: access.ActAccountRead, kinds: account},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[accountOut], error) {
			found, err := a.Directory.Account(ctx, actor, in.ID)
			return &body[accountOut]{showAccount(found)}, err
		})

	type updateAccount struct {
		ID   string `path:"id"`
		Body struct {
			Name     *string `json:"name,omitempty"`
			Archived *bool   `json:"archived,omitempty"`
		}
	}
	handle(a, route{id: "update-account", method: http.MethodPatch, path: "/accounts/{id}", tag: tag,
		summary: "Rename or archive an account", action: access.ActAccountWrite, kinds: account},
		func(ctx context.Context, actor access.Actor, in *updateAccount) (*body[accountOut], error) {
			changed, err := a.Directory.UpdateAccount(ctx, actor, in.ID, directory.AccountChange(in.Body))
			return &body[accountOut]{showAccount(changed)}, err
		})

	handle(a, route{id: "list-members", method: http.MethodGet, path: "/accounts/{id}/members", tag: tag,
		summary: "List an account's members", action: access.ActAccountRead, kinds: account},
		func(ctx context.Context, actor access.Actor, in *listAccounts) (*body[list[memberOut]], error) {
			found, err := a.Directory.Members(ctx, actor, in.ID, in.directory())
			return listOf(found, in.Limit, showMember, func(m directory.Member) string { return m.UserID }), err
		})

	handle(a, route{id: "list-user-accounts", method: http.MethodGet, path: "/users/{id}/accounts", tag: tag,
		summary: "List a user's accounts that are in use, and the roles there", action: access.ActAccountRead, kinds: []id.Kind{id.User}},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[list[placeOut]], error) {
			found, err := a.Directory.Places(ctx, actor, in.ID)
			return listOf(found, 0, showPlace, nil), err
		})

	type setMember struct {
		ID     string `path:"id"`
		UserID string `path:"user"`
		Body   struct {
			Roles []string `json:"roles" minItems:"1" maxItems:"50"`
		}
	}
	handle(a, route{id: "set-member", method: http.MethodPut, path: "/accounts/{id}/members/{user}", tag: tag,
		summary: "Give a user roles in an account", action: access.ActAccountWrite, kinds: account},
		func(ctx context.Context, actor access.Actor, in *setMember) (*body[memberOut], error) {
			m, err := a.Directory.SetMember(ctx, actor, in.ID, in.UserID, in.Body.Roles)
			return &body[memberOut]{showMember(m)}, err
		})

	type removeMember struct {
		ID     string `path:"id"`
		UserID string `path:"user"`
	}
	handle(a, route{id: "remove-member", method: http.MethodDelete, path: "/accounts/{id}/members/{user}", tag: tag,
		summary: "Take a user out of an account", action: access.ActAccountWrite, kinds: account, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *removeMember) (*none, error) {
			return nil, a.Directory.RemoveMember(ctx, actor, in.ID, in.UserID)
		})
}
