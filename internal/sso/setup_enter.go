package sso

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
)

// EnterSetup takes what the holder of a link has entered into the draft. Only
// what is said of the Identity Provider counts. The profile stays as it is.
func (s *Service) EnterSetup(ctx context.Context, actor access.Actor, k SetupKey, in Input) error {
	return s.enterSetup(ctx, actor, k, Input{IdP: in.IdP, MetadataXML: in.MetadataXML, EntityID: in.EntityID, SSOURL: in.SSOURL, SLOURL: in.SLOURL, Certificates: in.Certificates})
}

func (s *Service) enterSetup(ctx context.Context, actor access.Actor, k SetupKey, in Input) error {
	return s.asHolder(ctx, actor, k, func(tx *db.Tx) error {
		l, p, _, err := s.post(tx, k)
		if err != nil {
			return err
		}
		d, ok, err := draftOf(tx, p.ID)
		if err != nil {
			return err
		}
		if !ok {
			d = SetupDraft{ProfileID: p.ID, IdP: p.IdP}
		}
		before, after := p, p
		d.applyTo(&before)
		if err := d.enter(p, in, tx.Now()); err != nil {
			return err
		}
		d.SetupLinkID, d.UpdatedAt = l.ID, tx.Now()
		d.Version = max(d.Version+1, tx.Now().UnixMicro()) // never one that a discarded draft had
		if err := putDraft(tx, &d); err != nil {
			return err
		}
		d.applyTo(&after)
		if err := s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.DraftEntered, Target: p.target(),
			Changes: differences(&before, &after)}); err != nil {
			return err
		}
		return s.tellMaker(tx, &l, &p, setupEntered)
	})
}

// ReadSetup reads what the holder of a link gives of the Identity Provider, as
// [Service.ReadIdP] does for an administrator, and keeps it for
// [Service.AcceptSetup]. The draft stays as it is.
func (s *Service) ReadSetup(ctx context.Context, actor access.Actor, k SetupKey, source Source, in Input) (r Reading, err error) {
	at, err := s.readURL(ctx, &in, func(tx *db.Tx) (Profile, error) {
		_, p, err := s.holder(tx, k)
		return p, err
	})
	if err != nil {
		return r, err
	}
	err = s.asHolder(ctx, actor, k, func(tx *db.Tx) error {
		l, p, _, err := s.post(tx, k)
		if err != nil {
			return err
		}
		if r, err = s.keepReading(tx, &p, l.ID, source, &in, at); err != nil {
			return err
		}
		return useSetupLink(tx, l.ID) // it counts, and tells nobody anything yet
	})
	return r, err
}

// SetupReading returns what was read for the holder of a link, and what the pages
// of the link show; fault.NotFound once it is over.
func (s *Service) SetupReading(ctx context.Context, k SetupKey, readingID string) (r Reading, v Setup, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		l, p, err := s.holder(tx, k)
		if err != nil {
			return err
		}
		if r, err = readingByID(tx, p.ID, l.ID, readingID, tx.Now().Add(-readingFor)); err != nil {
			return err
		}
		v, err = s.viewSetup(tx, l, p)
		return err
	})
	return r, v, err
}

// AcceptSetup takes what was read into the draft; of several Identity Providers
// the one that is named.
func (s *Service) AcceptSetup(ctx context.Context, actor access.Actor, k SetupKey, readingID, entityID string) error {
	r, _, err := s.SetupReading(ctx, k, readingID)
	if err != nil {
		return err
	}
	in, err := r.input(entityID)
	if err != nil {
		return err
	}
	return s.enterSetup(ctx, actor, k, in)
}
