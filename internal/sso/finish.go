package sso

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/signin"
	"sallyport/internal/trace"
)

// A Finish is the input of [Service.Finish].
type Finish struct {
	Ticket        string
	BrowserTokens []string // of the browser's flow cookies
	Current       *signin.Identity
}

// Finish takes a ticket back and lets its user in. The ticket counts once, in
// the browser in which the sign-in started; any other browser is told nothing
// and uses nothing up. A refusal is a [*signin.Refusal] and recorded.
func (s *Service) Finish(ctx context.Context, actor access.Actor, in Finish) (out signin.Outcome, err error) {
	ctx, span := trace.Start(ctx, "sso.finish")
	defer func() { span.End(err) }()
	var refusal *signin.Refusal
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		out, refusal = signin.Outcome{}, nil
		attempt := signin.Attempt{Method: access.MethodSSO}
		o, err := s.finish(tx, in, &attempt)
		out = o
		var f *fault.Error
		if !errors.As(err, &f) {
			return err
		}
		attempt.Checks = []record.Check{finishCheck(f)}
		refusal = s.signin.Refuse(tx, attempt, f)
		return nil
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return out, err
}

func (s *Service) finish(tx *db.Tx, in Finish, a *signin.Attempt) (signin.Outcome, error) {
	foreign := fault.New(fault.SAMLRequestUnknown,
		"Or the browser does not keep our cookies: please allow them for this site, and start again here.")
	t, err := ticketByHash(tx, id.Hash(in.Ticket))
	if errors.Is(err, db.ErrNoRows) {
		return signin.Outcome{}, foreign
	}
	if err != nil {
		return signin.Outcome{}, err
	}
	if !t.usedAt.IsZero() && in.Current != nil && in.Current.User.ID == t.userID {
		// The link of a sign-in that is done, opened again: the user is in
		// already, and the browser has dropped the cookie.
		return signin.Outcome{ReturnTo: t.returnTo, User: in.Current.User}, nil
	}
	p, err := profileByID(tx, t.profileID)
	if err != nil {
		return signin.Outcome{}, err
	}
	a.ProfileID, a.OrganizationID = p.ID, p.OrganizationID
	var gone error
	if a.User, err = s.directory.UserByID(tx, t.userID); errors.Is(err, fault.NotFound) {
		gone = fault.New(fault.UserNotFound, "Ask your administrator to add you.")
	} else if err != nil {
		return signin.Outcome{}, err
	}
	spent, bound := signin.BoundTo(t.browserHash, in.BrowserTokens)
	if !bound {
		return signin.Outcome{}, foreign // the ticket and its reference stay the right browser's
	}
	a.ReturnTo = t.returnTo
	if t.usedAt.IsZero() {
		a.Reference = t.reference // else it is that of an attempt that has ended
	}
	if gone != nil {
		return signin.Outcome{}, gone
	}
	switch {
	case !t.usedAt.IsZero():
		return signin.Outcome{}, fault.New(fault.SAMLReplayed, "Please start again.")
	case !tx.Now().Before(t.expiresAt):
		return signin.Outcome{}, fault.New(fault.SAMLRequestExpired, "Please start again.")
	case p.Disabled:
		return signin.Outcome{}, fault.New(fault.SSOProfileDisabled, "Ask your administrator how to sign in now.")
	case t.certificate != "" && !p.has(t.certificate):
		// It was taken away in this very minute.
		return signin.Outcome{}, fault.New(fault.SAMLCertificateUnknown, "Please start again.")
	}
	if err := useTicket(tx, t.hash); err != nil {
		return signin.Outcome{}, err
	}
	// Who signs in how may have changed since the ticket was made.
	if _, f, err := s.decide(tx, &p, a.User.Email); err != nil || f != nil {
		if f != nil {
			return signin.Outcome{}, f
		}
		return signin.Outcome{}, err
	}
	out, err := s.signin.Arrive(tx, signin.Arrival{
		UserID: t.userID, Method: access.MethodSSO, ProfileID: p.ID, NameID: t.nameID, NameIDDetails: t.nameIDDetails, SessionIndex: t.index,
		Certificate:     t.certificate,
		AuthenticatedAt: t.authenticatedAt, NotOnOrAfter: t.notOnOrAfter, ReturnTo: t.returnTo, Reference: t.reference,
	}, in.Current)
	out.SpentToken = spent
	return out, err
}

// Purge deletes what is over: what guards against replay only after its last
// instant has passed for good.
func (s *Service) Purge(ctx context.Context) error {
	for {
		var more bool
		err := s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) (err error) {
			more, err = purge(tx, 500)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}
