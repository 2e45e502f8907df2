package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

type setupLinkOut struct {
	ID           string     `json:"id"`
	SSOProfileID string     `json:"sso_profile_id"`
	URL          *string    `json:"url" nullable:"true" doc:"In the answer to its creation alone."`
	MadeBy       string     `json:"made_by"`
	Claimed      bool       `json:"claimed" doc:"It belongs to the first browser that used it."`
	CreatedAt    time.Time  `json:"created_at"`
	ExpiresAt    time.Time  `json:"expires_at"`
	UsedAt       *time.Time `json:"used_at" nullable:"true" doc:"Last."`
	RevokedAt    *time.Time `json:"revoked_at" nullable:"true"`
}

func showSetupLink(l sso.SetupLink) setupLinkOut {
	return setupLinkOut{ID: l.ID, SSOProfileID: l.ProfileID, MadeBy: l.MakerName, Claimed: l.Claimed(), CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt,
		UsedAt: instant(l.UsedAt), RevokedAt: instant(l.RevokedAt)}
}

type draftOut struct {
	SSOProfileID string           `json:"sso_profile_id"`
	SetupLinkID  string           `json:"setup_link_id"`
	IdP          idpOut           `json:"idp"`
	TestedAt     *time.Time       `json:"tested_at" nullable:"true" doc:"Set if the profile, once the draft is applied, has passed a test."`
	Version      int64            `json:"version" doc:"Another one after each change."`
	UpdatedAt    time.Time        `json:"updated_at"`
	Changes      []draftChangeOut `json:"changes" doc:"What applying it changes."`
	Warnings     []warningOut     `json:"warnings"`
}

type draftChangeOut struct {
	Field string `json:"field"`
	Old   any    `json:"old,omitempty"`
	New   any    `json:"new,omitempty"`
}

func (a *API) showDraft(v sso.DraftView) draftOut {
	profile := a.showProfile(v.Proposed)
	out := draftOut{SSOProfileID: v.ProfileID, SetupLinkID: v.SetupLinkID, IdP: profile.IdP, Version: v.Version, UpdatedAt: v.UpdatedAt,
		Changes: []draftChangeOut{}, Warnings: profile.Warnings}
	if v.Tested() {
		out.TestedAt = instant(v.TestedAt)
	}
	for _, c := range v.Changes {
		out.Changes = append(out.Changes, draftChangeOut{c.Field, c.Old, c.New})
	}
	return out
}

// maxSetupLinks is how many setup links of a profile are listed.
const maxSetupLinks = 50

func (a *API) setupLinks() {
	const tag = "SSO profiles"
	profile := []id.Kind{id.SSOProfile}

	type createSetupLink struct {
		ID   string    `path:"id"`
		Body *struct{} // may be left out
	}
	handle(a, route{id: "create-setup-link", method: http.MethodPost, path: "/sso-profiles/{id}/setup-links", tag: tag,
		summary: "Make a setup link for an SSO profile", action: access.ActSetupLink, kinds: profile, needs: singleSignOn, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *createSetupLink) (*body[setupLinkOut], error) {
			n, err := a.SSO.CreateSetupLink(ctx, actor, in.ID)
			out := showSetupLink(n.SetupLink)
			out.URL = optional(n.URL)
			return &body[setupLinkOut]{out}, err
		})

	handle(a, route{id: "list-setup-links", method: http.MethodGet, path: "/sso-profiles/{id}/setup-links", tag: tag,
		summary: "List the latest setup links of an SSO profile", action: access.ActProfileRead, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[list[setupLinkOut]], error) {
			found, err := a.SSO.SetupLinks(ctx, actor, in.ID, maxSetupLinks)
			return listOf(found, -1, showSetupLink, nil), err
		})

	handle(a, route{id: "revoke-setup-link", method: http.MethodDelete, path: "/setup-links/{id}", tag: tag,
		summary: "Revoke a setup link", action: access.ActSetupLink, kinds: []id.Kind{id.SetupLink}, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.SSO.RevokeSetupLink(ctx, actor, in.ID)
		})

	handle(a, route{id: "get-sso-profile-draft", method: http.MethodGet, path: "/sso-profiles/{id}/draft", tag: tag,
		summary: "Get what the holder of a setup link has entered", action: access.ActProfileRead, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[draftOut], error) {
			v, err := a.SSO.Draft(ctx, actor, in.ID)
			if err != nil {
				return nil, err
			}
			return &body[draftOut]{a.showDraft(v)}, nil
		})

	handle(a, route{id: "discard-sso-profile-draft", method: http.MethodDelete, path: "/sso-profiles/{id}/draft", tag: tag,
		summary: "Throw a draft away", action: access.ActProfileWrite, kinds: profile, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.SSO.DiscardDraft(ctx, actor, in.ID)
		})

	type applyIn struct {
		Version int64 `json:"version,omitempty" doc:"Of the draft as it was read. One that was changed since is answered conflict."`
	}
	type applyDraft struct {
		ID   string   `path:"id"`
		Body *applyIn // may be left out
	}
	handle(a, route{id: "apply-sso-profile-draft", method: http.MethodPost, path: "/sso-profiles/{id}/draft/apply", tag: tag,
		summary: "Make a draft the profile's own", action: access.ActProfileWrite, kinds: profile, needs: singleSignOn},
		func(ctx context.Context, actor access.Actor, in *applyDraft) (*body[profileOut], error) {
			var seen applyIn
			if in.Body != nil {
				seen = *in.Body
			}
			v, err := a.SSO.ApplyDraft(ctx, actor, in.ID, sso.Application{Version: seen.Version})
			return &body[profileOut]{a.showProfile(v)}, err
		})
}
