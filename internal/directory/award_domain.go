package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/outbox"
	"sallyport/internal/proof"
)

// AwardDomain decides a dispute: the organization becomes, or stays, the holder
// of the domain. DomainID is any claim to it. The users of the others at the
// domain are removed, owners too: whoever has the domain has their mail. It
// returns the named claim as it is afterwards.
func (s *Service) AwardDomain(ctx context.Context, actor access.Actor, domainID, organizationID string) (d Domain, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if d, err = s.Domain(tx, actor, access.ActDomainAward, domainID); err != nil {
			return err
		}
		parties, err := disputeOf(tx, d.Name)
		if err != nil {
			return err
		}
		won := slices.IndexFunc(parties, func(p Domain) bool { return p.OrganizationID == organizationID })
		if won < 0 {
			return fault.Invalid(fault.Field{Name: "organization_id", Message: "is none of the two sides"})
		}
		winner := parties[won]
		for i := range parties {
			if i != won {
				if err := s.loseDispute(tx, &parties[i]); err != nil {
					return err
				}
			}
		}
		if err := s.winDispute(tx, &winner); err != nil {
			return err
		}
		d, err = s.Domain(tx, actor, access.ActDomainAward, domainID)
		return err
	})
	if err != nil {
		return d, err
	}
	// The award stands, whatever becomes of this: what there is no time for now,
	// or what fails, is done in the background.
	now, cancel := context.WithTimeout(ctx, evictNow)
	defer cancel()
	if err := s.evictAll(now); err == nil {
		d.EvictBefore = time.Time{}
	}
	return d, nil
}

// disputeOf returns the sides of the dispute about a domain: its holder and
// those who have proved it since.
func disputeOf(tx *db.Tx, name string) ([]Domain, error) {
	claims, err := domainClaims(tx, name)
	if err != nil {
		return nil, err
	}
	parties := slices.DeleteFunc(claims, func(c Domain) bool { return !c.Status.Held() && c.DisputedAt.IsZero() })
	if !slices.ContainsFunc(parties, func(p Domain) bool { return !p.DisputedAt.IsZero() }) {
		return nil, fault.New(fault.Conflict, "There is no dispute about this domain.")
	}
	return parties, nil
}

// loseDispute ends a side's claim to hold the domain, its enforcement and its
// users there. The claim itself stays, pending.
func (s *Service) loseDispute(tx *db.Tx, d *Domain) error {
	if err := s.SetEnforcement(tx, d, ""); err != nil {
		return err
	}
	d.Method, d.DisputedAt, d.EvictBefore = "", time.Time{}, tx.Now()
	if err := s.setStatus(tx, d, access.DomainPending, audit.DomainLost); err != nil {
		return err
	}
	if err := s.revokeAt(tx, d); err != nil {
		return err
	}
	return s.mailOwners(tx, d, outbox.DomainLost)
}

// winDispute makes a side the holder: by its proof, else on the operator's
// word.
func (s *Service) winDispute(tx *db.Tx, d *Domain) error {
	check, err := domainCheck(tx, d.ID)
	if err != nil {
		return err
	}
	method := d.Method
	if check.Findings.Verdict(method) != proof.Proved {
		method = proof.Operator
	}
	d.VerifiedAt, d.Method, d.DisputedAt = tx.Now(), method, time.Time{}
	if err := s.setStatus(tx, d, access.DomainVerified, audit.DomainAwarded, audit.Change{Field: "method", New: method}); err != nil {
		return err
	}
	check.NextAt = time.Time{}
	if !d.Vouched() {
		check.NextAt = tx.Now()
	}
	if err := putDomainCheck(tx, d.ID, &check); err != nil {
		return err
	}
	return s.mailOwners(tx, d, outbox.DomainAwarded)
}

// revokeAt takes the invitations of addresses at a domain back: somebody else
// reads their mail now.
func (s *Service) revokeAt(tx *db.Tx, d *Domain) error {
	list, err := invitationsAtDomain(tx, d.OrganizationID, d.Name)
	if err != nil {
		return err
	}
	for i := range list {
		if err := s.takeBack(tx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

const (
	evictChunk = 200             // users of one transaction
	evictNow   = 5 * time.Second // before the operator has an answer
)

// evictAll removes the users whom organizations have lost with a domain, some
// in each transaction: there may be very many.
func (s *Service) evictAll(ctx context.Context) error {
	for {
		next := func(tx *db.Tx) error {
			_, err := domainEvicting(tx)
			return err
		}
		if err := s.db.View(ctx, next); errors.Is(err, db.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		err := s.db.Update(ctx, access.System("domains"), func(tx *db.Tx) error {
			d, err := domainEvicting(tx)
			if errors.Is(err, db.ErrNoRows) {
				return nil // another node has done the rest
			}
			if err != nil {
				return err
			}
			return s.evictSome(tx, &d)
		})
		if err != nil {
			return err
		}
	}
}

func (s *Service) evictSome(tx *db.Tx, d *Domain) error {
	list, err := usersToEvict(tx, d, evictChunk)
	if err != nil {
		return err
	}
	for _, u := range list {
		u.PasswordHash = "" // whoever has the address sets another one, by mail
		if err := s.remove(tx, u, false); err != nil {
			return err
		}
	}
	if len(list) < evictChunk {
		tx.Recorded() // the removals were events
		d.EvictBefore = time.Time{}
		return updateDomain(tx, d)
	}
	return nil
}
