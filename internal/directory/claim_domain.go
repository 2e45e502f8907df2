package directory

import (
	"context"
	"time"

	"golang.org/x/net/publicsuffix"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/proof"
)

// ClaimDomain claims a domain for an organization. Any organization may claim
// any name; who can prove it holds it.
func (s *Service) ClaimDomain(ctx context.Context, actor access.Actor, organizationID, typed string) (d Domain, err error) {
	if err := authorize(actor, access.ActDomainClaim, organizationID); err != nil {
		return d, err
	}
	name, err := ParseDomainName(typed)
	if err != nil {
		return d, fault.Invalid(fault.Field{Name: "name", Message: "is not a domain name, such as example.com"})
	}
	if err := Claimable(name); err != nil {
		return d, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if _, err := s.OrganizationByID(tx, organizationID); err != nil {
			return err
		}
		n, err := countDomains(tx, organizationID)
		if err != nil {
			return err
		}
		if n >= s.cfg.MaxDomains {
			return fault.Newf(fault.Conflict, "An organization has at most %d domains.", s.cfg.MaxDomains)
		}
		d = Domain{
			ID: s.ids.New(id.Domain), OrganizationID: organizationID, Name: name, Status: access.DomainPending,
			StatusAt: tx.Now(), ProofToken: s.ids.Token(), CreatedAt: tx.Now(),
			Check: DomainCheck{NextAt: tx.Now().Add(leastPause)},
		}
		ok, err := insertDomain(tx, &d)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Conflict, "The organization has claimed this domain already.")
		}
		if err := putDomainCheck(tx, d.ID, &d.Check); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: audit.DomainClaimed, Target: d.target()})
	})
	return d, err
}

// Claimable refuses names that belong to nobody alone, such as public suffixes
// and the domains of mail services: fault.DomainPublic.
func Claimable(name string) error {
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return fault.New(fault.DomainPublic, "Everybody can register names below this one, so that it belongs to nobody alone.")
	}
	if publicMail(name) {
		return fault.New(fault.DomainPublic, "Everybody can have an address at this mail service, so that it belongs to nobody alone.")
	}
	return nil
}

// VouchForDomain marks a domain as verified on the operator's word: no proof is
// looked for from then on.
func (s *Service) VouchForDomain(ctx context.Context, actor access.Actor, domainID string) (d Domain, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if d, err = s.Domain(tx, actor, access.ActDomainVouch, domainID); err != nil || d.Vouched() {
			return err
		}
		if err := s.verified(tx, &d, proof.Operator); err != nil {
			return err
		}
		d.Check.NextAt = time.Time{}
		return putDomainCheck(tx, d.ID, &d.Check)
	})
	return d, err
}

// DeleteDomain gives a claim up. A domain that somebody's way of signing in
// rests on stays.
func (s *Service) DeleteDomain(ctx context.Context, actor access.Actor, domainID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		d, err := s.Domain(tx, actor, access.ActDomainDelete, domainID)
		if err != nil {
			return err
		}
		if err := s.deletable(tx, &d); err != nil {
			return err
		}
		if err := deleteDomain(tx, d.ID); err != nil {
			return err
		}
		if err := s.audit.Append(tx, audit.Event{OrganizationID: d.OrganizationID, Action: audit.DomainDeleted, Target: d.target()}); err != nil {
			return err
		}
		return hastenDisputes(tx, d.Name)
	})
}

func (s *Service) deletable(tx *db.Tx, d *Domain) error {
	switch {
	case d.ProfileID != "":
		return fault.New(fault.DomainInUse, "The domain is enforced. Release it first.")
	case !d.EvictBefore.IsZero():
		return fault.New(fault.DomainInUse, "Users at this domain are being removed. Try again in a moment.")
	case !d.Status.Held():
		return nil
	}
	used, err := pilotAtDomain(tx, d.OrganizationID, d.Name)
	if err == nil && used {
		return fault.New(fault.DomainInUse, "There are users at this domain whose SSO is set to Enabled.")
	}
	return err
}
