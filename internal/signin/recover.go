package signin

import (
	"context"
	"errors"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
	"sallyport/internal/record"
	"sallyport/internal/recovery"
	"sallyport/internal/throttle"
)

// Break-glass: how an owner gets in when nothing else lets them in any more, by
// a code that was put away for this, or by the operator's hand. Either leads to
// a link, and that to a session which opens little; see [access.Opens].

// perRecovery bounds the codes that are tried for an address.
var perRecovery = throttle.Rate{Count: 5, Per: time.Hour}

// mayRecover refuses a user who is no active owner, as a link that has ended.
func mayRecover(u *directory.User) error {
	if !access.Recovers(u.Role, u.Status) {
		return fault.New(fault.LinkExpired, "It was for an owner of an organization.")
	}
	return nil
}

// MakeRecoveryCodes gives the actor, an owner, new recovery codes, and returns
// the only copy of them. Earlier ones are gone.
func (s *Service) MakeRecoveryCodes(ctx context.Context, actor access.Actor) (codes []string, err error) {
	if err := directory.Refusal(access.May(actor, access.ActRecoveryCodes, actor.OrganizationID)); err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		u, err := s.directory.UserByID(tx, actor.ID)
		if err != nil {
			return err
		}
		if !access.Recovers(u.Role, u.Status) || u.OrganizationID != actor.OrganizationID {
			return fault.New(fault.Forbidden, "Only owners have recovery codes.")
		}
		if codes, err = recovery.Make(tx, s.ids, u.ID); err != nil {
			return err
		}
		if err := s.directory.Write(tx, &u, outbox.Letter{Kind: outbox.RecoveryCodes, Values: outbox.Values{"time": tx.Now()}}); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.RecoveryCodesMade,
			Target: audit.Target{Kind: "user", ID: u.ID, Name: u.Email}, Changes: []audit.Change{{Field: "codes", New: len(codes)}}})
	})
	return codes, err
}

// RecoveryStock returns how many recovery codes a user has.
func (s *Service) RecoveryStock(ctx context.Context, userID string) (stock recovery.Stock, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		stock, err = recovery.Left(tx, userID)
		return err
	})
	return stock, err
}

// Recover mails the owner who has an address and a code the link with which they
// get in. Whether there is such an owner and the code is right is found out after
// the answer, which is so the same for every input, and takes as long. More than
// 5 tries an hour for an address, whoever has it, are fault.RateLimited.
func (s *Service) Recover(ctx context.Context, actor access.Actor, email, code string) error {
	address, err := directory.ParseAddress(email)
	wrong := err != nil
	if wrong {
		address = directory.Address{Key: strings.ToLower(email[:min(len(email), maxTyped)])}
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := s.takeIn(tx, s.requests(actor)); err != nil {
			return err
		}
		wait, err := s.limits.Take(tx, s.limits.Bucket(throttle.Recovery, perRecovery, address.Key))
		if err != nil {
			return err
		}
		if wait > 0 {
			return fault.Limited(wait, "There are five tries an hour for an address. If it can't wait, whoever runs this service can let you in.")
		}
		if wrong {
			return nil // nobody has it
		}
		return s.mails.Send(tx, errandRecover, asking{Email: address.Typed, Code: code[:min(len(code), maxTyped)],
			Address: actor.Address, Agent: actor.Agent})
	})
	a := Attempt{Method: access.MethodRecovery, Typed: email}
	switch f := fault.From(err); {
	case err == nil && wrong:
		a.Checks = []record.Check{codeRefused(false)}
		s.RefuseAt(actor, s.db.Now(), a, fault.New(fault.RecoveryCodeInvalid, "")) // nobody is told
	case err != nil && f.Code == fault.RateLimited:
		a.Checks = []record.Check{rateCheck(true)}
		return s.RefuseAt(actor, s.db.Now(), a, f)
	}
	return err
}

// maxTyped bounds what is kept of what somebody typed.
const maxTyped = 320

// recoverByCode is the errand of [Service.Recover].
func (s *Service) recoverByCode(tx *db.Tx, _ directory.Address, u directory.User, known bool, in asking) error {
	right := false
	if known && access.Recovers(u.Role, u.Status) {
		var err error
		if right, err = recovery.Use(tx, u.ID, in.Code); err != nil {
			return err
		}
	}
	if !right {
		s.Refuse(tx, Attempt{Method: access.MethodRecovery, OrganizationID: u.OrganizationID, User: u, Typed: in.Email,
			Checks: []record.Check{codeRefused(known)}}, fault.New(fault.RecoveryCodeInvalid, ""))
		return nil
	}
	url, until, err := s.links.Issue(tx, link.Recovery, u.ID)
	if err != nil {
		return err
	}
	o, err := s.directory.OrganizationByID(tx, u.OrganizationID)
	if err != nil {
		return err
	}
	if err := s.directory.Write(tx, &u, outbox.Letter{Kind: outbox.Recovery, Link: url, Until: until,
		Values: outbox.Values{"organization": o.Name, "until": until}}); err != nil {
		return err
	}
	stock, err := recovery.Left(tx, u.ID)
	if err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.RecoveryCodeUsed,
		Target: audit.Target{Kind: "user", ID: u.ID, Name: u.Email}, Changes: []audit.Change{{Field: "codes", Old: stock.Left + 1, New: stock.Left}}})
}

// Rescue issues an owner a link, for the operator, who hands it over.
func (s *Service) Rescue(ctx context.Context, actor access.Actor, email string) (url string, until time.Time, err error) {
	if err := directory.Refusal(access.May(actor, access.ActRescue, "")); err != nil {
		return "", until, err
	}
	address, err := directory.ParseAddress(email)
	if err != nil {
		return "", until, fault.Invalid(fault.Field{Name: "email", Message: "is not an e-mail address"})
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		u, known, err := s.directory.UserByAddress(tx, address)
		switch {
		case err != nil:
			return err
		case !known:
			return fault.New(fault.NotFound, "Nobody here has this address.")
		case !access.Recovers(u.Role, u.Status):
			return fault.New(fault.Conflict, "This user is no active owner of an organization.")
		}
		if url, until, err = s.links.Issue(tx, link.Recovery, u.ID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.RecoveryRescued,
			Target: audit.Target{Kind: "user", ID: u.ID, Name: u.Email}})
	})
	return url, until, err
}

// A RecoveryView is whom a link lets in.
type RecoveryView struct{ Email, Organization string }

// Recovery shows whom a link lets in. The link stays good.
func (s *Service) Recovery(ctx context.Context, token string) (v RecoveryView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		_, u, err := s.recoveryLink(tx, token)
		if err != nil {
			return err
		}
		o, err := s.directory.OrganizationByID(tx, u.OrganizationID)
		v = RecoveryView{u.Email, o.Name}
		return err
	})
	return v, err
}

// recoveryLink reads whom a link lets in: an active owner, or it has ended.
func (s *Service) recoveryLink(tx *db.Tx, token string) (l link.Link, u directory.User, err error) {
	if l, err = s.links.Find(tx, link.Recovery, token); err != nil {
		return l, u, err
	}
	if u, err = s.directory.UserByID(tx, l.SubjectID); err != nil {
		return l, u, fault.New(fault.LinkExpired, "")
	}
	return l, u, mayRecover(&u)
}

// UseRecovery lets an owner in by a link, which is good for it once, in whatever
// browser. Current is who is signed in there.
func (s *Service) UseRecovery(ctx context.Context, actor access.Actor, token string, current *Identity) (o Outcome, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		o = Outcome{}
		l, u, err := s.recoveryLink(tx, token)
		if err != nil {
			return err
		}
		if err := s.links.Use(tx, l); err != nil {
			return err
		}
		o, err = s.Arrive(tx, Arrival{UserID: u.ID, Method: access.MethodRecovery, ReturnTo: "/admin/" + u.OrganizationID}, current)
		return err
	})
	if f, ok := errors.AsType[*fault.Error](err); ok && (f.Code == fault.LinkExpired || f.Code == fault.LinkUsed) {
		return o, s.RefuseAt(actor, s.db.Now(), Attempt{Method: access.MethodRecovery, Checks: []record.Check{linkRefused(f)}}, f)
	}
	return o, err
}

// tellRecovery tells every owner of an organization that one of them was let in.
func (s *Service) tellRecovery(tx *db.Tx, sessionID string, u *directory.User) error {
	if err := recovery.Note(tx, sessionID, u.OrganizationID, u.ID, u.Email); err != nil {
		return err
	}
	o, err := s.directory.OrganizationByID(tx, u.OrganizationID)
	if err != nil {
		return err
	}
	owners, err := s.directory.ActiveOwners(tx, u.OrganizationID)
	if err != nil {
		return err
	}
	from := tx.Actor().Address
	if from == "" {
		from = "–"
	}
	for _, owner := range owners {
		if err := s.directory.Write(tx, &owner, outbox.Letter{Kind: outbox.RecoveryUsed, Link: s.directory.AdminURL(u.OrganizationID),
			Values: outbox.Values{"organization": o.Name, "email": u.Email, "time": tx.Now(), "address": from}}); err != nil {
			return err
		}
	}
	return nil
}

// recoveryShown is how long those who administer an organization are shown that
// an owner was let in by break-glass.
const recoveryShown = 7 * 24 * time.Hour

// LatestRecovery returns who was let in last by break-glass, of those that are
// still to be shown; the zero Entry for nobody.
func (s *Service) LatestRecovery(ctx context.Context, actor access.Actor, organizationID string) (e recovery.Entry, err error) {
	if err := directory.Refusal(access.May(actor, access.ActOrganizationRead, organizationID)); err != nil {
		return e, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		e, err = recovery.Latest(tx, organizationID, tx.Now().Add(-recoveryShown))
		return err
	})
	return e, err
}

// PurgeRecoveries forgets who was let in long ago.
func (s *Service) PurgeRecoveries(ctx context.Context) error {
	return s.db.Update(ctx, access.System("purge"), recovery.Purge)
}
