package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/id"
	"sallyport/internal/sso"
	"sallyport/saml"
)

type profileOut struct {
	ID             string       `json:"id"`
	OrganizationID string       `json:"organization_id"`
	Name           string       `json:"name"`
	Notes          string       `json:"notes"`
	State          sso.State    `json:"state" enum:"draft,configured,tested,enforced,disabled"`
	ManagedBy      string       `json:"managed_by" enum:"organization,operator"`
	EntityID       string       `json:"entity_id" doc:"Ours."`
	ACSURL         string       `json:"acs_url" doc:"Ours."`
	MetadataURL    string       `json:"metadata_url" doc:"Ours. With ?signed=1 it is signed with our key in use."`
	SLOURL         string       `json:"slo_url" doc:"Ours: the Single Logout Service."`
	StartURL       string       `json:"start_url" doc:"A link that signs in with this profile."`
	IdP            idpOut       `json:"idp"`
	Options        sso.Options  `json:"options"`
	Warnings       []warningOut `json:"warnings"`
	TestedAt       *time.Time   `json:"tested_at" nullable:"true"`
	CreatedAt      time.Time    `json:"created_at"`
}

type idpOut struct {
	Product      string           `json:"product"`
	EntityID     *string          `json:"entity_id" nullable:"true"`
	MetadataURL  *string          `json:"metadata_url" nullable:"true" doc:"Where its metadata is fetched from; null if it was entered."`
	SSOURL       *string          `json:"sso_url" nullable:"true"`
	SLOURL       *string          `json:"slo_url" nullable:"true"`
	Endpoints    []endpointOut    `json:"endpoints"`
	Certificates []certificateOut `json:"certificates"`
}

type endpointOut struct {
	Use      string `json:"use" enum:"sso,slo"`
	Binding  string `json:"binding" enum:"redirect,post"`
	Location string `json:"location"`
}

type certificateOut struct {
	SHA256    string    `json:"sha256"`
	Subject   string    `json:"subject"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	AddedAt   time.Time `json:"added_at"`
}

func (a *API) showProfile(v sso.View) profileOut {
	urls := a.SSO.URLs(v.ID)
	out := profileOut{
		ID: v.ID, OrganizationID: v.OrganizationID, Name: v.Name, Notes: v.Notes, State: v.State, ManagedBy: v.ManagedBy,
		EntityID: urls.EntityID, ACSURL: urls.ACS, MetadataURL: urls.Metadata, SLOURL: urls.SLO, StartURL: urls.Start,
		IdP:     idpOut{Product: v.IdP, EntityID: optional(v.Profile.EntityID), Endpoints: []endpointOut{}, Certificates: []certificateOut{}},
		Options: v.Options, Warnings: showWarnings(v.Warnings), TestedAt: instant(v.TestedAt), CreatedAt: v.CreatedAt,
	}
	out.IdP.MetadataURL = optional(v.Profile.MetadataURL)
	out.IdP.SSOURL = out.IdP.endpoints("sso", v.SSO)
	out.IdP.SLOURL = out.IdP.endpoints("slo", v.SLO)
	for _, c := range v.Certificates {
		out.IdP.Certificates = append(out.IdP.Certificates, certificateOut{c.SHA256, c.Subject.String(), c.NotBefore.UTC(), c.NotAfter.UTC(), c.AddedAt})
	}
	return out
}

// endpoints adds the endpoints of one use and returns the first.
func (o *idpOut) endpoints(use string, list []saml.Endpoint) (first *string) {
	for _, ep := range list {
		binding := "redirect"
		if ep.Binding == saml.HTTPPost {
			binding = "post"
		}
		o.Endpoints = append(o.Endpoints, endpointOut{use, binding, ep.Location})
		if first == nil {
			first = &ep.Location
		}
	}
	return first
}

// ProfileIn is the body of a new profile or a change.
type ProfileIn struct {
	Name         *string    `json:"name,omitempty"`
	Notes        *string    `json:"notes,omitempty" maxLength:"2000" doc:"What people want to remember of it."`
	IdP          *string    `json:"idp,omitempty" doc:"Which product it is: entra, okta, …, other."`
	MetadataXML  *string    `json:"metadata_xml,omitempty" maxLength:"5242880"`
	MetadataURL  *string    `json:"metadata_url,omitempty" maxLength:"2048" doc:"The Identity Provider's: https, or http to a network that the operator allows. It is fetched before the answer, and daily from then on, until the data come from elsewhere."`
	EntityID     *string    `json:"entity_id,omitempty" doc:"The Identity Provider's; with metadata, which of several."`
	SSOURL       *string    `json:"sso_url,omitempty"`
	SLOURL       *string    `json:"slo_url,omitempty"`
	Certificates []string   `json:"certificates,omitempty" maxItems:"16" doc:"PEM, or the base64 of DER."`
	Options      *optionsIn `json:"options,omitempty"`
	ManagedBy    *string    `json:"managed_by,omitempty" enum:"organization,operator" doc:"Only the operator sets it."`
}

type optionsIn struct {
	SignRequests              *bool              `json:"sign_requests,omitempty" doc:"Sign requests with our key. Logout messages are always signed."`
	RequireEncryptedAssertion *bool              `json:"require_encrypted_assertion,omitempty" doc:"Refuse an assertion in clear."`
	RequireSignedResponse     *bool              `json:"require_signed_response,omitempty" doc:"Refuse a response of which only the assertion is signed."`
	ForceAuthn                *bool              `json:"force_authn,omitempty" doc:"Ask for a new authentication in every request."`
	AuthnContext              *string            `json:"authn_context,omitempty" doc:"The authentication context class to ask for and insist on; empty for none."`
	IdPInitiated              *saml.Mode         `json:"idp_initiated,omitempty" enum:"restart,accept,refuse" doc:"What becomes of a response that answers no request. accept leaves login CSRF open: who has a response of their own can sign somebody else in with it."`
	OfferEncryption           *bool              `json:"offer_encryption,omitempty" doc:"Show our certificate for encryption in our metadata. Some Identity Providers encrypt as soon as they see one. Encrypted assertions are read in any case."`
	NameIDPolicy              *saml.NameIDPolicy `json:"name_id_policy,omitempty" enum:"emailAddress,unspecified,none" doc:"Which NameID to ask for; none leaves the element out."`
	ClockToleranceSeconds     *int               `json:"clock_tolerance_seconds,omitempty" minimum:"0" maximum:"300"`
	AllowSHA1                 *bool              `json:"allow_sha1,omitempty" doc:"Accept signatures with SHA-1."`
	AllowRSA15                *bool              `json:"allow_rsa15,omitempty" doc:"Accept encryption keys transported with RSA 1.5."`
	AllowCBC                  *bool              `json:"allow_cbc,omitempty" doc:"Accept AES-CBC where the response is not signed."`
	MetadataPin               *string            `json:"metadata_pin,omitempty" doc:"A certificate, PEM, that the metadata has to be signed with; empty for none."`
	RefuseExpiredCertificate  *bool              `json:"refuse_expired_certificate,omitempty" doc:"Refuse what was signed with an expired certificate."`
}

func (in *ProfileIn) input() sso.Input {
	return sso.Input{
		Name: in.Name, Notes: in.Notes, IdP: in.IdP, Options: (*sso.OptionsInput)(in.Options), MetadataXML: in.MetadataXML, MetadataURL: in.MetadataURL, EntityID: in.EntityID,
		SSOURL: in.SSOURL, SLOURL: in.SLOURL, Certificates: in.Certificates, ManagedBy: in.ManagedBy,
	}
}

// metadataBody is the limit of a body that may hold metadata: 5 MiB of it,
// escaped as JSON.
const metadataBody = 12 << 20

func (a *API) profiles() {
	const tag = "SSO profiles"
	profile, organization := []id.Kind{id.SSOProfile}, []id.Kind{id.Organization}

	type createProfile struct {
		ID   string `path:"id"`
		Body ProfileIn
	}
	handle(a, route{id: "create-sso-profile", method: http.MethodPost, path: "/organizations/{id}/sso-profiles", tag: tag,
		summary: "Create an SSO profile", action: access.ActProfileWrite, kinds: organization, needs: singleSignOn,
		status: http.StatusCreated, maxBody: metadataBody},
		func(ctx context.Context, actor access.Actor, in *createProfile) (*body[profileOut], error) {
			v, err := a.SSO.Create(ctx, actor, in.ID, in.Body.input())
			return &body[profileOut]{a.showProfile(v)}, err
		})

	type listProfiles struct {
		ID string `path:"id"`
		Paging
	}
	handle(a, route{id: "list-sso-profiles", method: http.MethodGet, path: "/organizations/{id}/sso-profiles", tag: tag,
		summary: "List an organization's SSO profiles", action: access.ActProfileRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *listProfiles) (*body[list[profileOut]], error) {
			found, err := a.SSO.Profiles(ctx, actor, in.ID, in.directory())
			return listOf(found, in.Limit, a.showProfile, func(v sso.View) string { return v.ID }), err
		})

	handle(a, route{id: "get-sso-profile", method: http.MethodGet, path: "/sso-profiles/{id}", tag: tag,
		summary: "Get an SSO profile", action: access.ActProfileRead, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[profileOut], error) {
			v, err := a.SSO.Profile(ctx, actor, in.ID)
			return &body[profileOut]{a.showProfile(v)}, err
		})

	type updateProfile struct {
		ID   string `path:"id"`
		Body struct {
			State *sso.State `json:"state,omitempty" enum:"disabled,configured"`
			ProfileIn
		}
	}
	handle(a, route{id: "update-sso-profile", method: http.MethodPatch, path: "/sso-profiles/{id}", tag: tag,
		summary: "Change an SSO profile", action: access.ActProfileWrite, kinds: profile, maxBody: metadataBody},
		func(ctx context.Context, actor access.Actor, in *updateProfile) (*body[profileOut], error) {
			input := in.Body.input()
			input.State = in.Body.State
			v, err := a.SSO.Update(ctx, actor, in.ID, input)
			return &body[profileOut]{a.showProfile(v)}, err
		})

	handle(a, route{id: "delete-sso-profile", method: http.MethodDelete, path: "/sso-profiles/{id}", tag: tag,
		summary: "Delete an SSO profile", action: access.ActProfileWrite, kinds: profile, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.SSO.Delete(ctx, actor, in.ID)
		})
}
