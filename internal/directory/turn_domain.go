package directory

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/outbox"
	"sallyport/internal/proof"
)

// take does what a turn asks for, in the transaction that found it out.
func (s *Service) take(tx *db.Tx, d *Domain, t turn) error {
	switch t {
	case verifies:
		return s.verified(tx, d, d.Method)
	case lapses:
		return s.lose(tx, d, access.DomainLapsing, audit.DomainLapsed, outbox.DomainLapsing)
	case reminds:
		return s.mailOwners(tx, d, outbox.DomainLapsing)
	case freezes:
		return s.lose(tx, d, access.DomainFrozen, audit.DomainFrozen, outbox.DomainFrozen)
	case expires:
		d.Method = ""
		if err := s.lose(tx, d, access.DomainPending, audit.DomainExpired, outbox.DomainExpired); err != nil {
			return err
		}
		return hastenDisputes(tx, d.Name)
	case disputes:
		return s.dispute(tx, d)
	case withdraws:
		return s.settle(tx, d, "withdrawn")
	case elsewhere:
		if err := s.hastenHolder(tx, d); err != nil {
			return err
		}
	}
	tx.Recorded() // how it was proved last is no event
	return updateDomain(tx, d)
}

// verified makes the claim's organization the holder of the domain, unless
// another one is. Whoever disputed it has lost.
func (s *Service) verified(tx *db.Tx, d *Domain, method proof.Method) error {
	holder, held, err := s.Holder(tx, d.Name)
	if err != nil {
		return err
	}
	if held && holder.ID != d.ID {
		return errElsewhere()
	}
	rivals, err := domainClaims(tx, d.Name)
	if err != nil {
		return err
	}
	for i := range rivals {
		if r := &rivals[i]; r.ID != d.ID && !r.DisputedAt.IsZero() {
			if err := s.settle(tx, r, "lost"); err != nil {
				return err
			}
		}
	}
	d.VerifiedAt, d.Method, d.DisputedAt = tx.Now(), method, time.Time{}
	return s.setStatus(tx, d, access.DomainVerified, audit.DomainVerified, audit.Change{Field: "method", New: method})
}

// lose takes a domain one step down, and tells the owners.
func (s *Service) lose(tx *db.Tx, d *Domain, status access.DomainStatus, action audit.Action, letter outbox.Kind) error {
	if err := s.setStatus(tx, d, status, action); err != nil {
		return err
	}
	return s.mailOwners(tx, d, letter)
}

func (s *Service) setStatus(tx *db.Tx, d *Domain, status access.DomainStatus, action audit.Action, more ...audit.Change) error {
	old := d.Status
	d.Status, d.StatusAt = status, tx.Now()
	if err := updateDomain(tx, d); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{
		OrganizationID: d.OrganizationID, Action: action, Target: d.target(),
		Changes: append([]audit.Change{{Field: "status", Old: old, New: status}}, more...),
	})
}

// hastenHolder has the holder's proof looked for soon, because another
// organization has one.
func (s *Service) hastenHolder(tx *db.Tx, d *Domain) error {
	holder, held, err := s.Holder(tx, d.Name)
	if err != nil || !held || holder.Vouched() {
		return err
	}
	return hastenCheck(tx, holder.ID)
}

// dispute is for the operator to decide: the claim is proved, and its holder
// has lost its proof. Each side sees in its log that there is another one, not
// who it is.
func (s *Service) dispute(tx *db.Tx, d *Domain) error {
	holder, _, err := s.Holder(tx, d.Name)
	if err != nil {
		return err
	}
	d.DisputedAt = tx.Now()
	if err := updateDomain(tx, d); err != nil {
		return err
	}
	for _, side := range []*Domain{d, &holder} {
		if err := s.audit.Append(tx, audit.Event{OrganizationID: side.OrganizationID, Action: audit.DomainDisputed, Target: side.target()}); err != nil {
			return err
		}
	}
	if err := s.mailOwners(tx, d, outbox.DomainClaimDisputed); err != nil {
		return err
	}
	if err := s.mailOwners(tx, &holder, outbox.DomainDisputed); err != nil {
		return err
	}
	if err := s.mailOperator(tx, d, &holder); err != nil {
		return err
	}
	return s.hastenHolder(tx, d)
}

// settle ends a dispute without changing who holds the domain.
func (s *Service) settle(tx *db.Tx, d *Domain, how string) error {
	d.DisputedAt = time.Time{}
	if err := updateDomain(tx, d); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: d.OrganizationID, Action: audit.DomainDisputeEnded, Target: d.target(),
		Changes: []audit.Change{{Field: "dispute", Old: "open", New: how}}})
}

// mailOwners writes to those who can do something about a domain.
func (s *Service) mailOwners(tx *db.Tx, d *Domain, kind outbox.Kind) error {
	o, err := organizationByID(tx, d.OrganizationID)
	if err != nil {
		return err
	}
	owners, err := activeOwners(tx, d.OrganizationID)
	if err != nil {
		return err
	}
	values := outbox.Values{"organization": o.Name, "domain": d.Name}
	if kind == outbox.DomainLapsing {
		values["until"] = d.LapsesAt()
	}
	for _, owner := range owners {
		if err := s.mails.Mail(tx, outbox.Letter{Kind: kind, To: owner.Email, Values: values, Link: s.domainURL(d)}); err != nil {
			return err
		}
	}
	return nil
}

// domainURL is the page of a domain in the Admin Center.
func (s *Service) domainURL(d *Domain) string {
	return s.cfg.BaseURL + "/admin/" + d.OrganizationID + "/domains/" + d.ID
}

// mailOperator asks the operator to decide between a claim and the holder.
func (s *Service) mailOperator(tx *db.Tx, claim, holder *Domain) error {
	claimant, err := organizationByID(tx, claim.OrganizationID)
	if err != nil {
		return err
	}
	present, err := organizationByID(tx, holder.OrganizationID)
	if err != nil {
		return err
	}
	return s.mails.Mail(tx, outbox.Letter{Kind: outbox.DomainDecide, To: s.cfg.OperatorMail, Values: outbox.Values{
		"domain": claim.Name, "domain_id": claim.ID, "claimant": claimant.Name, "claimant_id": claimant.ID,
		"holder": present.Name, "holder_id": present.ID,
	}})
}
