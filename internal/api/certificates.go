package api

import (
	"context"
	"encoding/pem"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

type trustedCertificateOut struct {
	SHA256      string               `json:"sha256" doc:"Of its DER form."`
	Subject     string               `json:"subject"`
	NotBefore   time.Time            `json:"not_before"`
	NotAfter    time.Time            `json:"not_after"`
	Certificate string               `json:"certificate" doc:"PEM."`
	State       sso.CertificateState `json:"state" enum:"used,waiting,refused,distrusted" doc:"waiting: a refresh has found it in the place of the known ones."`
	AddedAt     *time.Time           `json:"added_at" nullable:"true" doc:"Since when it is used."`
	FoundAt     *time.Time           `json:"found_at" nullable:"true" doc:"When a refresh has found it, or it was distrusted; null if it was entered by hand."`
	UseAt       *time.Time           `json:"use_at" nullable:"true" doc:"When one that waits is used without anybody's word."`
	GoneAt      *time.Time           `json:"gone_at" nullable:"true" doc:"Since when the metadata does not hold it any more."`
	DropAt      *time.Time           `json:"drop_at" nullable:"true" doc:"When it goes for that; null while no sign-in was seen with its successor."`
	FirstSeenAt *time.Time           `json:"first_seen_at" nullable:"true" doc:"In a sign-in."`
	SeenAt      *time.Time           `json:"seen_at" nullable:"true" doc:"In a sign-in; noted once an hour at most."`
}

func showTrusted(c sso.CertificateView) trustedCertificateOut {
	return trustedCertificateOut{
		SHA256: c.SHA256, Subject: c.Subject.String(), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), Certificate: certificatePEM(c.Raw),
		State: c.State, AddedAt: instant(c.AddedAt), FoundAt: instant(c.FoundAt), UseAt: instant(c.UseAt), GoneAt: instant(c.GoneAt),
		DropAt: instant(c.DropAt), FirstSeenAt: instant(c.FirstSeenAt), SeenAt: instant(c.SeenAt),
	}
}

func certificatePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

type metadataOut struct {
	URL        *string         `json:"url" nullable:"true" doc:"Where the Identity Provider's metadata is fetched from; null if it was entered."`
	TriedAt    *time.Time      `json:"tried_at" nullable:"true"`
	FetchedAt  *time.Time      `json:"fetched_at" nullable:"true" doc:"When it was good last."`
	FailedAt   *time.Time      `json:"failed_at" nullable:"true" doc:"Since when it is not; null if it is."`
	NextAt     *time.Time      `json:"next_at" nullable:"true"`
	ValidUntil *time.Time      `json:"valid_until" nullable:"true" doc:"As the last good document says."`
	Failure    *failureOut     `json:"failure,omitempty" doc:"Not there while fetching works."`
	Other      *otherEntityOut `json:"other,omitempty" doc:"Another Identity Provider that the metadata names now: it waits for a decision."`
}

type failureOut struct {
	Reason string `json:"reason"`
	Line   int    `json:"line" doc:"Of the document; 0 if it is not about a line."`
	Detail string `json:"detail" doc:"A sentence."`
}

type otherEntityOut struct {
	EntityID     string    `json:"entity_id"`
	SSOURL       *string   `json:"sso_url" nullable:"true"`
	Certificates []string  `json:"certificates" doc:"PEM."`
	FoundAt      time.Time `json:"found_at"`
}

func showMetadata(m sso.MetadataView) metadataOut {
	out := metadataOut{URL: optional(m.URL), TriedAt: instant(m.TriedAt), FetchedAt: instant(m.FetchedAt), FailedAt: instant(m.FailedAt),
		NextAt: instant(m.NextAt), ValidUntil: instant(m.ValidUntil)}
	if f := m.Failure; f != nil {
		out.Failure = &failureOut{f.Reason, f.Line, f.Text}
	}
	if o := m.Other; o != nil {
		out.Other = &otherEntityOut{EntityID: o.EntityID, Certificates: []string{}, FoundAt: o.FoundAt}
		if len(o.SSO) > 0 {
			out.Other.SSOURL = &o.SSO[0].Location
		}
		for _, c := range o.Parsed() {
			out.Other.Certificates = append(out.Other.Certificates, certificatePEM(c.Raw))
		}
	}
	return out
}

// CertificateRef names a certificate of a profile.
type CertificateRef struct {
	ID     string `path:"id"`
	SHA256 string `path:"sha256" doc:"In hexadecimal, with colons or without."`
}

func (in *CertificateRef) fingerprint() (string, error) {
	sha256, ok := sso.ParseFingerprint(in.SHA256)
	if !ok {
		return "", fault.New(fault.NotFound, "")
	}
	return sha256, nil
}

func (a *API) certificates() {
	const tag = "SSO profiles"
	profile := []id.Kind{id.SSOProfile}

	handle(a, route{id: "list-sso-profile-certificates", method: http.MethodGet, path: "/sso-profiles/{id}/certificates", tag: tag,
		summary: "List the certificates of a profile's Identity Provider, those included that wait or were turned away", action: access.ActProfileRead, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[list[trustedCertificateOut]], error) {
			v, err := a.SSO.Certificates(ctx, actor, in.ID)
			return listOf(v.Certificates, -1, showTrusted, nil), err
		})

	decide := func(verb, summary string, do func(ctx context.Context, actor access.Actor, profileID, sha256 string) error) {
		handle(a, route{id: verb + "-sso-profile-certificate", method: http.MethodPost, path: "/sso-profiles/{id}/certificates/{sha256}/" + verb,
			tag: tag, summary: summary, action: access.ActProfileTrust, kinds: profile},
			func(ctx context.Context, actor access.Actor, in *CertificateRef) (*body[list[trustedCertificateOut]], error) {
				sha256, err := in.fingerprint()
				if err != nil {
					return nil, err
				}
				if err := do(ctx, actor, in.ID, sha256); err != nil {
					return nil, err
				}
				v, err := a.SSO.Certificates(ctx, actor, in.ID)
				return listOf(v.Certificates, -1, showTrusted, nil), err
			})
	}
	decide("approve", "Use a certificate at once that waits", a.SSO.ApproveCertificate)
	decide("refuse", "Do not use a certificate that waits", a.SSO.RefuseCertificate)

	type distrust struct {
		CertificateRef
		Acknowledge bool `query:"acknowledge" doc:"Needed with the last certificate: nobody can sign in without one."`
	}
	handle(a, route{id: "distrust-sso-profile-certificate", method: http.MethodDelete, path: "/sso-profiles/{id}/certificates/{sha256}", tag: tag,
		summary: "Distrust a certificate now: it goes, its sessions end, and no refresh brings it back", action: access.ActProfileTrust, kinds: profile,
		status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *distrust) (*none, error) {
			sha256, err := in.fingerprint()
			if err != nil {
				return nil, err
			}
			return nil, a.SSO.DistrustCertificate(ctx, actor, in.ID, sha256, in.Acknowledge)
		})
}

func (a *API) idpMetadata() {
	const tag = "SSO profiles"
	profile := []id.Kind{id.SSOProfile}
	show := func(ctx context.Context, actor access.Actor, profileID string) (*body[metadataOut], error) {
		v, err := a.SSO.Certificates(ctx, actor, profileID)
		return &body[metadataOut]{showMetadata(v.Metadata)}, err
	}

	handle(a, route{id: "get-sso-profile-metadata", method: http.MethodGet, path: "/sso-profiles/{id}/metadata", tag: tag,
		summary: "Tell how fetching the Identity Provider's metadata fares", action: access.ActProfileRead, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[metadataOut], error) {
			return show(ctx, actor, in.ID)
		})

	handle(a, route{id: "refresh-sso-profile-metadata", method: http.MethodPost, path: "/sso-profiles/{id}/metadata/refresh", tag: tag,
		summary: "Fetch the Identity Provider's metadata now", action: access.ActProfileRefresh, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[metadataOut], error) {
			if err := a.SSO.RefreshMetadata(ctx, actor, in.ID); err != nil {
				return nil, err
			}
			return show(ctx, actor, in.ID)
		})

	type decideEntity struct {
		ID   string `path:"id"`
		Body struct {
			EntityID string `json:"entity_id" maxLength:"1024" doc:"The one that waits, as it was shown."`
			Decision string `json:"decision" enum:"accept,refuse"`
		}
	}
	handle(a, route{id: "decide-sso-profile-entity", method: http.MethodPost, path: "/sso-profiles/{id}/metadata/entity", tag: tag,
		summary: "Follow another Identity Provider that the metadata names, or do not", action: access.ActProfileTrust, kinds: profile},
		func(ctx context.Context, actor access.Actor, in *decideEntity) (*body[metadataOut], error) {
			decide := a.SSO.AcceptEntity
			if in.Body.Decision == "refuse" {
				decide = a.SSO.RefuseEntity
			}
			if err := decide(ctx, actor, in.ID, in.Body.EntityID); err != nil {
				return nil, err
			}
			return show(ctx, actor, in.ID)
		})
}
