package directory

import (
	"context"

	"golang.org/x/net/publicsuffix"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// maxDomains is how many domains an organization may claim.
const maxDomains = 100

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
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return d, fault.New(fault.DomainPublic, "Everybody can register names below this one, so that it belongs to nobody alone.")
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if _, err := s.OrganizationByID(tx, organizationID); err != nil {
			return err
		}
		n, err := countDomains(tx, organizationID)
		if err != nil {
			return err
		}
		if n >= maxDomains {
			return fault.Newf(fault.Conflict, "An organization has at most %d domains.", maxDomains)
		}
		d = Domain{
			ID: s.ids.New(id.Domain), OrganizationID: organizationID, Name: name, Status: access.DomainPending,
			ProofToken: s.ids.Token(), CreatedAt: tx.Now(),
		}
		ok, err := insertDomain(tx, &d)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Conflict, "The organization has claimed this domain already.")
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: audit.DomainClaimed, Target: d.target()})
	})
	return d, err
}

func (d *Domain) target() audit.Target { return audit.Target{Kind: "domain", ID: d.ID, Name: d.Name} }

// VouchForDomain marks a domain as verified on the operator's word.
func (s *Service) VouchForDomain(ctx context.Context, actor access.Actor, domainID string) (d Domain, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if d, err = s.Domain(tx, actor, access.ActDomainVouch, domainID); err != nil {
			return err
		}
		if d.Status == access.DomainVerified {
			return nil
		}
		return s.verified(tx, &d, "operator")
	})
	return d, err
}

// verified makes the claim's organization the holder of the domain, unless
// another one is.
func (s *Service) verified(tx *db.Tx, d *Domain, method string) error {
	holder, held, err := s.Holder(tx, d.Name)
	if err != nil {
		return err
	}
	if held && holder.ID != d.ID {
		return fault.New(fault.DomainVerifiedElsewhere, "Another organization has verified this domain.")
	}
	old := d.Status
	d.Status, d.VerifiedAt = access.DomainVerified, tx.Now()
	if err := updateDomain(tx, d); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{
		OrganizationID: d.OrganizationID, Action: audit.DomainVerified, Target: d.target(),
		Changes: []audit.Change{{Field: "status", Old: old, New: d.Status}, {Field: "method", New: method}},
	})
}

// DeleteDomain gives a claim up. A domain that somebody's way of signing in
// rests on stays.
func (s *Service) DeleteDomain(ctx context.Context, actor access.Actor, domainID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		d, err := s.Domain(tx, actor, access.ActDomainDelete, domainID)
		if err != nil {
			return err
		}
		if d.ProfileID != "" {
			return fault.New(fault.DomainInUse, "The domain is enforced. Release it first.")
		}
		used, err := pilotAtDomain(tx, d.OrganizationID, d.Name)
		if err != nil {
			return err
		}
		if used && d.Status.Held() {
			return fault.New(fault.DomainInUse, "There are users at this domain whose SSO is set to Enabled.")
		}
		if err := deleteDomain(tx, d.ID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: d.OrganizationID, Action: audit.DomainDeleted, Target: d.target()})
	})
}
