package sso

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/saml"
)

// A SetupDraft is what the holder of a setup link has entered for a profile. Nothing
// of it counts before an administrator applies it.
type SetupDraft struct {
	ProfileID    string
	SetupLinkID  string // the last that it was entered with
	IdP          string // which product it is: one of [Products]
	EntityID     string // of the Identity Provider; empty: only the product was chosen
	SSO, SLO     []saml.Endpoint
	Certificates []*x509.Certificate
	MetadataURL  string // which is followed once the draft is applied; empty: none
	TestedHash   []byte // of the profile with the draft, as it passed a test
	TestedAt     time.Time
	Version      int64 // another one after each change
	UpdatedAt    time.Time
}

// applyTo puts the draft in the place of what the profile knows of the other
// side.
func (d *SetupDraft) applyTo(p *Profile) {
	p.IdP = d.IdP
	if d.EntityID == "" {
		return
	}
	p.EntityID, p.SSO, p.SLO = d.EntityID, d.SSO, d.SLO
	p.Certificates = slices.Clone(p.Certificates) // setCertificates keeps the days of those before
	p.setCertificates(d.Certificates, d.UpdatedAt)
	p.MetadataURL = d.MetadataURL // the one so far would bring back what was there
}

// enter takes an input into the draft.
func (d *SetupDraft) enter(p Profile, in Input, now time.Time) error {
	d.applyTo(&p)
	if d.EntityID == "" {
		// Its holder does not see what the profile knows, and adds nothing to it.
		p.EntityID, p.SSO, p.SLO, p.Certificates, p.MetadataURL = "", nil, nil, nil, ""
	}
	l := ledger{standings: make(map[string]*standing)} // what is distrusted the administrator sees
	if err := in.apply(&p, &l, now); err != nil {
		return err
	}
	d.IdP, d.EntityID, d.SSO, d.SLO, d.Certificates, d.MetadataURL = p.IdP, p.EntityID, p.SSO, p.SLO, nil, p.MetadataURL
	for _, c := range p.Certificates {
		d.Certificates = append(d.Certificates, c.Certificate)
	}
	return nil
}

// A DraftView is a draft beside the profile that it is for.
type DraftView struct {
	SetupDraft
	Current  View
	Proposed View // the profile once the draft is applied
	Changes  []audit.Change
}

// Draft returns what the holder of a setup link has entered; fault.NotFound if
// that is nothing.
func (s *Service) Draft(ctx context.Context, actor access.Actor, profileID string) (v DraftView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileRead, profileID)
		if err != nil {
			return err
		}
		v, err = s.viewDraft(tx, p)
		return err
	})
	return v, err
}

func (s *Service) viewDraft(tx *db.Tx, p Profile) (v DraftView, err error) {
	d, ok, err := draftOf(tx, p.ID)
	if err != nil {
		return v, err
	}
	if !ok {
		return v, fault.New(fault.NotFound, "Nobody has entered a draft for this SSO profile.")
	}
	v.SetupDraft = d
	proposed := p
	d.applyTo(&proposed)
	d.passOn(&proposed)
	v.Changes = differences(&p, &proposed)
	if v.Current, err = s.view(tx, p); err != nil {
		return v, err
	}
	v.Proposed, err = s.view(tx, proposed)
	return v, err
}

// passOn has the profile count as tested if exactly what it has become was.
func (d *SetupDraft) passOn(p *Profile) {
	after := *p
	after.TestedHash = d.TestedHash
	if after.isTested() {
		p.TestedHash, p.TestedAt = d.TestedHash, d.TestedAt
	}
}

// An Application is the input of [Service.ApplyDraft].
type Application struct {
	// Version is that of the draft that the administrator has seen; a draft
	// that was changed since is not applied. Zero: whichever is there.
	Version int64
}

// ApplyDraft makes a draft the profile's own, also where the profile is enforced:
// sign-ins go on with the new data at once, and the answer's warnings tell if it
// was not tested.
func (s *Service) ApplyDraft(ctx context.Context, actor access.Actor, profileID string, in Application) (v View, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.changeable(tx, actor, profileID)
		if err != nil {
			return err
		}
		d, err := s.viewDraft(tx, p)
		if err != nil {
			return err
		}
		if in.Version != 0 && in.Version != d.Version {
			return fault.New(fault.Conflict, "The draft has been changed since you looked at it. Look at it again.")
		}
		after := d.Proposed.Profile
		for i := range after.Certificates {
			if after.Certificates[i].AddedAt.Equal(d.UpdatedAt) {
				after.Certificates[i].AddedAt = tx.Now()
			}
		}
		l, err := ledgerOf(tx, p.ID)
		if err != nil {
			return err
		}
		if err := errors.Join(updateProfile(tx, &after), d.putSource(tx, &after, &l), deleteDraft(tx, p.ID)); err != nil {
			return err
		}
		if err := s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.DraftApplied, Target: p.target(),
			Changes: append(d.Changes, audit.Change{Field: "setup_link_id", New: d.SetupLinkID})}); err != nil {
			return err
		}
		v, err = s.view(tx, after)
		return err
	})
	return v, err
}

// putSource writes where the data of a profile come from once the draft is
// applied. An administrator has seen the certificates, whatever was decided on
// them before. A metadata URL is followed as from when it was entered.
func (d *SetupDraft) putSource(tx *db.Tx, after *Profile, l *ledger) error {
	l.byHand(after)
	if d.EntityID == "" || d.MetadataURL == "" {
		return putSource(tx, after, l, nil)
	}
	for _, c := range after.Certificates {
		l.standings[c.SHA256] = &standing{sha256: c.SHA256, standing: Listed, foundAt: d.UpdatedAt}
	}
	return putSource(tx, after, l, &fetched{at: d.UpdatedAt})
}

// DiscardDraft throws a draft away.
func (s *Service) DiscardDraft(ctx context.Context, actor access.Actor, profileID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileWrite, profileID)
		if err != nil {
			return err
		}
		if _, err := s.viewDraft(tx, p); err != nil {
			return err
		}
		if err := deleteDraft(tx, p.ID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.DraftDiscarded, Target: p.target()})
	})
}

// Tested reports whether the profile counts as tested once the draft is applied.
func (v *DraftView) Tested() bool { return v.Proposed.isTested() }
