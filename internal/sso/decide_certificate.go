package sso

import (
	"context"
	"errors"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/saml"
)

// These are an administrator's decisions on what a refresh has found, or on a
// certificate that is not to be trusted any more. None of them asks for an
// edition: they keep sign-ins alive and safe.

// deciding reads what a decision needs.
func (s *Service) deciding(tx *db.Tx, actor access.Actor, profileID string) (p Profile, l ledger, err error) {
	if p, err = s.profile(tx, actor, access.ActProfileTrust, profileID); err != nil {
		return p, l, err
	}
	l, err = ledgerOf(tx, p.ID)
	return p, l, err
}

// ApproveCertificate uses a certificate at once that waits, or that was refused.
// The profile stays tested, if it is.
func (s *Service) ApproveCertificate(ctx context.Context, actor access.Actor, profileID, sha256 string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, l, err := s.deciding(tx, actor, profileID)
		if err != nil {
			return err
		}
		st := l.standings[sha256]
		switch {
		case st == nil || st.standing != Waiting && st.standing != Refused:
			return notWaiting(&p, sha256)
		case len(p.Certificates) >= saml.MaxCertificates:
			return fault.Newf(fault.Conflict, "An SSO profile has at most %d certificates.", saml.MaxCertificates)
		}
		old, tested := p, p.isTested()
		p.Certificates = append(slices.Clone(p.Certificates), newCertificate(st.cert.Certificate, tx.Now()))
		if tested {
			p.TestedHash = p.hash()
		}
		l.standings[sha256] = &standing{sha256: sha256, standing: Listed, foundAt: st.foundAt}
		return s.decided(tx, &old, &p, &l, audit.ProfileCertificateApproved)
	})
}

// notWaiting answers for a certificate that nobody has to decide on.
func notWaiting(p *Profile, sha256 string) error {
	if p.has(sha256) {
		return fault.New(fault.Conflict, "The certificate is in use already.")
	}
	return fault.New(fault.NotFound, "No such certificate waits.")
}

// RefuseCertificate has a certificate that waits not be used, for as long as the
// metadata shows it.
func (s *Service) RefuseCertificate(ctx context.Context, actor access.Actor, profileID, sha256 string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, l, err := s.deciding(tx, actor, profileID)
		if err != nil {
			return err
		}
		st := l.standings[sha256]
		if st == nil || st.standing != Waiting {
			return notWaiting(&p, sha256)
		}
		st.standing, st.useAt = Refused, time.Time{}
		if err := putStandings(tx, p.ID, &l); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileCertificateRefused, Target: p.target(),
			Changes: []audit.Change{{Field: "certificate", New: sha256}}})
	})
}

// decided writes what was decided.
func (s *Service) decided(tx *db.Tx, old, p *Profile, l *ledger, action audit.Action, more ...audit.Change) error {
	if err := errors.Join(updateProfile(tx, p), putStandings(tx, p.ID, l)); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: action, Target: p.target(),
		Changes: append(differences(old, p), more...)})
}

// DistrustCertificate takes a certificate away at once, for good as far as
// refreshing goes: only an administrator who enters it by hand brings it back. It
// ends the sessions that it has verified, where they are many in the background.
// With the last one nobody can sign in with the profile any more: that has to be
// acknowledged.
func (s *Service) DistrustCertificate(ctx context.Context, actor access.Actor, profileID, sha256 string, acknowledged bool) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, l, err := s.deciding(tx, actor, profileID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.Certificates, func(c Certificate) bool { return c.SHA256 == sha256 })
		next := &standing{sha256: sha256, standing: Distrusted, foundAt: tx.Now()}
		switch st := l.standings[sha256]; {
		case i >= 0 && len(p.Certificates) == 1 && !acknowledged:
			return fault.New(fault.AcknowledgementRequired, "This is the only certificate: nobody can sign in with this SSO profile until it has another one.")
		case i >= 0:
			next.cert = &p.Certificates[i]
		case st != nil && st.cert != nil && st.standing != Distrusted:
			next.cert = st.cert
		default:
			return fault.New(fault.NotFound, "The SSO profile has no such certificate.")
		}
		old := p
		p.Certificates = slices.DeleteFunc(slices.Clone(p.Certificates), func(c Certificate) bool { return c.SHA256 == sha256 })
		l.standings[sha256] = next
		ended, err := s.endByCertificate(tx, certificateSessions{p.ID, p.OrganizationID, sha256})
		if err != nil {
			return err
		}
		return s.decided(tx, &old, &p, &l, audit.ProfileCertificateDistrusted,
			audit.Change{Field: "certificate", Old: sha256}, audit.Change{Field: "sessions", Old: ended})
	})
}

// decidingEntity reads what a decision on another Identity Provider needs, which
// has to be the one that waits.
func (s *Service) decidingEntity(tx *db.Tx, actor access.Actor, profileID, entityID string) (p Profile, l ledger, m feed, err error) {
	if p, l, err = s.deciding(tx, actor, profileID); err != nil {
		return p, l, m, err
	}
	if m, err = feedOf(tx, p.ID); err == nil && (m.waiting == nil || m.waiting.EntityID != entityID) {
		err = fault.New(fault.NotFound, "No such Identity Provider waits.")
	}
	return p, l, m, err
}

// AcceptEntity has the profile follow the other Identity Provider that its
// metadata names now: with its entity ID, endpoints and certificates as they were
// shown. It asks for a new test.
func (s *Service) AcceptEntity(ctx context.Context, actor access.Actor, profileID, entityID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, l, m, err := s.decidingEntity(tx, actor, profileID, entityID)
		if err != nil {
			return err
		}
		f, err := m.waiting.fetched(tx.Now())
		if err != nil {
			return err
		}
		old := p
		old.Certificates = slices.Clone(p.Certificates)
		if !p.adopt(&l, f) {
			return errNoneLeft()
		}
		m.waiting, m.refused, m.nextAt = nil, "", tx.Now()
		if err := putFeed(tx, p.ID, &m); err != nil {
			return err
		}
		return s.decided(tx, &old, &p, &l, audit.ProfileEntityAccepted)
	})
}

func errNoneLeft() error {
	return fault.New(fault.MetadataInvalid, "Every certificate of the document is distrusted here.")
}

// RefuseEntity leaves the profile with its Identity Provider. As long as its
// metadata names that other one, refreshing fails.
func (s *Service) RefuseEntity(ctx context.Context, actor access.Actor, profileID, entityID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, _, m, err := s.decidingEntity(tx, actor, profileID, entityID)
		if err != nil {
			return err
		}
		m.waiting, m.refused = nil, entityID
		m.bad(&fetchError{Reason: reasonEntity}, tx.Now())
		if err := putFeed(tx, p.ID, &m); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileEntityRefused, Target: p.target(),
			Changes: []audit.Change{{Field: "idp_entity_id", New: entityID}}})
	})
}
