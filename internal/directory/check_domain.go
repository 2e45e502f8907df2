package directory

import (
	"context"
	"errors"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/proof"
)

// askPause is how often somebody may have a domain's proof looked for.
const askPause = time.Second

// CheckDomain looks for a domain's proof now, and changes what follows from it.
// The error is fault.DomainProofMissing where it is not there; what each
// resolver showed is kept with the domain either way. More often than once a
// second it is fault.RateLimited, on all nodes together.
func (s *Service) CheckDomain(ctx context.Context, actor access.Actor, domainID string) (d Domain, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if d, err = s.Domain(tx, actor, access.ActDomainVerify, domainID); err != nil {
			return err
		}
		ok, err := askCheck(tx, d.ID, tx.Now().Add(-askPause))
		if err == nil && !ok {
			return fault.Limited(askPause, "The proof was looked for a moment ago.")
		}
		return err
	})
	if err != nil {
		return d, err
	}
	findings, err := s.cfg.Prove(ctx, d.Name, d.ProofToken)
	if err != nil {
		return d, fault.Wrap(err, fault.Overloaded, "There was no time to look for the proof.")
	}
	return s.judge(ctx, actor, d.ID, findings)
}

// judge brings a claim to where findings lead. Findings that are older than
// those that are known change nothing.
func (s *Service) judge(ctx context.Context, actor access.Actor, domainID string, f proof.Findings) (d Domain, err error) {
	var refusal error
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		refusal = nil
		if d, err = domainByID(tx, domainID); err != nil {
			return notFound(err)
		}
		if d.Check, err = domainCheck(tx, d.ID); err != nil {
			return err
		}
		if !f.At.After(d.Check.Findings.At) {
			refusal = missing(&d, d.Check.Findings.Verdict(d.Method))
			return nil
		}
		before, err := s.standing(tx, &d)
		if err != nil {
			return err
		}
		verdict := f.Verdict(d.Method)
		t := next(before, verdict)
		if verdict == proof.Proved && !before.vouched {
			d.Method, d.Check.SeenAt = f.Method(), f.At
		}
		if err := s.take(tx, &d, t); err != nil {
			return err
		}
		d.Check.Findings = f
		if refusal = missing(&d, verdict); t == elsewhere || t == disputes {
			refusal = errElsewhere()
		}
		return s.plan(tx, &d, verdict)
	})
	if err == nil {
		err = refusal
	}
	return d, err
}

func errElsewhere() error {
	return fault.New(fault.DomainVerifiedElsewhere, "Another organization has verified this domain.")
}

// missing is the answer to somebody who asked for a proof to be looked for.
func missing(d *Domain, v proof.Verdict) error {
	if v == proof.Proved {
		return nil
	}
	detail := "Neither the TXT record nor the file is there. "
	if v == proof.Unclear {
		detail = "Not all resolvers show the proof, or not all could be asked. "
	}
	switch {
	case d.Vouched():
		detail += "The domain stays verified on the operator's word."
	case d.Status == access.DomainVerified:
		detail += "The domain stays verified for now."
	case d.Status == access.DomainLapsing:
		detail += "The domain is lapsing until the proof is back."
	default:
		detail += "The domain shows what each resolver answered."
	}
	return fault.New(fault.DomainProofMissing, detail)
}

// standing reads what the rules need to know.
func (s *Service) standing(tx *db.Tx, d *Domain) (st standing, err error) {
	st = standing{
		status: d.Status, vouched: d.Vouched(), disputed: !d.DisputedAt.IsZero(), age: tx.Now().Sub(d.StatusAt),
		ageThen: d.Check.Findings.At.Sub(d.StatusAt), unseen: tx.Now().Sub(d.Check.SeenAt),
	}
	if d.Check.SeenAt.IsZero() {
		st.unseen = st.age
	}
	switch d.Status {
	case access.DomainPending:
		holder, held, err := s.Holder(tx, d.Name)
		if err != nil || !held {
			return st, err
		}
		st.rival = holder.Status
	case access.DomainLapsing, access.DomainFrozen:
		st.inUse = d.ProfileID != ""
		if !st.inUse {
			st.inUse, err = pilotAtDomain(tx, d.OrganizationID, d.Name)
		}
	}
	return st, err
}

// plan keeps the findings, and when to look again.
func (s *Service) plan(tx *db.Tx, d *Domain, v proof.Verdict) error {
	after, err := s.standing(tx, d)
	if err != nil {
		return err
	}
	d.Check.NextAt = time.Time{}
	if pause := nextLook(after, v); pause > 0 {
		d.Check.NextAt = tx.Now().Add(pause)
	}
	return putDomainCheck(tx, d.ID, &d.Check)
}

// Background checks: a round takes a batch after the other. A claim on a batch
// ends after dueLease, if the node that took it dies.
const (
	dueBatch   = 64
	dueWorkers = 16
	dueLease   = 5 * time.Minute
)

// CheckDomains looks for the proofs of all domains that are due, and goes on
// with removing the users of organizations that lost a domain. Several nodes
// may do it at once.
func (s *Service) CheckDomains(ctx context.Context) error {
	if err := s.evictAll(ctx); err != nil {
		return err
	}
	for {
		work := false
		err := s.db.View(ctx, func(tx *db.Tx) (err error) {
			work, err = anyDueDomain(tx)
			return err
		})
		if err != nil || !work {
			return err
		}
		var due []Domain
		err = s.db.Update(ctx, access.System("domains"), func(tx *db.Tx) (err error) {
			due, err = takeDueDomains(tx, dueBatch, tx.Now().Add(dueLease))
			return err
		})
		if err != nil {
			return err
		}
		if err := s.checkBatch(ctx, due); err != nil {
			return err
		}
	}
}

// checkBatch looks for the proofs of several domains at once.
func (s *Service) checkBatch(ctx context.Context, due []Domain) error {
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	work := make(chan Domain, len(due))
	for _, d := range due {
		work <- d
	}
	close(work)
	for range min(dueWorkers, len(due)) {
		all.Go(func() {
			for d := range work {
				if err := s.checkDue(ctx, d); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return failed
}

func (s *Service) checkDue(ctx context.Context, d Domain) error {
	findings, err := s.cfg.Prove(ctx, d.Name, d.ProofToken)
	if err != nil {
		return err
	}
	_, err = s.judge(ctx, access.System("domains"), d.ID, findings)
	if errors.Is(err, fault.DomainProofMissing) || errors.Is(err, fault.DomainVerifiedElsewhere) || errors.Is(err, fault.NotFound) {
		return nil // nobody asked
	}
	return err
}
