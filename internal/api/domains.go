package api

import (
	"context"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/id"
	"sallyport/internal/proof"
	"sallyport/internal/sso"
)

type domainOut struct {
	ID             string              `json:"id"`
	OrganizationID string              `json:"organization_id"`
	Name           string              `json:"name" doc:"A-label, lower case."`
	Status         access.DomainStatus `json:"status" enum:"pending,verified,lapsing,frozen"`
	StatusAt       time.Time           `json:"status_at" doc:"Since when."`
	LapsesAt       *time.Time          `json:"lapses_at" nullable:"true" doc:"Of a lapsing domain: until when its proof has to be back."`
	Disputed       bool                `json:"disputed" doc:"Proved, but held by another organization whose proof has gone: the operator decides."`
	Proof          proofOut            `json:"proof" doc:"What to publish: either of the two."`
	ProofMethod    *proof.Method       `json:"proof_method" nullable:"true" enum:"dns,file,operator" doc:"How it was proved last."`
	Check          checkOut            `json:"check" doc:"What came of looking for the proof."`
	SSOProfileID   *string             `json:"sso_profile_id" nullable:"true" doc:"The profile that the domain is enforced with."`
	VerifiedAt     *time.Time          `json:"verified_at" nullable:"true"`
	CreatedAt      time.Time           `json:"created_at"`
}

type checkOut struct {
	At        *time.Time    `json:"at" nullable:"true" doc:"When it was looked for last."`
	SeenAt    *time.Time    `json:"seen_at" nullable:"true" doc:"When it was there last."`
	NextAt    *time.Time    `json:"next_at" nullable:"true" doc:"When it is looked for again; null: when somebody asks."`
	Resolvers []sightingOut `json:"resolvers" nullable:"false" doc:"What each resolver showed."`
}

type sightingOut struct {
	Resolver string         `json:"resolver"`
	TXT      proof.Outcome  `json:"txt" enum:"found,other,none,failed" doc:"The TXT record; other: something else stands there; failed: no usable answer."`
	Values   []string       `json:"values" nullable:"false" doc:"Proofs of other claims at the name of the record."`
	Others   int            `json:"others" doc:"How many other texts stand there."`
	MX       *proof.Outcome `json:"mx" nullable:"true" enum:"found,none,failed" doc:"Whether the domain has an MX record; null: not asked for."`
	File     *proof.Outcome `json:"file" nullable:"true" enum:"found,other,none,failed" doc:"The file; null: not asked for."`
	Reason   *string        `json:"reason" nullable:"true" doc:"Why the file could not be read."`
}

func showSighting(s proof.Sighting) sightingOut {
	out := sightingOut{Resolver: s.Resolver, TXT: s.TXT, Values: s.Values, Others: s.Others, Reason: optional(string(s.Reason))}
	if out.Values == nil {
		out.Values = []string{}
	}
	if s.MX != "" {
		out.MX = &s.MX
	}
	if s.File != "" {
		out.File = &s.File
	}
	return out
}

type proofOut struct {
	TXTName  string `json:"txt_name"`
	TXTValue string `json:"txt_value"`
	FileURL  string `json:"file_url"`
	FileBody string `json:"file_body"`
}

func showDomain(d directory.Domain) domainOut {
	p := d.Proof()
	out := domainOut{
		ID: d.ID, OrganizationID: d.OrganizationID, Name: d.Name, Status: d.Status, StatusAt: d.StatusAt,
		LapsesAt: instant(d.LapsesAt()), Disputed: !d.DisputedAt.IsZero(),
		Proof:        proofOut{p.TXTName, p.TXTValue, p.FileURL, p.FileBody},
		Check:        showCheck(d.Check),
		SSOProfileID: optional(d.ProfileID), VerifiedAt: instant(d.VerifiedAt), CreatedAt: d.CreatedAt,
	}
	if method := d.Method; method != "" || d.Vouched() {
		if d.Vouched() {
			method = proof.Operator
		}
		out.ProofMethod = &method
	}
	return out
}

func showCheck(c directory.DomainCheck) checkOut {
	out := checkOut{At: instant(c.Findings.At), SeenAt: instant(c.SeenAt), NextAt: instant(c.NextAt), Resolvers: []sightingOut{}}
	for _, s := range c.Findings.Sightings {
		out.Resolvers = append(out.Resolvers, showSighting(s))
	}
	return out
}

// instant turns the zero time into null.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// EnforcementIn is the body of an enforcement.
type EnforcementIn struct {
	SSOProfileID  *string  `json:"sso_profile_id" nullable:"true" minLength:"1" doc:"null releases."`
	ExemptUserIDs []string `json:"exempt_user_ids,omitempty" maxItems:"1000"`
	EndSessions   bool     `json:"end_sessions,omitempty"`
	Acknowledge   bool     `json:"acknowledge,omitempty" doc:"The warnings were read."`
}

func (in *EnforcementIn) input() sso.Enforcement {
	return sso.Enforcement{ProfileID: text(in.SSOProfileID), ExemptUserIDs: in.ExemptUserIDs,
		EndSessions: in.EndSessions, Acknowledged: in.Acknowledge}
}

type warningOut struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func showWarnings(warnings []sso.Warning) []warningOut {
	out := make([]warningOut, 0, len(warnings))
	for _, w := range warnings {
		out = append(out, warningOut(w))
	}
	return out
}

type previewOut struct {
	Users struct {
		Total        int64 `json:"total"`
		ToSSO        int64 `json:"to_sso"`
		KeepPassword int64 `json:"keep_password"`
		NeverActive  int64 `json:"never_active" doc:"Of all these, who were invited and never came."`
		Enabled      int64 `json:"enabled" doc:"Who sign in with SSO by their own setting, as before."`
		Deactivated  int64 `json:"deactivated"`
		Changed      int64 `json:"changed" doc:"Whose way of signing in becomes another one."`
		Independent  int64 `json:"independent" doc:"At the domains and managed by nobody: not in the total, they keep their password."`
	} `json:"users" doc:"total is the sum of to_sso, keep_password, enabled and deactivated."`
	OwnersLeft int64        `json:"owners_left" doc:"Owners who can get in without the Identity Provider: with a password, or a recovery code."`
	Warnings   []warningOut `json:"warnings"`
}

func showPreview(p sso.Preview) previewOut {
	out := previewOut{OwnersLeft: p.OwnersLeft, Warnings: showWarnings(p.Warnings)}
	u := &out.Users
	u.Total, u.ToSSO, u.KeepPassword, u.NeverActive = p.Total, p.ToSSO, p.KeepPassword, p.NeverActive
	u.Enabled, u.Deactivated, u.Changed, u.Independent = p.Enabled, p.Deactivated, p.Changed, p.Independent
	return out
}

func (a *API) domains() {
	const tag = "Domains"
	domain, organization := []id.Kind{id.Domain}, []id.Kind{id.Organization}

	type claimDomain struct {
		ID   string `path:"id"`
		Body struct {
			Name string `json:"name"`
		}
	}
	handle(a, route{id: "claim-domain", method: http.MethodPost, path: "/organizations/{id}/domains", tag: tag,
		summary: "Claim a domain", action: access.ActDomainClaim, kinds: organization, status: http.StatusCreated},
		func(ctx context.Context, actor access.Actor, in *claimDomain) (*body[domainOut], error) {
			d, err := a.Directory.ClaimDomain(ctx, actor, in.ID, in.Body.Name)
			return &body[domainOut]{showDomain(d)}, err
		})

	type listDomains struct {
		ID string `path:"id"`
		Paging
	}
	handle(a, route{id: "list-domains", method: http.MethodGet, path: "/organizations/{id}/domains", tag: tag,
		summary: "List an organization's domains", action: access.ActDomainRead, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *listDomains) (*body[list[domainOut]], error) {
			found, err := a.Directory.Domains(ctx, actor, in.ID, in.directory())
			return listOf(found, in.Limit, showDomain, func(d directory.Domain) string { return d.ID }), err
		})

	handle(a, route{id: "get-domain", method: http.MethodGet, path: "/domains/{id}", tag: tag,
		summary: "Get a domain", action: access.ActDomainRead, kinds: domain},
		func(ctx context.Context, actor access.Actor, in *ref) (*body[domainOut], error) {
			d, err := a.Directory.DomainByID(ctx, actor, in.ID)
			return &body[domainOut]{showDomain(d)}, err
		})

	handle(a, route{id: "delete-domain", method: http.MethodDelete, path: "/domains/{id}", tag: tag,
		summary: "Give a domain up", action: access.ActDomainDelete, kinds: domain, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.Directory.DeleteDomain(ctx, actor, in.ID)
		})

	type verifyDomain struct {
		ID   string `path:"id"`
		Body struct {
			Method string `json:"method,omitempty" enum:"operator" doc:"operator: on the operator's word. Without it the proof is looked for now."`
		}
	}
	handle(a, route{id: "verify-domain", method: http.MethodPost, path: "/domains/{id}/verify", tag: tag,
		summary: "Verify a domain", action: access.ActDomainVerify, kinds: domain},
		func(ctx context.Context, actor access.Actor, in *verifyDomain) (*body[domainOut], error) {
			verify := a.Directory.CheckDomain
			if in.Body.Method == "operator" {
				verify = a.Directory.VouchForDomain
			}
			d, err := verify(ctx, actor, in.ID)
			return &body[domainOut]{showDomain(d)}, err
		})

	type awardDomain struct {
		ID   string `path:"id"`
		Body struct {
			OrganizationID string `json:"organization_id" doc:"The side that gets the domain, or keeps it."`
		}
	}
	handle(a, route{id: "award-domain", method: http.MethodPut, path: "/domains/{id}/holder", tag: tag,
		summary: "Decide a dispute about a domain", action: access.ActDomainAward, kinds: domain},
		func(ctx context.Context, actor access.Actor, in *awardDomain) (*body[domainOut], error) {
			d, err := a.Directory.AwardDomain(ctx, actor, in.ID, in.Body.OrganizationID)
			return &body[domainOut]{showDomain(d)}, err
		})

	type enforceDomain struct {
		ID   string `path:"id"`
		Body EnforcementIn
	}
	handle(a, route{id: "enforce-domain", method: http.MethodPut, path: "/domains/{id}/enforcement", tag: tag,
		summary: "Enforce SSO for a domain, or release it", action: access.ActEnforce, kinds: domain},
		func(ctx context.Context, actor access.Actor, in *enforceDomain) (*body[domainOut], error) {
			found, err := a.SSO.Enforce(ctx, actor, []string{in.ID}, in.Body.input())
			if err != nil {
				return nil, err
			}
			return &body[domainOut]{showDomain(found[0])}, nil
		})

	handle(a, route{id: "preview-enforcement", method: http.MethodPost, path: "/domains/{id}/enforcement/preview", tag: tag,
		summary: "Tell what an enforcement would do", action: access.ActEnforce, kinds: domain},
		func(ctx context.Context, actor access.Actor, in *enforceDomain) (*body[previewOut], error) {
			p, err := a.SSO.Preview(ctx, actor, []string{in.ID}, in.Body.input())
			return &body[previewOut]{showPreview(p)}, err
		})

	type enforceDomains struct {
		ID   string `path:"id"`
		Body struct {
			DomainIDs []string `json:"domain_ids" minItems:"1" maxItems:"100"`
			EnforcementIn
		}
	}
	handle(a, route{id: "enforce-domains", method: http.MethodPut, path: "/organizations/{id}/enforcement", tag: tag,
		summary: "Enforce SSO for several domains at once, or release them", action: access.ActEnforce, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *enforceDomains) (*body[list[domainOut]], error) {
			found, err := a.SSO.EnforceAll(ctx, actor, in.ID, in.Body.DomainIDs, in.Body.input())
			return listOf(found, 0, showDomain, nil), err
		})

	handle(a, route{id: "preview-enforcements", method: http.MethodPost, path: "/organizations/{id}/enforcement/preview", tag: tag,
		summary: "Tell what an enforcement of several domains would do", action: access.ActEnforce, kinds: organization},
		func(ctx context.Context, actor access.Actor, in *enforceDomains) (*body[previewOut], error) {
			p, err := a.SSO.PreviewAll(ctx, actor, in.ID, in.Body.DomainIDs, in.Body.input())
			return &body[previewOut]{showPreview(p)}, err
		})
}
